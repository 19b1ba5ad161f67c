use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use latchkey_operations::PasswordKey;
use latchkey_protocol::{
    Entropy, Store, Timestamp,
    claims::check_claims,
    names::{Login, username},
    passwords::check_new,
    profile::ProfileChange,
    secret::new_id,
    store::WriteOutcome,
    user::User,
};
use serde_json::{Map, Value, json};

use super::{At, input_name, print::say, print_table, read_input, read_json, utc};
use crate::{
    cli::{UserCommand, UserUpdate},
    wiring::{OsEntropy, password_key},
};

/// A user to be added.
#[derive(Debug, Default)]
pub struct NewUser {
    pub username: String,
    pub email: Option<String>,
    pub email_unverified: bool,
    pub name: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub claims: Map<String, Value>,
    pub attributes: Map<String, Value>,
    pub password: Option<String>,
}

pub async fn run(at: At, command: UserCommand) -> Result<()> {
    let store = &*at.store;
    match command {
        UserCommand::Create {
            username,
            email,
            email_unverified,
            name,
            roles,
            groups,
            claims,
            set,
            attributes,
            set_attributes,
            password_stdin,
            json,
        } => {
            let piped = [&claims, &attributes]
                .iter()
                .filter(|f| f.as_deref() == Some(Path::new("-")))
                .count();
            if piped + usize::from(password_stdin) > 1 {
                bail!(
                    "claims, attributes or a password: two of them both come from standard input; name a file"
                );
            }
            let mut claims = read_claims(claims)?.unwrap_or_default();
            claims.extend(set);
            let mut attributes = read_object(attributes, "attributes")?.unwrap_or_default();
            attributes.extend(set_attributes);
            let password = if password_stdin {
                Some(read_password()?)
            } else {
                None
            };
            let new = NewUser {
                username,
                email,
                email_unverified,
                name,
                roles,
                groups,
                claims,
                attributes,
                password,
            };
            let user = create(store, &password_key(&at.master), new, at.now, &OsEntropy).await?;
            at.note("user create", &user.username).await;
            if json {
                say!("{}", show(&user))
            } else {
                say!("created {} with the subject {}", user.username, user.id)
            }
            if user.password_hash.is_none() {
                eprintln!(
                    "latchkey: {0} has no password yet and cannot sign in; give one with: latchkey user set-password {0} --password-stdin",
                    user.username
                );
            }
        }
        UserCommand::List { json } => list(&store.users().await?, json),
        UserCommand::Show { username, json } => {
            let user = find(store, &username).await?;
            if json {
                say!("{}", show(&user))
            } else {
                say!("{:#}", show(&user))
            }
        }
        UserCommand::Update(change) => {
            let username = change.username.clone();
            let change = profile_change(change)?;
            update(store, &username, &change, at.now).await?;
            at.note("user update", &username).await;
            say!("updated {username}");
        }
        UserCommand::Disable { username } => {
            let user = find(store, &username).await?;
            let Some(ended) = store.disable_user(&user.id, at.now).await? else {
                return Err(gone(&username));
            };
            at.note("user disable", &username).await;
            say!("disabled {username}; {ended} sessions ended");
        }
        UserCommand::Enable { username } => {
            let user = find(store, &username).await?;
            if !store.enable_user(&user.id, at.now).await? {
                return Err(gone(&username));
            }
            at.note("user enable", &username).await;
            say!("enabled {username}");
        }
        UserCommand::Delete { username } => {
            let user = find(store, &username).await?;
            if !store.delete_user(&user.id).await? {
                return Err(gone(&username));
            }
            at.note("user delete", &username).await;
            say!("deleted {username}");
        }
        UserCommand::SetPassword {
            username,
            password_stdin: _,
        } => {
            // Read and hashed first: standard input may take its time, and nothing is decided on what was true before.
            let hash = hash(&password_key(&at.master), &read_password()?)?;
            let user = find(store, &username).await?;
            let Some(ended) = store.set_password(&user.id, &hash, at.now).await? else {
                return Err(gone(&username));
            };
            at.note("user set-password", &username).await;
            say!("set a new password for {username}; {ended} sessions ended");
        }
        UserCommand::EndSessions { username } => {
            let user = find(store, &username).await?;
            let ended = store.end_user(&user.id, at.now).await?;
            at.note("user end-sessions", &username).await;
            say!("ended {ended} sessions of {username}");
        }
    }
    Ok(())
}

