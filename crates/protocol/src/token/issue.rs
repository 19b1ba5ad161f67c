//! What the tokens of one answer say: one set of claims for every grant, to be signed by whoever holds the keys.

use serde_json::{Map, Value};

use crate::{
    IdTokenAlgorithm, Issuer, ScopeSet, Subject,
    authentication::{Acr, Amr},
    authorization::{Authorization, RefreshFamily},
    claims::{
        AccessToken, Custom, CustomClaims, IdToken, Place, RefreshToken, add_asked, scope_claims,
    },
    client::{AccessTokenTyp, Client, IdTokenClaims},
    kind,
    lifetimes::Lifetimes,
    secret::Secret,
    status::StatusClaim,
    time::Timestamp,
    user::User,
};

/// What the tokens of an installation have in common.
#[derive(Clone, Copy)]
pub struct TokenIssuer<'a> {
    /// `iss`.
    pub name: &'a Issuer,
    /// How long tokens live.
    pub lifetimes: &'a Lifetimes,
    /// For all clients.
    pub custom_claims: &'a CustomClaims,
    /// Audiences that know access tokens of type `JWT` alone.
    pub jwt_typ_audiences: &'a [String],
}

impl<'a> TokenIssuer<'a> {
    /// The custom claims that hold for `client`.
    fn custom(&self, client: &'a Client) -> Custom<'a> {
        Custom {
            for_all: self.custom_claims,
            own: &client.metadata.custom_claims,
        }
    }
}

/// What was granted, to which client, and for whom.
pub struct Grant<'a> {
    /// The client that gets the tokens.
    pub client: &'a Client,
    /// What they allow.
    pub scope: &'a ScopeSet,
    /// For whom they are.
    pub holder: Holder<'a>,
    /// The access token's entry in a status list, where it has one.
    pub status: Option<&'a StatusClaim>,
}

/// For whom the tokens are.
pub enum Holder<'a> {
    /// The client itself (RFC 6749 4.4): an access token alone.
    Client,
    /// A user, through an authorization.
    User {
        /// Who approved.
        user: &'a User,
        /// What was approved.
        authorization: &'a Authorization,
        /// Whether the browser session lives: the access token then names it, and ends with it.
        session: bool,
        /// For the first ID token; a refreshed one has none (OpenID Connect Core 12.2).
        nonce: Option<&'a str>,
        /// The secret of the refresh token, and the family that it is the current one of.
        refresh: Option<(&'a Secret<kind::RefreshToken>, &'a RefreshFamily)>,
    },
}

/// The claims of all tokens of one answer.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSet<'a> {
    /// Its header `typ`.
    pub access_token_typ: AccessTokenTyp,
    /// Its claims.
    pub access_token: AccessToken,
    /// Where the scope has `openid` and there is a user.
    pub id_token: Option<IdTokenDraft>,
    /// With the id of the key that signed it first, so that its bytes are the same each time.
    pub refresh_token: Option<(&'a str, RefreshToken)>,
}

/// An ID token that waits for the access token whose hash it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenDraft {
    claims: IdToken,
    algorithm: IdTokenAlgorithm,
}

impl IdTokenDraft {
    /// What it is to be signed with.
    pub fn algorithm(&self) -> IdTokenAlgorithm {
        self.algorithm
    }

    /// With the hash of the signed access token (OpenID Connect Core 3.1.3.6).
    pub fn finish(self, access_token: &str) -> IdToken {
        IdToken {
            at_hash: Some(self.algorithm.half_hash(access_token)),
            ..self.claims
        }
    }
}

/// The claims of the tokens of one answer. `id` is a finished random value; the same input gives the same claims.
pub fn token_set<'a>(
    issuer: TokenIssuer<'_>,
    grant: &Grant<'a>,
    id: &str,
    now: Timestamp,
) -> TokenSet<'a> {
    let access_token = access_token(issuer, grant, id, now);
    let refresh_token = match &grant.holder {
        Holder::User {
            authorization,
            refresh: Some((secret, family)),
            ..
        } => Some((
            family.kid.as_str(),
            refresh_token(issuer.name, authorization, secret, family),
        )),
        Holder::User { .. } | Holder::Client => None,
    };
    TokenSet {
        access_token_typ: grant
            .client
            .access_token_typ(&access_token.aud, issuer.jwt_typ_audiences),
        access_token,
        id_token: id_token(issuer, grant, now).map(|claims| IdTokenDraft {
            claims,
            algorithm: grant.client.metadata.id_token_algorithm(),
        }),
        refresh_token,
    }
}

/// How the user proved who they are, as tokens say it.
struct Authentication {
    auth_time: Option<Timestamp>,
    acr: Option<Acr>,
    amr: Amr,
}

