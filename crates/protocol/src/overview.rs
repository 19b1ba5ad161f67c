//! How much happened lately: the counts of hours as sums over the equal spans of a period.

use crate::{
    tally::{Counted, HourlyCount, Tally},
    time::Timestamp,
};

/// How far back one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    Month,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// As it stands in addresses, in commands and in the ids of words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The inverse of [`Period::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// How many spans, and the hours of each.
    pub const fn spans(self) -> (i64, i64) {
        match self {
            Self::Day => (24, 1),
            Self::Week => (28, 6),
            Self::Month => (30, 24),
        }
    }

    /// When the first span begins: the last one has `now` in it, and spans of a day begin at midnight (UTC).
    pub fn begin(self, now: Timestamp) -> Timestamp {
        let (spans, hours) = self.spans();
        let long = hours * 3600;
        let last = now - now.as_seconds().rem_euclid(long);
        last - (spans - 1) * long
    }
}

/// What is known of a part of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub begin: Timestamp,
    counts: [i64; Counted::ALL.len()],
}

impl Span {
    /// The sum of what was counted within it; of sessions the most.
    pub fn count(&self, what: Counted) -> i64 {
        self.counts[what as usize]
    }
}

/// The figures of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Which period.
    pub period: Period,
    /// Sessions that lived when they were last counted, at most a minute ago while a server runs.
    pub active_sessions: i64,
    /// The oldest first.
    pub spans: Vec<Span>,
}

impl Overview {
    /// Of these counts, and of what this process has counted besides since it last added them up.
    pub fn new(period: Period, counts: &[HourlyCount], so_far: &Tally, now: Timestamp) -> Self {
        let (spans, hours) = period.spans();
        let begin = period.begin(now);
        let empty = |at| Span {
            begin: begin + at * hours * 3600,
            counts: [0; Counted::ALL.len()],
        };
        let sessions = counts.iter().rfind(|c| c.what == Counted::Sessions);
        let mut overview = Self {
            period,
            active_sessions: sessions.map_or(0, |counted| counted.count),
            spans: (0..spans).map(empty).collect(),
        };
        for counted in counts {
            overview.add(counted, begin);
        }
        if let Some(last) = overview.spans.last_mut() {
            for what in Counted::ALL {
                last.counts[what as usize] += so_far.so_far(what);
            }
        }
        overview
    }

    /// What lies outside of the period is left out.
    fn add(&mut self, counted: &HourlyCount, begin: Timestamp) {
        let (_, hours) = self.period.spans();
        let at = usize::try_from((counted.hour - begin).div_euclid(hours * 3600));
        let Some(span) = at.ok().and_then(|at| self.spans.get_mut(at)) else {
            return;
        };
        let count = &mut span.counts[counted.what as usize];
        match counted.what {
            Counted::Sessions => *count = (*count).max(counted.count),
            _ => *count += counted.count,
        }
    }

    /// How much there was in the whole period. Of sessions it says nothing.
    pub fn sum(&self, what: Counted) -> i64 {
        self.spans.iter().map(|span| span.count(what)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// 2027-01-15 08:00 UTC.
    const NOW: i64 = 1_800_000_000;

    #[test]
    fn counts_stand_in_the_span_of_their_time_and_older_ones_in_none() {
        let of = |hour, what, count| HourlyCount {
            hour: at(hour),
            what,
            count,
        };
        let counts = [
            of(NOW - 24 * 3600, Counted::Tokens, 9),
            of(NOW - 23 * 3600, Counted::Tokens, 1),
            of(NOW, Counted::Tokens, 4),
            of(NOW, Counted::Sessions, 7),
        ];
        let seen = |period| Overview::new(period, &counts, &Tally::default(), at(NOW + 1800));
        let tokens = |o: &Overview, at: usize| o.spans[at].count(Counted::Tokens);
        let day = seen(Period::Day);
        assert_eq!((tokens(&day, 0), tokens(&day, 23)), (1, 4));
        assert_eq!((day.sum(Counted::Tokens), day.active_sessions), (5, 7));
        assert_eq!(day.spans[0].begin, at(NOW - 23 * 3600));
        let week = seen(Period::Week);
        assert_eq!((week.spans.len(), week.sum(Counted::Tokens)), (28, 14));
        let month = seen(Period::Month);
        assert_eq!((tokens(&month, 28), tokens(&month, 29)), (10, 4));
        assert_eq!(month.spans[29].begin, at(NOW - 8 * 3600));
    }

    #[test]
    fn what_is_not_added_up_yet_stands_in_the_last_span() {
        let tally = Tally::default();
        tally.add(Counted::SignIns);
        let seen = Overview::new(Period::Day, &[], &tally, at(NOW));
        assert_eq!(seen.spans[23].count(Counted::SignIns), 1);
        assert_eq!((seen.sum(Counted::SignIns), seen.active_sessions), (1, 0));
    }
}
