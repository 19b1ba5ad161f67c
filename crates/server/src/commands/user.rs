use std::path::PathBuf;

use anyhow::{Result, bail};
use latchkey_protocol::{Entropy, Store, Timestamp, claims::check_claims, secret::new_id, user::User};
use serde_json::{Map, Value, json};

use super::{At, print_table, read_input, read_json, utc};
use crate::{cli::UserCommand, wiring::OsEntropy};

/// A person to be added.
#[derive(Debug, Default)]
pub struct NewUser {
    pub username: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub claims: Map<String, Value>,
    pub password: Option<String>,
}

pub async fn run(at: At, command: UserCommand) -> Result<()> {
    let store = &*at.store;
    match command {
        UserCommand::Create { username, email, name, roles, groups, claims, password_stdin, json } => {
            let claims = read_claims(claims)?;
            let password = if password_stdin { Some(read_password()?) } else { None };
            let new = NewUser { username, email, name, roles, groups, claims, password };
            let user = create(store, new, at.now, &OsEntropy).await?;
            if json {
                println!("{}", show(&user))
            } else {
                println!("created {} with the subject {}", user.username, user.id)
            }
        }
        UserCommand::List { json } => list(&store.users().await?, json),
        UserCommand::Show { username, json } => {
            let user = find(store, &username).await?;
            if json { println!("{}", show(&user)) } else { println!("{:#}", show(&user)) }
        }
        UserCommand::Update { username, email, name, roles, groups, claims } => {
            let mut user = find(store, &username).await?;
            user.email = email.or(user.email);
            user.name = name.or(user.name);
            user.roles = roles.unwrap_or(user.roles);
            user.groups = groups.unwrap_or(user.groups);
            if claims.is_some() {
                user.claims = read_claims(claims)?;
            }
            change(store, user, at.now).await?;
            println!("updated {username}");
        }
        UserCommand::Disable { username } => {
            let mut user = find(store, &username).await?;
            user.disabled_at = Some(at.now);
            let id = user.id.clone();
            change(store, user, at.now).await?;
            let ended = store.end_user(&id, at.now).await?;
            println!("disabled {username}; {ended} sessions ended");
        }
        UserCommand::Enable { username } => {
            let mut user = find(store, &username).await?;
            user.disabled_at = None;
            change(store, user, at.now).await?;
            println!("enabled {username}");
        }
        UserCommand::Delete { username } => {
            let user = find(store, &username).await?;
            store.delete_user(&user.id).await?;
            println!("deleted {username}");
        }
        UserCommand::SetPassword { username, password_stdin } => {
            if !password_stdin {
                bail!("the password comes from standard input: add --password-stdin");
            }
            let mut user = find(store, &username).await?;
            user.password_hash = Some(hash(&read_password()?)?);
            let id = user.id.clone();
            change(store, user, at.now).await?;
            // Whoever knew the old password is out.
            store.end_user(&id, at.now).await?;
            println!("set a new password for {username}");
        }
        UserCommand::EndSessions { username } => {
            let user = find(store, &username).await?;
            let ended = store.end_user(&user.id, at.now).await?;
            println!("ended {ended} sessions of {username}");
        }
    }
    Ok(())
}

/// Adds a person.
///
/// # Errors
/// When the name is taken or unfit, or a claim is wrong.
pub async fn create(store: &dyn Store, new: NewUser, now: Timestamp, entropy: &dyn Entropy) -> Result<User> {
    let username = new.username.trim().to_lowercase();
    if username.is_empty() || username.len() > 200 || username.chars().any(|c| c.is_control() || c.is_whitespace()) {
        bail!("{:?} is no user name: 1 to 200 characters without spaces", new.username);
    }
    if let Err(fault) = check_claims(&new.claims) {
        bail!("--claims: {fault}");
    }
    let password_hash = new.password.as_deref().map(hash).transpose()?;
    let user = User {
        id: new_id(now, entropy),
        username,
        email: new.email,
        name: new.name,
        password_hash,
        roles: new.roles,
        groups: new.groups,
        claims: new.claims,
        disabled_at: None,
        created_at: now,
        updated_at: now,
    };
    if !store.create_user(&user).await? {
        bail!("there is already somebody called {}", user.username);
    }
    Ok(user)
}

fn hash(password: &str) -> Result<String> {
    if password.is_empty() {
        bail!("the password is empty");
    }
    Ok(latchkey_ui::hash_password(password, &OsEntropy)?)
}

fn read_password() -> Result<String> {
    let text = read_input(std::path::Path::new("-"))?;
    Ok(text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text).to_owned())
}

fn read_claims(file: Option<PathBuf>) -> Result<Map<String, Value>> {
    let Some(file) = file else { return Ok(Map::new()) };
    let Value::Object(claims) = read_json(&file)? else { bail!("{}: claims are a JSON object", file.display()) };
    if let Err(fault) = check_claims(&claims) {
        bail!("{}: {fault}", file.display());
    }
    Ok(claims)
}

pub async fn find(store: &dyn Store, username: &str) -> Result<User> {
    match store.user_by_name(&username.trim().to_lowercase()).await? {
        Some(user) => Ok(user),
        None => bail!("there is nobody called {username}; see latchkey user list"),
    }
}

async fn change(store: &dyn Store, mut user: User, now: Timestamp) -> Result<()> {
    user.updated_at = now;
    if !store.update_user(&user).await? {
        bail!("{} was deleted meanwhile", user.username);
    }
    Ok(())
}

fn show(user: &User) -> Value {
    json!({
        "sub": user.id, "username": user.username, "email": user.email, "name": user.name, "roles": user.roles,
        "groups": user.groups, "claims": user.claims, "disabled": user.disabled_at.is_some(),
        "has_password": user.password_hash.is_some(), "created_at": user.created_at, "updated_at": user.updated_at,
    })
}

fn list(users: &[User], json: bool) {
    if json {
        println!("{}", users.iter().map(show).collect::<Value>());
        return;
    }
    let row = |user: &User| {
        let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
        let email = user.email.clone().unwrap_or_default();
        vec![
            user.username.clone(),
            email,
            user.roles.join(","),
            state.to_owned(),
            utc(user.created_at),
            user.id.clone(),
        ]
    };
    print_table(&["USER", "EMAIL", "ROLES", "STATE", "CREATED", "SUBJECT"], &users.iter().map(row).collect::<Vec<_>>());
}
