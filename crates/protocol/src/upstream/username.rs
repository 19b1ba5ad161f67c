//! The user name and the first record of an account that is made for an identity.

use serde_json::Map;

use super::{Brought, Upstream, UpstreamName, UpstreamProfile};
use crate::{UserId, names, time::Timestamp, user::User};

/// Bytes of a name that is taken over.
const LONGEST: usize = 64;

/// Names that people take for the house's own.
const RESERVED: [&str; 10] = [
    "admin",
    "administrator",
    "auditor",
    "help",
    "latchkey",
    "root",
    "security",
    "support",
    "system",
    "webmaster",
];

/// What an account may be called, in the order in which it is tried: what the provider calls them, then the local part of the
/// address, then the upstream's name, each with a `suffix` where the name alone is somebody's or reserved. Whether it is free
/// is asked where it is written: nobody loses a name. It never looks like an address.
pub fn username_candidates(
    profile: &UpstreamProfile,
    upstream: &UpstreamName,
    suffixes: &[String],
) -> Vec<String> {
    let hints = [profile.username.as_deref(), profile.email.as_deref()];
    let base = hints.into_iter().flatten().find_map(base);
    let (base, mut candidates) = match base {
        Some(base) if !RESERVED.contains(&base.as_str()) => (base.clone(), vec![base]),
        Some(base) => (base, Vec::new()),
        None => (upstream.as_str().to_owned(), Vec::new()),
    };
    let with = |suffix: &String| names::username(&format!("{base}-{suffix}")).ok();
    candidates.extend(suffixes.iter().filter_map(with));
    candidates
}

fn base(hint: &str) -> Option<String> {
    let local = hint.split('@').next()?;
    let joined = local.split_whitespace().collect::<Vec<_>>().join("-");
    let name = names::username(&joined).ok()?;
    (name.len() <= LONGEST && !name.contains('@')).then_some(name)
}

/// The account of somebody who has none, with what they got from the provider. The address only where it is believed to be
/// verified: so nobody holds an address that is another's.
pub fn new_account(
    id: UserId,
    username: String,
    upstream: &Upstream,
    profile: &UpstreamProfile,
    now: Timestamp,
) -> (User, Brought) {
    let email = profile.believed_email(upstream).map(str::to_owned);
    let mut claims = Map::new();
    if email.is_some() {
        claims.insert("email_verified".into(), true.into());
    }
    if let Some(picture) = &profile.picture {
        claims.insert("picture".into(), picture.as_str().into());
    }
    let user = User {
        id,
        username,
        email,
        name: profile.name.clone(),
        password_hash: None,
        roles: profile.roles.clone(),
        groups: profile.groups.clone(),
        claims,
        attributes: Map::new(),
        disabled_at: None,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    let brought = Brought {
        name: profile.name.clone(),
        picture: profile.picture.clone(),
        groups: profile.groups.clone(),
        roles: profile.roles.clone(),
    };
    (user, brought)
}
