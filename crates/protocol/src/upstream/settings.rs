//! Another provider that users sign in at, as an administrator describes it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::ClaimMapping;
use crate::time::Timestamp;

/// The name of an upstream: it stands in addresses and in ids of elements (`upstream-NAME`), and never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UpstreamName(String);

impl UpstreamName {
    /// Reads a name: 1 to 32 small ASCII letters, digits and hyphens.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fits = (1..=32).contains(&text.len())
            && (text.bytes()).all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err("the name of a provider is 1 to 32 small letters, digits and hyphens".to_owned())
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An upstream as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// Its name.
    pub name: UpstreamName,
    /// What an administrator says of it.
    pub settings: UpstreamSettings,
    /// The client's secret there, or the private key (PEM) that such a secret is signed with, sealed under the master key.
    pub sealed_secret: Option<String>,
    /// Since when nobody signs in there; none: users may.
    pub disabled_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts the changes. A sign-in that was begun under another version does not go on.
    pub version: i64,
}

impl Upstream {
    /// The issuer whose users it knows: see [`UpstreamProtocol::issuer`].
    pub fn issuer(&self) -> &str {
        self.settings.protocol.issuer()
    }

    /// Whether users may sign in there.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// What an administrator says of an upstream. A preset is such a text too, with what is missing left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// What its button says.
    pub title: String,
    /// The preset that it was made from, which has its logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// How it is spoken to.
    pub protocol: UpstreamProtocol,
    /// Our `client_id` there.
    pub client_id: String,
    /// How we authenticate at its token endpoint.
    #[serde(default)]
    pub client_auth: UpstreamClientAuth,
    /// What we ask for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// More parameters of the authorization request, of those that [`check_settings`](super::check_settings) allows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Whether its UserInfo endpoint is asked too. A provider of OAuth 2.0 alone always is.
    #[serde(default)]
    pub userinfo: bool,
    /// How it answers.
    #[serde(default)]
    pub response_mode: UpstreamResponseMode,
    /// What is read of its claims.
    #[serde(default)]
    pub mapping: ClaimMapping,
    /// What it is trusted with.
    #[serde(default)]
    pub trust: Trust,
    /// Domains of email addresses whose users sign in there (home realm), in ASCII and small letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Where its button stands among the others: the least first, then by name.
    #[serde(default)]
    pub position: i64,
    /// No button: whoever is to sign in there is led there.
    #[serde(default)]
    pub hidden: bool,
}

impl UpstreamSettings {
    /// Whether a subject there is the same user in both: the issuer says who names them, the kind and the mapping how. It may
    /// not change while there are identities.
    pub fn has_subjects_of(&self, other: &Self) -> bool {
        let kind = std::mem::discriminant::<UpstreamProtocol>;
        self.protocol.issuer() == other.protocol.issuer()
            && kind(&self.protocol) == kind(&other.protocol)
            && self.mapping.subject == other.mapping.subject
    }
}

fn default_scopes() -> Vec<String> {
    vec!["openid".into(), "profile".into(), "email".into()]
}

/// How an upstream is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum UpstreamProtocol {
    /// OpenID Connect, found by its issuer (Discovery 4).
    Oidc {
        /// Byte for byte as its discovery document says it.
        issuer: String,
        /// For an issuer of many tenants (Microsoft), which is written with `{tenantid}` ([`TENANT`]): the tenants whose users
        /// may sign in, `*` for all. Empty for all other issuers.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tenants: Vec<String>,
        /// It sends `iss` in its answers (RFC 9207) although its discovery document does not say so.
        #[serde(default)]
        sends_issuer: bool,
        /// Whether its ID tokens say when the user signed in, where that is asked for (`max_age`). Where not, it cannot answer a
        /// request for a new sign-in, and has no button then.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        says_auth_time: bool,
    },
    /// OAuth 2.0 with a profile: what it says is as good as its TLS.
    Oauth2 {
        /// What stands for the issuer in identities: declared here, and never changed while there are identities.
        issuer: String,
        /// Where browsers are sent.
        authorization_endpoint: String,
        /// Where codes are exchanged.
        token_endpoint: String,
        /// Where the profile is.
        userinfo_endpoint: String,
        /// Where its list of addresses is (GitHub): an array of `email`, `primary` and `verified`. The primary one is put into
        /// the profile as `email` and `email_verified`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emails_endpoint: Option<String>,
        /// Whether a challenge is sent (RFC 7636). A provider that knows none ignores it; `false` where it refuses the request.
        #[serde(default = "yes")]
        pkce: bool,
    },
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(value: &bool) -> bool {
    *value
}

