//! Users: list, create, read, change, disable, delete; their sessions.

use latchkey_operations::{EndedSessions, NewUser, OperationError, Whom};
use latchkey_protocol::{UserId, profile::ProfileChange, store::LastAdministrator, user};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::user_password::hasher;
use crate::{
    answer::Answer,
    asked::Asked,
    condition::as_read,
    input::nullable,
    problem::{Kind, Problem},
};

/// A user.
#[derive(Serialize, JsonSchema)]
pub struct User {
    /// The subject: the user's id, which never changes and is given to nobody else.
    sub: String,
    /// The user name.
    username: String,
    /// The email address.
    email: Option<String>,
    /// The display name.
    name: Option<String>,
    /// `roles` of the user's tokens.
    roles: Vec<String>,
    /// `groups` of the user's tokens.
    groups: Vec<String>,
    /// OpenID Connect standard claims.
    claims: Map<String, Value>,
    /// What custom claims can be made of.
    attributes: Map<String, Value>,
    /// Whether the user may not sign in.
    disabled: bool,
    /// Whether the user has a password to sign in with.
    has_password: bool,
    /// In seconds since 1970.
    created_at: i64,
    /// In seconds since 1970.
    updated_at: i64,
}

impl User {
    pub fn of(user: user::User) -> Self {
        Self {
            sub: user.id.into_string(),
            username: user.username,
            email: user.email,
            name: user.name,
            roles: user.roles,
            groups: user.groups,
            claims: user.claims,
            attributes: user.attributes,
            disabled: user.disabled_at.is_some(),
            has_password: user.password_hash.is_some(),
            created_at: user.created_at.as_seconds(),
            updated_at: user.updated_at.as_seconds(),
        }
    }
}

/// What a caller can write of a user.
const WRITTEN: [&str; 6] = ["email", "name", "roles", "groups", "claims", "attributes"];

/// What only answers have.
fn answered(user: &user::User) -> Members {
    let shown = serde_json::to_value(User::of(user.clone()));
    let mut shown = shown.map_or_else(
        |_| Members::new(),
        |shown| match shown {
            Value::Object(members) => members,
            _ => Members::new(),
        },
    );
    shown.retain(|name, _| !WRITTEN.contains(&name.as_str()));
    shown
}

/// A user who was locked out of something, and how many sessions ended by it.
#[derive(Serialize, JsonSchema)]
pub struct UserWithEndedSessions {
    /// The user, as they are afterwards.
    user: User,
    /// How many sessions ended.
    sessions_ended: usize,
}

/// A user to be created.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserToCreate {
    /// The user name: letters, digits and ASCII signs, without spaces. It never changes.
    #[schemars(required)]
    username: String,
    /// The email address, which counts as verified unless `email_unverified` says otherwise.
    email: Option<String>,
    /// Nobody has proven yet that the address is the user's.
    email_unverified: bool,
    /// The display name.
    name: Option<String>,
    /// `roles` of the user's tokens. `admin` and `auditor` open the console.
    roles: Vec<String>,
    /// `groups` of the user's tokens.
    groups: Vec<String>,
    /// OpenID Connect standard claims.
    claims: Map<String, Value>,
    /// What custom claims can be made of.
    attributes: Map<String, Value>,
    /// Without one the user cannot sign in.
    password: Option<String>,
}

/// All that describes a user: what is left out is taken away. What only answers have may come back as it was read.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserToReplace {
    /// The email address.
    email: Option<String>,
    /// Nobody has proven yet that the address is the user's.
    email_unverified: bool,
    /// The display name.
    name: Option<String>,
    /// `roles` of the user's tokens.
    roles: Vec<String>,
    /// `groups` of the user's tokens.
    groups: Vec<String>,
    /// OpenID Connect standard claims.
    claims: Map<String, Value>,
    /// What custom claims can be made of.
    attributes: Map<String, Value>,
}

/// A change of what describes a user (RFC 7396): what is left out stays, null takes away. What only answers have may come
/// back as it was read.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// The email address, which counts as verified unless `email_unverified` says otherwise.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    email: Option<Option<String>>,
    /// Nobody has proven yet that the address is the user's.
    email_unverified: bool,
    /// The display name.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    name: Option<Option<String>>,
    /// These roles and no others.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Vec<String>>")]
    roles: Option<Option<Vec<String>>>,
    /// These groups and no others.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Vec<String>>")]
    groups: Option<Option<Vec<String>>>,
    /// These claims besides those that there are; null takes one away.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Map<String, Value>>")]
    claims: Option<Option<Map<String, Value>>>,
    /// These attributes besides those that there are; null takes one away.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Map<String, Value>>")]
    attributes: Option<Option<Map<String, Value>>>,
}

impl UserChange {
    fn into_change(self) -> ProfileChange {
        let (replace_claims, merge_claims) = merged(self.claims);
        let (replace_attributes, merge_attributes) = merged(self.attributes);
        ProfileChange {
            email: self.email,
            email_unverified: self.email_unverified,
            name: self.name.map(Option::unwrap_or_default),
            roles: self.roles.map(Option::unwrap_or_default),
            groups: self.groups.map(Option::unwrap_or_default),
            replace_claims,
            merge_claims,
            replace_attributes,
            merge_attributes,
        }
    }
}

type Members = Map<String, Value>;

/// Null takes all of them away.
fn merged(given: Option<Option<Members>>) -> (Option<Members>, Members) {
    match given {
        None => (None, Members::new()),
        Some(None) => (Some(Members::new()), Members::new()),
        Some(Some(members)) => (None, members),
    }
}

