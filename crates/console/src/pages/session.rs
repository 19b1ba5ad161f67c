//! One session: who, from where, since when, in which apps; and when it has ended, which of them have heard of it.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::SessionTrace;
use latchkey_protocol::{
    SessionId, Timestamp,
    deliveries::{DeliveryState, Receipt},
    session::Session,
};
use latchkey_ui::{
    Words,
    failure::Failure,
    render::{display_name, render},
};

use super::{audit::Row, receipt::ReceiptRow, sessions::named};
use crate::{
    address,
    layout::{Frame, Section, utc},
    visit::{Visit, look_again},
};

/// How long after the end the page asks by itself for more receipts, in seconds. Not longer: each time it is asked for keeps
/// the administrator's own session in use.
const WATCHED: i64 = 600;
/// How long it does so every second: what answers at all has answered by then.
const AT_ONCE: i64 = 30;

struct ClientRow {
    id: String,
    /// Its page; none of what is no client any more.
    path: Option<String>,
    since: String,
    /// Whether it hears of the end by the back channel, or the front channel alone.
    is_told: bool,
    is_framed: bool,
}

#[derive(Template)]
#[template(path = "console/session.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    id: &'a str,
    is_unknown: bool,
    is_own: bool,
    user_id: String,
    name: String,
    username: String,
    device: String,
    address: String,
    methods: String,
    session: Option<Times>,
    clients: Vec<ClientRow>,
    receipts: Vec<ReceiptRow>,
    delivered: usize,
    dead: usize,
    is_waiting: bool,
    rows: Vec<Row>,
}

/// When a session began, and so on.
struct Times {
    signed_in: String,
    began: String,
    used: String,
    ends: String,
}

impl Times {
    fn new(session: &Session) -> Self {
        Self {
            signed_in: utc(session.auth_time),
            began: utc(session.created_at),
            used: utc(session.last_used_at),
            ends: utc(session.expires_at),
        }
    }
}

/// After how many seconds the page is worth another look, while a client has yet to answer.
fn again_after(receipts: &[Receipt], now: Timestamp) -> Option<i64> {
    let waits = |r: &&Receipt| r.state == DeliveryState::Waiting;
    let since = receipts.iter().filter(waits).map(|r| r.ended_at).max()?;
    match now - since {
        age if age < AT_ONCE => Some(1),
        age if age < WATCHED => Some(5),
        _ => None,
    }
}

/// The browser of a session, as it named itself.
pub fn device(words: Words, session: &Session) -> String {
    match session.device.name() {
        unknown if unknown.is_empty() => words.say("console-device-unknown"),
        name => name,
    }
}

/// `GET /admin/sessions/{id}`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let id = named(visit)?;
    let trace = visit.operations().session_trace(&SessionId::new(id)).await;
    let trace = trace.map_err(Failure::broken)?;
    let refresh = again_after(&trace.receipts, visit.now());
    let page = page(visit, id, trace).await?;
    let mut response = render(&page, StatusCode::OK, false);
    if let Some(after) = refresh {
        // Without what the address says of the form before it, which was said once.
        let path = format!("/admin/sessions/{id}");
        look_again(visit, &mut response, after, &path);
    }
    Ok(response)
}

async fn page<'a>(
    visit: &'a Visit<'_>,
    id: &'a str,
    trace: SessionTrace,
) -> Result<Shown<'a>, Failure> {
    let mut clients = Vec::with_capacity(trace.clients.len());
    for client in &trace.clients {
        let known = visit.ui().store.client(&client.client_id).await?;
        let told =
            |of: fn(&latchkey_protocol::client::Client) -> bool| known.as_deref().is_some_and(of);
        clients.push(ClientRow {
            id: client.client_id.to_string(),
            path: known.as_ref().map(|c| address::of_client(&c.id)),
            since: utc(client.since),
            is_told: told(|c| c.metadata.backchannel_logout_uri.is_some()),
            is_framed: told(|c| c.metadata.frontchannel_logout_uri.is_some()),
        });
    }
    let count = |state| trace.receipts.iter().filter(|r| r.state == state).count();
    let user = trace.user.as_ref();
    Ok(Shown {
        frame: Frame::new(visit, Section::Sessions),
        id,
        is_unknown: trace.is_empty(),
        is_own: visit.session.id == id,
        user_id: user.map(|u| u.id.to_string()).unwrap_or_default(),
        name: user.map(|u| display_name(u).to_owned()).unwrap_or_default(),
        username: user.map(|u| u.username.clone()).unwrap_or_default(),
        device: trace
            .session
            .as_ref()
            .map(|session| device(visit.arrival.words(), session))
            .unwrap_or_default(),
        address: trace.address().unwrap_or_default(),
        methods: trace
            .session
            .as_ref()
            .map(|s| s.amr.to_string())
            .unwrap_or_default(),
        session: trace.session.as_ref().map(Times::new),
        clients,
        delivered: count(DeliveryState::Delivered),
        dead: count(DeliveryState::Dead),
        is_waiting: count(DeliveryState::Waiting) > 0,
        receipts: trace
            .receipts
            .into_iter()
            .map(|receipt| ReceiptRow::new(receipt, true))
            .collect(),
        rows: trace
            .entries
            .into_iter()
            .map(|entry| Row::new(visit.arrival.words(), entry))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use latchkey_protocol::{ClientId, UserId, logout_token::SessionEnd};

    use super::*;

    fn receipt(state: DeliveryState) -> Receipt {
        Receipt {
            id: 1,
            end: SessionEnd {
                session_id: SessionId::new("s"),
                user_id: UserId::new("u"),
            },
            cause: "forced".into(),
            ended_at: Timestamp::from_seconds(1000),
            client_id: ClientId::new("c"),
            state,
            attempts: 1,
            next_at: None,
            last: None,
        }
    }

    #[test]
    fn a_page_is_looked_at_again_while_a_client_has_yet_to_answer_and_not_for_ever() {
        let at = |seconds: i64| Timestamp::from_seconds(1000 + seconds);
        let waiting = [
            receipt(DeliveryState::Delivered),
            receipt(DeliveryState::Waiting),
        ];
        assert_eq!(again_after(&waiting, at(0)), Some(1));
        assert_eq!(again_after(&waiting, at(30)), Some(5));
        assert_eq!(again_after(&waiting, at(600)), None);
        let settled = [
            receipt(DeliveryState::Delivered),
            receipt(DeliveryState::Dead),
        ];
        assert_eq!(again_after(&settled, at(0)), None);
        assert_eq!(again_after(&[], at(0)), None);
    }
}
