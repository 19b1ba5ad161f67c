//! Custom claims for all clients: list, set, remove. Those of one client are in its metadata.

use latchkey_protocol::claims::{CustomClaims, Mapping};

use crate::{Operation, OperationError, Operations, Result};

impl Operations<'_> {
    /// All of them.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn custom_claims(&self) -> Result<CustomClaims> {
        Ok(self.store.custom_claims().await?)
    }

    /// Adds a custom claim, or replaces the one of this name.
    ///
    /// # Errors
    /// A mapping that cannot be; [`OperationError::ClaimsFull`].
    pub async fn set_custom_claim(&self, name: &str, mapping: &Mapping) -> Result<()> {
        mapping.check(name).map_err(OperationError::invalid(None))?;
        if !self.store.set_custom_claim(name, mapping).await? {
            return Err(OperationError::ClaimsFull);
        }
        self.record(Operation::ClaimSet, name).await;
        Ok(())
    }

    /// Removes the custom claim of this name.
    ///
    /// # Errors
    /// [`OperationError::ClaimUnknown`].
    pub async fn remove_custom_claim(&self, name: &str) -> Result<()> {
        if !self.store.remove_custom_claim(name).await? {
            return Err(OperationError::ClaimUnknown(name.to_owned()));
        }
        self.record(Operation::ClaimRemove, name).await;
        Ok(())
    }
}
