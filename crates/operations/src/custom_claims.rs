//! Custom claims for all clients: list, set, remove. Those of one client are in its metadata.

use latchkey_protocol::{
    audit::TargetKind,
    claims::{CustomClaims, Mapping},
    field_error::FieldErrors,
};
use serde_json::json;

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
        mapping.check(name).map_err(FieldErrors::from)?;
        let details = json!({ "old": self.custom_claims().await?.0.get(name), "new": mapping });
        let target = (TargetKind::Claim, name, name);
        let recording = self.recording(Operation::ClaimSet, target, details);
        if !recording.store.set_custom_claim(name, mapping).await? {
            return Err(OperationError::ClaimsFull);
        }
        recording.done();
        Ok(())
    }

    /// Removes the custom claim of this name.
    ///
    /// # Errors
    /// [`OperationError::ClaimUnknown`].
    pub async fn remove_custom_claim(&self, name: &str) -> Result<()> {
        let target = (TargetKind::Claim, name, name);
        let details = json!({ "old": self.custom_claims().await?.0.get(name) });
        let recording = self.recording(Operation::ClaimRemove, target, details);
        if !recording.store.remove_custom_claim(name).await? {
            return Err(OperationError::ClaimUnknown(name.to_owned()));
        }
        recording.done();
        Ok(())
    }
}
