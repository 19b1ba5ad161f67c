//! The closed sets of client metadata: how a client authenticates, what it may ask for, and the like.

use serde::{Deserialize, Serialize};

/// How a client proves who it is at the token endpoint (RFC 7591 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// In the header `Authorization` (RFC 6749 2.3.1).
    ClientSecretBasic,
    /// In the body (RFC 6749 2.3.1).
    ClientSecretPost,
    /// Not at all: a public client.
    None,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];

    /// As metadata writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }
}

/// The grants of the token endpoint (RFC 7591 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 4.1.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// RFC 6749 4.4.
    ClientCredentials,
}

impl GrantType {
    /// Every grant.
    pub const ALL: [Self; 3] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
    ];

    /// As requests and metadata write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant of a `grant_type`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }
}

/// Whether the client is a web or a native application (OpenID Connect Registration 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Runs on a server, or in a browser.
    #[default]
    Web,
    /// Runs on the user's device (RFC 8252).
    Native,
}

/// When a refresh token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum RefreshPolicy {
    /// When the scope `offline_access` was granted (OpenID Connect Core 11).
    #[default]
    OfflineAccess,
    /// With every sign-in; it then ends with the session.
    Always,
}

/// Where the claims of granted scopes are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenClaims {
    /// In the ID token, and at UserInfo: most apps look nowhere but in the ID token.
    #[default]
    All,
    /// At UserInfo alone (OpenID Connect Core 5.4).
    Minimal,
}

/// Header `typ` of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessTokenTyp {
    /// RFC 9068 2.1.
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// For resource servers that know no other.
    #[serde(rename = "JWT")]
    Jwt,
}

impl AccessTokenTyp {
    /// As the header writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtJwt => crate::claims::ACCESS_TOKEN_TYPE,
            Self::Jwt => crate::claims::ID_TOKEN_TYPE,
        }
    }
}
