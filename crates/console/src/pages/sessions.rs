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
    /// Whose sessions were asked for.
    user: &'a str,
    /// In which client users signed in; none: it was not asked for.
    client: &'a str,
    /// That client's page.
    client_path: String,
    is_unknown: bool,
    rows: Vec<Row>,
    /// Ends of many sessions.
    ends: Vec<BulkRow>,
    is_first: bool,
    /// The first page of the same list.
    first: String,
    next: Option<String>,
}

/// Where a page goes on: a beginning and an id, as [`of_users`] wrote them. What is none begins at the beginning.
fn after(query: &Params) -> Option<(Timestamp, String)> {
    let (began, id) = query.optional("after")?.split_once('.')?;
    Some((Timestamp::from_seconds(began.parse().ok()?), id.to_owned()))
}

/// The same list, from its beginning or after a place.
fn same(visit: &Visit<'_>, of: Of<'_>, after: Option<&str>) -> String {
    let at = format!("{}/admin/sessions", visit.arrival.base());
    let of = match of {
        Of::All => None,
        Of::User(user) => Some(("user", user)),
        Of::Client(client) => Some(("client", client)),
    };
    let after = after.map(|after| ("after", after));
    let query: Vec<_> = of.into_iter().chain(after).collect();
    uri::with_query(&at, &query)
}

/// Whose sessions are asked for.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    All,
    User(&'a str),
    Client(&'a str),
}

impl<'a> Of<'a> {
    fn asked(query: &'a Params) -> Self {
        let text = |name| query.optional(name).unwrap_or_default().trim();
        match (text("user"), text("client")) {
            ("", "") => Self::All,
            ("", client) => Self::Client(client),
            (user, _) => Self::User(user),
        }
    }
}

/// A piece of a list.
#[derive(Default)]
struct Found {
    sessions: Vec<ListedSession>,
    /// What the next piece goes on after.
    next: Option<String>,
    /// Whether whose they are is nobody.
    is_unknown: bool,
}

/// In the order in which they began.
async fn of_users(
    visit: &Visit<'_>,
    owner: Option<&UserId>,
    query: &Params,
) -> Result<Found, Failure> {
    let page = Page {
        after: after(query),
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let store = &visit.ui().store;
    let mut sessions = store.session_list(owner, &page, visit.now()).await?;
    let goes_on = cut(&mut sessions, LIMIT);
    let last = sessions.last().filter(|_| goes_on);
    Ok(Found {
        next: last.map(|last| {
            let last = &last.session;
            format!("{}.{}", last.created_at.as_seconds(), last.id)
        }),
        sessions,
        is_unknown: false,
    })
}

async fn find_all(visit: &Visit<'_>, of: Of<'_>, query: &Params) -> Result<Found, Failure> {
    let unknown = || Found {
        is_unknown: true,
        ..Found::default()
    };
    match of {
        Of::All => of_users(visit, None, query).await,
        Of::User(user) => match find(visit, user).await? {
            Some(user) => of_users(visit, Some(&user.id), query).await,
            None => Ok(unknown()),
        },
        Of::Client(client) => {
            let page = Page {
                after: query.optional("after").map(str::to_owned),
                limit: LIMIT,
            };
            let client = ClientId::new(client);
            match visit.operations().client_sessions(&client, &page).await {
                Ok((listed, next)) => Ok(Found {
                    sessions: listed,
                    next,
                    is_unknown: false,
                }),
                Err(OperationError::ClientUnknown(_)) => Ok(unknown()),
                Err(error) => Err(failed(error)),
            }
        }
    }
}

/// `GET /admin/sessions`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let of = Of::asked(&query);
    let found = find_all(visit, of, &query).await?;
    let ends = visit.operations().bulk_ends().await;
    let ends = ends.map_err(Failure::broken)?;
    let is_watched = bulk_ends::is_watched(&ends, visit.now());
    let (user, client) = match of {
        Of::All => ("", ""),
        Of::User(user) => (user, ""),
        Of::Client(client) => ("", client),
    };
    let page = Sessions {
        frame: Frame::new(visit, Section::Sessions),
        user,
        client,
        client_path: address::of_client(client),
        is_unknown: found.is_unknown,
        ends: ends.into_iter().map(BulkRow::new).collect(),
        is_first: query.optional("after").is_none(),
        first: same(visit, of, None),
        next: found.next.map(|after| same(visit, of, Some(&after))),
        rows: found
            .sessions
            .into_iter()
            .map(|listed| Row::new(visit, listed))
            .collect(),
    };
    let mut response = render(&page, StatusCode::OK, false);
    if is_watched {
        // The same piece of the same list.
        let named = ["user", "client", "after"];
        let same = query.pairs().filter(|(name, _)| named.contains(name));
        let same: Vec<_> = same.collect();
        let here = uri::with_query("/admin/sessions", &same);
        look_again(visit, &mut response, 2, &here);
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
