//! The queue of jobs: taken by one, lost by whoever was too slow, added once.

use super::*;
use latchkey_protocol::{
    bounds,
    jobs::{EnqueueOutcome, Job, NewJob, TakeJobs},
};
use std::{collections::BTreeSet, time::Duration};

pub const KIND: &str = "test";

pub const LEASE: i64 = 60;

pub fn job(key: Option<&str>, run_at: i64) -> NewJob {
    NewJob {
        kind: KIND,
        unique_key: key.map(str::to_owned),
        payload: format!("{{\"n\":{run_at}}}"),
        run_at: moment(run_at),
        created_at: moment(1),
    }
}

pub async fn add(store: &dyn Store, job: &NewJob) {
    assert_eq!(store.enqueue(job).await.unwrap(), EnqueueOutcome::Added);
}

pub async fn take(store: &dyn Store, owner: &str, now: i64, most: i64) -> Vec<Job> {
    let lease = LEASE;
    let asked = TakeJobs {
        owner,
        kind: KIND,
        now: moment(now),
        lease,
        most,
    };
    store.take_jobs(&asked).await.unwrap()
}

pub async fn take_one(store: &dyn Store, owner: &str, now: i64) -> Job {
    take(store, owner, now, 1)
        .await
        .pop()
        .expect("a job is due")
}

pub fn each_job_goes_to_one_of_many_takers(stores: &impl Stores) {
    stores.each(async |store| {
        const JOBS: i64 = 300;
        for n in 0..JOBS {
            add(&*store, &job(None, n % 7)).await;
        }
        let takers: Vec<_> = (0..CALLERS)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut mine = Vec::new();
                    loop {
                        let taken = take(&*store, &format!("node {n}"), 10, 3).await;
                        if taken.is_empty() {
                            return mine;
                        }
                        assert!(taken.len() <= 3);
                        mine.extend(taken);
                    }
                })
            })
            .collect();
        let (mut ids, mut total, mut working) = (BTreeSet::new(), 0, 0);
        for taker in takers {
            let mine = taker.await.unwrap();
            working += usize::from(!mine.is_empty());
            total += mine.len();
            ids.extend(mine.iter().map(|job| job.lease.job));
        }
        assert_eq!(total, usize::try_from(JOBS).unwrap(), "none twice");
        assert_eq!(ids.len(), total, "and none left out");
        assert!(working > 1, "they worked side by side");
    });
}

pub fn a_job_is_taken_when_it_is_due_and_the_one_that_waited_longest_first(stores: &impl Stores) {
    stores.each(async |store| {
        for at in [30, 10, 20] {
            add(&*store, &job(None, at)).await;
        }
        assert!(!store.has_due_jobs(KIND, moment(9)).await.unwrap());
        assert_eq!(take(&*store, "a", 9, 9).await, []);
        assert!(store.has_due_jobs(KIND, moment(10)).await.unwrap());
        assert!(!store.has_due_jobs("other", moment(10)).await.unwrap());
        let first = take_one(&*store, "a", 20).await;
        assert_eq!((&*first.payload, first.lease.attempt), ("{\"n\":10}", 1));
        let second = take_one(&*store, "a", 20).await;
        assert_eq!(second.payload, "{\"n\":20}");
        assert_eq!(take(&*store, "a", 20, 9).await, []);
    });
}

pub fn who_dies_in_the_middle_loses_nothing_and_who_is_late_is_told_so(stores: &impl Stores) {
    stores.each(async |store| {
        for _ in 0..4 {
            add(&*store, &job(None, 10)).await;
        }
        let late = take(&*store, "a", 10, 9).await;
        assert_eq!(late.len(), 4);
        assert_eq!(take(&*store, "b", 10 + LEASE - 1, 9).await, [], "held");
        let again = take(&*store, "b", 10 + LEASE, 9).await;
        assert_eq!(again.len(), 4, "the lease is over");
        assert!(again.iter().all(|job| job.lease.attempt == 2));
        let [one, two, three, four] = &late[..] else {
            panic!()
        };
        assert!(!store.finish_job(&one.lease).await.unwrap());
        assert!(
            !store
                .retry_job(&two.lease, moment(0), "late")
                .await
                .unwrap()
        );
        assert!(
            !store
                .bury_job(&three.lease, moment(99), "late")
                .await
                .unwrap()
        );
        assert!(!store.repeat_job(&four.lease, moment(0)).await.unwrap());
        for job in &again {
            assert!(store.finish_job(&job.lease).await.unwrap());
            assert!(!store.finish_job(&job.lease).await.unwrap(), "once");
        }
        assert_eq!(take(&*store, "c", 1 << 40, 9).await, []);
    });
}

