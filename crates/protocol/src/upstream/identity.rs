//! Who somebody is at another provider, and which user that is here.

use serde::{Deserialize, Serialize};

use super::{UpstreamName, UpstreamProfile};
use crate::{UserId, kind, secret::Digest, time::Timestamp};

/// Who somebody is at another provider: never an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentityKey {
    /// The issuer as it was verified.
    pub issuer: String,
    /// `sub`, or what stands for it.
    pub subject: String,
}

/// That somebody at another provider is a user here. Of one [`IdentityKey`] there is one at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Who that is there.
    pub key: IdentityKey,
    /// Through which upstream: it signs in through this one alone.
    pub upstream: UpstreamName,
    /// Who that is here.
    pub user_id: UserId,
    /// Since when.
    pub linked_at: Timestamp,
    /// By what.
    pub linked_by: LinkedBy,
    /// The last sign-in with it.
    pub last_sign_in_at: Option<Timestamp>,
    /// What the provider said of them then.
    pub profile: UpstreamProfile,
    /// What of that the user got from here, and loses when it is no longer said.
    pub brought: Brought,
}

/// By what an identity was linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkedBy {
    /// The account was made for it.
    Creation,
    /// Both sides had verified the same address.
    Email,
    /// The user signed in to the account.
    Proof,
    /// An administrator did it.
    Administrator,
}

impl LinkedBy {
    /// Each.
    pub const ALL: [Self; 4] = [
        Self::Creation,
        Self::Email,
        Self::Proof,
        Self::Administrator,
    ];

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::Email => "email",
            Self::Proof => "proof",
            Self::Administrator => "administrator",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// What a user got by an identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brought {
    /// The display name.
    pub name: Option<String>,
    /// The address of the picture.
    pub picture: Option<String>,
    /// Groups that they had not before.
    pub groups: Vec<String>,
    /// Roles that they had not before.
    pub roles: Vec<String>,
}

/// An identity that is to be linked as soon as the user signs in to the account that it is to lead to, in the same
/// interaction. One for each interaction.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingLink {
    /// In which the user signs in.
    pub interaction: Digest<kind::Interaction>,
    /// Who they are at the other provider.
    pub key: IdentityKey,
    /// Through which upstream.
    pub upstream: UpstreamName,
    /// Its version then.
    pub version: i64,
    /// The only account that it may lead to; none: whichever the user signs in to.
    pub user_id: Option<UserId>,
    /// What the provider said of them.
    pub profile: UpstreamProfile,
    /// When they came back: a sign-in before that proves nothing.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Where a session came from, so that its end there can end it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSession {
    /// The upstream.
    pub upstream: UpstreamName,
    /// Who signed in there.
    pub key: IdentityKey,
    /// The session there (`sid`), where it says one.
    pub sid: Option<String>,
}
