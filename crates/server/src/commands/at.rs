//! What a command that works on an installation gets, and what is said when it is refused.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_operations::{Caller, OperationError, Operations};
use latchkey_protocol::{Clock, Store, Timestamp};

use super::installation::{self, Installation};
use crate::{
    config::Settings,
    runtime::block_on,
    wiring::{OsEntropy, SystemClock},
};

/// What a command works with.
pub struct At {
    pub settings: Settings,
    pub store: Arc<dyn Store>,
    pub master: MasterKey,
    pub ring: KeyRing,
    pub now: Timestamp,
}

impl At {
    /// What can be done, by whoever called the command.
    pub fn operations(&self) -> Operations<'_> {
        Operations {
            store: &*self.store,
            entropy: &OsEntropy,
            caller: Caller::command(rustix::process::getuid().as_raw()),
            now: self.now,
        }
    }
}

/// Opens the installation and does `work` on it.
///
/// # Errors
/// What is missing, or why it was not done, in a sentence that ends with the command that helps.
pub fn at_installation<F: Future<Output = Result<()>>>(
    settings: Settings,
    work: impl FnOnce(At) -> F,
) -> Result<ExitCode> {
    block_on(async {
        let now = SystemClock.now();
        let Installation {
            store,
            master,
            ring,
        } = installation::open(&settings, now).await?;
        let at = At {
            settings,
            store,
            master,
            ring,
            now,
        };
        work(at).await.map_err(with_advice)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Names the command that helps, where there is one.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    let Some(refused) = error.downcast_ref::<OperationError>() else {
        return error;
    };
    let advice = match refused {
        OperationError::UserUnknown(_) => "; see latchkey user list",
        OperationError::ClientUnknown(_) => "; see latchkey client list",
        OperationError::SessionUnknown(_) => "; see latchkey session list",
        OperationError::DeliveryUnknown(_) => "; see latchkey delivery list",
        OperationError::ConsentUnknown { .. } => "; see latchkey consent list",
        OperationError::KeyUnknown(_) => "; see latchkey key list",
        OperationError::KeysFull(_) => "; see latchkey key list and latchkey key retire",
        OperationError::KeysMadeInADay(_) => {
            "; if a key may be stolen, replace it with latchkey key rotate --now"
        }
        OperationError::ClaimUnknown(_) => "; see latchkey claim list",
        OperationError::UpstreamUnknown(_) => "; see latchkey upstream list",
        OperationError::IdentityUnknown { .. } => "; see latchkey user identities",
        OperationError::UpstreamNameTaken(_) => "; change it with latchkey upstream update",
        OperationError::UpstreamIssuerTaken(_) => "; see latchkey upstream list",
        OperationError::UpstreamInUse { .. } => {
            ": disable it, or unlink them all with --force; users without a password cannot sign in then"
        }
        OperationError::LastWayIn(_) => {
            ": give them a password first (latchkey user set-password), or repeat it with --force"
        }
        OperationError::ClientIdTaken(_) => "; change it with latchkey client update",
        OperationError::LastAdministrator(_) => {
            ": give the role admin to another enabled user first, or repeat it with --force"
        }
        OperationError::KeySigns(_) => {
            ": run latchkey key rotate --now first, with --algorithm where it is not RS256"
        }
        _ => return error,
    };
    anyhow::anyhow!("{refused}{advice}")
}
