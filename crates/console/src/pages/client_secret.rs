//! The secrets of a client: another one, with the old one living on for a while; shown once, in the answer to the form.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{OperationError, RegisteredClient};
use latchkey_protocol::client::Client;
use latchkey_ui::{failure::Failure, render::render};

use super::{
    client::{Head, Tab, named},
    problem::{Problems, problems},
};
use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

/// How long the old secret can live on: in the address of a form, as the command writes it, in seconds.
const KEEP: [(&str, Option<i64>); 6] = [
    ("none", None),
    ("10m", Some(600)),
    ("1h", Some(3600)),
    ("24h", Some(86_400)),
    ("7d", Some(7 * 86_400)),
    ("30d", Some(30 * 86_400)),
];

#[derive(Template)]
#[template(path = "console/client-rotate.html")]
struct Rotate<'a> {
    frame: Frame<'a>,
    head: Head,
    csrf: String,
    version: String,
    /// Names, and the chosen one.
    keep: Vec<(&'static str, bool)>,
    /// Until when a former secret lives on that the next one ends at once.
    former_until: Option<String>,
    signs: bool,
    problem: String,
}

fn page(visit: &Visit<'_>, client: &Client, problems: &Problems) -> HttpResponse {
    let chosen = visit.form.optional("keep_old").unwrap_or("1h");
    page_with(visit, client, problems, chosen)
}

fn page_with(
    visit: &Visit<'_>,
    client: &Client,
    problems: &Problems,
    chosen: &str,
) -> HttpResponse {
    let status = match problems.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let former = client.former_secret.as_ref();
    let former = former.filter(|former| visit.now() < former.until);
    let page = Rotate {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(client, Tab::Overview),
        csrf: visit.token(visit.arrival.path()),
        version: client.version.to_string(),
        keep: KEEP.map(|(name, _)| (name, name == chosen)).to_vec(),
        former_until: former.map(|former| utc(former.until)),
        signs: client.metadata.signs_with_secret(),
        problem: problems.beyond(&[]),
    };
    render(&page, status, false)
}

/// `GET /admin/clients/{id}/secret`. Whoever comes back from a sign-in finds what they had chosen.
pub async fn ask(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let (client, draft) = (named(visit).await?, visit.draft().await?);
    let chosen = draft.as_ref().and_then(|draft| draft.optional("keep_old"));
    let chosen = chosen.unwrap_or("1h");
    Ok(page_with(visit, &client, &Problems::default(), chosen))
}

/// `POST /admin/clients/{id}/secret`. A form that is sent twice gives one secret: the second is of an older version.
pub async fn rotate(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let sent = visit.form.optional("version").unwrap_or_default();
    if sent != client.version.to_string() {
        return Ok(overtaken(visit, &client));
    }
    let asked = visit.form.optional("keep_old").unwrap_or_default();
    let Some((_, keep)) = KEEP.iter().find(|(name, _)| *name == asked) else {
        let unknown = Frame::new(visit, Section::Clients).say("client-keep-unknown");
        return Ok(page(visit, &client, &Problems::whole(unknown)));
    };
    let secrets = &visit.arrival.console.client_secrets;
    let operations = visit.operations();
    let rotated = operations.rotate_client_secret_as_seen(secrets, &client, *keep);
    match rotated.await {
        Ok(registered) => Ok(shown(visit, &registered)),
        Err(OperationError::Contended(_)) => Ok(overtaken(visit, &named(visit).await?)),
        Err(error) => {
            let problems = problems(error)?.said_in(visit.arrival.words());
            Ok(page(visit, &client, &problems))
        }
    }
}

fn overtaken(visit: &Visit<'_>, client: &Client) -> HttpResponse {
    let told = Frame::new(visit, Section::Clients).say("client-overtaken-secret");
    page(visit, client, &Problems::whole(told))
}

#[derive(Template)]
#[template(path = "console/client-secret.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    head: Head,
    secret: &'a str,
    former_until: Option<String>,
}

/// The one page that shows a new secret. It is stored nowhere, and nowhere else is it seen again.
pub fn shown(visit: &Visit<'_>, registered: &RegisteredClient) -> HttpResponse {
    let client = &registered.client;
    let page = Shown {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(client, Tab::Overview),
        secret: registered.secret.as_deref().unwrap_or_default(),
        former_until: client
            .former_secret
            .as_ref()
            .map(|former| utc(former.until)),
    };
    render(&page, StatusCode::OK, false)
}
