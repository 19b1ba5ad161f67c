//! The standard claims of users (OpenID Connect Core 5.1), and which scope gives them.

use serde_json::{Map, Value};

use super::{Custom, Place};
use crate::{ScopeSet, Subject, field_error::FieldError, user::User};

enum Kind {
    Text,
    Flag,
    Number,
    Object,
}

/// The standard claims (OpenID Connect Core 5.1), the scope that asks for each (5.4), and its type.
const STANDARD: [(&str, &str, Kind); 19] = [
    ("name", "profile", Kind::Text),
    ("family_name", "profile", Kind::Text),
    ("given_name", "profile", Kind::Text),
    ("middle_name", "profile", Kind::Text),
    ("nickname", "profile", Kind::Text),
    ("preferred_username", "profile", Kind::Text),
    ("profile", "profile", Kind::Text),
    ("picture", "profile", Kind::Text),
    ("website", "profile", Kind::Text),
    ("gender", "profile", Kind::Text),
    ("birthdate", "profile", Kind::Text),
    ("zoneinfo", "profile", Kind::Text),
    ("locale", "profile", Kind::Text),
    ("updated_at", "profile", Kind::Number),
    ("email", "email", Kind::Text),
    ("email_verified", "email", Kind::Flag),
    ("phone_number", "phone", Kind::Text),
    ("phone_number_verified", "phone", Kind::Flag),
    ("address", "address", Kind::Object),
];

/// The names of the claims that can be had, for discovery.
pub const CLAIMS: [&str; 29] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "acr",
    "amr",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "address",
    "groups",
    "roles",
];

/// Checks claims that an administrator gives: known names, right types (OpenID Connect Core 5.1). The faults are of
/// members of `claims`.
pub fn check_claims(claims: &Map<String, Value>) -> Vec<FieldError> {
    claims.iter().filter_map(claim_fault).collect()
}

fn claim_fault((name, value): (&String, &Value)) -> Option<FieldError> {
    let of = |problem: String| FieldError::new(name, problem).within("claims");
    let Some((_, _, kind)) = STANDARD.iter().find(|(known, _, _)| known == name) else {
        let problem = format!("{name:?} is not a standard claim (OpenID Connect Core 5.1)");
        let fault = of(problem).id("claim-unknown");
        return Some(fault.fix("give it as an attribute, and map it with a custom claim"));
    };
    let (wanted, id) = match kind {
        Kind::Text => ("a text", "claim-text"),
        Kind::Flag => ("true or false", "claim-flag"),
        Kind::Number => ("a number of seconds", "claim-number"),
        Kind::Object => ("an object", "claim-object"),
    };
    (!fits(kind, value)).then(|| of(format!("{name} must be {wanted}")).id(id))
}

fn fits(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Text => value.is_string(),
        Kind::Flag => value.is_boolean(),
        Kind::Number => value.is_number(),
        Kind::Object => value.is_object(),
    }
}

/// What UserInfo answers (OpenID Connect Core 5.3.2): `sub`, the claims of the granted scopes, and custom claims.
pub fn userinfo(
    subject: &Subject,
    user: &User,
    scope: &ScopeSet,
    custom: Custom<'_>,
) -> Map<String, Value> {
    let mut answer = scope_claims(user, scope);
    custom.add(Place::Userinfo, scope, Some(user), &mut answer);
    answer.insert("sub".into(), subject.clone().into());
    answer
}

/// Whether every user has this claim, if it is known of them.
pub fn is_own_claim(name: &str) -> bool {
    ["groups", "roles"].contains(&name) || STANDARD.iter().any(|(known, _, _)| *known == name)
}

/// The claims that every user may have, in the order in which they are said.
pub(super) fn standard_names() -> impl Iterator<Item = &'static str> {
    let standard = STANDARD.iter().map(|(name, _, _)| *name);
    standard.chain(["groups", "roles"])
}

/// The scope that gives a claim which every user has (OpenID Connect Core 5.4).
pub(super) fn standard_scope(name: &str) -> Option<&'static str> {
    match name {
        "groups" => Some("groups"),
        "roles" => Some("roles"),
        name => STANDARD
            .iter()
            .find(|(known, _, _)| *known == name)
            .map(|(_, scope, _)| *scope),
    }
}

/// A claim of which Latchkey knows for every user whether and what it is.
pub fn own_claim(user: &User, name: &str) -> Option<Value> {
    match name {
        "groups" => Some(user.groups.clone().into()),
        "roles" => Some(user.roles.clone().into()),
        name => {
            let (_, _, kind) = STANDARD.iter().find(|(known, _, _)| *known == name)?;
            standard_claim(user, name, kind)
        }
    }
}

fn standard_claim(user: &User, name: &str, kind: &Kind) -> Option<Value> {
    let own = match name {
        "name" => user.name.clone().map(Value::from),
        "preferred_username" => Some(user.username.clone().into()),
        "email" => user.email.clone().map(Value::from),
        "updated_at" => Some(user.updated_at.as_seconds().into()),
        _ => None,
    };
    let value = own.or_else(|| user.claims.get(name).cloned());
    value.filter(|v| fits(kind, v) && v.as_str() != Some(""))
}

/// The claims of the granted scopes (OpenID Connect Core 5.4), and those of `groups` and `roles`.
/// No nulls, no empty texts. Who is in no group is told so: an app that looks for changes needs to see this one too.
pub fn scope_claims(user: &User, scope: &ScopeSet) -> Map<String, Value> {
    let mut answer = Map::new();
    for (name, needed, kind) in &STANDARD {
        if !scope.contains(needed) {
            continue;
        }
        if let Some(value) = standard_claim(user, name, kind) {
            answer.insert((*name).into(), value);
        }
    }
    for (value, flag) in [
        ("email", "email_verified"),
        ("phone_number", "phone_number_verified"),
    ] {
        if answer.contains_key(value) && !answer.contains_key(flag) {
            answer.insert(flag.into(), false.into());
        }
    }
    for (name, names) in [("groups", &user.groups), ("roles", &user.roles)] {
        if scope.contains(name) {
            answer.insert(name.into(), names.clone().into());
        }
    }
    answer
}
