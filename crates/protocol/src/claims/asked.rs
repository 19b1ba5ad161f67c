//! Claims that are asked for one by one (OpenID Connect Core 5.5).

use serde_json::{Map, Value};

use super::{is_own_claim, own_claim, standard_scope};
use crate::{authorize::RequestedClaims, client::Client, user::User};

/// The scope that gives the claim `name` to this client; a client that cannot have the scope cannot have the claim.
pub fn scope_of<'a>(name: &str, client: &'a Client) -> Option<&'a str> {
    let own = client
        .metadata
        .custom_claims
        .0
        .get(name)
        .map(|mapping| mapping.scope.as_str());
    own.or_else(|| standard_scope(name))
}

/// Adds the claims that were asked for, where the user has them, with a value that was asked for.
pub fn add_asked(
    asked: &RequestedClaims,
    client: &Client,
    user: &User,
    said: &mut Map<String, Value>,
) {
    for (name, claim) in asked {
        let allowed = scope_of(name, client).is_some_and(|scope| client.knows_scope(scope));
        if !allowed || said.contains_key(name) {
            continue;
        }
        if let Some(value) = value(name, client, user).filter(|value| claim.takes(value)) {
            said.insert(name.clone(), value);
        }
    }
}

fn value(name: &str, client: &Client, user: &User) -> Option<Value> {
    if !is_own_claim(name) {
        return client.metadata.custom_claims.0.get(name)?.value(Some(user));
    }
    // An address that nobody has verified is not verified.
    let verifies = name
        .strip_suffix("_verified")
        .filter(|whose| own_claim(user, whose).is_some());
    own_claim(user, name).or_else(|| verifies.map(|_| false.into()))
}
