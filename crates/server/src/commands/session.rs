//! `latchkey session`.

use anyhow::Result;
use latchkey_operations::ListedSession;
use serde_json::{Value, json};

use super::{
    at::At,
    print::{print_table, say, utc},
};
use crate::cli::SessionCommand;

pub async fn run(at: At, command: SessionCommand) -> Result<()> {
    match command {
        SessionCommand::List { user, json } => list(&at, user.as_deref(), json).await,
        SessionCommand::End { id } => end(&at, &id).await,
    }
}

async fn list(at: &At, login: Option<&str>, json: bool) -> Result<()> {
    let sessions = at.operations().sessions(login).await?;
    if json {
        say!("{}", sessions.iter().map(shown).collect::<Value>());
        return Ok(());
    }
    print_table(
        &["SESSION", "USER", "SIGNED IN", "EXPIRES"],
        &sessions.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

fn shown(ListedSession { session, username }: &ListedSession) -> Value {
    json!({
        "id": session.id, "user": username, "sub": session.user_id, "auth_time": session.auth_time,
        "created_at": session.created_at, "last_used_at": session.last_used_at, "expires_at": session.expires_at,
        "ends_at": session.ends_at,
    })
}

fn row(ListedSession { session, username }: &ListedSession) -> Vec<String> {
    vec![
        session.id.clone(),
        username.clone(),
        utc(session.auth_time),
        utc(session.expires_at),
    ]
}

async fn end(at: &At, id: &str) -> Result<()> {
    at.operations().end_session(id).await?;
    say!("ended {id}");
    Ok(())
}
