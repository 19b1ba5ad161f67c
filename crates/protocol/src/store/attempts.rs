//! How often something was tried, counted for all nodes.

use async_trait::async_trait;

use super::Result;
use crate::{attempts::Allowance, kind, secret::Digest, time::Timestamp};

/// How often something was tried, counted for all nodes.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Counts one attempt against each of the allowances, unless one is used up: then none is counted, and its key is
    /// returned. Of racing callers, on any node, no more get through than are allowed.
    async fn reserve_attempts(
        &self,
        allowances: &[Allowance],
        now: Timestamp,
    ) -> Result<Option<Digest<kind::Attempts>>>;
    /// Takes back one attempt of each key that was reserved at `reserved`; with `clear`, all of the first key.
    async fn give_back_attempts(
        &self,
        keys: &[Digest<kind::Attempts>],
        clear: bool,
        reserved: Timestamp,
    ) -> Result<()>;
}
