//! The figures of the overview.

use latchkey_protocol::{
    overview::{Overview, Period},
    tally::Tally,
};

use crate::{Operations, Result};

impl Operations<'_> {
    /// Sign-ins and failures, tokens and sessions of a period. `so_far`: what this process has counted and not yet added up;
    /// that of other processes is a minute old at the most.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn overview(&self, period: Period, so_far: &Tally) -> Result<Overview> {
        let counts = self.store.hourly_counts(period.begin(self.now)).await?;
        Ok(Overview::new(period, &counts, so_far, self.now))
    }
}
