//! Refusals with their details, and the doors they leave by.

use crate::{
    client::ReturnTo,
    reason::{Detail, Reason},
};

/// A refusal with what was expected and what was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub detail: Detail,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: Detail::default(),
        }
    }
}

impl Reason {
    /// This refusal, with what was expected and what was received.
    pub fn because(self, expected: impl Into<String>, received: impl Into<String>) -> Refusal {
        Refusal {
            reason: self,
            detail: Detail::new(expected, received),
        }
    }
}

/// A refusal at the authorization endpoint, and its door.
#[derive(Debug, Clone)]
pub enum AuthorizationError {
    /// A user sees it: the only way out before client and redirect URI belong together.
    Page(Refusal),
    /// By the browser to the client.
    Back(Box<ReturnTo>, Refusal),
}
