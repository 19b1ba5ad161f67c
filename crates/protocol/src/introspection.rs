//! Token introspection (RFC 7662): who may ask, and who hears what of which token.

use serde::Serialize;

use crate::{
    ClientId, ScopeSet, Subject,
    authorization::Context,
    claims::{AccessToken, RefreshToken},
    client::Client,
    error::Refusal,
    kind,
    reason::Reason,
    secret::Secret,
    time::Timestamp,
};

/// Whether a client may ask at all: anybody could pass for a public one (RFC 7662 2.1).
///
/// # Errors
/// [`Reason::ClientAuthMissing`].
pub fn may_ask(client: &Client) -> Result<(), Refusal> {
    if client.is_public() {
        return Err(Reason::ClientAuthMissing.because("a confidential client", "a public one"));
    }
    Ok(())
}

/// Whether `client` may see an access token: its own, or one that is for it (RFC 7662 4).
///
/// # Errors
/// [`Reason::TokenNotForCaller`].
pub fn may_see(token: &AccessToken, client: &Client) -> Result<(), Refusal> {
    if token.client_id == client.id || token.aud.iter().any(|aud| client.id == **aud) {
        return Ok(());
    }
    Err(Reason::TokenNotForCaller.because(token.aud.join(" or "), client.id.as_str()))
}

/// What the owner of a live refresh token sees of it (RFC 7662 2.2). Its secret is not in it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RefreshTokenAnswer<'a> {
    /// `true`: of an inactive one nothing is said.
    pub active: bool,
    /// `refresh_token`.
    pub token_type: &'static str,
    /// The issuer.
    pub iss: &'a str,
    /// The client that it was issued to.
    pub client_id: &'a ClientId,
    /// The user, as the client knows them.
    pub sub: Subject,
    /// What was granted.
    pub scope: &'a ScopeSet,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it ends unless it is used before.
    pub exp: Timestamp,
}

/// What `client` sees of a refresh token: nothing unless it is the current one of its family, within its time, the
/// client's own, and all that it hangs on still stands.
pub fn refresh_token<'a>(
    context: &'a Context,
    token: &'a RefreshToken,
    client: &Client,
    now: Timestamp,
) -> Option<RefreshTokenAnswer<'a>> {
    let authorization = &context.authorization;
    let presented = Secret::<kind::RefreshToken>::presented(&token.jti)?.digest();
    let family = authorization.refresh.as_ref()?;
    let live = context
        .standing(now)
        .is_some_and(|user| client.admits(user))
        && now < token.exp
        && family.current == presented
        && authorization.client_id == client.id;
    live.then_some(RefreshTokenAnswer {
        active: true,
        token_type: "refresh_token",
        iss: &token.iss,
        client_id: &token.client_id,
        sub: Subject::of_user(client, &authorization.user_id),
        scope: &authorization.scope,
        iat: token.iat,
        exp: token.exp,
    })
}
