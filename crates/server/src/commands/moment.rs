//! Moments as commands take them.

use anyhow::{Result, bail};
use latchkey_protocol::Timestamp;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};

use crate::config::seconds;

/// A moment as it is typed: a day, a time, or how long ago.
///
/// # Errors
/// What is none of them.
pub fn moment(given: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>> {
    given.map(|given| read(given, now)).transpose()
}

fn read(given: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(time) = OffsetDateTime::parse(given, &Rfc3339) {
        return Ok(Timestamp::from_seconds(time.unix_timestamp()));
    }
    if let Ok(day) = Date::parse(given, &Iso8601::DATE) {
        let midnight = day.midnight().assume_utc();
        return Ok(Timestamp::from_seconds(midnight.unix_timestamp()));
    }
    match seconds(given) {
        Ok(ago) => Ok(now + -ago),
        Err(_) => bail!(
            "{given:?} is no time: write 2026-11-22, 2026-11-22T03:00:00Z, or 7d for seven days ago"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_moment_is_a_day_a_time_or_how_long_ago() {
        let now = Timestamp::from_seconds(1_000_000);
        let seconds = |given| read(given, now).map(Timestamp::as_seconds);
        assert_eq!(seconds("1970-01-02").unwrap(), 86_400);
        assert_eq!(seconds("1970-01-02T01:00:00+01:00").unwrap(), 86_400);
        assert_eq!(seconds("2d").unwrap(), 1_000_000 - 2 * 86_400);
        assert!(seconds("yesterday").is_err());
    }
}
