//! Entries that somebody who writes into the database takes out of the audit chain again, for a server to seal them as new ones.

use latchkey_protocol::jobs::{Job, NewJob, TakeJobs};
use latchkey_server::workers::{AuditHandler, JobHandler, JobOutcome};

use super::audit_chain::{end, seal, sealed};
use crate::support::*;

async fn audit_job(h: &Harness) -> Job {
    let take = TakeJobs {
        kind: "audit",
        most: 1,
        lease: 1000,
        owner: "test",
        now: h.moment(),
    };
    h.store.take_jobs(&take).await.unwrap().remove(0)
}

#[test]
fn a_server_that_saw_the_chain_does_not_seal_what_was_taken_out_of_it() {
    on_both(async |h| {
        sealed(&h).await;
        let clock = h.app.provider.clock.clone();
        let handler = || AuditHandler::new(h.store.clone(), clock.clone(), chain_key());
        let (sealing, other) = (handler(), handler());
        h.store
            .enqueue(&NewJob::only("audit", h.moment()))
            .await
            .unwrap();
        let job = audit_job(&h).await;
        assert_eq!(sealing.run(&job).await, JobOutcome::Done);
        assert!(other.wanted(h.moment()).await.unwrap().is_none());
        let kept = end(&h).await;
        h.sql("UPDATE audit SET position = NULL, hash = NULL, seal = NULL, details = '{}' WHERE position >= 4");
        for handler in [&sealing, &other] {
            let outcome = handler.run(&job).await;
            assert!(matches!(outcome, JobOutcome::Failed(_)), "{outcome:?}");
            assert_eq!(end(&h).await.position, 3);
        }
        // Sealed by somebody else: the end has its position, and not its hash.
        seal(&h).await;
        assert_eq!(end(&h).await.position, kept.position);
        let outcome = sealing.run(&job).await;
        assert!(matches!(outcome, JobOutcome::Failed(_)), "{outcome:?}");
        assert_eq!(handler().run(&job).await, JobOutcome::Done);
    });
}

/// Whoever waits until a server has looked is not sealed either: it looks in the transaction that seals.
#[test]
fn what_is_taken_out_of_the_chain_right_before_it_is_sealed_is_not_sealed() {
    on_both(async |h| {
        sealed(&h).await;
        let clock = h.app.provider.clock.clone();
        let handler = AuditHandler::new(h.store.clone(), clock, chain_key());
        h.store
            .enqueue(&NewJob::only("audit", h.moment()))
            .await
            .unwrap();
        let job = audit_job(&h).await;
        assert_eq!(handler.run(&job).await, JobOutcome::Done);
        let database = h.database.clone();
        h.flaky.before_sealing(move || {
            database
                .script("UPDATE audit SET position = NULL, hash = NULL, seal = NULL, details = '{}' WHERE position >= 4")
                .unwrap();
        });
        let outcome = handler.run(&job).await;
        assert!(matches!(outcome, JobOutcome::Failed(_)), "{outcome:?}");
        assert_eq!(end(&h).await.position, 3);
    });
}
