//! The `response_type` of an authorization request (RFC 6749 3.1.1, OAuth 2.0 Multiple Response Types).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an authorization request asks for at once: a set, so that its order in the parameter means nothing (RFC 6749
/// 3.1.1). The empty set is `none` (OAuth 2.0 Multiple Response Types 4).
///
/// This is the one definition: what is in [`ResponseTypes::SUPPORTED`] is allowed in requests and registrations, and named
/// in discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResponseTypes {
    code: bool,
    id_token: bool,
    token: bool,
}

/// What is no response type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a response type is code, id_token and token, each once, or none")]
pub struct UnknownResponseType;

impl ResponseTypes {
    /// Nothing but whether it was allowed.
    pub const NONE: Self = Self {
        code: false,
        id_token: false,
        token: false,
    };
    /// An authorization code.
    pub const CODE: Self = Self {
        code: true,
        ..Self::NONE
    };
    /// Those that are answered here.
    pub const SUPPORTED: [Self; 1] = [Self::CODE];

    /// Whether it is answered here.
    pub fn is_supported(self) -> bool {
        Self::SUPPORTED.contains(&self)
    }

    /// Those that are answered here, for a sentence.
    pub fn supported() -> String {
        Self::SUPPORTED.map(|types| types.to_string()).join(" or ")
    }
}

/// The parts, in any order and each once; `none` alone.
impl FromStr for ResponseTypes {
    type Err = UnknownResponseType;

    fn from_str(text: &str) -> Result<Self, UnknownResponseType> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let mut types = Self::NONE;
        for part in text.split(' ') {
            let asked = match part {
                "code" => &mut types.code,
                "id_token" => &mut types.id_token,
                "token" => &mut types.token,
                _ => return Err(UnknownResponseType),
            };
            if std::mem::replace(asked, true) {
                return Err(UnknownResponseType);
            }
        }
        Ok(types)
    }
}

/// The parts in the order of the specifications' examples.
impl fmt::Display for ResponseTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.code, "code"),
            (self.id_token, "id_token"),
            (self.token, "token"),
        ];
        let asked: Vec<_> = parts
            .iter()
            .filter_map(|(asked, name)| asked.then_some(*name))
            .collect();
        match asked.as_slice() {
            [] => f.write_str("none"),
            parts => f.write_str(&parts.join(" ")),
        }
    }
}

impl TryFrom<String> for ResponseTypes {
    type Error = UnknownResponseType;

    fn try_from(text: String) -> Result<Self, UnknownResponseType> {
        text.parse()
    }
}

impl From<ResponseTypes> for String {
    fn from(types: ResponseTypes) -> Self {
        types.to_string()
    }
}
