//! The sessions that live: who is signed in, since when; end one.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::OperationError;
use latchkey_protocol::{
    ClientId, Params, Reason, SessionId, Timestamp, UserId,
    page::Page,
    session::{ListedSession, Session},
    uri,
};
use latchkey_ui::{failure::Failure, render::render};

use super::{
    bulk_ends::{self, BulkRow},
    confirm::{self, Question},
    problem::{failed, refusal},
    session::device,
    users::find,
};
use crate::{
    address,
    layout::{Frame, Section, cut, utc},
    shell::word,
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
    /// An end of many sessions means it, and has not come to it yet.
    is_ended: bool,
}

impl Row {
    fn new(visit: &Visit<'_>, listed: ListedSession) -> Self {
        let ListedSession {
            session,
            username,
            is_ended,
        } = listed;
        Self {
            is_ended,
            is_own: session.id == visit.session.id,
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            username,
            device: device(visit.arrival.words(), &session),
            address: address_of(&session),
            began: utc(session.created_at),
            used: utc(session.last_used_at),
            ends: utc(session.expires_at),
        }
    }
}

/// From where its user signed in; nothing where that was not recorded.
pub fn address_of(session: &Session) -> String {
    let address = session.address.map(|address| address.to_string());
    address.unwrap_or_default()
}

#[derive(Template)]
#[template(path = "console/sessions.html")]
struct Sessions<'a> {
    frame: Frame<'a>,
    asked: Asked<'a>,
    /// The page of the client that was asked for.
    client_path: String,
    unknown: Option<Unknown>,
    rows: Vec<Row>,
    /// Ends of many sessions.
    ends: Vec<BulkRow>,
    is_first: bool,
    /// The first page of the same list.
    first: String,
    next: Option<String>,
}

/// Whose sessions are asked for, as it was typed; empty: anybody's.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    user: &'a str,
    /// In which client they signed in.
    client: &'a str,
}

impl<'a> Asked<'a> {
    fn new(query: &'a Params) -> Self {
        let typed = |name| query.optional(name).unwrap_or_default().trim();
        Self {
            user: typed("user"),
            client: typed("client"),
        }
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let all = [("user", self.user), ("client", self.client)];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The same list, from its beginning or after a place.
    fn same(&self, base: &str, after: Option<&str>) -> String {
        let after = after.map(|after| ("after", after));
        let query: Vec<_> = self.named().chain(after).collect();
        uri::with_query(&format!("{base}/admin/sessions"), &query)
    }

    /// The command that lists the same.
    fn command(&self) -> String {
        let mut command = "latchkey session list".to_owned();
        for (option, value) in self.named() {
            command.push_str(&format!(" --{option} {}", word(value)));
        }
        command + " --json"
    }
}

/// Who of those that were asked for is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    User,
    Client,
}

/// A piece of a list.
#[derive(Default)]
struct Found {
    sessions: Vec<ListedSession>,
    /// What the next piece goes on after.
    next: Option<String>,
    unknown: Option<Unknown>,
}

impl Found {
    fn none(unknown: Unknown) -> Self {
        Self {
            unknown: Some(unknown),
            ..Self::default()
        }
    }
}

/// Where a page of a list in the order of their beginning goes on: a beginning and an id. What is none begins at the beginning.
fn after(query: &Params) -> Option<(Timestamp, String)> {
    let (began, id) = query.optional("after")?.split_once('.')?;
    Some((Timestamp::from_seconds(began.parse().ok()?), id.to_owned()))
}

/// In the order in which they began: all, those of a user, or those in which the user signed in to a client.
async fn in_order(
    visit: &Visit<'_>,
    (owner, client): (Option<&UserId>, Option<&ClientId>),
    query: &Params,
) -> Result<Found, Failure> {
    let page = Page {
        after: after(query),
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let (store, now) = (&visit.ui().store, visit.now());
    let listed = match (owner, client) {
        (Some(user), Some(client)) => store.user_client_sessions(user, client, &page, now).await,
        (owner, _) => store.session_list(owner, &page, now).await,
    };
    let mut sessions = listed?;
    let goes_on = cut(&mut sessions, LIMIT);
    let last = sessions.last().filter(|_| goes_on);
    Ok(Found {
        next: last.map(|last| {
            let last = &last.session;
            format!("{}.{}", last.created_at.as_seconds(), last.id)
        }),
        sessions,
        unknown: None,
    })
}

/// Of all users of a client.
async fn of_client(visit: &Visit<'_>, client: &ClientId, query: &Params) -> Result<Found, Failure> {
    let page = Page {
        after: query.optional("after").map(str::to_owned),
        limit: LIMIT,
    };
    let listed = visit.operations().client_sessions(client, &page).await;
    let (sessions, next) = listed.map_err(failed)?;
    Ok(Found {
        sessions,
        next,
        unknown: None,
    })
}

async fn find_all(visit: &Visit<'_>, asked: Asked<'_>, query: &Params) -> Result<Found, Failure> {
    let client = Some(ClientId::new(asked.client)).filter(|_| !asked.client.is_empty());
    if let Some(client) = &client {
        match visit.operations().client(client).await {
            Ok(_) => (),
            Err(OperationError::ClientUnknown(_)) => return Ok(Found::none(Unknown::Client)),
            Err(error) => return Err(failed(error)),
        }
    }
    match (asked.user, &client) {
        ("", None) => in_order(visit, (None, None), query).await,
        ("", Some(client)) => of_client(visit, client, query).await,
        (user, client) => match find(visit, user).await? {
            Some(user) => in_order(visit, (Some(&user.id), client.as_ref()), query).await,
            None => Ok(Found::none(Unknown::User)),
        },
    }
}

/// `GET /admin/sessions`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let asked = Asked::new(&query);
    let found = find_all(visit, asked, &query).await?;
    let ends = visit.operations().bulk_ends().await;
    let ends = ends.map_err(Failure::broken)?;
    let is_watched = bulk_ends::is_watched(&ends, visit.now());
    let (base, after) = (visit.arrival.base(), query.optional("after"));
    let page = Sessions {
        frame: Frame::new(visit, Section::Sessions),
        asked,
        client_path: address::of_client(asked.client),
        unknown: found.unknown,
        ends: ends.into_iter().map(BulkRow::new).collect(),
        is_first: after.is_none(),
        first: asked.same(base, None),
        next: found.next.map(|after| asked.same(base, Some(&after))),
        rows: found
            .sessions
            .into_iter()
            .map(|listed| Row::new(visit, listed))
            .collect(),
    };
    let mut response = render(&page, StatusCode::OK, false);
    if is_watched {
        // The same piece of the same list.
        look_again(visit, &mut response, 2, &asked.same("", after));
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
        command: format!("latchkey session end {}", word(id)),
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
