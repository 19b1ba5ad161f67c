//! What commands did and no server has logged yet.

use async_trait::async_trait;

use super::Result;
use crate::time::Timestamp;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEvent {
    /// Sorts by time.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// As it is called, such as `user disable`.
    pub operation: String,
    /// Whom or what it was done to.
    pub target: String,
    /// Who called it, as the operating system knows them.
    pub caller: String,
}

/// What commands did and no server has logged yet.
#[async_trait]
pub trait CommandEvents: Send + Sync {
    /// Notes what a command did, for a server to log.
    async fn add_command_event(&self, event: &CommandEvent) -> Result<()>;
    /// At most `most` notes, the oldest first.
    async fn command_events(&self, most: i64) -> Result<Vec<CommandEvent>>;
    /// Forgets notes, once they are logged.
    async fn forget_command_events(&self, ids: &[String]) -> Result<()>;
}