impl Authentication {
    fn of(authorization: &Authorization) -> Self {
        Self {
            auth_time: Some(authorization.auth_time),
            acr: Some(Acr::of(authorization.amr)),
            amr: authorization.amr,
        }
    }
}

/// The claims of an access token (RFC 9068 2.2).
fn access_token(
    issuer: TokenIssuer<'_>,
    grant: &Grant<'_>,
    id: &str,
    now: Timestamp,
) -> AccessToken {
    let Grant { client, scope, .. } = grant;
    let user = match &grant.holder {
        Holder::User { user, .. } => Some(*user),
        Holder::Client => None,
    };
    let mut more = Map::new();
    issuer
        .custom(client)
        .add(Place::AccessToken, scope, user, &mut more);
    // These two have members of their own.
    let (groups, roles) = (taken(&mut more, "groups"), taken(&mut more, "roles"));
    let token = AccessToken {
        iss: issuer.name.to_owned(),
        sub: Subject::of_client(client),
        aud: client.audience(issuer.name, scope),
        exp: now + issuer.lifetimes.access_token,
        iat: now,
        jti: id.to_owned(),
        client_id: client.id.clone(),
        scope: (*scope).clone(),
        auth_time: None,
        acr: None,
        amr: Amr::default(),
        sid: None,
        roles: client.metadata.roles.clone(),
        groups: Vec::new(),
        status: grant.status.cloned(),
        more,
    };
    let Holder::User {
        user,
        authorization,
        session,
        ..
    } = &grant.holder
    else {
        return token;
    };
    let granted = |name: &str, names: &[String]| match scope.contains(name) {
        true => names.to_vec(),
        false => Vec::new(),
    };
    let roles = roles.unwrap_or_else(|| granted("roles", &user.roles));
    let groups = groups.unwrap_or_else(|| granted("groups", &user.groups));
    let token = AccessToken {
        sub: Subject::of_user(client, &user.id),
        roles,
        groups,
        ..token
    };
    in_session(token, authorization, *session)
}

/// Takes a custom claim that is a list of names out of the others.
fn taken(more: &mut Map<String, Value>, name: &str) -> Option<Vec<String>> {
    more.remove(name)
        .and_then(|names| serde_json::from_value(names).ok())
}

/// The access token of an authorization: `jti` names the authorization, `sid` the session while it lives.
fn in_session(token: AccessToken, authorization: &Authorization, session: bool) -> AccessToken {
    let Authentication {
        auth_time,
        acr,
        amr,
    } = Authentication::of(authorization);
    let session_id = authorization.handover.session_id();
    AccessToken {
        jti: format!("{}.{}", authorization.id, token.jti),
        auth_time,
        acr,
        amr,
        sid: session_id.filter(|_| session).cloned(),
        ..token
    }
}

/// The claims of an ID token (OpenID Connect Core 2), without the hash of the access token; none for a client itself, or
/// without the scope `openid`.
fn id_token(issuer: TokenIssuer<'_>, grant: &Grant<'_>, now: Timestamp) -> Option<IdToken> {
    let Holder::User {
        user,
        authorization,
        nonce,
        ..
    } = &grant.holder
    else {
        return None;
    };
    if !grant.scope.contains("openid") {
        return None;
    }
    let Authentication {
        auth_time,
        acr,
        amr,
    } = Authentication::of(authorization);
    Some(IdToken {
        iss: issuer.name.to_owned(),
        sub: Subject::of_user(grant.client, &user.id),
        aud: grant.client.id.clone(),
        exp: now + issuer.lifetimes.id_token,
        iat: now,
        auth_time,
        nonce: nonce.map(str::to_owned),
        acr,
        amr,
        sid: authorization.handover.session_id().cloned(),
        at_hash: None,
        more: said_of(issuer, grant, user, authorization),
    })
}

/// What an ID token says of the user: for the granted scopes, custom claims, and what was asked for claim by claim.
fn said_of(
    issuer: TokenIssuer<'_>,
    grant: &Grant<'_>,
    user: &User,
    authorization: &Authorization,
) -> Map<String, Value> {
    let (client, scope) = (grant.client, grant.scope);
    let mut said = match client.metadata.id_token_claims {
        IdTokenClaims::All => scope_claims(user, scope),
        IdTokenClaims::Minimal => Map::new(),
    };
    issuer
        .custom(client)
        .add(Place::IdToken, scope, Some(user), &mut said);
    add_asked(
        &authorization.asked_claims.id_token,
        client,
        user,
        &mut said,
    );
    said
}

/// The claims of a refresh token: the same family and secret give the same claims.
fn refresh_token(
    issuer: &Issuer,
    authorization: &Authorization,
    secret: &Secret<kind::RefreshToken>,
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
