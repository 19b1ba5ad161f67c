//! Refusals: explained by the reference that their answers carried.

use latchkey_protocol::{
    Reason, Timestamp,
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
    reason::pasted_reference,
};

use crate::{OperationError, Operations, Result};

/// A refusal, and the reason that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRefusal {
    /// The refusal as it was stored.
    pub kept: KeptRefusal,
    /// What was checked, and how to fix it.
    pub reason: Reason,
}

impl Operations<'_> {
    /// A piece of the refusals that are kept, the newest first; a page goes on after a moment and a reference.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn refusals(
        &self,
        filter: &RefusalFilter,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Vec<KeptRefusal>> {
        Ok(self.store.refusals(filter, page).await?)
    }

    /// The refusal whose reference was pasted, alone or with the text that carried it.
    ///
    /// # Errors
    /// [`OperationError::RefusalUnknown`], [`OperationError::ReasonUnknown`].
    pub async fn refusal(&self, pasted: &str) -> Result<ExplainedRefusal> {
        let reference = pasted_reference(pasted);
        let Some(kept) = self.store.refusal(&reference).await? else {
            return Err(OperationError::RefusalUnknown(reference));
        };
        match Reason::ALL.iter().find(|r| r.name() == kept.reason) {
            Some(&reason) => Ok(ExplainedRefusal { kept, reason }),
            None => Err(OperationError::ReasonUnknown {
                reference,
                reason: kept.reason,
            }),
        }
    }
}
