//! Sessions: who is signed in, and the end of one, with the receipts of those who are told.

use latchkey_operations::OperationError;
use latchkey_protocol::{
    ClientId, SessionId, Timestamp,
    deliveries::ReceiptsOf,
    page::Page,
    session::{self, ListedSession},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{deliveries::Delivery, users::whom};
use crate::{answer::Answer, asked::Asked, problem::Problem};

/// A browser that is signed in.
#[derive(Serialize, JsonSchema)]
pub struct Session {
    /// The `sid` of the session's tokens.
    id: String,
    /// The name of the user who is signed in.
    user: String,
    /// The user's subject.
    sub: String,
    /// When the user last proved who they are, in seconds since 1970.
    auth_time: i64,
    /// In seconds since 1970.
    created_at: i64,
    /// The last use that was noted; at most a minute old.
    last_used_at: i64,
    /// When it ends unless it is used before.
    expires_at: i64,
    /// When it ends, however much it is used.
    ends_at: i64,
    /// The browser of the last sign-in, as it named itself: `chrome`, `edge`, `firefox`, `opera`, `safari`,
    /// `samsung-internet`, `whale`. Null: another one, or not known.
    browser: Option<String>,
    /// Its operating system: `android`, `chrome-os`, `ios`, `linux`, `mac-os`, `windows`. Null: another one, or not known.
    system: Option<String>,
    /// The address of that sign-in; null where it was not recorded.
    address: Option<String>,
    /// It counts as ended: an end of many sessions means it, and has not come to it yet.
    ended: bool,
}

impl Session {
    fn of(listed: ListedSession) -> Self {
        let ended = listed.is_ended;
        let session = Self::new(listed.session, listed.username);
        Self { ended, ..session }
    }

    /// With the name of its user.
    pub fn new(session: session::Session, username: String) -> Self {
        Self {
            id: session.id.into_string(),
            user: username,
            sub: session.user_id.into_string(),
            auth_time: session.auth_time.as_seconds(),
            created_at: session.created_at.as_seconds(),
            last_used_at: session.last_used_at.as_seconds(),
            expires_at: session.expires_at.as_seconds(),
            ends_at: session.ends_at.as_seconds(),
            browser: session.device.family.map(|family| family.word().to_owned()),
            system: session.device.system.map(|system| system.word().to_owned()),
            address: session.address.map(|address| address.to_string()),
            ended: false,
        }
    }
}

/// A session that has ended, and what each client that is told has heard so far.
#[derive(Serialize, JsonSchema)]
pub struct EndedSession {
    /// The `sid`.
    ended: String,
    /// One for each client with a `backchannel_logout_uri` that the session signed its user in to. Read them again at
    /// `GET /deliveries?session=...` until each is delivered.
    receipts: Vec<Delivery>,
}

/// `GET /sessions`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let client = asked.parameter("client").map(ClientId::new);
    let login = match (asked.parameter("user"), &client) {
        (None, Some(client)) => return of_client(asked, client).await,
        (None, None) => None,
        (Some(named), _) => Some(whom(asked, named).await?.username),
    };
    let page: Page<(Timestamp, String)> = asked.page()?;
    let operations = asked.operations();
    let found = match (&login, &client) {
        (Some(login), Some(client)) => operations.user_client_sessions(login, client, &page).await,
        (login, _) => operations.sessions(login.as_deref(), &page).await,
    }?;
    let place = |listed: &ListedSession| {
        let session = &listed.session;
        (session.created_at, session.id.to_string())
    };
    asked.listed(&page, found, place, Session::of)
}

async fn of_client(asked: &Asked<'_>, client: &ClientId) -> Result<Answer, Problem> {
    let mut page: Page<String> = asked.page()?;
    // The list says itself whether there is a next piece.
    page.limit -= 1;
    let (found, next) = asked.operations().client_sessions(client, &page).await?;
    asked.piece(found.into_iter().map(Session::of).collect(), next.as_ref())
}

/// `DELETE /sessions/{id}`.
pub async fn end(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (operations, id) = (asked.operations(), SessionId::new(asked.part("id")));
    operations.end_session(&id).await?;
    // A session has a delivery for each client at most.
    let all = Page::first(i64::MAX);
    let receipts = operations.receipts(ReceiptsOf::Session(&id), &all).await;
    let receipts = receipts.map_err(|error: OperationError| Problem::from(error))?;
    Answer::ok(&EndedSession {
        ended: id.into_string(),
        receipts: receipts.into_iter().map(Delivery::of).collect(),
    })
}
