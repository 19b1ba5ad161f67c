//! Where the status of a token stands: what the token says, and what the issuer knows it by.

use serde::{Deserialize, Serialize};

use crate::{Issuer, paths};

/// An entry of one of our own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusEntry {
    /// The number of the list.
    pub list: u32,
    /// The place in it, below [`ENTRIES`](super::ENTRIES).
    pub idx: u32,
}

/// The claim `status` of a token (draft 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusClaim {
    /// Its entry.
    pub status_list: StatusReference,
}

/// The entry of a token as the token names it (draft 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// The place in the list.
    pub idx: u64,
    /// The address of the list.
    pub uri: String,
}

impl StatusEntry {
    /// What a token of `issuer` says of it.
    pub fn claim(self, issuer: &Issuer) -> StatusClaim {
        StatusClaim {
            status_list: StatusReference {
                idx: self.idx.into(),
                uri: Self::uri(issuer, self.list),
            },
        }
    }

    /// The entry that a token of ours names. None where the list is not one of ours, or the place not one in it.
    pub fn named(reference: &StatusReference, issuer: &Issuer) -> Option<Self> {
        let rest = reference.uri.strip_prefix(issuer.as_str())?;
        let number = rest.strip_prefix(paths::STATUS_LISTS)?.strip_prefix('/')?;
        let list: u32 = number.parse().ok()?;
        let idx = u32::try_from(reference.idx).ok()?;
        // One form of the number alone: `+1` and `01` are no addresses of ours.
        let is_ours = reference.uri == Self::uri(issuer, list) && idx < super::ENTRIES;
        is_ours.then_some(Self { list, idx })
    }

    /// The address of a list.
    pub fn uri(issuer: &Issuer, list: u32) -> String {
        format!("{}/{list}", issuer.at(paths::STATUS_LISTS))
    }
}
