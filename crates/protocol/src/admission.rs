//! A client that admits fewer users than before, or nobody: what it was given is reviewed by jobs, page by page.

use serde::{Deserialize, Serialize};

use crate::{AuthorizationId, ClientId, access::Access, jobs::NewJob, time::Timestamp};

/// What such jobs are called.
pub const KIND: &str = "admissions";

/// When what a client was given is reviewed, in seconds after its change. Nodes may know the client as it was for a second,
/// and issue tokens for that long: those come with the second review. Of a request that took as long as any may, its token
/// comes with the third.
pub const REVIEWS: [i64; 3] = [0, 2, 60];

/// A review: what its job has in its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Whose tokens are looked through.
    pub client: ClientId,
    /// When the client was changed.
    #[serde(default)]
    pub changed_at: Timestamp,
    /// From then on no token counts that was issued before the first page. None before that, and where nothing says so.
    #[serde(default)]
    pub over_at: Option<Timestamp>,
    /// The authorization that was looked at last; none before the first page.
    #[serde(default)]
    pub after: Option<AuthorizationId>,
    /// The attempt of its job that looked at it; 0 before the first page.
    #[serde(default)]
    pub attempt: i64,
}

/// Clocks that differ by no more seconds are the same one.
const SAME: i64 = 1;
/// Whoever is off by more seconds does not run: it was never set.
const RUNS: i64 = 86_400;

impl Review {
    /// As a payload has it; none where it is no such job's.
    pub fn read(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }

    /// As a payload has it.
    pub fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether there is nothing left to find.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.over_at.is_some_and(|over_at| over_at <= now)
    }

    /// The jobs of a change. Some for each: a review that is under way may be past what the next change means.
    ///
    /// They are due by the clock of the node that made the change, whose workers may be all that there are; and by that of
    /// the store, where it is another: a review of a node that is behind would come to the others before the tokens that
    /// it has to find, and one of a node that is ahead long after them.
    pub fn jobs(&self, store_now: Timestamp) -> impl Iterator<Item = NewJob> {
        let apart = (store_now - self.changed_at).abs();
        let of_store = (SAME + 1..=RUNS).contains(&apart).then_some(store_now);
        let clocks = [self.changed_at].into_iter().chain(of_store);
        clocks.flat_map(move |at| {
            REVIEWS.into_iter().map(move |after| NewJob {
                kind: KIND,
                unique_key: None,
                payload: self.payload(),
                run_at: at + after,
                created_at: self.changed_at,
            })
        })
    }

    /// How often its job was tried since a page was reviewed: an attempt that came further, and then died with its node, is
    /// none that failed. `attempt` is the one under way.
    pub fn attempts(&self, attempt: i64) -> i64 {
        if attempt > self.attempt {
            attempt - self.attempt
        } else {
            // They are counted anew where a job is repeated.
            attempt
        }
    }
}

/// What came of a page of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewedPage {
    /// Where it goes on; none where it is over.
    pub next: Option<Review>,
    /// Rows that cannot be read, as `table id`: none of those users is admitted, or nobody at all.
    pub unreadable: Vec<String>,
}

/// Whether somebody who was admitted by `before` may not be by `after`. None admits everybody.
pub fn is_narrower(before: Option<&Access>, after: Option<&Access>) -> bool {
    let Some(after) = after else {
        return false;
    };
    let has_all =
        |before: &[String], after: &[String]| before.iter().all(|one| after.contains(one));
    !before.is_some_and(|before| {
        has_all(&before.groups, &after.groups)
            && has_all(&before.roles, &after.roles)
            && has_all(&before.users, &after.users)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(groups: &[&str], roles: &[&str], users: &[&str]) -> Option<Access> {
        let [groups, roles, users] =
            [groups, roles, users].map(|names| names.iter().map(|&name| name.into()).collect());
        Some(Access {
            groups,
            roles,
            users,
        })
    }

    #[test]
    fn only_what_may_turn_somebody_away_is_narrower() {
        let two = of(&["a", "b"], &["r"], &["u"]);
        for (before, after, is) in [
            (None, None, false),
            (None, two.clone(), true),
            (two.clone(), None, false),
            (two.clone(), two.clone(), false),
            (two.clone(), of(&["b", "c", "a"], &["r"], &["u"]), false),
            (two.clone(), of(&["a"], &["r"], &["u"]), true),
            (two.clone(), of(&["a", "b"], &[], &["u"]), true),
            (two.clone(), of(&["a", "b"], &["r"], &["v"]), true),
            (two, of(&[], &[], &[]), true),
            (of(&[], &[], &[]), of(&[], &[], &[]), false),
        ] {
            assert_eq!(
                is_narrower(before.as_ref(), after.as_ref()),
                is,
                "{before:?} {after:?}"
            );
        }
    }

    /// A node of the version before has written the client alone.
    #[test]
    fn a_payload_is_read_as_it_was_written_and_as_it_was_before() {
        let review = Review {
            client: ClientId::new("c"),
            changed_at: Timestamp::from_seconds(5),
            over_at: Some(Timestamp::from_seconds(9)),
            after: Some(AuthorizationId::new("a")),
            attempt: 2,
        };
        assert_eq!(Review::read(&review.payload()), Some(review.clone()));
        assert!(review.is_over(Timestamp::from_seconds(9)));
        assert!(!review.is_over(Timestamp::from_seconds(8)));
        let before = Review::read(r#"{"client":"c"}"#).unwrap();
        assert_eq!((before.after.as_ref(), before.over_at), (None, None));
        assert!(!before.is_over(Timestamp::from_seconds(i64::MAX)));
        assert_eq!(Review::read("{}"), None);
    }

    #[test]
    fn attempts_count_since_the_last_page() {
        let review = |attempt| {
            let begin = Review::read(r#"{"client":"c"}"#).unwrap();
            Review { attempt, ..begin }
        };
        for (reached, attempt, since) in
            [(0, 1, 1), (0, 11, 11), (9, 11, 2), (10, 11, 1), (3, 1, 1)]
        {
            assert_eq!(
                review(reached).attempts(attempt),
                since,
                "{reached} {attempt}"
            );
        }
    }

    #[test]
    fn reviews_are_due_by_both_clocks_where_they_differ() {
        let at = |second| Timestamp::from_seconds(1_000_000 + second);
        let review = Review {
            changed_at: at(0),
            ..Review::read(r#"{"client":"c"}"#).unwrap()
        };
        let due = |store: i64| -> Vec<i64> {
            let jobs = review.jobs(at(store));
            jobs.map(|job| job.run_at - at(0)).collect()
        };
        for same in [0, 1, -1, 86_401, -86_401] {
            assert_eq!(due(same), [0, 2, 60], "{same}");
        }
        assert_eq!(due(30), [0, 2, 60, 30, 32, 90]);
        assert_eq!(due(-30), [0, 2, 60, -30, -28, 30]);
    }
}
