//! `latchkey user`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use latchkey_operations::{EndedSessions, NewUser};
use latchkey_protocol::{
    claims::check_claims,
    field_error::FieldErrors,
    page::Page,
    profile::ProfileChange,
    store::LastAdministrator,
    user::User,
    user_list::{ListedUser, UserPage, UserQuery},
};
use serde_json::{Map, Value, json};

use super::{
    at::At,
    delivery::{Ended, wait_for_receipts},
    input::{input_name, read_input, read_json},
    print::{List, done, say, utc},
    user_identities,
};
use crate::{
    cli::{UserCommand, UserCreate, UserUpdate},
    wiring::password_key,
};

pub async fn run(at: At, command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Create(new) => create(&at, new).await,
        UserCommand::List {
            search,
            sort,
            limit,
            json,
        } => {
            let query = UserQuery::new(search.as_deref().unwrap_or_default(), sort.into());
            list(&at, &query, limit, json).await
        }
        UserCommand::Show { username, json } => show(&at, &username, json).await,
        UserCommand::Update(change) => update(&at, change).await,
        UserCommand::Disable {
            username,
            force,
            json,
        } => disable(&at, &username, last(force), json).await,
        UserCommand::Enable { username, json } => enable(&at, &username, json).await,
        UserCommand::Delete {
            username,
            force,
            json,
        } => delete(&at, &username, last(force), json).await,
        UserCommand::SetPassword { username, json, .. } => set_password(&at, &username, json).await,
        UserCommand::Identities { username, json } => {
            user_identities::list(&at, &username, json).await
        }
        UserCommand::Link {
            username,
            upstream,
            subject,
            issuer,
            json,
        } => {
            let whom = (username.as_str(), upstream.as_str(), subject.as_str());
            user_identities::link(&at, whom, issuer.as_deref(), json).await
        }
        UserCommand::Unlink {
            username,
            upstream,
            subject,
            force,
            json,
        } => {
            let whom = (username.as_str(), upstream.as_str(), subject.as_str());
            user_identities::unlink(&at, whom, force, json).await
        }
        UserCommand::EndSessions {
            username,
            wait,
            timeout,
            json,
        } => end_sessions(&at, &username, wait.then_some(timeout), json).await,
    }
}

/// What becomes of the last administrator.
fn last(force: bool) -> LastAdministrator {
    if force {
        LastAdministrator::MayGo
    } else {
        LastAdministrator::Stays
    }
}

async fn create(at: &At, given: UserCreate) -> Result<()> {
    let json = given.json;
    let new = new_user(given)?;
    let key = password_key(&at.master);
    let user = at.operations().create_user(&key, new).await?;
    if json {
        say!("{}", described(&user))
    } else {
        say!("created {} with the subject {}", user.username, user.id)
    }
    if user.password_hash.is_none() {
        eprintln!(
            "latchkey: {0} has no password yet and cannot sign in; give one with: latchkey user set-password {0} --password-stdin",
            user.username
        );
    }
    Ok(())
}

async fn show(at: &At, login: &str, json: bool) -> Result<()> {
    let operations = at.operations();
    let user = operations.user(login).await?;
    let last_sign_in_at = operations.last_sign_in(&user.id).await?;
    let shown = shown(&ListedUser {
        user,
        last_sign_in_at,
    });
    if json {
        say!("{shown}")
    } else {
        say!("{shown:#}")
    }
    Ok(())
}

async fn update(at: &At, given: UserUpdate) -> Result<()> {
    let (login, last) = (given.username.clone(), last(given.force));
    let json = given.json;
    let change = profile_change(given)?;
    let operations = at.operations();
    let user = operations.update_user(&login, &change, last).await?;
    done(json, &described(&user), &format!("updated {login}"));
    Ok(())
}

async fn disable(at: &At, login: &str, last: LastAdministrator, json: bool) -> Result<()> {
    let ended = at.operations().disable_user(login, last).await?;
    let sentence = format!("disabled {login}; {} sessions ended", ended.sessions);
    done(json, &with_ended(&ended), &sentence);
    Ok(())
}

async fn enable(at: &At, login: &str, json: bool) -> Result<()> {
    let user = at.operations().enable_user(login).await?;
    done(json, &described(&user), &format!("enabled {login}"));
    Ok(())
}

