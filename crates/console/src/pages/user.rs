//! One user: what is known of them, and what they have.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Reason, UserId, audit_row::AuditFilter, bounds, page::Page, session::ListedSession, user::User,
};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};
use serde_json::{Map, Value};

use super::{
    audit::{Row, newest},
    problem::failed,
    session::device,
    sessions,
    user_consents::{ConsentRow, consents},
};
use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

/// Sessions that are shown of a user, the newest.
const MOST: usize = 10;
/// Consents that are shown of a user.
const CONSENTS: i64 = 10;

#[derive(Template)]
#[template(path = "console/user.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    user: &'a User,
    name: &'a str,
    is_enabled: bool,
    created: String,
    updated: String,
    last_sign_in: Option<String>,
    claims: String,
    attributes: String,
    sessions: Vec<SessionRow>,
    consents: Vec<ConsentRow>,
    has_more_consents: bool,
    rows: Vec<Row>,
}

struct SessionRow {
    id: String,
    device: String,
    address: String,
    began: String,
    used: String,
    ends: String,
    is_ended: bool,
}

impl SessionRow {
    fn new(visit: &Visit<'_>, listed: &ListedSession) -> Self {
        let session = &listed.session;
        Self {
            is_ended: listed.is_ended,
            device: device(visit.arrival.words(), session),
            address: sessions::address_of(session),
            id: session.id.to_string(),
            began: utc(session.created_at),
            used: utc(session.last_used_at),
            ends: utc(session.expires_at),
        }
    }
}

/// `GET /admin/users/{id}`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let store = &visit.ui().store;
    // No user has more.
    let all = Page::first(bounds::SESSIONS);
    let mut sessions = store
        .session_list(Some(&user.id), &all, visit.now())
        .await?;
    sessions.reverse();
    sessions.truncate(MOST);
    let last_sign_in = visit.operations().last_sign_in(&user.id).await;
    let last_sign_in = last_sign_in.map_err(failed)?;
    let (consents, has_more_consents) = consents(visit, &user.id, None, CONSENTS).await?;
    let theirs = AuditFilter {
        user: Some(user.id.to_string()),
        ..AuditFilter::default()
    };
    let page = Shown {
        frame: Frame::new(visit, Section::Users),
        name: display_name(&user),
        is_enabled: user.disabled_at.is_none(),
        created: utc(user.created_at),
        updated: utc(user.updated_at),
        last_sign_in: last_sign_in.map(utc),
        claims: pretty(&user.claims),
        attributes: pretty(&user.attributes),
        sessions: sessions
            .iter()
            .map(|listed| SessionRow::new(visit, listed))
            .collect(),
        consents,
        has_more_consents,
        rows: newest(visit, &theirs).await?,
        user: &user,
    };
    Ok(render(&page, StatusCode::OK, false))
}

/// The user whom the address names.
pub async fn named(visit: &Visit<'_>) -> Result<User, Failure> {
    let found = visit
        .ui()
        .store
        .user(&UserId::new(visit.part("id")))
        .await?;
    let unknown = || Reason::PageUnknown.because("a user", "no such id");
    Ok(found.ok_or_else(unknown)?)
}

/// JSON as people read it; nothing where there is nothing.
pub fn pretty(members: &Map<String, Value>) -> String {
    if members.is_empty() {
        return String::new();
    }
    serde_json::to_string_pretty(members).unwrap_or_default()
}
