//! Housekeeping comes again in its turn, and workers that nobody holds, or that panic, stay in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use latchkey_conformance::{Failure, Flaky};
use latchkey_protocol::{
    StoreError, Timestamp,
    jobs::{Job, NewJob},
};
use latchkey_server::{
    wiring::OsEntropy,
    workers::{JobHandler, JobOutcome, SweepHandler, Workers},
};

use super::support::*;

const KIND: &str = "test";

/// Counts how often it is asked for, and panics outside of its work at the first job.
#[derive(Default)]
struct Handler {
    asked: AtomicUsize,
    begun: AtomicUsize,
    done: AtomicUsize,
}

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn lease(&self) -> i64 {
        60
    }

    fn most_attempts(&self) -> Option<i64> {
        assert!(self.begun.fetch_add(1, Ordering::SeqCst) > 0, "on purpose");
        None
    }

    async fn wanted(&self, _now: Timestamp) -> Result<Option<NewJob>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(None)
    }

    async fn run(&self, _job: &Job) -> JobOutcome {
        self.done.fetch_add(1, Ordering::SeqCst);
        JobOutcome::Done
    }
}

fn node(h: &Harness, handler: Arc<dyn JobHandler>) -> Workers {
    let clock = h.app.provider.clock.clone();
    Workers::start(h.store.clone(), clock, Arc::new(OsEntropy), vec![handler])
}

fn job(h: &Harness) -> NewJob {
    NewJob {
        kind: KIND,
        unique_key: None,
        payload: "{}".into(),
        run_at: h.moment(),
        created_at: h.moment(),
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what}");
}

async fn is_due(h: &Harness, at: Timestamp) -> bool {
    h.store.has_due_jobs("sweep", at).await.unwrap()
}

#[test]
fn a_sweep_that_fails_comes_again_in_its_turn_however_often_it_failed() {
    on_both(|h| async move {
        let failing = Arc::new(Flaky::new(h.store.clone()));
        let clock = h.app.provider.clock.clone();
        let node = node(
            &h,
            Arc::new(SweepHandler::new(failing.clone(), clock, 0, chain_key())),
        );
        let in_its_turn =
            async || !is_due(&h, h.moment()).await && is_due(&h, h.moment() + 20).await;
        until("it is there", in_its_turn).await;
        let mut failed = 0;
        while failed < 7 {
            failing.fail(0, Failure::Before);
            h.pass(20);
            until("it comes again in its turn", in_its_turn).await;
            failed += usize::from(failing.calm() == Some("sweep"));
        }
        node.stop().await;
    });
}

#[test]
fn a_panic_outside_of_a_job_keeps_no_other_job_waiting() {
    on_both(|h| async move {
        let handler = Arc::new(Handler::default());
        let node = node(&h, handler.clone());
        for _ in 0..2 {
            h.store.enqueue(&job(&h)).await.unwrap();
        }
        until("the other one is done", async || {
            handler.done.load(Ordering::SeqCst) == 1
        })
        .await;
        node.stop().await;
    });
}

#[test]
fn workers_that_nobody_holds_any_more_rest_between_two_looks() {
    on_both(|h| async move {
        let handler = Arc::new(Handler::default());
        drop(node(&h, handler.clone()));
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let asked = handler.asked.load(Ordering::SeqCst);
        assert!((1..=5).contains(&asked), "{asked}");
    });
}
