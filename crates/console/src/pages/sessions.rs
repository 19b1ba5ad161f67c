//! The sessions that live: who is signed in, since when; end one.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{Params, Reason, SessionId, Timestamp, page::Page, session::Session, uri};
use latchkey_ui::{failure::Failure, render::render};

use super::{
    bulk_ends::{self, BulkRow},
    confirm::{self, Question},
    problem::refusal,
    session::device,
    users::find,
};
use crate::{
    layout::{Frame, Section, cut, utc},
    visit::{Visit, look_again},
};

/// Sessions on a page.
const LIMIT: i64 = 50;

struct Row {
    id: String,
    user_id: String,
    username: String,
    device: String,
    address: String,
    began: String,
    used: String,
    ends: String,
    is_own: bool,
}

impl Row {
    fn new(visit: &Visit<'_>, session: Session, username: String) -> Self {
        Self {
            is_own: session.id == visit.session.id,
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            username,
            device: device(visit.arrival.words(), &session),
            address: address(&session),
            began: utc(session.created_at),
            used: utc(session.last_used_at),
            ends: utc(session.expires_at),
        }
    }
}

/// From where its user signed in; nothing where that was not recorded.
pub fn address(session: &Session) -> String {
    let address = session.address.map(|address| address.to_string());
    address.unwrap_or_default()
}

#[derive(Template)]
#[template(path = "console/sessions.html")]
struct Sessions<'a> {
    frame: Frame<'a>,
    /// Whose sessions were asked for.
    user: &'a str,
    is_user_unknown: bool,
    rows: Vec<Row>,
    /// Ends of many sessions.
    ends: Vec<BulkRow>,
    is_first: bool,
    next: Option<String>,
}

/// Where a page goes on: a beginning and an id, as [`next`] wrote them. What is none begins at the beginning.
fn after(query: &Params) -> Option<(Timestamp, String)> {
    let (began, id) = query.optional("after")?.split_once('.')?;
    Some((Timestamp::from_seconds(began.parse().ok()?), id.to_owned()))
}

fn next(visit: &Visit<'_>, user: &str, last: (Timestamp, &str)) -> String {
    let at = format!("{}/admin/sessions", visit.arrival.base());
    let after = format!("{}.{}", last.0.as_seconds(), last.1);
    let mut query = vec![("after", after.as_str())];
    if !user.is_empty() {
        query.push(("user", user));
    }
    uri::with_query(&at, &query)
}

/// `GET /admin/sessions`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let user = query.optional("user").unwrap_or_default().trim();
    let store = &visit.ui().store;
    let owner = match user {
        "" => None,
        user => find(visit, user).await?,
    };
    let is_user_unknown = !user.is_empty() && owner.is_none();
    let after = after(&query);
    let is_first = after.is_none();
    let page = Page {
        after,
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let mut listed = Vec::new();
    if !is_user_unknown {
        let owner = owner.as_ref().map(|user| &user.id);
        listed = store.session_list(owner, &page, visit.now()).await?;
    }
    let goes_on = cut(&mut listed, LIMIT);
    let last = listed.last().filter(|_| goes_on);
    let ends = visit.operations().bulk_ends().await;
    let ends = ends.map_err(Failure::broken)?;
    let is_watched = bulk_ends::is_watched(&ends, visit.now());
    let page = Sessions {
        frame: Frame::new(visit, Section::Sessions),
        user,
        is_user_unknown,
        ends: ends.into_iter().map(BulkRow::new).collect(),
        is_first,
        next: last.map(|(last, _)| next(visit, user, (last.created_at, &last.id))),
        rows: listed
            .into_iter()
            .map(|(session, username)| Row::new(visit, session, username))
            .collect(),
    };
    let mut response = render(&page, StatusCode::OK, false);
    if is_watched {
        look_again(visit, &mut response, 2, "/admin/sessions");
    }
    Ok(response)
}

fn question(visit: &Visit<'_>, id: &str, problem: Option<String>) -> HttpResponse {
    let back = format!("/admin/sessions/{id}");
    let asked = Question {
        title: "console-end-title",
        text: "console-end-text",
        whom: id,
        press: "console-end",
        is_dangerous: true,
        back: &back,
        command: format!("latchkey session end {}", crate::shell::word(id)),
        problem,
        section: Section::Sessions,
    };
    confirm::page(visit, &asked)
}

/// The id that the address names, if a session could have it.
pub fn named<'a>(visit: &Visit<'a>) -> Result<&'a str, Failure> {
    let id = visit.part("id");
    let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let unknown = || Reason::PageUnknown.because("a session", "no such id");
    fits.then_some(id).ok_or_else(|| unknown().into())
}

/// `GET /admin/sessions/{id}/end`.
pub async fn ask_end(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    Ok(question(visit, named(visit)?, None))
}

/// `POST /admin/sessions/{id}/end`.
pub async fn end(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let id = named(visit)?;
    match visit.operations().end_session(&SessionId::new(id)).await {
        // Where the receipts of its apps come in.
        Ok(()) => {
            let at = format!("/admin/sessions/{id}?done=session-ended");
            Ok(visit.arrival.go(&at))
        }
        Err(error) => Ok(question(visit, id, Some(refusal(visit, error)?))),
    }
}
