//! `latchkey audit`.

use std::path::Path;

use anyhow::{Result, bail};
use latchkey_operations::{AuditVerdict, OperationError};
use latchkey_protocol::{
    audit_chain::{ChainKey, Checkpoint, hex},
    audit_place::AuditPlace,
    audit_row::{AuditFilter, AuditRow},
    audit_walk::{Break, Damage},
};
use serde_json::{Value, json};

use super::{
    at::At,
    input::{input_name, read_input},
    moment::moment,
    print::{List, printable, say, utc},
};
use crate::cli::{After, AuditCommand, AuditList};

/// Entries that are read at once.
const PIECE: i64 = 500;

pub async fn run(at: At, command: AuditCommand) -> Result<()> {
    match command {
        AuditCommand::List(asked) => list(&at, asked).await,
        AuditCommand::Export {
            since,
            after,
            limit,
        } => export(&at, since.as_deref(), after, limit).await,
        AuditCommand::Verify {
            checkpoint,
            checkpoint_file,
            json,
        } => {
            let mut held = checkpoint;
            if let Some(file) = &checkpoint_file {
                held.extend(checkpoints(file)?);
            }
            verify(&at, &held, json).await
        }
    }
}

async fn list(at: &At, asked: AuditList) -> Result<()> {
    let operations = at.operations();
    let user = match asked.user {
        None => None,
        Some(named) => Some(match operations.user(&named).await {
            Ok(user) => user.id.into_string(),
            // Who is gone is still in the table.
            Err(OperationError::UserUnknown(sub)) => sub,
            Err(error) => return Err(error.into()),
        }),
    };
    let filter = AuditFilter {
        since: moment(asked.since.as_deref(), at.now)?,
        until: moment(asked.until.as_deref(), at.now)?,
        event: asked.event,
        actor: asked.actor,
        target: asked.target,
        user,
        outcome: asked.outcome.map(Into::into),
    };
    let list = List {
        head: &[
            "POSITION", "TIME", "EVENT", "OUTCOME", "ACTOR", "TARGET", "FROM", "COUNT",
        ],
        json: asked.json,
        limit: asked.limit,
        shown,
        row,
    };
    list.print(
        async |page: &_| Ok(operations.audit_entries(&filter, page).await?),
        |entry| (entry.at, entry.id),
    )
    .await
}

/// An entry, for machines: these names stay.
fn shown(row: &AuditRow) -> Value {
    let unreadable = row.read().err();
    if let Some(column) = unreadable {
        eprintln!(
            "latchkey: entry {} of the audit table cannot be read: {column}",
            row.id
        );
    }
    let details = serde_json::from_str(&row.details);
    let target = row
        .target_kind
        .as_ref()
        .map(|kind| json!({ "kind": kind, "id": row.target, "name": row.target_name }));
    json!({
        "position": row.position, "id": row.id, "at": row.at, "time": utc(row.at), "event": row.event,
        "outcome": row.outcome, "actor": { "kind": row.actor_kind, "id": row.actor, "name": row.actor_name },
        "front_end": row.front_end, "address": row.address, "request_id": row.request_id, "target": target,
        "user": row.user_id, "count": row.count, "details": details.unwrap_or(Value::String(row.details.clone())),
        "hash": row.hash.as_deref().map(hex), "unreadable": unreadable,
    })
}

fn row(entry: &AuditRow) -> Vec<String> {
    let named = |name: &Option<String>, id: &Option<String>, kind: &str| {
        let called = name.as_ref().or(id.as_ref());
        called.cloned().unwrap_or_else(|| kind.to_owned())
    };
    let kind = entry.target_kind.as_deref().unwrap_or_default();
    let position = match entry.position {
        None => "not sealed".to_owned(),
        Some(position) if position < 1 => "not valid".to_owned(),
        Some(position) => position.to_string(),
    };
    let cells = [
        position,
        utc(entry.at),
        entry.event.clone(),
        entry.outcome.clone(),
        named(&entry.actor_name, &entry.actor, &entry.actor_kind),
        named(&entry.target_name, &entry.target, kind),
        entry.address.clone().unwrap_or_default(),
        entry.count.to_string(),
    ];
    cells.map(printable).to_vec()
}

async fn export(at: &At, since: Option<&str>, after: After, limit: Option<i64>) -> Result<()> {
    let operations = at.operations();
    refuse_another_chain(at, &after).await?;
    let since = moment(since, at.now)?;
    let is_wanted = |row: &&AuditRow| since.is_none_or(|since| row.at >= since);
    let (mut after, mut left) = (after.position, limit.unwrap_or(i64::MAX));
    while left > 0 {
        let rows = operations.audit_chain(after, PIECE).await?;
        let Some(last) = rows.last().and_then(|row| row.position) else {
            break;
        };
        for row in rows.iter().filter(is_wanted) {
            if left == 0 {
                break;
            }
            say!("{}", one_line(&shown(row).to_string()));
            left -= 1;
        }
        after = last;
    }
    Ok(())
}

