//! What users allowed a client; take one back.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{UserId, client::Client, consent::Consent, uri, user::User};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};

use super::{
    client::{Head, Tab, named},
    confirm::{self, Question},
    problem::{gone, refusal},
};
use crate::{
    address,
    layout::{Frame, Section, cut, utc},
    visit::Visit,
};

/// Consents on a page.
const LIMIT: i64 = 50;

struct Row {
    user_id: String,
    username: String,
    scope: String,
    claims: String,
    granted: String,
}

impl Row {
    fn new((consent, username): (Consent, String)) -> Self {
        let claims: Vec<_> = consent.claims.into_iter().collect();
        Self {
            user_id: consent.user_id.to_string(),
            username,
            scope: consent.scope.to_string(),
            claims: claims.join(" "),
            granted: utc(consent.granted_at),
        }
    }
}

#[derive(Template)]
#[template(path = "console/client-consents.html")]
struct Consents<'a> {
    frame: Frame<'a>,
    head: Head,
    is_trusted: bool,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /admin/clients/{id}/consents`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let query = visit.arrival.query();
    query.sound()?;
    let after = query.optional("after");
    // One more than is shown says whether there is a next page.
    let store = &visit.ui().store;
    let mut listed = store.named_consents(&client.id, after, LIMIT + 1).await?;
    let goes_on = cut(&mut listed, LIMIT);
    let last = listed.last().filter(|_| goes_on);
    let at = format!(
        "{}{}/consents",
        visit.arrival.base(),
        address::of_client(&client.id)
    );
    let page = Consents {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(&client, Tab::Consents),
        is_trusted: client.metadata.trusted,
        is_first: after.is_none(),
        next: last.map(|(last, _)| uri::with_query(&at, &[("after", &last.user_id)])),
        rows: listed.into_iter().map(Row::new).collect(),
    };
    Ok(render(&page, StatusCode::OK, false))
}

/// The user whom the address names.
async fn user(visit: &Visit<'_>) -> Result<User, Failure> {
    let id = visit.id("user").ok_or_else(gone)?;
    let found = visit.ui().store.user(&UserId::new(id)).await?;
    found.ok_or_else(gone)
}

/// The page that the question was asked from: the user's consents, or the client's.
fn back(visit: &Visit<'_>, client: &Client, user: &User) -> String {
    match visit.arrival.query().optional("from") {
        Some("user") => format!("/admin/users/{}/consents", user.id),
        _ => format!("{}/consents", address::of_client(&client.id)),
    }
}

fn question(
    visit: &Visit<'_>,
    client: &Client,
    user: &User,
    problem: Option<String>,
) -> HttpResponse {
    let back = back(visit, client, user);
    let asked = Question {
        title: "client-revoke-title",
        text: "client-revoke-text",
        whom: display_name(user),
        press: "client-revoke",
        is_dangerous: true,
        back: &back,
        command: format!(
            "latchkey consent revoke {} {}",
            crate::shell::word(&user.username),
            crate::shell::word(&client.id)
        ),
        problem,
        section: Section::Clients,
    };
    confirm::page(visit, &asked)
}

/// `GET /admin/clients/{id}/consents/{user}/revoke`.
pub async fn ask_revoke(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let (client, user) = (named(visit).await?, user(visit).await?);
    Ok(question(visit, &client, &user, None))
}

/// `POST /admin/clients/{id}/consents/{user}/revoke`.
pub async fn revoke(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let (client, user) = (named(visit).await?, user(visit).await?);
    let operations = visit.operations();
    match operations.revoke_consent(&user.username, &client.id).await {
        Ok(_) => {
            let at = back(visit, &client, &user);
            Ok(visit.arrival.go(&format!("{at}?done=consent-revoked")))
        }
        Err(error) => {
            let problem = refusal(visit, error)?;
            Ok(question(visit, &client, &user, Some(problem)))
        }
    }
}
