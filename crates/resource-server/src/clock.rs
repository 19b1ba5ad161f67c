//! The system's clock, unless the API brings another.

use std::time::{SystemTime, UNIX_EPOCH};

use latchkey_protocol::{Clock, Timestamp};

/// The clock of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    // The seam itself: everything else takes `now` from a clock.
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 makes no token good: all are issued in its future.
        let seconds = since.map_or(0, |passed| passed.as_secs());
        Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
