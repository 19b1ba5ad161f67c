//! Clients, their metadata, and [`ReturnTo`], the only value that can send a browser back to one.

mod kinds;

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, IdTokenAlgorithm, Issuer, ScopeSet,
    access::{Access, AccessGround},
    api,
    authorize::ResponseTypes,
    claims::CustomClaims,
    error::Refusal,
    kind::KeyedClientSecret,
    reason::Reason,
    scope::STANDARD,
    secret::Digest,
    time::Timestamp,
    uri,
    user::User,
};

pub use kinds::{
    AccessTokenTyp, ApplicationType, AuthMethod, GrantType, IdTokenClaims, RefreshPolicy,
};

/// Client metadata (RFC 7591 2, OpenID Connect Registration 2) and our own members, which `docs/clients.md` explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// What users see; else the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// What it does with what it learns of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Who is responsible for it, usually email addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Where answers may go, compared character by character (RFC 6749 3.1.2.3).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where a sign-out may return to (RP-Initiated Logout 3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended (Back-Channel Logout 1.0 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether a logout token must have `sid`; ours always does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
    /// What is shown in a frame of the signed-out page (Front-Channel Logout 1.0 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether that address must get `iss` and `sid`; it always does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frontchannel_logout_session_required: bool,
    /// Absent: either of the two secret methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// What it may ask the token endpoint for.
    #[serde(default = "default_grants")]
    pub grant_types: Vec<GrantType>,
    /// What it may ask the authorization endpoint for.
    #[serde(default = "default_responses")]
    pub response_types: Vec<ResponseTypes>,
    /// Whether its redirect URIs are those of a native app.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The scopes it may ask for; absent: the standard ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// In seconds: used when a request has no `max_age`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// Whether its ID tokens always carry `auth_time`, as ours do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_auth_time: bool,
    /// Its public keys, as a JWK set (RFC 7517 5): they verify its request objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// The one algorithm of its request objects; absent: each that is supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    /// Whether each authorization request must be signed (RFC 9101 10.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// Whether it must send a code challenge; a public client always must.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pkce: bool,
    /// No consent page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
    /// `aud` of its access tokens, with the issuer where UserInfo is to take them; absent: the issuer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// `roles` of the tokens it gets for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// When it gets refresh tokens.
    #[serde(default)]
    pub refresh: RefreshPolicy,
    /// Added to every authorization request.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub implied_scope: ScopeSet,
    /// Whether its ID tokens carry the claims of scopes.
    #[serde(default)]
    pub id_token_claims: IdTokenClaims,
    /// Absent: RS256 (OpenID Connect Registration 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Absent: by the audience, and `at+jwt` for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_typ: Option<AccessTokenTyp>,
    /// Besides, or in place of, those for all clients.
    #[serde(default, skip_serializing_if = "CustomClaims::is_empty")]
    pub custom_claims: CustomClaims,
    /// Whom it is limited to; absent: everybody may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

fn default_grants() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode]
}

fn default_responses() -> Vec<ResponseTypes> {
    vec![ResponseTypes::CODE]
}

impl Metadata {
    /// How the client may authenticate: the method that was registered, or either secret method where none was named.
    pub fn auth_methods(&self) -> &'static [AuthMethod] {
        match self.token_endpoint_auth_method {
            None => &[AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
            Some(AuthMethod::ClientSecretBasic) => &[AuthMethod::ClientSecretBasic],
            Some(AuthMethod::ClientSecretPost) => &[AuthMethod::ClientSecretPost],
            Some(AuthMethod::None) => &[AuthMethod::None],
        }
    }

    /// Whether it has no secret.
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == Some(AuthMethod::None)
    }

    /// What its ID tokens are signed with.
    pub fn id_token_algorithm(&self) -> IdTokenAlgorithm {
        self.id_token_signed_response_alg.unwrap_or_default()
    }

    /// Whether its ID tokens are signed with its own secret.
    pub fn signs_with_secret(&self) -> bool {
        self.id_token_algorithm() == IdTokenAlgorithm::Hs256
    }
}

/// A secret that was replaced and lives on for a while, so that no server of the client stands without one meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSecret {
    /// Its keyed digest.
    pub digest: Digest<KeyedClientSecret>,
    /// When it ends.
    pub until: Timestamp,
}

/// The longest that a former secret lives on, in seconds: 30 days.
pub const LONGEST_FORMER: i64 = 30 * 86_400;

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Keyed digest of the secret; absent for public clients.
    pub secret: Option<Digest<KeyedClientSecret>>,
    /// The secret itself, sealed under the master key: only where ID tokens are signed with it (HS256).
    pub sealed_secret: Option<String>,
    /// Since when it has this secret; none: since it was registered, or it has none.
    pub secret_since: Option<Timestamp>,
    /// The secret before that, while it lives on.
    pub former_secret: Option<FormerSecret>,
    /// Since when it may do nothing; none: it may.
    pub disabled_at: Option<Timestamp>,
    /// What it registered.
    pub metadata: Metadata,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Counts the changes, so that none is made to what somebody else has changed since.
    pub version: i64,
}

/// How the answer travels back (OAuth 2.0 Multiple Response Types 2.1, Form Post Response Mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that the browser posts.
    FormPost,
}

/// The only value that can send a browser back to a client. Made by [`Client::return_to`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo {
    redirect_uri: String,
    mode: ResponseMode,
    state: Option<String>,
}

