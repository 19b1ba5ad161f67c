//! Calls that are carried out once.

use async_trait::async_trait;

use super::Result;
use crate::idempotency::{IdempotencyOutcome, IdempotentCall};

/// Calls that are carried out once.
#[async_trait]
pub trait IdempotentCalls: Send + Sync {
    /// Begins a call, unless it is known by its key already. Of racing callers with one key, one hears
    /// [`IdempotencyOutcome::Begun`].
    async fn begin_call(&self, call: &IdempotentCall) -> Result<IdempotencyOutcome>;
    /// Notes what was answered. `false` when another attempt has begun since.
    async fn answer_call(&self, call: &IdempotentCall, answer: &str) -> Result<bool>;
    /// Nothing was done: the key can be used again. An answer that is noted stays.
    async fn forget_call(&self, call: &IdempotentCall) -> Result<()>;
}
