//! How to connect: a client's values, and the settings of the libraries that fit it.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{client::Client, paths};
use latchkey_ui::{failure::Failure, render::render};

use super::client::{Head, Tab, named};
use crate::{
    connect::{Recipe, recipes, scope},
    layout::{Frame, Section},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/client-connect.html")]
struct Connect<'a> {
    frame: Frame<'a>,
    head: Head,
    /// What every library asks for: name and value.
    values: Vec<(&'static str, String)>,
    recipes: Vec<Recipe>,
}

fn values(visit: &Visit<'_>, client: &Client) -> Vec<(&'static str, String)> {
    let realm = visit.call().realm;
    let methods = client.metadata.auth_methods().iter();
    let methods: Vec<_> = methods.map(|method| method.name()).collect();
    let mut values = vec![
        ("issuer", realm.issuer.to_string()),
        ("client_id", client.id.to_string()),
    ];
    if !client.is_public() {
        values.push(("client_secret", "…".to_owned()));
    }
    values.extend([
        ("token_endpoint_auth_method", methods.join(", ")),
        ("redirect_uris", client.metadata.redirect_uris.join("\n")),
        ("scope", scope(client)),
        ("audience", client.metadata.audience.join("\n")),
        (
            "openid-configuration",
            realm.at(paths::OPENID_CONFIGURATION),
        ),
        ("jwks_uri", realm.at(paths::JWKS)),
    ]);
    values.retain(|(_, value)| !value.is_empty());
    values
}

/// `GET /admin/clients/{id}/connect`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let issuer = &visit.call().realm.issuer;
    let page = Connect {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(&client, Tab::Connect),
        values: values(visit, &client),
        recipes: recipes(&client, issuer.as_str()),
    };
    Ok(render(&page, StatusCode::OK, false))
}
