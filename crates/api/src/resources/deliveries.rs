//! Logout tokens on their way: receipts, and sending again.

use latchkey_protocol::{
    ClientId, SessionId, Timestamp, UserId,
    deliveries::{Again, DeliveryState, Receipt, ReceiptFilter, ReceiptsOf},
    page::Page,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::users::subject;
use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Kind, Problem},
};

/// The receipt of a logout token.
#[derive(Serialize, JsonSchema)]
pub struct Delivery {
    /// Its number; later ones are higher.
    id: i64,
    /// The client that is told.
    client_id: String,
    /// The session that ended.
    session: String,
    /// Whose it was.
    sub: String,
    /// Why it ended.
    cause: String,
    /// In seconds since 1970.
    ended_at: i64,
    /// `waiting`, `delivered` or `dead`.
    state: &'static str,
    /// How many attempts were begun.
    attempts: i64,
    /// When the next attempt is due.
    next_at: Option<i64>,
    /// When the last attempt was over.
    attempted_at: Option<i64>,
    /// What the last attempt came to.
    outcome: Option<&'static str>,
    /// The HTTP status that was answered.
    status: Option<u16>,
    /// How long the last attempt took.
    milliseconds: Option<i64>,
    /// Why it was not delivered.
    reason: Option<String>,
}

impl Delivery {
    pub fn of(receipt: Receipt) -> Self {
        let last = receipt.last.as_ref();
        Self {
            id: receipt.id,
            state: receipt.state.name(),
            cause: receipt.cause,
            ended_at: receipt.ended_at.as_seconds(),
            attempts: receipt.attempts,
            next_at: receipt.next_at.map(Timestamp::as_seconds),
            attempted_at: last.map(|last| last.at.as_seconds()),
            outcome: last.map(|last| last.delivery.name()),
            status: last.and_then(|last| last.status),
            milliseconds: last.map(|last| last.milliseconds),
            reason: last.and_then(|last| last.reason.clone()),
            client_id: receipt.client_id.into_string(),
            session: receipt.end.session_id.into_string(),
            sub: receipt.end.user_id.into_string(),
        }
    }
}

/// What is sent again.
#[derive(Serialize, JsonSchema)]
pub struct SentAgain {
    /// How many deliveries; none where the one that is named is being sent at this moment.
    sent_again: usize,
}

/// `GET /deliveries`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<i64> = asked.page()?;
    let session = asked.parameter("session").map(SessionId::new);
    let filter = filter(asked).await?;
    let of = match &session {
        None => ReceiptsOf::Filtered(&filter),
        Some(session) if filter == ReceiptFilter::default() => ReceiptsOf::Session(session),
        Some(_) => {
            let problem = "it goes with no other parameter";
            let fix = "leave it out, or the others";
            return Err(Problem::parameter("session", problem, fix));
        }
    };
    let found = asked.operations().receipts(of, &page).await?;
    asked.listed(&page, found, |receipt| receipt.id, Delivery::of)
}

async fn filter(asked: &Asked<'_>) -> Result<ReceiptFilter, Problem> {
    let state = asked.read(
        "state",
        "waiting, delivered or dead",
        DeliveryState::from_name,
    )?;
    let user = match asked.parameter("user") {
        None => None,
        Some(named) => Some(UserId::new(subject(asked, named).await?)),
    };
    Ok(ReceiptFilter {
        state,
        client: asked.parameter("client_id").map(ClientId::new),
        user,
        newest_first: false,
    })
}

/// `POST /deliveries/{id}/retry`.
pub async fn retry(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    let id = asked.part("id");
    let missing = |_| Problem::new(Kind::Missing, format!("there is no delivery {id}"));
    again(asked, Again::One(id.parse().map_err(missing)?)).await
}

/// `POST /deliveries/retry-dead`.
pub async fn retry_dead(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    again(asked, Again::Dead).await
}

async fn again(asked: &Asked<'_>, what: Again) -> Result<Answer, Problem> {
    let sent_again = asked.operations().retry_deliveries(what).await?;
    Answer::ok(&SentAgain { sent_again })
}
