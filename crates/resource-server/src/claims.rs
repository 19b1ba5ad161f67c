//! The claims of an access token.

use std::fmt;

use latchkey_protocol::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use serde_json::{Map, Value};

/// The last second of the year 9999. A time beyond it is nobody's: it would be an overflow, or a token for ever.
const LAST: i64 = 253_402_300_799;

/// The claims of a verified access token (RFC 9068 2.2). A [`Verifier`](crate::Verifier) makes one; it is not `Deserialize`, so
/// that no body or form of a request can pass for it:
///
/// ```compile_fail
/// fn is_read_from_requests<T: serde::de::DeserializeOwned>() {}
/// is_read_from_requests::<latchkey_resource_server::AccessToken>();
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct AccessToken {
    /// The issuer.
    pub iss: String,
    /// The user, or in a client's own token the client. Compare this, never a name or an email address.
    pub sub: String,
    /// The APIs that it is for: this one is among them.
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// When it ends.
    #[serde(deserialize_with = "moment")]
    pub exp: Timestamp,
    /// When it was issued.
    #[serde(deserialize_with = "moment")]
    pub iat: Timestamp,
    /// When it begins.
    #[serde(default, deserialize_with = "moment_if_any")]
    pub nbf: Option<Timestamp>,
    /// Its id.
    pub jti: String,
    /// The client that it was issued to (RFC 8693 4.3).
    pub client_id: String,
    /// What the user allowed the client, separated by spaces: see [`AccessToken::has_scope`].
    #[serde(default)]
    pub scope: String,
    /// When the user had proven who they are.
    #[serde(default, deserialize_with = "moment_if_any")]
    pub auth_time: Option<Timestamp>,
    /// How well (OpenID Connect Core 2).
    #[serde(default)]
    pub acr: Option<String>,
    /// How (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// The session at the issuer that it belongs to.
    #[serde(default)]
    pub sid: Option<String>,
    /// The user's roles (RFC 9068 2.2.3.1).
    #[serde(default, deserialize_with = "one_or_many")]
    pub roles: Vec<String>,
    /// The user's groups (RFC 9068 2.2.3.1).
    #[serde(default, deserialize_with = "one_or_many")]
    pub groups: Vec<String>,
    /// Every other claim.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Claims that nobody has verified yet.
pub struct Unverified(pub AccessToken);

impl<'de> Deserialize<'de> for Unverified {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AccessToken::deserialize(deserializer).map(Self)
    }
}

impl AccessToken {
    /// Whether `name` is among the scope values. They are compared whole (RFC 6749 3.3).
    pub fn has_scope(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let mut each = self.scope.as_bytes().split(|byte| *byte == b' ');
        each.any(|one| one == name) && !name.is_empty()
    }

    /// Whether the user has the role.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|one| one == name)
    }

    /// Whether the user is in the group.
    pub fn is_in_group(&self, name: &str) -> bool {
        self.groups.iter().any(|one| one == name)
    }

    /// Whether a user stands behind it, or the client itself (RFC 9068 2.2: `sub` is then the client).
    pub fn is_of_client(&self) -> bool {
        self.sub == self.client_id
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::One(one) => vec![one],
        Names::Many(many) => many,
    })
}

fn moment_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    moment(deserializer).map(Some)
}

/// `NumericDate` (RFC 7519 2): a number, which may have a fraction.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_any(NumericDate)
}

struct NumericDate;

impl Visitor<'_> for NumericDate {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since the epoch, before the year 10000")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Timestamp, E> {
        if (0..=LAST).contains(&seconds) {
            Ok(Timestamp::from_seconds(seconds))
        } else {
            Err(E::custom("no time before the year 10000"))
        }
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timestamp, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    // What does not fit becomes the smallest or the largest, and is refused; a part of a second is left out.
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timestamp, E> {
        self.visit_i64(seconds.floor() as i64)
    }
}