/// Adds a user.
///
/// # Errors
/// When the name or the address is taken or unfit, or a claim is wrong.
pub async fn create(
    store: &dyn Store,
    key: &PasswordKey,
    new: NewUser,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<User> {
    let username = username(&new.username).map_err(anyhow::Error::msg)?;
    let password_hash = new
        .password
        .as_deref()
        .map(|password| hash(key, password))
        .transpose()?;
    let profile = ProfileChange {
        email: new.email.map(Some),
        email_unverified: new.email_unverified,
        name: new.name,
        roles: Some(new.roles),
        groups: Some(new.groups),
        replace_claims: Some(new.claims),
        replace_attributes: Some(new.attributes),
        ..ProfileChange::default()
    };
    let bare = User {
        id: new_id(now, entropy),
        username,
        email: None,
        name: None,
        password_hash,
        roles: Vec::new(),
        groups: Vec::new(),
        claims: Map::new(),
        attributes: Map::new(),
        disabled_at: None,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    let user = profile.apply(&bare, now).map_err(anyhow::Error::msg)?;
    match store.create_user(&user).await? {
        WriteOutcome::Done => Ok(user),
        refused => Err(taken(refused, &user)),
    }
}

/// Decides on what is there now; where somebody else changed it in between, again.
async fn update(
    store: &dyn Store,
    username: &str,
    change: &ProfileChange,
    now: Timestamp,
) -> Result<()> {
    const TRIES: usize = 10;
    for _ in 0..TRIES {
        let before = find(store, username).await?;
        let after = change.apply(&before, now).map_err(anyhow::Error::msg)?;
        match store.update_user_profile(&before, &after).await? {
            WriteOutcome::Done => return Ok(()),
            WriteOutcome::Changed => {}
            refused => return Err(taken(refused, &after)),
        }
    }
    bail!("{username} is being changed by others all the time; try again")
}

fn taken(written: WriteOutcome, user: &User) -> anyhow::Error {
    let (name, email) = (&user.username, user.email.as_deref().unwrap_or_default());
    anyhow::anyhow!(match written {
        WriteOutcome::NameTaken => format!("there is already somebody called {name}"),
        WriteOutcome::NameIsAddress =>
            format!("{name} is the email address of another user, who signs in with it"),
        WriteOutcome::AddressTaken =>
            format!("there is already somebody with the email address {email}"),
        WriteOutcome::AddressIsName =>
            format!("{email} is the user name of another user, who signs in with it"),
        WriteOutcome::Done | WriteOutcome::Changed => format!("{name} was changed meanwhile"),
    })
}

fn gone(username: &str) -> anyhow::Error {
    anyhow::anyhow!("{username} was deleted meanwhile")
}

fn profile_change(given: UserUpdate) -> Result<ProfileChange> {
    let list =
        |values: Option<Vec<String>>, none: bool| if none { Some(Vec::new()) } else { values };
    Ok(ProfileChange {
        email: if given.no_email {
            Some(None)
        } else {
            given.email.map(Some)
        },
        email_unverified: given.email_unverified,
        name: given.name,
        roles: list(given.roles, given.no_roles),
        groups: list(given.groups, given.no_groups),
        replace_claims: read_claims(given.claims)?,
        merge_claims: given.set.into_iter().collect(),
        replace_attributes: read_object(given.attributes, "attributes")?,
        merge_attributes: given.set_attributes.into_iter().collect(),
    })
}

fn hash(key: &PasswordKey, password: &str) -> Result<String> {
    check_new(password).map_err(anyhow::Error::msg)?;
    Ok(key.hash(password, &OsEntropy)?)
}

fn read_password() -> Result<String> {
    let text = read_input(Path::new("-"))?;
    Ok(text
        .strip_suffix('\n')
        .map(|t| t.strip_suffix('\r').unwrap_or(t))
        .unwrap_or(&text)
        .to_owned())
}

fn read_claims(file: Option<PathBuf>) -> Result<Option<Map<String, Value>>> {
    let name = file.as_deref().map(input_name);
    let claims = read_object(file, "claims")?;
    if let (Some(name), Some(Err(fault))) = (name, claims.as_ref().map(check_claims)) {
        bail!("{name}: {fault}");
    }
    Ok(claims)
}

fn read_object(file: Option<PathBuf>, what: &str) -> Result<Option<Map<String, Value>>> {
    let Some(file) = file else { return Ok(None) };
    let Value::Object(members) = read_json(&file)? else {
        bail!("{}: {what} are a JSON object", input_name(&file))
    };
    Ok(Some(members))
}

/// By name, or by email address.
pub async fn find(store: &dyn Store, username: &str) -> Result<User> {
    match store.user_by_login(&Login::new(username)).await? {
        Some(user) => Ok(user),
        None => bail!("there is nobody called {username}; see latchkey user list"),
    }
}

fn show(user: &User) -> Value {
    json!({
        "sub": user.id, "username": user.username, "email": user.email, "name": user.name, "roles": user.roles,
        "groups": user.groups, "claims": user.claims, "attributes": user.attributes, "disabled": user.disabled_at.is_some(),
        "has_password": user.password_hash.is_some(), "created_at": user.created_at, "updated_at": user.updated_at,
    })
}

fn list(users: &[User], json: bool) {
    if json {
        say!("{}", users.iter().map(show).collect::<Value>());
        return;
    }
    let row = |user: &User| {
        let state = if user.disabled_at.is_some() {
            "disabled"
        } else {
            "enabled"
        };
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
    print_table(
        &["USER", "EMAIL", "ROLES", "STATE", "CREATED", "SUBJECT"],
        &users.iter().map(row).collect::<Vec<_>>(),
    );
}