pub fn who_takes_its_own_job_again_has_lost_the_first_lease_too(stores: &impl Stores) {
    stores.each(async |store| {
        add(&*store, &job(None, 0)).await;
        let first = take_one(&*store, "a", 0).await;
        let second = take_one(&*store, "a", LEASE).await;
        assert!(!store.finish_job(&first.lease).await.unwrap());
        assert!(store.finish_job(&second.lease).await.unwrap());
    });
}

pub fn of_racing_callers_with_one_key_one_adds_the_job(stores: &impl Stores) {
    stores.each(async |store| {
        let added = winners(&store, |store, _| async move {
            store.enqueue(&job(Some("k"), 0)).await.unwrap() == EnqueueOutcome::Added
        });
        assert_eq!(added.await, 1);
        let held = take_one(&*store, "a", 0).await;
        let while_held = store.enqueue(&job(Some("k"), 0)).await.unwrap();
        assert_eq!(while_held, EnqueueOutcome::AlreadyThere);
        // It is there once more after it was done, and after it died.
        assert!(store.finish_job(&held.lease).await.unwrap());
        add(&*store, &job(Some("k"), 0)).await;
        let held = take_one(&*store, "a", 0).await;
        assert!(store.bury_job(&held.lease, moment(5), "no").await.unwrap());
        add(&*store, &job(Some("k"), 1)).await;
        let revived = take_one(&*store, "a", 1).await;
        assert_eq!(revived.lease.attempt, 1);
        assert!(store.finish_job(&revived.lease).await.unwrap());
        // What is to come later comes earlier, but not what has failed.
        add(&*store, &job(Some("k"), 90)).await;
        add(&*store, &job(Some("k"), 2)).await;
        let failed = take_one(&*store, "a", 2).await;
        assert!(
            store
                .retry_job(&failed.lease, moment(8), "no")
                .await
                .unwrap()
        );
        let while_failed = store.enqueue(&job(Some("k"), 3)).await.unwrap();
        assert_eq!(while_failed, EnqueueOutcome::AlreadyThere);
        // Without a key each is one of its own.
        add(&*store, &job(None, 0)).await;
        add(&*store, &job(None, 0)).await;
        assert_eq!(take(&*store, "a", 0, 9).await.len(), 2);
    });
}

pub fn a_dead_job_blocks_no_other_and_a_failed_one_comes_again_when_it_is_told(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        for at in [0, 1, 2] {
            add(&*store, &job(None, at)).await;
        }
        let poison = take_one(&*store, "a", 9).await;
        let text = "\u{e9}".repeat(bounds::JOB_ERROR);
        assert!(
            store
                .bury_job(&poison.lease, moment(9), &text)
                .await
                .unwrap()
        );
        let failed = take_one(&*store, "a", 9).await;
        assert!(
            store
                .retry_job(&failed.lease, moment(50), "once")
                .await
                .unwrap()
        );
        let recurring = take_one(&*store, "a", 9).await;
        assert!(
            store
                .repeat_job(&recurring.lease, moment(60))
                .await
                .unwrap()
        );
        assert_eq!(take(&*store, "a", 49, 9).await, []);
        let again = take_one(&*store, "b", 50).await;
        assert_eq!(again.lease.attempt, 2);
        let again = take_one(&*store, "b", 60).await;
        assert_eq!(again.lease.attempt, 1, "what was done counts anew");
        assert_eq!(
            take(&*store, "a", 60, 9).await,
            [],
            "the dead one stays dead"
        );
    });
}

pub fn a_job_that_this_process_adds_wakes_its_worker(stores: &impl Stores) {
    stores.each(async |store| {
        let waiting = tokio::time::timeout(Duration::from_millis(50), store.job_added());
        assert!(waiting.await.is_err(), "nothing was added");
        add(&*store, &job(None, 0)).await;
        let waiting = tokio::time::timeout(Duration::from_secs(5), store.job_added());
        assert!(waiting.await.is_ok(), "before it began to wait, too");
    });
}
