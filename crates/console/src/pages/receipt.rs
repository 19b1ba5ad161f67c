//! What became of a logout token, as a line of a table.

use latchkey_protocol::deliveries::{DeliveryState, Receipt};

use crate::layout::utc;

/// A line of a table. Words by their ids.
pub struct ReceiptRow {
    pub id: i64,
    pub client: String,
    pub session: String,
    /// Whether the page is that session's own.
    pub is_here: bool,
    pub ended: String,
    pub state: String,
    pub is_delivered: bool,
    pub is_dead: bool,
    pub attempts: i64,
    /// What the last attempt amounts to; empty where there was none.
    pub outcome: String,
    pub status: String,
    pub milliseconds: String,
    pub reason: String,
    pub next: String,
}

impl ReceiptRow {
    pub fn new(receipt: Receipt, is_here: bool) -> Self {
        let (state, last) = (receipt.state, receipt.last.as_ref());
        let outcome = last.map(|last| format!("console-outcome-{}", last.delivery.name()));
        let status = last.and_then(|last| last.status).map(|s| s.to_string());
        Self {
            id: receipt.id,
            is_here,
            ended: utc(receipt.ended_at),
            state: format!("console-delivery-{}", state.name()),
            is_delivered: state == DeliveryState::Delivered,
            is_dead: state == DeliveryState::Dead,
            attempts: receipt.attempts,
            outcome: outcome.unwrap_or_default(),
            status: status.unwrap_or_default(),
            milliseconds: last.map(|l| l.milliseconds.to_string()).unwrap_or_default(),
            next: receipt.next_at.map(utc).unwrap_or_default(),
            reason: receipt
                .last
                .and_then(|last| last.reason)
                .unwrap_or_default(),
            client: receipt.client_id.into_string(),
            session: receipt.end.session_id.into_string(),
        }
    }
}
