//! What a user allowed clients, all of it, page by page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{StoreError, UserId, consent::Consent, store::ConsentsOf, uri, user::User};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};

use super::user::named;
use crate::{
    address,
    layout::{Frame, Section, cut, utc},
    visit::Visit,
};

/// Consents on a page.
const LIMIT: i64 = 50;

/// A consent as a line of a table.
pub struct ConsentRow {
    /// The client's page.
    pub path: String,
    pub client: String,
    pub scope: String,
    pub claims: String,
    pub granted: String,
}

impl ConsentRow {
    fn new(consent: Consent) -> Self {
        let claims: Vec<_> = consent.claims.into_iter().collect();
        Self {
            path: address::of_client(&consent.client_id),
            client: consent.client_id.to_string(),
            scope: consent.scope.to_string(),
            claims: claims.join(" "),
            granted: utc(consent.granted_at),
        }
    }
}

/// So many consents of a user, beyond a client's id, and whether there are more.
///
/// # Errors
/// When storage fails.
pub async fn consents(
    visit: &Visit<'_>,
    user: &UserId,
    after: Option<&str>,
    most: i64,
) -> Result<(Vec<ConsentRow>, bool), StoreError> {
    let store = &visit.ui().store;
    // One more than is shown says whether there are more.
    let asked = store.consents(ConsentsOf::User(user), after, most + 1);
    let mut listed = asked.await?;
    let goes_on = cut(&mut listed, most);
    Ok((listed.into_iter().map(ConsentRow::new).collect(), goes_on))
}

#[derive(Template)]
#[template(path = "console/user-consents.html")]
struct Consents<'a> {
    frame: Frame<'a>,
    user: &'a User,
    name: &'a str,
    consents: Vec<ConsentRow>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /admin/users/{id}/consents`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let query = visit.arrival.query();
    let after = query.optional("after");
    let (consents, goes_on) = consents(visit, &user.id, after, LIMIT).await?;
    let at = format!("{}/admin/users/{}/consents", visit.arrival.base(), user.id);
    let last = consents.last().filter(|_| goes_on);
    let page = Consents {
        frame: Frame::new(visit, Section::Users),
        name: display_name(&user),
        user: &user,
        is_first: after.is_none(),
        next: last.map(|last| uri::with_query(&at, &[("after", &last.client)])),
        consents,
    };
    Ok(render(&page, StatusCode::OK, false))
}
