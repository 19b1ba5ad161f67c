//! Time as rules see it.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub},
};

use serde::{Deserialize, Serialize};

/// Seconds since the epoch, as in `NumericDate` (RFC 7519 2). A moment is made of a number only by name, so a duration,
/// a count or milliseconds cannot stand for one:
///
/// ```compile_fail
/// let now: latchkey_protocol::Timestamp = 1_800_000_000_000;
/// ```
///
/// ```
/// # use latchkey_protocol::Timestamp;
/// let now = Timestamp::from_seconds(1_800_000_000);
/// assert_eq!((now + 60) - now, 60);
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment so many seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

/// The number of seconds since the epoch.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// So many seconds later. No sum of moments wraps: it stays at the last there is.
impl Add<i64> for Timestamp {
    type Output = Self;

    fn add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl AddAssign<i64> for Timestamp {
    fn add_assign(&mut self, seconds: i64) {
        *self = *self + seconds;
    }
}

/// So many seconds earlier.
impl Sub<i64> for Timestamp {
    type Output = Self;

    fn sub(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// The seconds between two moments.
impl Sub for Timestamp {
    type Output = i64;

    fn sub(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where time comes from. Rules never hold one: they take a plain `now`.
pub trait Clock: Send + Sync {
    /// Seconds since the epoch.
    fn now(&self) -> Timestamp;

    /// What everybody else takes for the time: another one only where somebody tries out what happens later.
    fn wall(&self) -> Timestamp {
        self.now()
    }
}
