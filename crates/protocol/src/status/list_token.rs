//! The claims of a status list token (draft 5.1): a list, signed by the issuer.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The header `typ` of status list tokens; with `application/` before it, their media type.
pub const STATUS_LIST_TYPE: &str = "statuslist+jwt";

/// The claims of a status list token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListClaims {
    /// The issuer. The draft does not ask for it; ours is always there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The address of the list: what the tokens name.
    pub sub: String,
    /// When it was issued.
    pub iat: Timestamp,
    /// From when on it says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<Timestamp>,
    /// How long it may be kept before it is fetched again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// The list.
    pub status_list: StatusListMember,
}

/// A status list in JSON (draft 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListMember {
    /// Bits of an entry: 1, 2, 4 or 8.
    pub bits: u64,
    /// The list: compressed, then base64url.
    pub lst: String,
    /// Where all lists of the issuer are named (draft 9.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_uri: Option<String>,
}
