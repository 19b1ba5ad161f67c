use serde_json::{Map, Value};

use crate::{
    ScopeSet,
    authorization::{Authorization, Lifetimes, RefreshFamily},
    claims::{AccessToken, IdToken, RefreshToken, scope_claims},
    client::{Client, IdTokenClaims},
    secret::Secret,
    time::Timestamp,
    user::User,
};

/// For whom an access token is.
pub enum Subject<'a> {
    /// A person, through an authorization; `session` while that browser session lives.
    Person { user: &'a User, authorization: &'a Authorization, session: bool },
    /// The client itself (RFC 6749 4.4).
    Client,
}

/// The claims of an access token (RFC 9068 2.2). `id` is a finished random value.
pub fn access_token(
    issuer: &str,
    client: &Client,
    subject: &Subject<'_>,
    scope: &ScopeSet,
    id: &str,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> AccessToken {
    let base = AccessToken {
        iss: issuer.to_owned(),
        sub: client.id.clone(),
        aud: client.audience(issuer, scope),
        exp: now + lifetimes.access_token,
        iat: now,
        jti: id.to_owned(),
        client_id: client.id.clone(),
        scope: scope.clone(),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        sid: None,
        roles: client.metadata.roles.clone(),
        groups: Vec::new(),
        more: Map::new(),
    };
    match subject {
        Subject::Client => base,
        Subject::Person { user, authorization, session } => AccessToken {
            sub: user.id.clone(),
            jti: format!("{}.{id}", authorization.id),
            auth_time: Some(authorization.auth_time),
            acr: Some("1".to_owned()),
            amr: vec![authorization.amr.clone()],
            sid: session.then(|| authorization.session_id.clone()),
            roles: if scope.contains("roles") { user.roles.clone() } else { Vec::new() },
            groups: if scope.contains("groups") { user.groups.clone() } else { Vec::new() },
            ..base
        },
    }
}

/// What an ID token says of the user for the granted scopes.
pub fn id_token_claims(client: &Client, user: &User, scope: &ScopeSet) -> Map<String, Value> {
    match client.metadata.id_token_claims {
        IdTokenClaims::All => scope_claims(user, scope),
        IdTokenClaims::Minimal => Map::new(),
    }
}

/// The claims of an ID token (OpenID Connect Core 2, 3.1.3.6), with `more` of the user. A refreshed one has no nonce (12.2).
pub fn id_token(
    issuer: &str,
    authorization: &Authorization,
    more: Map<String, Value>,
    nonce: Option<&str>,
    access_token: &str,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> IdToken {
    IdToken {
        iss: issuer.to_owned(),
        sub: authorization.user_id.clone(),
        aud: authorization.client_id.clone(),
        exp: now + lifetimes.id_token,
        iat: now,
        auth_time: Some(authorization.auth_time),
        nonce: nonce.map(str::to_owned),
        acr: Some("1".to_owned()),
        amr: vec![authorization.amr.clone()],
        sid: Some(authorization.session_id.clone()),
        at_hash: Some(crate::claims::half_hash(access_token)),
        more,
    }
}

/// The claims of a refresh token: the same family and secret give the same claims.
pub fn refresh_claims(
    issuer: &str,
    authorization: &Authorization,
    secret: &Secret,
    family: &RefreshFamily,
) -> RefreshToken {
    RefreshToken {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        client_id: authorization.client_id.clone(),
        authorization: authorization.id.clone(),
        jti: secret.expose().to_owned(),
        iat: family.issued_at,
        exp: family.idle_expires_at,
    }
}