/// Whoever goes on from a place that is not there any more would miss what took the places after it.
async fn refuse_another_chain(at: &At, after: &After) -> Result<()> {
    let After { position, hash } = *after;
    if position == 0 {
        return Ok(());
    }
    let key = ChainKey::derive(at.master.bytes());
    let place = at.operations().audit_place(&key, position).await?;
    if place == AuditPlace::Missing {
        bail!("the chain has no entry {position}: it was cut off, or an older copy was put back");
    }
    if hash.is_some_and(|hash| !place.can_be(&hash)) {
        bail!("entry {position} has another hash: it or one before it was replaced");
    }
    Ok(())
}

/// JSON has its control characters escaped; this does so with what else some readers take for the end of a line.
fn one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => line.push(c),
        }
    }
    line
}

fn checkpoints(file: &Path) -> Result<Vec<Checkpoint>> {
    let text = read_input(file)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let checkpoint = |line: &str| {
        let read = line.parse::<Checkpoint>();
        read.map_err(|error| anyhow::anyhow!("{}: {error}", input_name(file)))
    };
    lines.map(checkpoint).collect()
}

async fn verify(at: &At, held: &[Checkpoint], json: bool) -> Result<()> {
    let key = ChainKey::derive(at.master.bytes());
    let verdict = at.operations().verify_audit(&key, held).await?;
    let reached = verdict.reached.map(|reached| reached.to_string());
    let broken = verdict.broken;
    if json {
        let not_compared = verdict.not_compared.iter().map(Checkpoint::to_string);
        say!(
            "{}",
            json!({
                "intact": broken.is_none(), "entries": verdict.entries, "removed": verdict.removed, "unsealed": verdict.unsealed,
                "checkpoint": reached.as_ref().filter(|_| broken.is_none()), "not_compared": not_compared.collect::<Vec<_>>(),
                "broken_at": broken.map(|broken| broken.position), "damage": broken.map(|broken| word(broken.damage)),
                "further": verdict.further.iter().map(further).collect::<Vec<_>>(),
            })
        );
    } else if broken.is_none() {
        say_intact(&verdict, reached.as_deref());
    } else {
        for at in &verdict.further {
            eprintln!("latchkey: besides, {}", sentence(at.position, at.damage));
        }
    }
    match broken {
        None => Ok(()),
        Some(Break { position, damage }) => bail!(
            "the audit log is not intact: {}",
            sentence(position, damage)
        ),
    }
}

fn say_intact(verdict: &AuditVerdict, reached: Option<&str>) {
    let AuditVerdict {
        entries,
        removed,
        unsealed,
        ..
    } = verdict;
    say!("intact: {entries} entries, {removed} removed by age or bound, {unsealed} not sealed yet");
    for checkpoint in &verdict.not_compared {
        say!("not compared, its entries were removed: {checkpoint}");
    }
    if let Some(reached) = reached {
        say!("checkpoint {reached}");
    }
}

fn further(at: &Break) -> Value {
    json!({ "broken_at": at.position, "damage": word(at.damage) })
}

fn word(damage: Damage) -> &'static str {
    match damage {
        Damage::Changed => "changed",
        Damage::Forged => "forged",
        Damage::Dropped => "dropped",
        Damage::ChangedBeforeRemoval => "changed before removal",
        Damage::Parted => "replaced before removed entries",
        Damage::Misplaced => "misplaced",
        Damage::CutOff => "cut off",
        Damage::Replaced => "replaced",
    }
}

fn sentence(position: i64, damage: Damage) -> String {
    match damage {
        Damage::Changed => format!("entry {position} was changed, or moved from another place"),
        Damage::Forged => {
            format!("entry {position} was put there by somebody without the master key")
        }
        Damage::Dropped => format!("entry {position} was dropped"),
        Damage::ChangedBeforeRemoval => {
            format!("entry {position} had been changed when it was removed by age or bound")
        }
        Damage::Parted => format!(
            "entry {} or one before it was replaced: what was removed from {position} on followed another one",
            position - 1
        ),
        Damage::Misplaced => {
            format!("an entry was given the position {position}, which none can have")
        }
        Damage::CutOff => {
            format!("it was cut off: entry {position} and those after it are missing")
        }
        Damage::Replaced => format!(
            "entry {position} or one before it was replaced since the checkpoint of that position was taken"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_value_ends_a_line_or_reaches_the_terminal() {
        let value = json!({ "a": "x\n\r\u{2028}\u{85}\u{1b}[2J" });
        let line = one_line(&value.to_string());
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        assert_eq!(printable("a\u{1b}[2Jb\n".into()), "a\u{fffd}[2Jb\u{fffd}");
    }
}
