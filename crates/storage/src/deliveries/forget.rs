//! Deliveries that go: those that were settled long ago, and settled ones beyond the bound. What waits never goes: beyond a
//! bound of its own the oldest of it become dead letters.

use diesel::prelude::*;
use latchkey_protocol::{Timestamp, bounds};

use super::give_up::{Why, give_up, hoarders};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::deliveries,
    statement::{binds, statement},
};

const OLD: &str = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = ? AND state <> 'waiting' \
    AND attempted_at <= ? ORDER BY attempted_at LIMIT ?)";
/// What was given up for want of room goes first when there is no room for it either: it pushes nobody else's out.
const GIVEN_UP: &str = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = 'dead' \
    AND outcome = 'unsent' AND reason IN (?, ?) ORDER BY id LIMIT ?)";
/// Settled whenever that was.
const EVER: Timestamp = Timestamp::from_seconds(i64::MAX);

/// What is beyond the bounds.
#[derive(Debug, Default)]
pub struct Excess {
    /// So many settled deliveries.
    settled: i64,
    /// So many that wait, and the client whose oldest are given up.
    waiting: Option<(i64, String)>,
}

/// Looks for what is beyond the bounds. It counts, which takes long where there is much: not within a write.
pub fn excess(c: &mut AnyConnection) -> Result<Excess, RowError> {
    beyond(c, bounds::DELIVERIES, bounds::WAITING_DELIVERIES)
}

fn beyond(c: &mut AnyConnection, settled: i64, waiting: i64) -> Result<Excess, RowError> {
    let ends = deliveries::table.select((
        diesel::dsl::min(deliveries::id),
        diesel::dsl::max(deliveries::id),
    ));
    let ends: (Option<i64>, Option<i64>) = on!(c => ends.get_result(c))?;
    // No more numbers than that were given: nothing to count.
    let (Some(first), Some(last)) = ends else {
        return Ok(Excess::default());
    };
    if last - first < settled.min(waiting) {
        return Ok(Excess::default());
    }
    let of = |state: &'static str| {
        deliveries::table
            .filter(deliveries::state.eq(state))
            .count()
    };
    let (delivered, dead): (i64, i64) =
        on!(c => (of("delivered").get_result(c)?, of("dead").get_result(c)?));
    let waits: i64 = on!(c => of("waiting").get_result(c))?;
    let mut found = Excess {
        settled: (delivered + dead - settled).max(0),
        waiting: None,
    };
    if waits > waiting {
        found.waiting = hoarders(c, 1)?.into_iter().next().map(|client| {
            tracing::error!(
                client,
                waits,
                "too many logout tokens wait: the oldest of this client are dead letters now"
            );
            (waits - waiting, client)
        });
    }
    Ok(found)
}

/// At most `most` of each kind, and of what was found beyond the bounds. How many rows went or were given up.
pub fn forget(
    c: &mut AnyConnection,
    excess: &Excess,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    let mut done = 0;
    for (state, kept) in [
        ("delivered", bounds::RECEIPTS_KEPT),
        ("dead", bounds::DEAD_DELIVERIES_KEPT),
    ] {
        done += on!(c => statement(OLD, binds![state, now - kept, most]).execute(c))?;
    }
    let mut left = excess.settled.min(most);
    if left > 0 {
        let (failing, noisy) = (Why::KeepsFailing.text(), Why::HasTheMost.text());
        let gone = on!(c => statement(GIVEN_UP, binds![failing, noisy, left]).execute(c))?;
        left -= i64::try_from(gone).unwrap_or(i64::MAX);
        done += gone;
    }
    for state in ["delivered", "dead"] {
        if left > 0 {
            let gone = on!(c => statement(OLD, binds![state, EVER, left]).execute(c))?;
            left -= i64::try_from(gone).unwrap_or(i64::MAX);
            done += gone;
        }
    }
    if let Some((waiting, client_id)) = &excess.waiting {
        done += give_up(c, client_id, Why::HasTheMost, now, (*waiting).min(most))?;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database;

    /// Six wait, of which `b` has the most and one is being sent; three are settled.
    const ROWS: &str = "INSERT INTO deliveries (session_id, client_id, user_id, cause, ended_at, since, state, due_at, lease_owner, \
        attempted_at) VALUES ('1', 'a', 'u', 'x', 0, 0, 'waiting', 1, NULL, NULL), ('2', 'a', 'u', 'x', 0, 0, 'waiting', 1, NULL, NULL), \
        ('1', 'b', 'u', 'x', 0, 0, 'waiting', 90, 'me', NULL), ('2', 'b', 'u', 'x', 0, 0, 'waiting', 1, NULL, NULL), \
        ('3', 'b', 'u', 'x', 0, 0, 'waiting', 2, NULL, NULL), ('4', 'b', 'u', 'x', 0, 0, 'waiting', 3, NULL, NULL), \
        ('5', 'b', 'u', 'x', 0, 0, 'delivered', 3, NULL, 20), ('6', 'b', 'u', 'x', 0, 0, 'delivered', 3, NULL, 10), \
        ('7', 'b', 'u', 'x', 0, 0, 'dead', 3, NULL, 5);";

    fn of(c: &mut AnyConnection, state: &str) -> Vec<(String, String)> {
        let rows = deliveries::table
            .filter(deliveries::state.eq(state))
            .order(deliveries::id)
            .select((deliveries::client_id, deliveries::session_id));
        on!(c => rows.load(c)).unwrap()
    }

    fn what_waits_beyond_the_bound_is_a_dead_letter(c: &mut AnyConnection) {
        c.batch_execute(ROWS).unwrap();
        let now = Timestamp::from_seconds(50);
        let found = beyond(c, 2, 4).unwrap();
        assert_eq!(forget(c, &found, now, 100).unwrap(), 3);
        let row = |client: &str, session: &str| (client.to_owned(), session.to_owned());
        assert_eq!(
            of(c, "delivered"),
            [row("b", "5")],
            "the oldest receipt went"
        );
        assert_eq!(of(c, "dead"), [row("b", "2"), row("b", "3"), row("b", "7")]);
        let waiting = [row("a", "1"), row("a", "2"), row("b", "1"), row("b", "4")];
        assert_eq!(of(c, "waiting"), waiting, "the one being sent is left");
        let found = beyond(c, 4, 4).unwrap();
        assert_eq!(forget(c, &found, now, 100).unwrap(), 0);
    }

    #[test]
    fn what_waits_beyond_the_bound_is_a_dead_letter_on_sqlite() {
        test_database::on_sqlite(what_waits_beyond_the_bound_is_a_dead_letter);
    }

    #[test]
    fn what_waits_beyond_the_bound_is_a_dead_letter_on_postgres() {
        test_database::on_postgres("waiting", what_waits_beyond_the_bound_is_a_dead_letter);
    }
}
