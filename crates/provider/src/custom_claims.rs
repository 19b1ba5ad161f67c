use std::sync::{Arc, PoisonError, RwLock};

use latchkey_protocol::claims::CustomClaims;

use crate::Provider;

/// The custom claims for all clients, replaced as a whole when commands change them.
#[derive(Default)]
pub struct CustomClaimsInForce(RwLock<Arc<CustomClaims>>);

impl CustomClaimsInForce {
    pub fn now(&self) -> Arc<CustomClaims> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Provider {
    /// From now on these are said, and named in discovery. `false` when they were before.
    pub fn use_custom_claims(&self, claims: CustomClaims) -> bool {
        let mut in_force = self
            .custom_claims
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if **in_force == claims {
            return false;
        }
        self.metadata.renew(&self.issuer, &claims);
        *in_force = Arc::new(claims);
        true
    }
}
