//! Refusals with their details.

use crate::reason::{Detail, Reason};

/// A refusal with what was expected and what was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What happened.
    pub reason: Reason,
    /// What was expected and what was received.
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
