use serde_json::{Map, Value};

use crate::{
    ScopeSet,
    authorization::{Authorization, Lifetimes, RefreshFamily},
    claims::{AccessToken, Custom, CustomClaims, IdToken, Place, RefreshToken, scope_claims},
    client::{Client, IdTokenClaims},
    secret::Secret,
    time::Timestamp,
    user::User,
};

/// What the tokens of an installation have in common.
#[derive(Clone, Copy)]
pub struct Issuer<'a> {
    pub name: &'a str,
    pub lifetimes: &'a Lifetimes,
    /// For all clients.
    pub custom_claims: &'a CustomClaims,
}

impl<'a> Issuer<'a> {
    /// The custom claims that hold for `client`.
    pub fn custom(&self, client: &'a Client) -> Custom<'a> {
        Custom {
            for_all: self.custom_claims,
            own: &client.metadata.custom_claims,
        }
    }
}

/// For whom an access token is.
pub enum Subject<'a> {
    /// A user, through an authorization; `session` while that browser session lives.
    User {
        user: &'a User,
        authorization: &'a Authorization,
        session: bool,
    },
    /// The client itself (RFC 6749 4.4).
    Client,
}

/// The claims of an access token (RFC 9068 2.2). `id` is a finished random value.
pub fn access_token(
    issuer: Issuer<'_>,
    client: &Client,
    subject: &Subject<'_>,
    scope: &ScopeSet,
    id: &str,
    now: Timestamp,
) -> AccessToken {
    let user = match subject {
        Subject::User { user, .. } => Some(*user),
        Subject::Client => None,
    };
    let mut more = Map::new();
    issuer
        .custom(client)
        .add(Place::AccessToken, scope, user, &mut more);
    let mut mapped = |name: &str| {
        more.remove(name)
            .and_then(|names| serde_json::from_value(names).ok())
    };
    let (groups, roles): (Option<Vec<String>>, _) = (mapped("groups"), mapped("roles"));
    let base = AccessToken {
        iss: issuer.name.to_owned(),
        sub: client.id.clone(),
        aud: client.audience(issuer.name, scope),
        exp: now + issuer.lifetimes.access_token,
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
        more,
    };
    let granted = |name: &str, names: &[String]| {
        if scope.contains(name) {
            names.to_vec()
        } else {
            Vec::new()
        }
    };
    match subject {
        Subject::Client => base,
        Subject::User {
            user,
            authorization,
            session,
        } => AccessToken {
            sub: user.id.clone(),
            jti: format!("{}.{id}", authorization.id),
            auth_time: Some(authorization.auth_time),
            acr: Some("1".to_owned()),
            amr: vec![authorization.amr.clone()],
            sid: session.then(|| authorization.session_id.clone()),
            roles: roles.unwrap_or_else(|| granted("roles", &user.roles)),
            groups: groups.unwrap_or_else(|| granted("groups", &user.groups)),
            ..base
        },
    }
}

/// What an ID token says of the user for the granted scopes.
pub fn id_token_claims(
    issuer: Issuer<'_>,
    client: &Client,
    user: &User,
    scope: &ScopeSet,
) -> Map<String, Value> {
    let mut claims = match client.metadata.id_token_claims {
        IdTokenClaims::All => scope_claims(user, scope),
        IdTokenClaims::Minimal => Map::new(),
    };
    issuer
        .custom(client)
        .add(Place::IdToken, scope, Some(user), &mut claims);
    claims
}

/// The claims of an ID token (OpenID Connect Core 2, 3.1.3.6), with `more` of the user. A refreshed one has no nonce (12.2).
pub fn id_token(
    issuer: Issuer<'_>,
    authorization: &Authorization,
    more: Map<String, Value>,
    nonce: Option<&str>,
    access_token: &str,
    now: Timestamp,
) -> IdToken {
    IdToken {
        iss: issuer.name.to_owned(),
        sub: authorization.user_id.clone(),
        aud: authorization.client_id.clone(),
        exp: now + issuer.lifetimes.id_token,
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
