//! The clock of `latchkey dev`, which a test moves.

use std::sync::atomic::{AtomicI64, Ordering};

use latchkey_protocol::{Clock, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::key;
use crate::{config::seconds, wiring::SystemClock};

/// How far it may be set back, in seconds: not before the signing key was made.
const BACK: i64 = key::AGE - 3600;
/// How far it may be set forward, in seconds: ten years.
const FORWARD: i64 = 3650 * 86_400;

/// The system's clock, and how far this one is ahead of it, in seconds. Everything reads it: the provider, its workers, the
/// demo apps and the demo API.
#[derive(Default)]
pub struct DevClock {
    ahead: AtomicI64,
}

impl Clock for DevClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead.load(Ordering::Relaxed)
    }

    fn wall(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// What is asked of the clock: one of these.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    /// So much forward, as `"10m"` or in seconds.
    Advance(Span),
    /// So much back.
    Back(Span),
    /// To a moment, in seconds since 1970.
    Set(i64),
    /// To the system's time.
    Reset(bool),
}

/// A duration, as in the settings, or in seconds.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a duration is a text such as \"10m\", or a number of seconds"
)]
pub enum Span {
    Seconds(u32),
    Text(String),
}

impl Span {
    fn seconds(&self) -> Result<i64, String> {
        match self {
            Self::Seconds(seconds) => Ok(i64::from(*seconds)),
            Self::Text(text) => seconds(text).map_err(|why| format!("the duration {why}")),
        }
    }
}

impl DevClock {
    /// Moves it, and says where it stands.
    ///
    /// # Errors
    /// A sentence: how far it can be moved.
    pub fn change(&self, change: &ClockChange) -> Result<Value, String> {
        let system = SystemClock.now();
        let mut before = self.ahead.load(Ordering::Relaxed);
        loop {
            let ahead = change.ahead(before, system)?;
            // From where it stood: of two that move it at the same time neither is lost.
            let moved = (self.ahead).compare_exchange_weak(
                before,
                ahead,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match moved {
                Ok(_) => return Ok(json!({ "now": system + ahead, "ahead": ahead })),
                Err(other) => before = other,
            }
        }
    }
}

impl ClockChange {
    /// How far the clock is ahead of the system's after the change, in seconds.
    fn ahead(&self, before: i64, system: Timestamp) -> Result<i64, String> {
        let ahead = match self {
            Self::Advance(span) => before.saturating_add(span.seconds()?),
            Self::Back(span) => before.saturating_sub(span.seconds()?),
            Self::Set(moment) => Timestamp::from_seconds(*moment) - system,
            Self::Reset(true) => 0,
            Self::Reset(false) => return Err("reset is true, or is left out".to_owned()),
        };
        if !(-BACK..=FORWARD).contains(&ahead) {
            return Err(format!(
                "the clock would be {ahead} seconds ahead of the system's; it can be set forward by ten years and back by {} \
                 hours at most",
                BACK / 3600
            ));
        }
        Ok(ahead)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change(clock: &DevClock, asked: Value) -> Result<i64, String> {
        let change: ClockChange = serde_json::from_value(asked).map_err(|e| e.to_string())?;
        Ok(clock.change(&change)?["ahead"].as_i64().unwrap())
    }

    #[test]
    fn it_goes_forward_back_to_a_moment_and_to_the_systems_time() {
        let clock = DevClock::default();
        let system = SystemClock.now();
        assert_eq!(change(&clock, json!({ "advance": "10m" })), Ok(600));
        assert_eq!(change(&clock, json!({ "advance": 5 })), Ok(605));
        assert!((605..700).contains(&(clock.now() - system)));
        assert_eq!(change(&clock, json!({ "back": "1h" })), Ok(-2995));
        let at = (system + 86_400).as_seconds();
        let ahead = change(&clock, json!({ "set": at })).unwrap();
        assert!((86_300..=86_400).contains(&ahead), "{ahead}");
        assert_eq!(change(&clock, json!({ "reset": true })), Ok(0));
    }

    #[test]
    fn of_changes_at_the_same_time_none_is_lost() {
        let clock = DevClock::default();
        let second: ClockChange = serde_json::from_value(json!({ "advance": 1 })).unwrap();
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| (0..2_000).for_each(|_| drop(clock.change(&second).unwrap())));
            }
        });
        assert_eq!(change(&clock, json!({ "advance": 0 })), Ok(16_000));
    }

    #[test]
    fn what_it_cannot_be_moved_by_is_refused_and_changes_nothing() {
        let clock = DevClock::default();
        for (asked, says) in [
            (json!({ "back": "12h" }), "back by 11 hours at most"),
            (json!({ "set": 0 }), "back by 11 hours at most"),
            (json!({ "advance": "4000d" }), "ten years"),
            (json!({ "set": i64::MAX }), "ten years"),
            (json!({ "set": i64::MIN }), "11 hours"),
            (json!({ "advance": "10" }), "a duration looks like 90s"),
            (json!({ "advance": -1 }), "such as \"10m\""),
            (json!({ "reset": false }), "reset is true"),
            (
                json!({ "forward": 1 }),
                "unknown variant `forward`, expected one of `advance`",
            ),
            (json!({}), "expected"),
        ] {
            let refused = change(&clock, asked.clone()).unwrap_err();
            assert!(refused.contains(says), "{asked}: {refused}");
        }
        assert_eq!(change(&clock, json!({ "advance": 0 })), Ok(0));
    }
}
