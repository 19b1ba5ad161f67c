//! What nodes ask for status lists, and what an end of a session writes for them.

use super::*;
use latchkey_protocol::{
    session::Cause,
    store::{EndedCursor, LeaseRequest},
};

use latchkey_protocol::{ClientId, admission::Review, jobs::JobLease};

use crate::status_lists::{changes, in_sessions, lease, reviews};

/// Of the job that is there.
fn review(c: &mut AnyConnection) -> Result<(), RowError> {
    let job = JobLease {
        job: 1,
        owner: "w".into(),
        attempt: 1,
    };
    let review = Review {
        client: ClientId::new("d"),
        changed_at: Timestamp::from_seconds(1),
        over_at: None,
        after: None,
        attempt: 0,
    };
    let page = reviews::page(c, &job, &review, 1, Timestamp::from_seconds(2))?;
    assert!(page.is_some_and(|page| page.next.is_some()));
    Ok(())
}

pub fn verbs() -> Vec<Verb<'static>> {
    let request = LeaseRequest {
        count: 1,
        now: Timestamp::from_seconds(1),
        live_until: Timestamp::from_seconds(9),
        above: None,
    };
    vec![
        (
            "numbers of a new status list",
            1,
            Box::new(move |c, _| lease::begin(c, &request).map(drop)),
        ),
        (
            "numbers of a status list",
            1,
            Box::new(move |c, _| lease::take(c, &request).map(drop)),
        ),
        (
            "what ended, and the lists",
            2,
            Box::new(|c, _| changes::since(c, EndedCursor::default(), 9).map(drop)),
        ),
        (
            "a page of a review, its time, its end, its client and its job",
            6,
            Box::new(|c, _| review(c)),
        ),
        (
            "entries of an authorization",
            1,
            Box::new(|c, _| {
                let id = AuthorizationId::new("a");
                authorizations::change_entries(c, &id, &entries()).map(|done| assert!(done))
            }),
        ),
        (
            "tokens of sessions that end",
            1,
            Box::new(|c, n| {
                let one = |n| format!("gone {n}");
                let ended: Vec<_> = (0..=n).map(one).collect();
                in_sessions::note(c, &ended, Cause::Forced, Timestamp::from_seconds(1))
            }),
        ),
    ]
}
