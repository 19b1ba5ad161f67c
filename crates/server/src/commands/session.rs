//! `latchkey session`.

mod many;

use std::time::Duration;

use anyhow::Result;
use latchkey_operations::{OperationError, SessionTrace};
use latchkey_protocol::{
    ClientId, SessionId, Timestamp,
    bulk_end::BulkEnd,
    device::{Family, System},
    page::Page,
    session::{ListedSession, Session, SessionClient},
};
use serde_json::{Value, json};

use super::{
    at::At,
    delivery::{self, Ended, wait_for_receipts},
    print::{List, print_table, printable, say, utc},
};
use crate::cli::SessionCommand;

pub async fn run(at: At, command: SessionCommand) -> Result<()> {
    match command {
        SessionCommand::List {
            user,
            client,
            limit,
            json,
        } => list(&at, (user.as_deref(), client), limit, json).await,
        SessionCommand::Show { id, json } => show(&at, &SessionId::new(id), json).await,
        SessionCommand::Ends { json } => ends(&at, json).await,
        SessionCommand::End(asked) => {
            let (wait, json) = (asked.wait.then_some(asked.timeout), asked.json);
            match asked.id {
                Some(id) => end(&at, &id, wait, json).await,
                None => many::end(&at, asked.client, wait, json).await,
            }
        }
    }
}

/// `of`: of a user, of a client, of both, or all.
async fn list(
    at: &At,
    of: (Option<&str>, Option<String>),
    limit: Option<i64>,
    json: bool,
) -> Result<()> {
    let list = List {
        head: &["SESSION", "USER", "BROWSER", "FROM", "SIGNED IN", "EXPIRES"],
        json,
        limit,
        shown,
        row,
    };
    let operations = at.operations();
    let client = of.1.map(ClientId::new);
    if let (None, Some(client)) = (of.0, &client) {
        let read = async |page: &Page<_>| Ok(operations.client_sessions(client, page).await?);
        return list.print_pieces(read).await;
    }
    list.print(
        async |page: &Page<_>| {
            Ok(match (of.0, &client) {
                (Some(user), Some(client)) => {
                    operations.user_client_sessions(user, client, page).await
                }
                (user, _) => operations.sessions(user, page).await,
            }?)
        },
        |ListedSession { session, .. }| (session.created_at, session.id.clone().into_string()),
    )
    .await
}

fn shown(listed: &ListedSession) -> Value {
    let ListedSession {
        session,
        username,
        is_ended,
    } = listed;
    json!({
        "id": session.id, "user": username, "sub": session.user_id, "auth_time": session.auth_time,
        "created_at": session.created_at, "last_used_at": session.last_used_at, "expires_at": session.expires_at,
        "ends_at": session.ends_at, "browser": session.device.family.map(Family::word), "system": session.device.system.map(System::word),
        "address": session.address, "ended": is_ended,
    })
}

fn row(listed: &ListedSession) -> Vec<String> {
    let ListedSession {
        session,
        username,
        is_ended,
    } = listed;
    vec![
        session.id.clone().into_string(),
        username.clone(),
        session.device.name(),
        session
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        utc(session.auth_time),
        match is_ended {
            true => "ended".to_owned(),
            false => utc(session.expires_at),
        },
    ]
}

async fn show(at: &At, id: &SessionId, json: bool) -> Result<()> {
    let trace = at.operations().session_trace(id).await?;
    if trace.is_empty() {
        return Err(OperationError::SessionUnknown(id.clone()).into());
    }
    if json {
        say!("{}", shown_trace(id, &trace));
    } else {
        print_trace(id, &trace);
    }
    Ok(())
}

/// With the names of the administration API.
fn shown_trace(id: &SessionId, trace: &SessionTrace) -> Value {
    let live = trace.session.clone().zip(trace.user.as_ref());
    let live = live.map(|(session, user)| {
        shown(&ListedSession {
            session,
            username: user.username.clone(),
            is_ended: false,
        })
    });
    let client =
        |client: &SessionClient| json!({ "client_id": client.client_id, "since": client.since });
    json!({
        "id": id, "session": live, "clients": trace.clients.iter().map(client).collect::<Value>(),
        "receipts": trace.receipts.iter().map(delivery::shown).collect::<Value>(),
    })
}

/// What is known of the session itself.
fn facts(trace: &SessionTrace) -> [(&'static str, String); 6] {
    let user = trace.user.as_ref().map(|user| user.username.clone());
    let session = trace.session.as_ref();
    let moment = |of: fn(&Session) -> Timestamp| session.map(|s| utc(of(s))).unwrap_or_default();
    let browser = session.map(|session| session.device.name());
    [
        ("user", user.unwrap_or_default()),
        ("browser", browser.unwrap_or_default()),
        ("from", trace.address().unwrap_or_default()),
        ("signed in", moment(|session| session.auth_time)),
        ("last used", moment(|session| session.last_used_at)),
        ("expires", moment(|session| session.expires_at)),
    ]
}

fn print_trace(id: &SessionId, trace: &SessionTrace) {
    let state = trace.session.as_ref().map_or("ended", |_| "live");
    say!("session {id}, {state}");
    for (name, text) in facts(trace)
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
    {
        say!("  {name:<9}  {}", printable(text));
    }
    let signed_in = |client: &SessionClient| vec![client.client_id.to_string(), utc(client.since)];
    let clients: Vec<_> = trace.clients.iter().map(signed_in).collect();
    print_table(&["CLIENT", "SINCE"], &clients);
    if !trace.receipts.is_empty() {
        let rows: Vec<_> = trace.receipts.iter().map(delivery::row).collect();
        print_table(delivery::HEAD, &rows);
    }
}

async fn ends(at: &At, json: bool) -> Result<()> {
    let ends = at.operations().bulk_ends().await?;
    if json {
        say!("{}", ends.iter().map(shown_end).collect::<Value>());
        return Ok(());
    }
    let row = |end: &BulkEnd| {
        let client = end.client_id.as_ref().map(ToString::to_string);
        vec![
            end.id.to_string(),
            printable(client.unwrap_or_else(|| "(all)".to_owned())),
            utc(end.begun_at),
            end.ended.to_string(),
            end.done_at.map(utc).unwrap_or_default(),
        ]
    };
    print_table(
        &["ID", "CLIENT", "BEGUN", "ENDED", "DONE"],
        &ends.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

/// With the names of the administration API.
fn shown_end(end: &BulkEnd) -> Value {
    json!({
        "id": end.id, "client_id": end.client_id, "begun_at": end.begun_at, "ended": end.ended, "done_at": end.done_at,
    })
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
            let ended = json!({ "ended": session });
            wait_for_receipts(at, &Ended::Session(&session), ended, most, json).await
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
