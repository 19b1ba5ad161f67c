//! The queue of jobs: taken by one, lost by whoever was too slow, added once.

use super::*;
use latchkey_conformance::promises::jobs::*;
use latchkey_protocol::{
    UserId, bounds,
    jobs::{EnqueueOutcome, TakeJobs},
};

#[test]
fn jobs_are_bounded_and_dead_ones_are_forgotten() {
    on_both_at(async |options| {
        let store = open(&options);
        let many = |from: i64, to: i64, dead: &str| {
            format!(
                "WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {to})
                 INSERT INTO jobs (kind, payload, run_at, created_at, dead_at) SELECT 'many', '', n, 1, {dead} FROM n"
            )
        };
        options.script(&many(1, bounds::JOBS, "NULL")).unwrap();
        store.recount().await.unwrap();
        let full = store.enqueue(&job(None, 0)).await.unwrap();
        assert_eq!(full, EnqueueOutcome::Full);
        options.script("DELETE FROM jobs").unwrap();
        options
            .script(&many(1, bounds::DEAD_JOBS + 500, "n"))
            .unwrap();
        store.sweep(moment(0), 1000).await.unwrap();
        options
            .script(
                "UPDATE jobs SET dead_at = NULL; UPDATE jobs SET dead_at = 7 WHERE run_at % 2 = 0",
            )
            .unwrap();
        while store
            .sweep(moment(7 + bounds::DEAD_JOBS_KEPT), 1000)
            .await
            .unwrap()
            > 0
        {}
        options
            .script("UPDATE jobs SET dead_at = NULL, run_at = run_at % 2")
            .unwrap();
        let all = TakeJobs {
            owner: "a",
            kind: "many",
            now: moment(1 << 40),
            lease: 1,
            most: 1 << 40,
        };
        let left = store.take_jobs(&all).await.unwrap();
        let half = usize::try_from(bounds::DEAD_JOBS / 2).unwrap();
        assert_eq!(left.len(), half, "the living ones stay");
    });
}

#[test]
fn an_installation_with_data_survives_the_upgrade_to_jobs_and_the_way_back() {
    on_both_at(async |options| {
        let store = open(&options);
        store.create_user(&user("u")).await.unwrap();
        drop(store);
        undo(&options, "00000000000015_audit_chain");
        undo(&options, "00000000000011_jobs_audit");
        let store = open(&options);
        assert!(store.user(&UserId::new("u")).await.unwrap().is_some());
        add(&*store, &job(Some("k"), 0)).await;
    });
}
