//! The administration API: its scopes, its audience, and whose access tokens it takes.

use crate::{
    Issuer, ScopeSet, Timestamp,
    bearer::of_this_registration,
    claims::AccessToken,
    client::{Client, GrantType},
    error::Refusal,
    paths,
    reason::Reason,
};

/// The scope that may read everything.
pub const READ: &str = "latchkey.read";
/// The scope that may do everything: whoever has it is an administrator.
pub const WRITE: &str = "latchkey.write";

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// [`READ`] or [`WRITE`].
    Read,
    /// [`WRITE`].
    Write,
}

impl Need {
    /// The scopes of which one is enough, the least first.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Read => &[READ, WRITE],
            Self::Write => &[WRITE],
        }
    }

    fn is_met_by(self, scope: &ScopeSet) -> bool {
        self.scopes().iter().any(|one| scope.contains(one))
    }
}

/// Whether a scope is one of the administration API. Only a client that an administrator registered with it gets it, for
/// itself and never on behalf of a user.
pub fn is_scope(scope: &str) -> bool {
    scope == READ || scope == WRITE
}

/// `aud` of its tokens: its address under the issuer.
pub fn audience(issuer: &Issuer) -> String {
    issuer.at(paths::API)
}

/// Whether a token is for the administration API, as far as the token itself says so: for it alone, since each other
/// audience would see the token and could use it here (RFC 9068 5); a client's own; with a scope that is enough.
///
/// # Errors
/// [`Reason::ApiTokenForOthers`], [`Reason::ApiScopeInsufficient`].
pub fn admits(token: &AccessToken, issuer: &Issuer, need: Need) -> Result<(), Refusal> {
    let expected = audience(issuer);
    if token.aud != [expected.as_str()] {
        return Err(Reason::ApiTokenForOthers
            .because(format!("{expected} as the only aud"), token.aud.join(" ")));
    }
    if token.authorization().is_some() || token.sub.as_str() != token.client_id.as_str() {
        return Err(
            Reason::ApiTokenForOthers.because("a token that a client got for itself", "a user's")
        );
    }
    if !need.is_met_by(&token.scope) {
        return Err(insufficient(need, token.scope.to_string()));
    }
    Ok(())
}

/// Whether the token's client may still do it: what an administrator has taken from its registration is taken from the
/// tokens that it has, too.
///
/// # Errors
/// [`Reason::TokenClientDisabled`], [`Reason::ApiScopeInsufficient`].
pub fn still_admits(
    client: &Client,
    token: &AccessToken,
    need: Need,
    now: Timestamp,
) -> Result<(), Refusal> {
    if client.disabled_at.is_some() {
        return Err(Reason::TokenClientDisabled.because("an enabled client", "disabled"));
    }
    of_this_registration(token, client, now)?;
    let kept = token.scope.filter(|scope| client.may_administer(scope));
    if need.is_met_by(&kept) {
        return Ok(());
    }
    Err(insufficient(
        need,
        "not in the client's registration any more",
    ))
}

fn insufficient(need: Need, received: impl Into<String>) -> Refusal {
    Reason::ApiScopeInsufficient.because(need.scopes().join(" or "), received)
}

impl Client {
    /// Whether it may get this scope of the administration API: an administrator has registered it for the client by name.
    /// No other member of the registration gives it.
    pub fn may_administer(&self, scope: &str) -> bool {
        let registered = self.metadata.scope.as_ref();
        is_scope(scope)
            && self.may(GrantType::ClientCredentials)
            && registered.is_some_and(|registered| registered.contains(scope))
    }
}
