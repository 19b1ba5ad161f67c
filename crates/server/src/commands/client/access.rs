//! `latchkey client access`: who may use a client, and why.

use anyhow::Result;
use latchkey_operations::UserAccess;
use latchkey_protocol::{access::AccessGround, page::Page};
use serde_json::{Value, json};

use crate::commands::{at::At, print::List};

pub async fn list(at: &At, id: &str, limit: Option<i64>, json: bool) -> Result<()> {
    let list = List {
        head: &["USER", "EMAIL", "STATE", "BECAUSE", "SUBJECT"],
        json,
        limit,
        shown,
        row,
    };
    list.print(
        async |page: &Page<_>| piece(at, id, page).await,
        |access| access.user.username.clone(),
    )
    .await
}

/// As many as the page wants, however many have to be looked at.
async fn piece(at: &At, id: &str, page: &Page<String>) -> Result<Vec<UserAccess>> {
    let operations = at.operations();
    let mut found = Vec::new();
    let mut page = page.clone();
    loop {
        let more = operations.client_access(id, &page).await?;
        page.limit -= i64::try_from(more.users.len())?;
        found.extend(more.users);
        page.after = more.next;
        if page.limit <= 0 || page.after.is_none() {
            return Ok(found);
        }
    }
}

fn shown(access: &UserAccess) -> Value {
    let user = &access.user;
    json!({
        "sub": user.id, "username": user.username, "email": user.email, "disabled": user.disabled_at.is_some(),
        "because": access.grounds,
    })
}

fn row(access: &UserAccess) -> Vec<String> {
    let user = &access.user;
    let because: Vec<_> = access.grounds.iter().map(because).collect();
    let state = if user.disabled_at.is_some() {
        "disabled"
    } else {
        "enabled"
    };
    vec![
        user.username.clone(),
        user.email.clone().unwrap_or_default(),
        state.to_owned(),
        because.join(", "),
        user.id.to_string(),
    ]
}

fn because(ground: &AccessGround) -> String {
    match ground {
        AccessGround::Everyone => "everyone".to_owned(),
        AccessGround::Group(name) => format!("group {name}"),
        AccessGround::Role(name) => format!("role {name}"),
        AccessGround::User => "named".to_owned(),
    }
}
