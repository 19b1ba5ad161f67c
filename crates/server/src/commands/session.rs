use anyhow::{Result, bail};
use latchkey_protocol::session::Session;
use serde_json::{Value, json};

use super::{At, print::say, print_table, user, utc};
use crate::cli::SessionCommand;

pub async fn run(at: At, command: SessionCommand) -> Result<()> {
    match command {
        SessionCommand::List { user, json } => {
            let owner = match &user {
                Some(name) => Some(user::find(&*at.store, name).await?.id),
                None => None,
            };
            let mut sessions = at.store.sessions(owner.as_deref()).await?;
            sessions.retain(|s| s.expires_at > at.now);
            let mut names = std::collections::BTreeMap::new();
            for user in at.store.users().await? {
                names.insert(user.id, user.username);
            }
            let name = |s: &Session| {
                names
                    .get(&s.user_id)
                    .cloned()
                    .unwrap_or_else(|| s.user_id.clone())
            };
            if json {
                let shown = |s: &Session| json!({ "id": s.id, "user": name(s), "sub": s.user_id, "auth_time": s.auth_time, "created_at": s.created_at, "last_used_at": s.last_used_at, "expires_at": s.expires_at, "ends_at": s.ends_at });
                say!("{}", sessions.iter().map(shown).collect::<Value>());
                return Ok(());
            }
            let row =
                |s: &Session| vec![s.id.clone(), name(s), utc(s.auth_time), utc(s.expires_at)];
            print_table(
                &["SESSION", "USER", "SIGNED IN", "EXPIRES"],
                &sessions.iter().map(row).collect::<Vec<_>>(),
            );
        }
        SessionCommand::End { id } => {
            if at.store.end_session(&id, true, at.now).await? {
                at.note("session end", &id).await;
                say!("ended {id}");
                return Ok(());
            }
            // ID tokens and log lines still name it after a new sign-in has taken its place.
            let Some(ended) = at.store.end_session_of(&id, None, true, at.now).await? else {
                bail!("there is no session {id}; see latchkey session list");
            };
            at.note("session end", &ended.id).await;
            say!("ended {}, which carried on {id}", ended.id);
        }
    }
    Ok(())
}
