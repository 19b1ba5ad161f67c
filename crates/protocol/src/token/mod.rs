//! The token endpoint (RFC 6749 3.2): what each grant demands, and what it gives.

mod authorization_code;
mod client_credentials;
mod issue;
mod preview;
mod refresh_token;

pub use authorization_code::{redeem, starts_refresh};
pub use client_credentials::client_scope;
pub use issue::{Grant, Holder, IdTokenDraft, TokenIssuer, TokenSet, token_set};
pub use preview::{Preview, PreviewRequest, VARIES};
pub use refresh_token::{Rotation, narrowed, rotate};

use crate::error::Refusal;

/// What a rule says when it refuses: the endpoint carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The refusal.
    pub refused: Refusal,
    /// A replay was found: all that came of this authorization ends.
    pub revoke: bool,
}

impl From<Refusal> for Denial {
    fn from(refused: Refusal) -> Self {
        Self {
            refused,
            revoke: false,
        }
    }
}

impl From<crate::Reason> for Denial {
    fn from(reason: crate::Reason) -> Self {
        Refusal::from(reason).into()
    }
}
