//! One file for each grant: what is special about it. Here is what they share; `issue.rs` makes their tokens.

pub mod authorization_code;
pub mod client_credentials;
pub mod issue;
pub mod refresh_token;

use latchkey_operations::{AuditEvent, audit};
use latchkey_protocol::{authorization::Context, token::Denial};

use crate::{fault::Fault, state::Provider};

/// What a grant answers: tokens, or why not.
pub type Granted = Result<Result<issue::Tokens, Denial>, Fault>;

/// Carries out what a rule has decided.
pub async fn deny(provider: &Provider, context: &Context, denied: Denial) -> Granted {
    if denied.revoke {
        let id = &context.authorization.id;
        audit::log(&AuditEvent::ReplayRevoked {
            authorization: id,
            reason: denied.refused.reason,
        });
        provider
            .store
            .revoke_authorization(id, provider.now())
            .await?;
    }
    Ok(Err(denied))
}
