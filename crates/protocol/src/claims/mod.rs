//! What tokens and UserInfo say.

mod asked;
mod custom;
mod explain;
mod userinfo;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use asked::{add_asked, scope_of};
pub use custom::{Custom, CustomClaims, MOST_MAPPINGS, Mapping, Place, Source, check_attributes};
pub use explain::{ClaimGround, ClaimRules, ExplainedClaim};
pub use userinfo::{CLAIMS, check_claims, is_own_claim, own_claim, scope_claims, userinfo};

use userinfo::standard_scope;

use crate::{
    AuthorizationId, ClientId, Issuer, ScopeSet, SessionId, Subject,
    authentication::{Acr, Amr},
    status::StatusClaim,
    time::Timestamp,
};

/// Header `typ` of access tokens (RFC 9068 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// Header `typ` of refresh tokens: our own, so that none passes for another kind.
pub const REFRESH_TOKEN_TYPE: &str = "rt+jwt";
/// Header `typ` of ID tokens.
pub const ID_TOKEN_TYPE: &str = "JWT";

/// The claims of one kind of token, with what no verification may leave out.
pub trait TokenClaims: DeserializeOwned {
    /// The header `typ` values of this kind (RFC 8725 3.11).
    const TYPES: &'static [&'static str];

    /// `iss`.
    fn issuer(&self) -> &str;

    /// Whether the claims are of this kind, where another kind has the same `typ`.
    fn is_of_kind(&self) -> bool {
        true
    }
}

/// RFC 9068 2.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// The issuer.
    pub iss: Issuer,
    /// The user, or in a client's own token the client.
    pub sub: Subject,
    /// The APIs that it is for.
    #[serde(serialize_with = "one_or_many", deserialize_with = "many")]
    pub aud: Vec<String>,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// Names it: `authorization.random`, or random alone in a client's own.
    pub jti: String,
    /// The client that it was issued to (RFC 8693 4.3).
    pub client_id: ClientId,
    /// What it allows.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the user had proven who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// How well (OpenID Connect Core 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// How (RFC 8176).
    #[serde(default, skip_serializing_if = "Amr::is_empty")]
    pub amr: Amr,
    /// The session that it ends with, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The user's roles (RFC 9068 2.2.3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The user's groups (RFC 9068 2.2.3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Where it stands whether it has ended before its time (Token Status List 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusClaim>,
    /// What it says of the user besides.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl TokenClaims for AccessToken {
    /// Some resource servers know no type but `JWT`. An ID token, which has it too, never passes: it has neither of the
    /// members `client_id` and `jti`, which are required here.
    const TYPES: &'static [&'static str] = &[ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE];

    fn issuer(&self) -> &str {
        &self.iss
    }
}

impl AccessToken {
    /// The authorization it came from; none for a client's own.
    pub fn authorization(&self) -> Option<AuthorizationId> {
        self.jti
            .split_once('.')
            .map(|(authorization, _)| AuthorizationId::new(authorization))
    }
}

/// OpenID Connect Core 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    /// The issuer.
    pub iss: Issuer,
    /// The user, as the client knows them.
    pub sub: Subject,
    /// The client.
    pub aud: ClientId,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// When the user had proven who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// What the authorization request sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How well the user has proven it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// How (RFC 8176).
    #[serde(default, skip_serializing_if = "Amr::is_empty")]
    pub amr: Amr,
    /// The session (Front-Channel Logout 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// Half the hash of the access token beside it (OpenID Connect Core 3.1.3.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// What it says of the user besides.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl TokenClaims for IdToken {
    const TYPES: &'static [&'static str] = &[ID_TOKEN_TYPE];

    fn issuer(&self) -> &str {
        &self.iss
    }

    /// An access token of type `JWT` is none.
    fn is_of_kind(&self) -> bool {
        !ACCESS_TOKEN_ONLY
            .iter()
            .any(|name| self.more.contains_key(*name))
    }
}

/// What every access token has and no ID token ever does.
const ACCESS_TOKEN_ONLY: [&str; 2] = ["client_id", "jti"];

/// A refresh token: signed, so that garbage is refused before storage is asked; its `jti` is the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The issuer.
    pub iss: Issuer,
    /// The issuer again: nobody else reads it.
    pub aud: Issuer,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// The id of the authorization that it renews.
    pub authorization: AuthorizationId,
    /// Its secret.
    pub jti: String,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it ends unless it is used before.
    pub exp: Timestamp,
}

impl TokenClaims for RefreshToken {
    const TYPES: &'static [&'static str] = &[REFRESH_TOKEN_TYPE];

    fn issuer(&self) -> &str {
        &self.iss
    }
}

fn one_or_many<S: serde::Serializer>(values: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match values {
        [only] => serializer.serialize_str(only),
        many => serializer.collect_seq(many),
    }
}

fn many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(deserializer)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}
