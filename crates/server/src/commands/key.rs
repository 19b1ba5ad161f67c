use anyhow::{Result, bail};
use latchkey_jose::KeyState;
use latchkey_protocol::{rotation::published_after, store::StoredKey};
use serde_json::{Value, json};

use super::{At, print::say, print_table, utc};
use crate::{cli::KeyCommand, wiring::new_key};

pub async fn run(at: At, command: KeyCommand) -> Result<()> {
    let (master, ring) = (&at.master, &at.ring);
    match command {
        KeyCommand::List { json } => {
            let states = ring.states(at.now);
            let keys = at.store.signing_keys().await?;
            // A key whose private half has been forgotten is no longer in the ring.
            let state = |kid: &str| {
                states
                    .iter()
                    .find(|(k, _)| k.key.kid() == kid)
                    .map_or(KeyState::Retired, |(_, state)| *state)
            };
            if json {
                let all: Value = keys
                    .iter()
                    .map(|k| {
                        json!({
                            "kid": k.kid, "state": state(&k.kid), "created_at": k.created_at,
                            "activates_at": k.activates_at, "retires_at": k.retires_at,
                        })
                    })
                    .collect();
                say!("{all}");
                return Ok(());
            }
            let row = |k: &StoredKey| {
                vec![
                    k.kid.clone(),
                    format!("{:?}", state(&k.kid)).to_lowercase(),
                    utc(k.created_at),
                    utc(k.activates_at),
                    k.retires_at.map(utc).unwrap_or_default(),
                ]
            };
            print_table(
                &["KID", "STATE", "CREATED", "SIGNS FROM", "RETIRES"],
                &keys.iter().map(row).collect::<Vec<_>>(),
            );
        }
        KeyCommand::Rotate { now, json } => {
            let activates = if now {
                at.now
            } else {
                at.now + at.settings.announce
            };
            let key = new_key(master, at.now, activates)?;
            at.store
                .rotate_key(&key, activates + published_after(&at.settings.lifetimes))
                .await?;
            at.note(
                if now {
                    "key rotate --now"
                } else {
                    "key rotate"
                },
                &key.kid,
            )
            .await;
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
        }
        KeyCommand::Retire { kid } => {
            let states = ring.states(at.now);
            let signs = states
                .iter()
                .any(|(k, state)| k.key.kid() == kid && *state == KeyState::Active);
            if !at.store.signing_keys().await?.iter().any(|k| k.kid == kid) {
                bail!("there is no key {kid}; see latchkey key list");
            }
            if signs || !at.store.retire_key(&kid, at.now).await? {
                bail!("{kid} is the key that signs: run latchkey key rotate --now first");
            }
            at.note("key retire", &kid).await;
            say!(
                "key {kid} is retired: what it signed is refused from now on, and nobody can sign with it again"
            );
        }
    }
    Ok(())
}
