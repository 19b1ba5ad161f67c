//! Jobs are worked off by any number of nodes: each by one, none lost, none in the way of others.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use latchkey_protocol::{
    Clock, StoreError, Timestamp,
    jobs::{Job, NewJob, TakeJobs},
    observe::KeptRefusal,
};
use latchkey_server::{
    wiring::OsEntropy,
    workers::{JobHandler, JobOutcome, SweepHandler, Workers},
};

use super::support::*;

const KIND: &str = "test";
const LEASE: i64 = 60;
const EVERY: i64 = 20;

/// Does what the payload says, and remembers it.
#[derive(Default)]
struct Handler {
    done: Mutex<Vec<String>>,
    attempts: AtomicUsize,
    /// Of a job that comes again and again.
    clock: Option<Arc<dyn Clock>>,
}

impl Handler {
    fn done(&self) -> Vec<String> {
        let mut done = self.done.lock().unwrap().clone();
        done.sort();
        done
    }
}

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn at_once(&self) -> usize {
        4
    }

    fn most_attempts(&self) -> Option<i64> {
        Some(3)
    }

    async fn wanted(&self, now: Timestamp) -> Result<Option<NewJob>, StoreError> {
        Ok(self.clock.is_some().then(|| NewJob {
            unique_key: Some("one".into()),
            ..job("turn", now + EVERY)
        }))
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        match job.payload.as_str() {
            "panic" => panic!("on purpose"),
            "fail" => return JobOutcome::Failed("on purpose".into()),
            "slow" => tokio::time::sleep(Duration::from_millis(700)).await,
            _ => {}
        }
        self.done.lock().unwrap().push(job.payload.clone());
        match &self.clock {
            Some(clock) => JobOutcome::Repeat(clock.now() + EVERY),
            None => JobOutcome::Done,
        }
    }
}

fn job(payload: &str, run_at: Timestamp) -> NewJob {
    NewJob {
        kind: KIND,
        unique_key: None,
        payload: payload.to_owned(),
        run_at,
        created_at: run_at,
    }
}

fn node(h: &Harness, handler: &Arc<Handler>) -> Workers {
    let handlers: Vec<Arc<dyn JobHandler>> = vec![handler.clone()];
    Workers::start(
        h.store.clone(),
        h.app.provider.clock.clone(),
        Arc::new(OsEntropy),
        handlers,
    )
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what}");
}

async fn is_left(h: &Harness) -> bool {
    h.store
        .has_due_jobs(KIND, Timestamp::from_seconds(1 << 40))
        .await
        .unwrap()
}

#[test]
fn a_job_is_done_by_one_of_many_nodes() {
    on_both(|h| async move {
        let handler = Arc::new(Handler::default());
        let nodes: Vec<_> = (0..3).map(|_| node(&h, &handler)).collect();
        let mut expected = Vec::new();
        for n in 0..40 {
            let payload = format!("job {n}");
            h.store.enqueue(&job(&payload, h.moment())).await.unwrap();
            expected.push(payload);
        }
        until("all are done", async || !is_left(&h).await).await;
        expected.sort();
        assert_eq!(handler.done(), expected);
        for node in nodes {
            node.stop().await;
        }
    });
}

