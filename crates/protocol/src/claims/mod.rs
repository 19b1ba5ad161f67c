//! What tokens and UserInfo say.

mod asked;
mod custom;
mod userinfo;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use asked::{add_asked, scope_of};
pub use custom::{Custom, CustomClaims, MOST_MAPPINGS, Mapping, Place, Source, check_attributes};
pub use userinfo::{CLAIMS, check_claims, is_own_claim, own_claim, scope_claims, userinfo};

use userinfo::standard_scope;

use crate::{
    ScopeSet, Subject,
    authentication::{Acr, Amr},
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
    pub iss: String,
    pub sub: Subject,
    #[serde(serialize_with = "one_or_many", deserialize_with = "many")]
    pub aud: Vec<String>,
    pub exp: Timestamp,
    pub iat: Timestamp,
    pub jti: String,
    pub client_id: String,
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    #[serde(default, skip_serializing_if = "Amr::is_empty")]
    pub amr: Amr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
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
    pub fn authorization(&self) -> Option<&str> {
        self.jti
            .split_once('.')
            .map(|(authorization, _)| authorization)
    }
}

/// OpenID Connect Core 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    pub iss: String,
    pub sub: Subject,
    pub aud: String,
    pub exp: Timestamp,
    pub iat: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    #[serde(default, skip_serializing_if = "Amr::is_empty")]
    pub amr: Amr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
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
    pub iss: String,
    pub aud: String,
    pub client_id: String,
    pub authorization: String,
    pub jti: String,
    pub iat: Timestamp,
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
