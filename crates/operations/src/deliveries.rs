//! Logout tokens on their way: receipts, and sending again.

use latchkey_protocol::{
    audit::TargetKind,
    deliveries::{Again, Receipt, ReceiptsOf},
    page::Page,
};
use serde_json::json;

use crate::{Operation, OperationError, Operations, Result};

impl Operations<'_> {
    /// A piece of the receipts, the oldest first; a page goes on after a number.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn receipts(&self, of: ReceiptsOf<'_>, page: &Page<i64>) -> Result<Vec<Receipt>> {
        Ok(self.store.receipts(of, page).await?)
    }

    /// Has logout tokens sent again, and tried for a day from now. How many; of one, none where it is being sent at this
    /// moment.
    ///
    /// # Errors
    /// [`OperationError::DeliveryUnknown`].
    pub async fn retry_deliveries(&self, what: Again) -> Result<usize> {
        let (called, details) = match what {
            Again::One(id) => {
                let receipt = self.store.receipt(id).await?;
                let receipt = receipt.ok_or(OperationError::DeliveryUnknown(id))?;
                let details =
                    json!({ "client": receipt.client_id, "session": receipt.end.session_id });
                (id.to_string(), details)
            }
            Again::Dead => ("dead".to_owned(), json!({})),
        };
        let target = (TargetKind::Delivery, &*called, &*called);
        let recording = self.recording(Operation::DeliveryRetry, target, details);
        let sent = recording.store.send_again(what, self.now).await?;
        recording.done();
        Ok(sent)
    }
}
