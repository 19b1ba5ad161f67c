//! Counts by the hour.

use async_trait::async_trait;

use super::Result;
use crate::{
    tally::{Counted, HourlyCount},
    time::Timestamp,
};

/// Counts by the hour ([`crate::tally`]).
#[async_trait]
pub trait Tallies: Send + Sync {
    /// Adds to the counts of an hour, and notes how many sessions live at `now`. Nodes that do so at once each add theirs.
    async fn add_counts(&self, counts: &[(Counted, i64)], now: Timestamp) -> Result<()>;
    /// The counts of each hour from this one on, in the order of the hours. Hours and things without any are left out.
    async fn hourly_counts(&self, since: Timestamp) -> Result<Vec<HourlyCount>>;
}
