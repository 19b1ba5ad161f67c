//! Access tokens as they are presented (RFC 6750): when they count, and what UserInfo asks of them.

use serde_json::{Map, Value};

use crate::{
    Issuer,
    authorize::RequestedClaims,
    claims::{AccessToken, Custom, CustomClaims, add_asked, userinfo},
    client::Client,
    error::Refusal,
    reason::Reason,
    time::Timestamp,
    user::User,
};

/// Whether a token is within its time.
///
/// # Errors
/// [`Reason::TokenExpired`].
pub fn unexpired(token: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
    if now < token.exp {
        return Ok(());
    }
    let late = now - token.exp;
    Err(Reason::TokenExpired.because("within its lifetime", format!("{late} seconds late")))
}

/// Whether a token was issued to this client, and not to one of the same id that was deleted before it was registered. Until
/// a clock that was set back has come to the registration again, nobody can say.
///
/// # Errors
/// [`Reason::TokenRevoked`].
pub fn of_this_registration(
    token: &AccessToken,
    client: &Client,
    now: Timestamp,
) -> Result<(), Refusal> {
    if token.iat >= client.created_at || now < client.created_at {
        return Ok(());
    }
    let expected = "issued since the client was registered";
    Err(Reason::TokenRevoked.because(expected, "to a client of this id that was deleted"))
}

/// Whether a token is for UserInfo: its audience names the issuer (RFC 9068 4), it speaks of a user, and it has the scope
/// `openid` (OpenID Connect Core 5.3). Whom it speaks of.
///
/// # Errors
/// [`Reason::TokenForOthers`], [`Reason::ScopeInsufficient`].
pub fn for_userinfo<'a>(
    token: &AccessToken,
    user: Option<&'a User>,
    issuer: &Issuer,
) -> Result<&'a User, Refusal> {
    if !token.aud.iter().any(|audience| issuer == audience.as_str()) {
        return Err(Reason::TokenForOthers.because(format!("{issuer} in aud"), token.aud.join(" ")));
    }
    user.filter(|_| token.scope.contains("openid"))
        .ok_or_else(|| Reason::ScopeInsufficient.because("openid", token.scope.to_string()))
}

/// What UserInfo says (OpenID Connect Core 5.3.2): the claims of the scope, and those `asked` for one by one. Of a client
/// that is gone nothing is known but what holds for all.
pub fn userinfo_answer(
    token: &AccessToken,
    user: &User,
    client: Option<&Client>,
    asked: &RequestedClaims,
    for_all: &CustomClaims,
) -> Map<String, Value> {
    let none = CustomClaims::default();
    let own = client.map_or(&none, |client| &client.metadata.custom_claims);
    let mut answer = userinfo(&token.sub, user, &token.scope, Custom { for_all, own });
    if let Some(client) = client {
        add_asked(asked, client, user, &mut answer);
    }
    answer
}
