//! `latchkey session`.

use std::time::Duration;

use anyhow::Result;
use latchkey_operations::ListedSession;
use latchkey_protocol::SessionId;
use latchkey_protocol::page::Page;
use serde_json::{Value, json};

use super::{
    at::At,
    delivery::wait_for_receipts,
    print::{List, say, utc},
};
use crate::cli::SessionCommand;

pub async fn run(at: At, command: SessionCommand) -> Result<()> {
    match command {
        SessionCommand::List { user, limit, json } => list(&at, user.as_deref(), limit, json).await,
        SessionCommand::End {
            id,
            wait,
            timeout,
            json,
        } => end(&at, &id, wait.then_some(timeout), json).await,
    }
}

async fn list(at: &At, login: Option<&str>, limit: Option<i64>, json: bool) -> Result<()> {
    let list = List {
        head: &["SESSION", "USER", "SIGNED IN", "EXPIRES"],
        json,
        limit,
        shown,
        row,
    };
    let operations = at.operations();
    list.print(
        async |page: &Page<_>| Ok(operations.sessions(login, page).await?),
        |ListedSession { session, .. }| (session.created_at, session.id.clone().into_string()),
    )
    .await
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
        session.id.clone().into_string(),
        username.clone(),
        utc(session.auth_time),
        utc(session.expires_at),
    ]
}

/// `wait`: for the receipts of its clients, so long at most.
async fn end(at: &At, id: &str, wait: Option<Duration>, json: bool) -> Result<()> {
    let session = SessionId::new(id);
    at.operations().end_session(&session).await?;
    match (wait, json) {
        (Some(most), json) => {
            if !json {
                say!("ended {id}");
            }
            wait_for_receipts(at, &session, most, json).await
        }
        (None, true) => {
            say!("{}", json!({ "ended": session }));
            Ok(())
        }
        (None, false) => {
            say!("ended {id}");
            Ok(())
        }
    }
}