impl UpstreamProtocol {
    /// Whether it can answer a request for a new sign-in.
    pub fn says_auth_time(&self) -> bool {
        matches!(
            self,
            Self::Oidc {
                says_auth_time: true,
                ..
            }
        )
    }

    /// Whether a code challenge is sent there.
    pub fn takes_challenge(&self) -> bool {
        !matches!(self, Self::Oauth2 { pkce: false, .. })
    }

    /// The issuer: unique among upstreams. Identities of an issuer of many tenants have the tenant's.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Oidc { issuer, .. } | Self::Oauth2 { issuer, .. } => issuer,
        }
    }

    /// Whether identities may have this issuer: its own, or that of one of its tenants.
    pub fn issues_as(&self, issuer: &str) -> bool {
        match self {
            Self::Oidc {
                issuer: own,
                tenants,
                ..
            } => match own.split_once(TENANT) {
                None => own == issuer,
                Some((before, after)) => issuer
                    .strip_prefix(before)
                    .and_then(|rest| rest.strip_suffix(after))
                    .is_some_and(|tenant| is_tenant(tenants, tenant)),
            },
            Self::Oauth2 { issuer: own, .. } => own == issuer,
        }
    }
}

/// What stands in the issuer of many tenants for each of them.
pub const TENANT: &str = "{tenantid}";

/// `*` is any: a slash or a query would be another address.
fn is_tenant(tenants: &[String], tenant: &str) -> bool {
    let is_plain = (1..=64).contains(&tenant.len())
        && tenant
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    is_plain && tenants.iter().any(|one| one == "*" || one == tenant)
}

/// How we authenticate at an upstream's token endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum UpstreamClientAuth {
    /// The secret in the header (RFC 6749 2.3.1).
    #[default]
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
    /// The secret in the form is a JWT that we sign with ES256, as Apple asks for it; the sealed secret is the private key.
    SignedSecret {
        /// `iss`: the team.
        team_id: String,
        /// `kid` of the private key.
        key_id: String,
        /// `aud`.
        audience: String,
    },
    /// None: a public client with PKCE.
    None,
}

impl UpstreamClientAuth {
    /// Whether there has to be a secret.
    pub fn needs_secret(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// How an upstream answers the authorization request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamResponseMode {
    /// In the query.
    #[default]
    Query,
    /// By a form that the browser posts.
    FormPost,
}

/// What an upstream is trusted with. Without a word of an administrator it is trusted with nothing but saying who signs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// Which addresses it is believed to have verified.
    pub email: EmailTrust,
    /// Whether whoever is not known yet gets an account.
    pub create: bool,
    /// How an identity comes to an account that is there already.
    pub link: Linking,
}

/// Which addresses an upstream is believed to have verified, where it says that it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailTrust {
    /// None: addresses are kept with the identity, and used for nothing.
    #[default]
    None,
    /// Those of its `domains`.
    Domains,
    /// All.
    All,
}

/// How an identity comes to an account that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linking {
    /// By an administrator alone.
    Never,
    /// When the user signs in to that account as ever.
    #[default]
    WithProof,
    /// Also by itself, where both sides have verified the same address and this side's account has no power here.
    VerifiedEmail,
}
