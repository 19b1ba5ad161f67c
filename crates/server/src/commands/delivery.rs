//! `latchkey delivery`, and the receipts of a session that has ended.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use latchkey_protocol::{
    ClientId, SessionId, UserId,
    deliveries::{Again, DeliveryState, Receipt, ReceiptFilter, ReceiptsOf},
    page::Page,
};
use serde_json::{Value, json};

use super::{
    at::At,
    print::{List, say, utc},
};
use crate::cli::DeliveryCommand;

/// How often is looked for new receipts.
const LOOKED_EVERY: Duration = Duration::from_millis(50);

/// Of a table of receipts.
pub const HEAD: &[&str] = &[
    "ID", "CLIENT", "SESSION", "ENDED", "STATE", "ATTEMPTS", "ANSWER", "NEXT",
];

pub async fn run(at: At, command: DeliveryCommand) -> Result<()> {
    match command {
        DeliveryCommand::List {
            dead,
            state,
            client,
            user,
            session,
            limit,
            json,
        } => {
            let state = state.as_deref().and_then(DeliveryState::from_name);
            let state = state.or(dead.then_some(DeliveryState::Dead));
            let filter = filter(&at, state, client, user).await?;
            list(&at, &filter, session, limit, json).await
        }
        DeliveryCommand::Retry { id, dead: _, json } => retry(&at, id, json).await,
    }
}

async fn filter(
    at: &At,
    state: Option<DeliveryState>,
    client: Option<String>,
    login: Option<String>,
) -> Result<ReceiptFilter> {
    let user = match login {
        Some(login) => Some(at.operations().user(&login).await?.id),
        None => None,
    };
    Ok(ReceiptFilter {
        state,
        client: client.map(ClientId::new),
        user,
        newest_first: false,
    })
}

async fn list(
    at: &At,
    filter: &ReceiptFilter,
    session: Option<String>,
    limit: Option<i64>,
    json: bool,
) -> Result<()> {
    let session = session.map(SessionId::new);
    let of = match &session {
        Some(session) => ReceiptsOf::Session(session),
        None => ReceiptsOf::Filtered(filter),
    };
    let list = List {
        head: HEAD,
        json,
        limit,
        shown,
        row,
    };
    let operations = at.operations();
    list.print(
        async |page: &Page<_>| Ok(operations.receipts(of, page).await?),
        |receipt| receipt.id,
    )
    .await
}

async fn retry(at: &At, id: Option<i64>, json: bool) -> Result<()> {
    let what = id.map_or(Again::Dead, Again::One);
    let sent = at.operations().retry_deliveries(what).await?;
    if json {
        say!("{}", json!({ "sent_again": sent }));
    } else if let (Some(id), 0) = (id, sent) {
        say!("{id} is being sent at this moment");
    } else {
        say!("sent again: {sent}");
    }
    Ok(())
}

/// A receipt, with the names of the administration API.
pub fn shown(receipt: &Receipt) -> Value {
    let last = receipt.last.as_ref();
    json!({
        "id": receipt.id, "client_id": receipt.client_id, "session": receipt.end.session_id, "sub": receipt.end.user_id,
        "cause": receipt.cause, "ended_at": receipt.ended_at, "state": receipt.state.name(), "attempts": receipt.attempts,
        "next_at": receipt.next_at, "attempted_at": last.map(|l| l.at), "outcome": last.map(|l| l.delivery.name()),
        "status": last.and_then(|l| l.status), "milliseconds": last.map(|l| l.milliseconds),
        "reason": last.and_then(|l| l.reason.as_deref()),
    })
}

/// As a line below [`HEAD`].
pub fn row(receipt: &Receipt) -> Vec<String> {
    vec![
        receipt.id.to_string(),
        receipt.client_id.clone().into_string(),
        receipt.end.session_id.clone().into_string(),
        utc(receipt.ended_at),
        receipt.state.name().to_owned(),
        receipt.attempts.to_string(),
        answered(receipt),
        receipt.next_at.map(utc).unwrap_or_default(),
    ]
}

/// What the last attempt came to.
pub fn answered(receipt: &Receipt) -> String {
    let Some(last) = &receipt.last else {
        return String::new();
    };
    let mut text = match last.status {
        Some(status) => format!("{status} after {} ms", last.milliseconds),
        None => last.delivery.name().to_owned(),
    };
    if let Some(reason) = &last.reason {
        text = format!("{text}: {reason}");
    }
    text
}

