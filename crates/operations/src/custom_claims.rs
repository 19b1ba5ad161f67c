//! Custom claims for all clients: list, set, remove. Those of one client are in its metadata.

use latchkey_protocol::{
    audit::TargetKind,
    claims::{CustomClaims, Mapping},
    field_error::FieldErrors,
    store::ClaimOutcome,
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

    /// Adds a custom claim, or replaces the one of this name; with `seen` only while it is that one.
    ///
    /// # Errors
    /// A mapping that cannot be; [`OperationError::ClaimsFull`]; [`OperationError::Contended`] where it is not what was seen.
    pub async fn set_custom_claim(
        &self,
        name: &str,
        mapping: &Mapping,
        seen: Option<&Mapping>,
    ) -> Result<()> {
        mapping.check(name).map_err(FieldErrors::from)?;
        let details = json!({ "old": self.custom_claims().await?.0.get(name), "new": mapping });
        let target = (TargetKind::Claim, name, name);
        let recording = self.recording(Operation::ClaimSet, target, details);
        let set = recording.store.set_custom_claim(name, mapping, seen);
        match set.await? {
            ClaimOutcome::Set => {}
            ClaimOutcome::Full => return Err(OperationError::ClaimsFull),
            ClaimOutcome::Changed => return Err(OperationError::Contended(name.to_owned())),
        }
        recording.done();
        Ok(())
    }

    /// Removes the custom claim of this name; with `seen` only while it is that one.
    ///
    /// # Errors
    /// [`OperationError::ClaimUnknown`]; [`OperationError::Contended`] where it is not what was seen.
    pub async fn remove_custom_claim(&self, name: &str, seen: Option<&Mapping>) -> Result<()> {
        let target = (TargetKind::Claim, name, name);
        let details = json!({ "old": self.custom_claims().await?.0.get(name) });
        let recording = self.recording(Operation::ClaimRemove, target, details);
        if !recording.store.remove_custom_claim(name, seen).await? {
            return Err(match seen {
                None => OperationError::ClaimUnknown(name.to_owned()),
                Some(_) => OperationError::Contended(name.to_owned()),
            });
        }
        recording.done();
        Ok(())
    }
}