async fn delete(at: &At, login: &str, last: LastAdministrator, json: bool) -> Result<()> {
    let user = at.operations().delete_user(login, last).await?;
    let gone = json!({ "sub": user.id, "username": user.username });
    done(json, &gone, &format!("deleted {login}"));
    Ok(())
}

async fn set_password(at: &At, login: &str, json: bool) -> Result<()> {
    let key = password_key(&at.master);
    let password = read_password()?;
    let operations = at.operations();
    let ended = operations.set_password(&key, login, &password).await?;
    let count = ended.sessions;
    let sentence = format!("set a new password for {login}; {count} sessions ended");
    done(json, &with_ended(&ended), &sentence);
    Ok(())
}

/// `wait`: for the receipts of their clients, so long at most.
async fn end_sessions(at: &At, login: &str, wait: Option<Duration>, json: bool) -> Result<()> {
    let of = Ended::user(at, login).await?;
    let EndedSessions { sessions, .. } = at.operations().end_sessions(login).await?;
    if !json {
        say!("ended {sessions} sessions of {login}");
    }
    let ended = json!({ "user": login, "ended": sessions });
    match wait {
        Some(most) => wait_for_receipts(at, &of, ended, most, json).await?,
        None if json => say!("{ended}"),
        None => {}
    }
    Ok(())
}

/// Standard input can be read once.
fn check_standard_input(given: &UserCreate) -> Result<()> {
    let stdin = Some(Path::new("-"));
    let files = [given.claims.as_deref(), given.attributes.as_deref()];
    let piped = files.iter().filter(|file| **file == stdin).count();
    if piped + usize::from(given.password_stdin) > 1 {
        bail!(
            "claims, attributes or a password: two of them both come from standard input; name a file"
        );
    }
    Ok(())
}

fn new_user(given: UserCreate) -> Result<NewUser> {
    check_standard_input(&given)?;
    let mut claims = read_claims(given.claims)?.unwrap_or_default();
    claims.extend(given.set);
    let mut attributes = read_object(given.attributes, "attributes")?.unwrap_or_default();
    attributes.extend(given.set_attributes);
    let password = given.password_stdin.then(read_password).transpose()?;
    Ok(NewUser {
        username: given.username,
        id: None,
        email: given.email,
        email_unverified: given.email_unverified,
        name: given.name,
        roles: given.roles,
        groups: given.groups,
        claims,
        attributes,
        password,
    })
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
    let faults = claims.as_ref().map(check_claims).unwrap_or_default();
    if let (Some(name), Err(faults)) = (name, FieldErrors::check(faults)) {
        bail!("{name}: {faults}");
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

fn described(user: &User) -> Value {
    json!({
        "sub": user.id, "username": user.username, "email": user.email, "name": user.name, "roles": user.roles,
        "groups": user.groups, "claims": user.claims, "attributes": user.attributes, "disabled": user.disabled_at.is_some(),
        "has_password": user.password_hash.is_some(), "created_at": user.created_at, "updated_at": user.updated_at,
    })
}

fn with_ended(EndedSessions { user, sessions }: &EndedSessions) -> Value {
    json!({ "user": described(user), "sessions_ended": sessions })
}

fn shown(listed: &ListedUser) -> Value {
    let mut shown = described(&listed.user);
    shown["last_sign_in_at"] = json!(listed.last_sign_in_at);
    shown
}

async fn list(at: &At, query: &UserQuery, limit: Option<i64>, json: bool) -> Result<()> {
    let list = List {
        head: &[
            "USER",
            "EMAIL",
            "ROLES",
            "STATE",
            "CREATED",
            "SIGNED IN",
            "SUBJECT",
        ],
        json,
        limit,
        shown,
        row,
    };
    let operations = at.operations();
    list.print_pieces(async |page: &Page<_>| {
        let UserPage { users, next } = operations.users(query, page).await?;
        Ok((users, next))
    })
    .await
}

fn row(listed: &ListedUser) -> Vec<String> {
    let user = &listed.user;
    let state = if user.disabled_at.is_some() {
        "disabled"
    } else {
        "enabled"
    };
    vec![
        user.username.clone(),
        user.email.clone().unwrap_or_default(),
        user.roles.join(","),
        state.to_owned(),
        utc(user.created_at),
        listed.last_sign_in_at.map_or("never".to_owned(), utc),
        user.id.clone().into_string(),
    ]
}