#[test]
fn a_recurring_job_comes_once_in_its_turn_however_many_nodes_there_are() {
    on_both(|h| async move {
        let handler = Arc::new(Handler {
            clock: Some(h.app.provider.clock.clone()),
            ..Handler::default()
        });
        let nodes: Vec<_> = (0..3).map(|_| node(&h, &handler)).collect();
        for turn in 1..=3 {
            tokio::time::sleep(Duration::from_millis(1200)).await;
            assert_eq!(handler.done().len(), turn - 1, "not before its time");
            h.pass(EVERY);
            until("its turn", async || handler.done().len() == turn).await;
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(handler.done().len(), 3, "and once");
        for node in nodes {
            node.stop().await;
        }
    });
}

#[test]
fn what_a_node_that_died_had_begun_is_done_by_another() {
    on_both(|h| async move {
        h.store.enqueue(&job("left", h.moment())).await.unwrap();
        let dead = TakeJobs {
            owner: "a node that dies",
            kind: KIND,
            now: h.moment(),
            lease: LEASE,
            most: 1,
        };
        let held = h.store.take_jobs(&dead).await.unwrap().pop().unwrap();
        let handler = Arc::new(Handler::default());
        let node = node(&h, &handler);
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(handler.done().len(), 0, "its lease is not over");
        h.pass(LEASE);
        until("it is done", async || !is_left(&h).await).await;
        assert_eq!(handler.done(), ["left"]);
        assert!(!h.store.finish_job(&held.lease).await.unwrap(), "too late");
        node.stop().await;
    });
}

#[test]
fn a_job_that_fails_or_panics_is_given_up_and_blocks_no_other() {
    on_both(|h| async move {
        for payload in ["panic", "fail", "good 1", "good 2"] {
            h.store.enqueue(&job(payload, h.moment())).await.unwrap();
        }
        let handler = Arc::new(Handler::default());
        let node = node(&h, &handler);
        until("the good ones are done", async || {
            handler.done() == ["good 1", "good 2"]
        })
        .await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            // Longer than it waits between the first attempts.
            h.pass(10);
            tokio::time::sleep(Duration::from_millis(1200)).await;
        }
        assert!(!is_left(&h).await, "both are dead");
        assert_eq!(handler.attempts.load(Ordering::SeqCst), 3 + 3 + 2);
        node.stop().await;
    });
}

#[test]
fn a_job_that_no_node_survives_is_given_up() {
    on_both(|h| async move {
        h.store.enqueue(&job("deadly", h.moment())).await.unwrap();
        for _ in 0..3 {
            let dies = TakeJobs {
                owner: "a node that dies",
                kind: KIND,
                now: h.moment(),
                lease: LEASE,
                most: 1,
            };
            assert_eq!(h.store.take_jobs(&dies).await.unwrap().len(), 1);
            h.pass(LEASE);
        }
        let handler = Arc::new(Handler::default());
        let node = node(&h, &handler);
        until("it is given up", async || !is_left(&h).await).await;
        assert_eq!(handler.attempts.load(Ordering::SeqCst), 0, "without a try");
        node.stop().await;
    });
}

#[test]
fn workers_that_stop_let_what_they_have_begun_come_to_its_end_and_begin_nothing() {
    on_both(|h| async move {
        h.store.enqueue(&job("slow", h.moment())).await.unwrap();
        let handler = Arc::new(Handler::default());
        let node = node(&h, &handler);
        until("it has begun", async || {
            handler.attempts.load(Ordering::SeqCst) == 1
        })
        .await;
        node.stop().await;
        assert_eq!(handler.done(), ["slow"]);
        assert!(!is_left(&h).await);
        h.store.enqueue(&job("later", h.moment())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(is_left(&h).await);
    });
}

#[test]
fn the_sweep_is_a_job() {
    on_both(|h| async move {
        let refusal = KeptRefusal {
            reference: "r".into(),
            at: Timestamp::from_seconds(1),
            reason: "x".into(),
            endpoint: "/".into(),
            client_id: None,
            request_id: "q".into(),
            expected: String::new(),
            received: String::new(),
            share: String::new(),
            neighbourhood: None,
        };
        h.store.keep_refusal(&refusal).await.unwrap();
        let sweep = SweepHandler::new(
            h.store.clone(),
            h.app.provider.clock.clone(),
            0,
            chain_key(),
        );
        let node = Workers::start(
            h.store.clone(),
            h.app.provider.clock.clone(),
            Arc::new(OsEntropy),
            vec![Arc::new(sweep)],
        );
        until("it is swept", async || {
            h.store.refusal("r").await.unwrap().is_none()
        })
        .await;
        until("it comes again later", async || {
            !h.store.has_due_jobs("sweep", h.moment()).await.unwrap()
                && h.store
                    .has_due_jobs("sweep", h.moment() + 20)
                    .await
                    .unwrap()
        })
        .await;
        node.stop().await;
    });
}
