use anyhow::{Result, bail};
use latchkey_jose::KeyState;
use serde_json::{Value, json};

use super::{At, print_table, utc};
use crate::{
    cli::KeyCommand,
    wiring::{new_key, open_keys},
};

/// Between a node reading the keys and a cache reading it, in seconds.
const MARGIN: i64 = 60;

pub async fn run(at: At, command: KeyCommand) -> Result<()> {
    let (master, ring) = open_keys(&*at.store, &at.settings.keys_dir, at.now).await?;
    match command {
        KeyCommand::List { json } => {
            let states = ring.states(at.now);
            if json {
                let all: Value = states
                    .iter()
                    .map(|(k, state)| {
                        json!({
                            "kid": k.key.kid(), "state": state, "created_at": k.created_at,
                            "activates_at": k.activates_at, "retires_at": k.retires_at,
                        })
                    })
                    .collect();
                println!("{all}");
                return Ok(());
            }
            let row = |(k, state): &(&latchkey_jose::RingKey, KeyState)| {
                let state = format!("{state:?}").to_lowercase();
                vec![
                    k.key.kid().to_owned(),
                    state,
                    utc(k.created_at),
                    utc(k.activates_at),
                    k.retires_at.map(utc).unwrap_or_default(),
                ]
            };
            print_table(
                &["KID", "STATE", "CREATED", "SIGNS FROM", "RETIRES"],
                &states.iter().map(row).collect::<Vec<_>>(),
            );
        }
        KeyCommand::Rotate { now, json } => {
            let activates = if now { at.now } else { at.now + at.settings.announce };
            let key = new_key(&master, at.now, activates)?;
            // The old key stays published until the last token it signed has expired.
            let l = &at.settings.lifetimes;
            let longest = l.access_token.max(l.id_token).max(l.refresh_idle.min(l.refresh_token));
            at.store.rotate_key(&key, activates + longest + MARGIN).await?;
            if json {
                println!("{}", json!({ "kid": key.kid, "activates_at": key.activates_at }));
            } else {
                println!("key {} is published and signs from {}", key.kid, utc(key.activates_at));
            }
        }
        KeyCommand::Retire { kid } => {
            let states = ring.states(at.now);
            match states.iter().find(|(k, _)| k.key.kid() == kid) {
                None => bail!("there is no key {kid}; see latchkey key list"),
                Some((_, KeyState::Active)) => {
                    bail!("{kid} is the key that signs: run latchkey key rotate --now first")
                }
                Some((_, KeyState::Announced | KeyState::Retiring | KeyState::Retired)) => {}
            }
            at.store.retire_key(&kid, at.now).await?;
            println!("key {kid} is retired: what it signed is refused from now on");
        }
    }
    Ok(())
}
