//! What keeps the store small, and says whether it is fit.

use async_trait::async_trait;

use super::Result;
use crate::time::Timestamp;

/// What keeps the store small, and says whether it is fit.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// Removes at most `most` expired rows of each kind, and what exceeds the bounds of [`crate::bounds`], of whoever
    /// has the most; forgets the private halves of keys that have retired. How many rows went.
    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize>;
    /// Counts anew what is bounded in all and counted by each process for itself: other nodes add and sweep too.
    async fn recount(&self) -> Result<()>;
    /// Whether the database answers and has every migration.
    async fn ready(&self) -> Result<bool>;
}
