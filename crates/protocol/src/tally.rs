//! What is counted by the hour, for whoever looks after an installation: in memory where it happens, which costs nothing, and
//! added up in the database once a minute.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::Timestamp;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Users who signed in.
    SignIns,
    /// Attempts to sign in that failed or were refused.
    FailedSignIns,
    /// Answers of the token endpoint with an access token.
    Tokens,
    /// Sessions that lived when it was last looked within the hour: no sum.
    Sessions,
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SignIns,
        Self::FailedSignIns,
        Self::Tokens,
        Self::Sessions,
    ];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIns => "sign-ins",
            Self::FailedSignIns => "failed-sign-ins",
            Self::Tokens => "tokens",
            Self::Sessions => "sessions",
        }
    }

    /// The inverse of [`Counted::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }
}

/// How much there was of something in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyCount {
    /// When the hour began.
    pub hour: Timestamp,
    /// Of what.
    pub what: Counted,
    /// How much.
    pub count: i64,
}

/// The hour of a moment: when it began.
pub fn hour(now: Timestamp) -> Timestamp {
    now - now.as_seconds().rem_euclid(3600)
}

/// What one process has counted and not yet added up. A process that is killed takes it along: a minute of its counts.
#[derive(Debug, Default)]
pub struct Tally {
    counts: [AtomicI64; 3],
}

impl Tally {
    fn of(&self, what: Counted) -> Option<&AtomicI64> {
        match what {
            Counted::SignIns => Some(&self.counts[0]),
            Counted::FailedSignIns => Some(&self.counts[1]),
            Counted::Tokens => Some(&self.counts[2]),
            Counted::Sessions => None,
        }
    }

    /// One more of it. What is no sum is not counted here.
    pub fn add(&self, what: Counted) {
        self.give_back(what, 1);
    }

    /// What could not be added up is counted again.
    pub fn give_back(&self, what: Counted, count: i64) {
        if let Some(counted) = self.of(what) {
            counted.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What has been counted so far, each count that is not 0; from here on it is counted anew.
    pub fn take(&self) -> Vec<(Counted, i64)> {
        let taken = |what| {
            let count = self.of(what)?.swap(0, Ordering::Relaxed);
            (count != 0).then_some((what, count))
        };
        Counted::ALL.into_iter().filter_map(taken).collect()
    }

    /// How much of it has been counted so far.
    pub fn so_far(&self, what: Counted) -> i64 {
        self.of(what)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_anew_and_what_is_given_back_is_not_lost() {
        let tally = Tally::default();
        for what in [
            Counted::Tokens,
            Counted::Tokens,
            Counted::SignIns,
            Counted::Sessions,
        ] {
            tally.add(what);
        }
        let taken = [(Counted::SignIns, 1), (Counted::Tokens, 2)];
        assert_eq!(tally.take(), taken);
        assert_eq!(tally.take(), []);
        tally.give_back(Counted::Tokens, 2);
        tally.add(Counted::Tokens);
        assert_eq!(tally.so_far(Counted::Tokens), 3);
    }

    #[test]
    fn an_hour_begins_on_the_hour_also_before_the_epoch() {
        let of = |seconds| hour(Timestamp::from_seconds(seconds)).as_seconds();
        assert_eq!([of(0), of(3599), of(7200), of(-1)], [0, 0, 7200, -3600]);
    }
}
