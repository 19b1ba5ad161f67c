//! `latchkey delivery`, and the receipts of a session that has ended.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use latchkey_protocol::{
    ClientId, SessionId,
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
            let filter = ReceiptFilter {
                state: state.or(dead.then_some(DeliveryState::Dead)),
                client: client.map(ClientId::new),
                user: match user {
                    Some(login) => Some(at.operations().user(&login).await?.id),
                    None => None,
                },
                newest_first: false,
            };
            list(&at, &filter, session, limit, json).await
        }
        DeliveryCommand::Retry { id, dead: _, json } => retry(&at, id, json).await,
    }
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
        head: &[
            "ID", "CLIENT", "SESSION", "ENDED", "STATE", "ATTEMPTS", "ANSWER", "NEXT",
        ],
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

fn shown(receipt: &Receipt) -> Value {
    let last = receipt.last.as_ref();
    json!({
        "id": receipt.id, "client_id": receipt.client_id, "session": receipt.end.session_id, "sub": receipt.end.user_id,
        "cause": receipt.cause, "ended_at": receipt.ended_at, "state": receipt.state.name(), "attempts": receipt.attempts,
        "next_at": receipt.next_at, "attempted_at": last.map(|l| l.at), "outcome": last.map(|l| l.delivery.name()),
        "status": last.and_then(|l| l.status), "milliseconds": last.map(|l| l.milliseconds),
        "reason": last.and_then(|l| l.reason.as_deref()),
    })
}

fn row(receipt: &Receipt) -> Vec<String> {
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
fn answered(receipt: &Receipt) -> String {
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

/// Prints the receipts of a session as they come.
///
/// # Errors
/// When one is missing after `most`.
pub async fn wait_for_receipts(
    at: &At,
    session: &SessionId,
    most: Duration,
    json: bool,
) -> Result<()> {
    let begun = Instant::now();
    let operations = at.operations();
    let mut said: Vec<i64> = Vec::new();
    let mut seen: BTreeMap<i64, String> = BTreeMap::new();
    // A session has a delivery for each client at most.
    let page = Page::first(i64::MAX);
    loop {
        let all = operations
            .receipts(ReceiptsOf::Session(session), &page)
            .await?;
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
            let receipts: Vec<_> = all.iter().map(shown).collect();
            say!("{}", json!({ "ended": session, "receipts": receipts }));
        }
        return outcome(session, seen.len(), &missing, most);
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

fn outcome(session: &SessionId, all: usize, missing: &[String], most: Duration) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "the session has ended, but {} of {} clients have not taken it within {} s: {}; see latchkey delivery list --session {session}",
        missing.len(),
        all,
        most.as_secs(),
        missing.join(", ")
    )
}
