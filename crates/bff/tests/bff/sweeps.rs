//! What has expired goes, by a clock that is right.

use latchkey_bff::store::{Name, NamedEnd, NewRow};
use latchkey_protocol::Timestamp;

use super::stores::{NOW, begin, end_of_session, is_there, key, row};
use crate::support::{on_each_store, on_postgres, on_stores_that_sweep};

/// Earlier than any clock: PostgreSQL sweeps by its own.
const PAST: Timestamp = Timestamp::from_seconds(1_500_000_000);

#[test]
fn what_has_expired_is_swept_and_nothing_else() {
    on_stores_that_sweep(async |store| {
        for (cookie, sub, lasts) in [("a", "alice", 100), ("b", "bob", 10_000)] {
            let row = NewRow {
                issued_at: PAST,
                expires_at: PAST + lasts,
                ..row(sub, cookie)
            };
            store.begin(&key(cookie), &row, 50, PAST).await.unwrap();
        }
        let end = NamedEnd {
            at: PAST,
            jti_until: PAST + 120,
            ..end_of_session("s9", "one")
        };
        store.end_named(&end).await.unwrap();
        assert_eq!(store.sweep(PAST + 99, 100).await.unwrap(), 0);
        // The session; later the logout token; later still the end that was remembered.
        assert_eq!(store.sweep(PAST + 100, 100).await.unwrap(), 1);
        assert_eq!(store.sweep(PAST + 120, 100).await.unwrap(), 1);
        assert_eq!(store.sweep(PAST + 600, 100).await.unwrap(), 1);
        assert!(store.find(&key("b"), PAST + 600).await.unwrap().is_some());
    });
}

/// One of several hosts has a clock that is far ahead, from its start on: what it deletes would be gone for all.
#[test]
fn what_has_not_expired_by_the_clock_of_postgres_is_not_swept() {
    on_postgres(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        store.end_named(&end_of_session("s9", "one")).await.unwrap();
        store
            .spend(&Name::of_sign_in("issuer", "state"), NOW)
            .await
            .unwrap();
        assert_eq!(store.sweep(NOW + 1_000_000, 100).await.unwrap(), 0);
        assert!(is_there(&*store, "a").await);
    });
}

#[test]
fn a_sign_in_that_was_finished_is_remembered_for_its_time() {
    on_stores_that_sweep(async |store| {
        let sign_in = Name::of_sign_in("issuer", "state");
        store.spend(&sign_in, PAST + 600).await.unwrap();
        assert_eq!(store.sweep(PAST + 599, 100).await.unwrap(), 0);
        assert_eq!(store.sweep(PAST + 600, 100).await.unwrap(), 1);
        assert!(!store.is_spent(&sign_in).await.unwrap());
    });
}

/// Of what Redis keeps, nothing stays for ever.
#[test]
fn what_is_kept_expires_by_itself_where_nothing_is_swept() {
    on_each_store(async |store| {
        let row = NewRow {
            issued_at: PAST,
            expires_at: PAST + 100,
            ..row("alice", "s1")
        };
        store.begin(&key("a"), &row, 50, PAST).await.unwrap();
        store.sweep(NOW, 100).await.unwrap();
        assert_eq!(store.find(&key("a"), PAST).await.unwrap(), None);
        assert_eq!(store.end(&key("a")).await.unwrap(), None);
    });
}
