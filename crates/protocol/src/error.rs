use crate::{
    client::ReturnTo,
    reason::{Detail, Reason},
};

/// A refusal with what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    pub detail: Detail,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: Detail::default() }
    }
}

impl Reason {
    /// This refusal, with what was expected and what came.
    pub fn because(self, expected: impl Into<String>, came: impl Into<String>) -> Refused {
        Refused { reason: self, detail: Detail::new(expected, came) }
    }
}

/// A refusal at the authorization endpoint, and its door.
#[derive(Debug, Clone)]
pub enum AuthorizationError {
    /// A person sees it: the only way out before client and redirect URI belong together.
    Page(Refused),
    /// By the browser to the client.
    Back(Box<ReturnTo>, Refused),
}
