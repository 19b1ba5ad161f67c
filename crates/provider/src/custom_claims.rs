//! The custom claims for all clients, as they are said now.

use std::sync::{Arc, PoisonError, RwLock};

use latchkey_protocol::claims::CustomClaims;

/// The custom claims for all clients, replaced as a whole when commands change them.
#[derive(Default)]
pub struct CustomClaimsInForce(RwLock<Arc<CustomClaims>>);

impl CustomClaimsInForce {
    /// Those that hold now.
    pub fn current(&self) -> Arc<CustomClaims> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether they differ from those before; `then` is called before anybody sees them.
    pub(crate) fn replace(&self, claims: CustomClaims, then: impl FnOnce(&CustomClaims)) -> bool {
        let mut in_force = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if **in_force == claims {
            return false;
        }
        then(&claims);
        *in_force = Arc::new(claims);
        true
    }
}
