//! `latchkey refusal`.

use anyhow::Result;
use latchkey_protocol::observe::{KeptRefusal, RefusalFilter};
use serde_json::{Value, json};

use super::{
    at::At,
    moment::moment,
    print::{List, printable, utc},
};
use crate::cli::{RefusalCommand, RefusalList};

pub async fn run(at: At, command: RefusalCommand) -> Result<()> {
    match command {
        RefusalCommand::List(asked) => list(&at, asked).await,
    }
}

async fn list(at: &At, asked: RefusalList) -> Result<()> {
    let filter = RefusalFilter {
        since: moment(asked.since.as_deref(), at.now)?,
        until: moment(asked.until.as_deref(), at.now)?,
        client_id: asked.client,
        reason: asked.reason,
    };
    let list = List {
        head: &["REFERENCE", "TIME", "REASON", "ENDPOINT", "CLIENT"],
        json: asked.json,
        limit: asked.limit,
        shown,
        row,
    };
    let operations = at.operations();
    list.print(
        async |page: &_| Ok(operations.refusals(&filter, page).await?),
        |kept| (kept.at, kept.reference.clone()),
    )
    .await
}

/// With the names of the administration API.
fn shown(kept: &KeptRefusal) -> Value {
    json!({
        "reference": kept.reference, "at": kept.at, "reason": kept.reason, "endpoint": kept.endpoint,
        "client_id": kept.client_id, "request_id": kept.request_id, "expected": kept.expected, "received": kept.received,
    })
}

fn row(kept: &KeptRefusal) -> Vec<String> {
    let cells = [
        kept.reference.clone(),
        utc(kept.at),
        kept.reason.clone(),
        kept.endpoint.clone(),
        kept.client_id.clone().unwrap_or_default(),
    ];
    cells.map(printable).to_vec()
}
