//! Time as rules see it.

/// Seconds since the epoch, as in `NumericDate` (RFC 7519 2).
pub type Timestamp = i64;

/// Where time comes from. Rules never hold one: they take a plain `now`.
pub trait Clock: Send + Sync {
    /// Seconds since the epoch.
    fn now(&self) -> Timestamp;
}