/// Its version. A subject is given to nobody else.
fn etag(user: &user::User) -> String {
    format!("\"{}\"", user.version)
}

fn shown(user: user::User) -> Result<Answer, Problem> {
    let etag = etag(&user);
    Ok(Answer::ok(&User::of(user))?.etag(etag))
}

pub fn ended(ended: EndedSessions) -> Result<Answer, Problem> {
    let etag = etag(&ended.user);
    let shown = UserWithEndedSessions {
        user: User::of(ended.user),
        sessions_ended: ended.sessions,
    };
    Ok(Answer::ok(&shown)?.etag(etag))
}

/// The user whose subject stands in the address.
pub async fn named(asked: &Asked<'_>) -> Result<user::User, Problem> {
    let sub = asked.part("sub");
    let found = asked.ui.store.user(&UserId::new(sub)).await?;
    found.ok_or_else(|| Problem::new(Kind::Missing, format!("there is no user {sub}")))
}

/// The user whom a name, an address or a subject names.
pub async fn whom(asked: &Asked<'_>, text: &str) -> Result<user::User, Problem> {
    match asked.operations().user(text).await {
        Err(unknown @ OperationError::UserUnknown(_)) => {
            let found = asked.ui.store.user(&UserId::new(text)).await?;
            found.ok_or_else(|| unknown.into())
        }
        found => Ok(found?),
    }
}

/// The subject of whom a text names; nobody's, it is a subject itself: who is gone is still in the log.
pub async fn subject(asked: &Asked<'_>, text: &str) -> Result<String, Problem> {
    match asked.operations().user(text).await {
        Ok(user) => Ok(user.id.into_string()),
        Err(OperationError::UserUnknown(sub)) => Ok(sub),
        Err(error) => Err(error.into()),
    }
}

/// `POST /users`.
pub async fn create(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: UserToCreate = asked.input(&["username"])?;
    let new = NewUser {
        username: given.username,
        id: None,
        email: given.email,
        email_unverified: given.email_unverified,
        name: given.name,
        roles: given.roles,
        groups: given.groups,
        claims: given.claims,
        attributes: given.attributes,
        password: given.password,
    };
    let user = asked.operations().create_user(hasher(asked), new).await?;
    let (at, etag) = (asked.at(&format!("/users/{}", user.id)), etag(&user));
    Ok(Answer::created(&User::of(user), at)?.etag(etag))
}

/// Whom something is done to: a user as the caller has read them, if they say how that was.
pub fn seen<'u>(asked: &Asked<'_>, user: &'u user::User) -> Result<Whom<'u>, Problem> {
    asked.matched_if_sent(&etag(user))?;
    Ok(match asked.names_versions() {
        true => Whom::Seen(user),
        false => Whom::Id(&user.id),
    })
}

/// `GET /users/{sub}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let user = named(asked).await?;
    asked.matched_if_sent(&etag(&user))?;
    shown(user)
}

/// `PATCH /users/{sub}`.
pub async fn update(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let change = |user: &user::User| {
        let change: UserChange = asked.change(&answered(user))?;
        Ok(change.into_change())
    };
    write(asked, change).await
}

/// `PUT /users/{sub}`.
pub async fn replace(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let change = |user: &user::User| {
        let given: UserToReplace = asked.change(&answered(user))?;
        Ok(ProfileChange {
            // One that stays keeps what was proven of it.
            email: (given.email != user.email).then_some(given.email),
            email_unverified: given.email_unverified,
            name: Some(given.name.unwrap_or_default()),
            roles: Some(given.roles),
            groups: Some(given.groups),
            replace_claims: Some(given.claims),
            replace_attributes: Some(given.attributes),
            ..ProfileChange::default()
        })
    };
    write(asked, change).await
}

async fn write(
    asked: &Asked<'_>,
    change: impl Fn(&user::User) -> Result<ProfileChange, Problem>,
) -> Result<Answer, Problem> {
    as_read(async || {
        let user = named(asked).await?;
        asked.matched(&etag(&user))?;
        let (operations, last) = (asked.operations(), LastAdministrator::Stays);
        let change = change(&user)?;
        shown(operations.update_user(&user, &change, last).await?)
    })
    .await
}

/// `DELETE /users/{sub}`.
pub async fn delete(asked: &Asked<'_>) -> Result<Answer, Problem> {
    as_read(async || {
        let user = named(asked).await?;
        asked.matched(&etag(&user))?;
        let last = LastAdministrator::Stays;
        asked.operations().delete_user(&user, last).await?;
        Ok(Answer::none())
    })
    .await
}

/// `POST /users/{sub}/disable`.
pub async fn disable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    as_read(async || {
        let user = named(asked).await?;
        let (whom, last) = (seen(asked, &user)?, LastAdministrator::Stays);
        ended(asked.operations().disable_user(whom, last).await?)
    })
    .await
}

/// `POST /users/{sub}/enable`.
pub async fn enable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    as_read(async || {
        let user = named(asked).await?;
        shown(asked.operations().enable_user(seen(asked, &user)?).await?)
    })
    .await
}

/// `POST /users/{sub}/end-sessions`. It leaves the record as it is.
pub async fn end_sessions(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    as_read(async || {
        let user = named(asked).await?;
        ended(asked.operations().end_sessions(seen(asked, &user)?).await?)
    })
    .await
}
