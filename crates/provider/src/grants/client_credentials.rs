use latchkey_protocol::{
    Params, Reason, ScopeSet,
    claims::ACCESS_TOKEN_TYPE,
    client::Client,
    secret::new_id,
    token::{Subject, access_token},
};

use crate::{
    Provider,
    token::{Granted, Tokens},
};

/// RFC 6749 4.4: no refresh token, no ID token, the subject is the client.
pub fn grant(provider: &Provider, client: &Client, params: &Params) -> Granted {
    let now = provider.now();
    let asked = params.optional("scope").unwrap_or_default();
    let person_only = ["openid", "offline_access"];
    let scope = match ScopeSet::parse(asked) {
        Some(scope) if scope.iter().all(|s| client.knows_scope(s)) => scope.filter(|s| !person_only.contains(&s)),
        _ => return Ok(Err(Reason::ScopeUnknown.because("scopes of the client's registration", asked).into())),
    };
    let id = new_id(now, &*provider.entropy);
    let claims = access_token(&provider.issuer, client, &Subject::Client, &scope, &id, &provider.lifetimes, now);
    Ok(Ok(Tokens {
        access_token: provider.keys.sign(ACCESS_TOKEN_TYPE, &claims, now)?,
        token_type: "Bearer",
        expires_in: provider.lifetimes.access_token,
        refresh_token: None,
        id_token: None,
        scope,
    }))
}