impl ReturnTo {
    /// The address.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// How the answer travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// What the client hears again.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl Client {
    /// What users see.
    pub fn name(&self) -> &str {
        self.metadata.client_name.as_deref().unwrap_or(&self.id)
    }

    /// Whether it has no secret.
    pub fn is_public(&self) -> bool {
        self.metadata.is_public()
    }

    /// That it is enabled.
    ///
    /// # Errors
    /// [`Reason::ClientDisabled`].
    pub fn enabled(&self) -> Result<(), Refusal> {
        match self.disabled_at {
            None => Ok(()),
            Some(_) => Err(Reason::ClientDisabled.because("enabled", "disabled")),
        }
    }

    /// Whether this is the digest of a secret of the client, each compared in constant time. Few clients have two.
    pub fn has_secret(&self, digest: &Digest<KeyedClientSecret>, now: Timestamp) -> bool {
        let former = self.former_secret.as_ref().filter(|f| now < f.until);
        self.secret.as_ref() == Some(digest) || former.is_some_and(|f| f.digest == *digest)
    }

    /// Whether this user may use it.
    pub fn admits(&self, user: &User) -> bool {
        let access = self.metadata.access.as_ref();
        access.is_none_or(|access| access.admits(user))
    }

    /// Why this user may use it; nothing where they may not.
    pub fn grounds(&self, user: &User) -> Vec<AccessGround> {
        match &self.metadata.access {
            None => vec![AccessGround::Everyone],
            Some(access) => access.grounds(user),
        }
    }

    /// Whether another program on the user's device can pass for this client: it has no secret, and whoever listens on
    /// a loopback address or has registered a private-use scheme receives what is sent there (RFC 8252 8.6). Only an
    /// https address proves who answers.
    pub fn can_be_impersonated(&self, redirect_uri: &str) -> bool {
        self.is_public() && !redirect_uri.starts_with("https://")
    }

    /// Whether this grant was registered.
    pub fn may(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }

    /// Whether it registered this response type: `code`, where it registered none (RFC 7591 2).
    pub fn may_ask_for(&self, asked: ResponseTypes) -> bool {
        let registered = &self.metadata.response_types;
        registered.contains(&asked) || (registered.is_empty() && asked == ResponseTypes::CODE)
    }

    /// Whether it may ask for this scope on behalf of a user.
    pub fn knows_scope(&self, scope: &str) -> bool {
        if api::is_scope(scope) {
            return false;
        }
        let registered = match &self.metadata.scope {
            Some(scopes) => scopes.contains(scope) || scope == "openid",
            None => STANDARD.contains(&scope),
        };
        let mapped = || self.metadata.custom_claims.scopes().any(|s| s == scope);
        registered
            || self.metadata.implied_scope.contains(scope)
            || (!STANDARD.contains(&scope) && mapped())
    }

    /// Proves a destination: `redirect_uri` must be one that this client registered (RFC 6749 3.1.2.3).
    ///
    /// # Errors
    /// [`Reason::RedirectUriMissing`], [`Reason::RedirectUriUnregistered`].
    pub fn return_to(
        &self,
        redirect_uri: Option<&str>,
        mode: ResponseMode,
        state: Option<&str>,
    ) -> Result<ReturnTo, Refusal> {
        let registered = &self.metadata.redirect_uris;
        let redirect_uri = match (redirect_uri, registered.as_slice()) {
            (Some(asked), all) => {
                let native = self.metadata.application_type == ApplicationType::Native;
                if !all.iter().any(|known| uri::matches(known, asked, native)) {
                    return Err(Reason::RedirectUriUnregistered.because(all.join(" or "), asked));
                }
                asked
            }
            (None, [only]) => only,
            (None, all) => {
                return Err(Reason::RedirectUriMissing.because(all.join(" or "), "nothing"));
            }
        };
        Ok(ReturnTo {
            redirect_uri: redirect_uri.to_owned(),
            mode,
            state: state.map(str::to_owned),
        })
    }

    /// Whether a sign-out may return there: the same characters as registered.
    pub fn returns_after_logout_to(&self, asked: &str) -> bool {
        self.metadata
            .post_logout_redirect_uris
            .iter()
            .any(|known| known == asked)
    }

    /// `aud` of its access tokens (RFC 9068 3): the APIs that were registered, and the issuer for those that UserInfo is
    /// to take, which looks for it there.
    ///
    /// A token with a scope of the administration API is for that alone: no other API may see it.
    pub fn audience(&self, issuer: &Issuer, scope: &ScopeSet) -> Vec<String> {
        if scope.iter().any(api::is_scope) {
            return vec![api::audience(issuer)];
        }
        let mut audience = self.metadata.audience.clone();
        let for_userinfo =
            scope.contains("openid") && !audience.iter().any(|a| issuer == a.as_str());
        if audience.is_empty() || for_userinfo {
            audience.push(issuer.as_str().to_owned());
        }
        audience
    }

    /// Header `typ` of its access tokens with this `aud`: as it registered, else as one of the audiences needs it.
    /// `jwt_typ_audiences`: those that know the type `JWT` alone.
    pub fn access_token_typ(
        &self,
        audience: &[String],
        jwt_typ_audiences: &[String],
    ) -> AccessTokenTyp {
        let registered = self.metadata.access_token_typ;
        registered.unwrap_or_else(|| {
            if audience.iter().any(|a| jwt_typ_audiences.contains(a)) {
                AccessTokenTyp::Jwt
            } else {
                AccessTokenTyp::AtJwt
            }
        })
    }
}
