//! `latchkey key`.

use anyhow::Result;
use latchkey_operations::keys::{ListedKey, Takeover};
use latchkey_protocol::SigningAlgorithm;
use serde_json::{Value, json};

use super::{
    at::At,
    print::{done, print_table, say, utc},
};
use crate::cli::KeyCommand;

pub async fn run(at: At, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::List { json } => list(&at, json).await,
        KeyCommand::Rotate {
            now,
            algorithm,
            json,
        } => rotate(&at, now, algorithm.into(), json).await,
        KeyCommand::Retire { kid, json } => retire(&at, &kid, json).await,
    }
}

async fn list(at: &At, json: bool) -> Result<()> {
    let keys = at.operations().signing_keys(&at.ring).await?;
    if json {
        say!("{}", keys.iter().map(shown).collect::<Value>());
        return Ok(());
    }
    print_table(
        &[
            "KID",
            "ALGORITHM",
            "STATE",
            "CREATED",
            "SIGNS FROM",
            "RETIRES",
        ],
        &keys.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

fn shown(ListedKey { key, state }: &ListedKey) -> Value {
    json!({
        "kid": key.kid, "alg": key.algorithm, "state": state, "created_at": key.created_at,
        "activates_at": key.activates_at, "retires_at": key.retires_at,
    })
}

fn row(ListedKey { key, state }: &ListedKey) -> Vec<String> {
    vec![
        key.kid.clone(),
        key.algorithm.name().to_owned(),
        format!("{state:?}").to_lowercase(),
        utc(key.created_at),
        utc(key.activates_at),
        key.retires_at.map(utc).unwrap_or_default(),
    ]
}

async fn rotate(at: &At, now: bool, algorithm: SigningAlgorithm, json: bool) -> Result<()> {
    let takeover = if now {
        Takeover::Now
    } else {
        Takeover::Announced(at.settings.announce)
    };
    let operations = at.operations();
    let key = operations
        .rotate_key(&at.master, algorithm, takeover, &at.settings.lifetimes)
        .await?;
    if json {
        say!(
            "{}",
            json!({ "kid": key.kid, "activates_at": key.activates_at })
        );
    } else {
        say!(
            "key {} is published and signs from {}",
            key.kid,
            utc(key.activates_at)
        );
    }
    Ok(())
}

async fn retire(at: &At, kid: &str, json: bool) -> Result<()> {
    at.operations().retire_key(&at.ring, kid).await?;
    let sentence = format!(
        "key {kid} is retired: what it signed is refused from now on, and nobody can sign with it again"
    );
    done(json, &json!({ "kid": kid }), &sentence);
    Ok(())
}
