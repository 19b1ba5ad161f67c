//! The client credentials grant (RFC 6749 4.4): what a client may get for itself.

use crate::{ScopeSet, api, client::Client, error::Refusal, reason::Reason};

/// Scopes that speak of a user: a client that asks for itself has none.
const OF_A_USER: [&str; 2] = ["openid", "offline_access"];

/// The scope of a client's own token: what it asks for, if all of it is registered for the client, without what speaks of
/// a user.
///
/// # Errors
/// [`Reason::ScopeUnknown`].
pub fn client_scope(asked: Option<&str>, client: &Client) -> Result<ScopeSet, Refusal> {
    let asked = asked.unwrap_or_default();
    let is_known = |scope: &str| match api::is_scope(scope) {
        true => client.may_administer(scope),
        false => client.knows_scope(scope),
    };
    ScopeSet::parse(asked)
        .filter(|scope| scope.iter().all(is_known))
        .map(|scope| scope.filter(|s| !OF_A_USER.contains(&s)))
        .ok_or_else(|| Reason::ScopeUnknown.because("scopes of the client's registration", asked))
}