/// What has ended.
pub enum Ended<'a> {
    Session(&'a SessionId),
    /// All sessions of a user, whose deliveries have higher numbers than `after`.
    User {
        login: &'a str,
        id: UserId,
        after: i64,
    },
}

/// A user has 200 sessions at most.
const MOST: i64 = 20_000;

/// The newest deliveries of a user, at most so many.
async fn newest(at: &At, user: &UserId, most: i64) -> Result<Vec<Receipt>> {
    let filter = ReceiptFilter {
        user: Some(user.clone()),
        newest_first: true,
        ..ReceiptFilter::default()
    };
    let of = ReceiptsOf::Filtered(&filter);
    Ok(at.operations().receipts(of, &Page::first(most)).await?)
}

impl<'a> Ended<'a> {
    /// The sessions of a user that are about to end.
    pub async fn user(at: &At, login: &'a str) -> Result<Self> {
        let id = at.operations().user(login).await?.id;
        let last = newest(at, &id, 1).await?;
        let after = last.first().map_or(0, |receipt| receipt.id);
        Ok(Self::User { login, id, after })
    }

    /// Its deliveries.
    async fn receipts(&self, at: &At) -> Result<Vec<Receipt>> {
        match self {
            // A session has a delivery for each client at most.
            Self::Session(session) => {
                let (of, all) = (ReceiptsOf::Session(session), Page::first(i64::MAX));
                Ok(at.operations().receipts(of, &all).await?)
            }
            Self::User { id, after, .. } => {
                let mut all = newest(at, id, MOST).await?;
                all.retain(|receipt| receipt.id > *after);
                Ok(all)
            }
        }
    }

    /// What ended, and the option of `delivery list` that shows it.
    fn named(&self) -> (&'static str, String) {
        match self {
            Self::Session(session) => ("the session has", format!("--session {session}")),
            Self::User { login, .. } => ("the sessions have", format!("--user {login}")),
        }
    }
}

/// Prints the receipts of what has `ended` as they come. `answer`: what is printed beside them as JSON.
///
/// # Errors
/// When one is missing after `most`.
pub async fn wait_for_receipts(
    at: &At,
    ended: &Ended<'_>,
    mut answer: Value,
    most: Duration,
    json: bool,
) -> Result<()> {
    let begun = Instant::now();
    let mut said: Vec<i64> = Vec::new();
    let mut seen: BTreeMap<i64, String> = BTreeMap::new();
    loop {
        let all = ended.receipts(at).await?;
        let is_there = |receipt: &&Receipt| receipt.state == DeliveryState::Delivered;
        for receipt in all.iter().filter(is_there) {
            if !said.contains(&receipt.id) {
                said.push(receipt.id);
                if !json {
                    let after = begun.elapsed().as_millis();
                    say!(
                        "{} after {after} ms: {}",
                        receipt.client_id,
                        answered(receipt)
                    );
                }
            }
        }
        seen.extend(all.iter().map(|r| (r.id, r.client_id.to_string())));
        let missing = missing(&seen, &said, &all);
        let is_over = missing.is_empty() || begun.elapsed() >= most;
        if !is_over {
            actix_web::rt::time::sleep(LOOKED_EVERY).await;
            continue;
        }
        if json {
            answer["receipts"] = all.iter().map(shown).collect();
            say!("{answer}");
        }
        return outcome(ended, seen.len(), &missing, most);
    }
}

/// Who has not taken it, with their last answer. A delivery that is no longer there without having been delivered is missing too.
fn missing(seen: &BTreeMap<i64, String>, said: &[i64], all: &[Receipt]) -> Vec<String> {
    let not_said = seen.iter().filter(|(id, _)| !said.contains(id));
    let named = not_said.map(|(id, client_id)| {
        match all.iter().find(|receipt| receipt.id == *id).map(answered) {
            None => format!("{client_id} (its delivery is gone)"),
            Some(why) if why.is_empty() => client_id.clone(),
            Some(why) => format!("{client_id} ({why})"),
        }
    });
    named.collect()
}

fn outcome(ended: &Ended<'_>, all: usize, missing: &[String], most: Duration) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let (what, option) = ended.named();
    bail!(
        "{what} ended, but {} of {} clients have not taken it within {} s: {}; see latchkey delivery list {option}",
        missing.len(),
        all,
        most.as_secs(),
        missing.join(", ")
    )
}
