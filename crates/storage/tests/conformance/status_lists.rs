//! What databases do for status lists: the upgrade, and the order in which PostgreSQL commits.

use super::*;
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection,
    sql_query, sql_types::BigInt,
};
use latchkey_conformance::promises::{
    ended_admissions::{due, limit, page},
    ended_races::many_end_at_once,
    status_lists::{NONE, ended, given, live, look, places},
};
use latchkey_protocol::{
    AuthorizationId, UserId,
    admission::{Review, ReviewedPage},
    authorization::Authorization,
    entry_change::LiveEntries,
    session::Session,
    status::{StatusEntry, TokenEntries},
    store::{EndedCursor, LeaseRequest},
};

async fn revoke(store: &Shared, one: &Authorization) {
    let revoked = store.revoke_authorization(&one.id, moment(101));
    revoked.await.unwrap();
}

/// What was issued before has no entries, and goes on.
#[test]
fn authorizations_survive_the_upgrade_to_status_lists() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        for id in ["used", "code"] {
            let one = authorization(id, "openid offline_access");
            assert!(store.issue_code(None, &one).await.unwrap());
        }
        let used = AuthorizationId::new("used");
        let first = family("r", None);
        let exchanged =
            store.exchange_code(&used, moment(2), Some(&first), moment(900), &NO_ENTRIES);
        assert!(exchanged.await.unwrap());
        drop(store);
        undo(&options, "00000000000032_status_lists");

        let store = open(&options);
        assert!(store.ready().await.unwrap());
        let before = live(&store, &used).await;
        assert_eq!(before, Default::default());
        let next = family("next", Some("r"));
        let change = before.unchanged();
        let rotated = store.rotate_refresh_token(&used, &first.current, &next, &change);
        assert!(rotated.await.unwrap());
        let code = AuthorizationId::new("code");
        let exchanged = store.exchange_code(&code, moment(2), None, moment(900), &NO_ENTRIES);
        assert!(exchanged.await.unwrap());
        store.end_user(&UserId::new("u"), moment(9)).await.unwrap();
        assert_eq!(
            ended(&store).await,
            NONE,
            "nobody has read anything of them"
        );
    });
}

/// A transaction that is under way while others look and go on: what it ended comes with the first look after it.
#[test]
fn what_a_transaction_ends_that_is_committed_late_is_not_missed() {
    on_both_at(async |options| {
        if !options.url.starts_with("postgres") {
            return;
        }
        let store = open(&options);
        seeded(&store).await;
        let of = |name: &str| authorization(name, "openid offline_access");
        for (n, name) in ["late", "soon", "sooner", "last"].into_iter().enumerate() {
            given(&store, &of(name), 2 * n as u32).await;
        }
        let mut under_way = PgConnection::establish(&options.url).unwrap();
        under_way
            .batch_execute("BEGIN; UPDATE authorizations SET revoked_at = 101 WHERE id = 'late'")
            .unwrap();
        revoke(&store, &of("soon")).await;
        let first = look(&store, EndedCursor::default(), 100).await;
        assert_eq!(places(&first.ended), [2, 3]);
        revoke(&store, &of("sooner")).await;
        let second = look(&store, first.cursor, 100).await;
        assert!(places(&second.ended).ends_with(&[4, 5]));
        // Page by page as well: a series that began before it was committed may miss it, the next does not.
        let page = look(&store, second.cursor, 1).await;
        assert!(page.is_more);
        under_way.batch_execute("COMMIT").unwrap();
        let (mut cursor, mut found) = (page.cursor, Vec::new());
        for _ in 0..20 {
            let page = look(&store, cursor, 1).await;
            cursor = page.cursor;
            found.extend(page.ended);
        }
        assert!(places(&found).starts_with(&[0, 1]), "{found:?}");
        revoke(&store, &of("last")).await;
        let last = look(&store, second.cursor, 100).await;
        assert_eq!(places(&last.ended), (0..8).collect::<Vec<_>>());
    });
}

/// An end that is rolled back ends nothing.
#[test]
fn what_is_rolled_back_ends_no_token() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        given(&store, &authorization("a", "openid"), 0).await;
        options
            .script("BEGIN; DELETE FROM authorizations; ROLLBACK")
            .unwrap();
        assert_eq!(ended(&store).await, NONE);
    });
}

/// A database that was restored, or a copy that lags: its transactions are behind what was read.
#[test]
fn a_database_that_went_back_is_read_from_the_beginning() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let one = authorization("a", "openid");
        given(&store, &one, 0).await;
        revoke(&store, &one).await;
        if options.url.starts_with("postgres") {
            let ahead = EndedCursor {
                after: (1 << 40, 0),
                ..EndedCursor::default()
            };
            let found = look(&store, ahead, 100).await;
            assert_eq!(places(&found.ended), [0, 1]);
            assert!(found.cursor.after.0 < 1 << 40);
        }
    });
}

#[test]
fn a_row_that_cannot_be_read_holds_no_other_up() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let one = authorization("a", "openid");
        given(&store, &one, 0).await;
        let bytes = if options.url.starts_with("postgres") {
            "'\\x00'"
        } else {
            "x'00'"
        };
        options
            .script(&format!(
                "INSERT INTO ended_tokens (until_at, entries) VALUES (900, {bytes})"
            ))
            .unwrap();
        revoke(&store, &one).await;
        assert_eq!(ended(&store).await, [0, 1]);
    });
}

/// A node whose clock was hours ahead, once: what is deleted still ends.
#[test]
fn a_clock_that_was_ahead_lets_nobody_keep_the_tokens_of_a_deleted_user() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let (over, ahead) = (4_000_000_000, 4_100_000_000);
        let lease = LeaseRequest {
            count: 1,
            now: moment(ahead),
            live_until: moment(ahead),
            above: None,
        };
        store.lease_status_entries(lease).await.unwrap();
        let one = authorization("a", "openid");
        assert!(store.issue_code(None, &one).await.unwrap());
        let entry = StatusEntry { list: 0, idx: 7 };
        let none = TokenEntries::default();
        let (_, entries) = none.assign(entry, true, moment(over), moment(0));
        let change = LiveEntries::default().changed(entries);
        let exchanged = store.exchange_code(&one.id, moment(2), None, moment(over), &change);
        assert!(exchanged.await.unwrap());
        let (u, last) = (UserId::new("u"), LastAdministrator::Stays);
        store.delete_user(&u, None, last).await.unwrap();
        assert_eq!(ended(&store).await, [7]);
    });
}

/// However long the sweep takes: it has ended the sessions by then, by themselves.
#[test]
fn a_refresh_does_not_wait_for_a_sweep() {
    on_both_at(async |options| {
        if !options.url.starts_with("postgres") {
            return;
        }
        let store = open(&options);
        seeded(&store).await;
        let of_a_moment = Session {
            expires_at: moment(100),
            ..session("s2", "u")
        };
        let begun = store.sign_in(&of_a_moment, "hash", None, None).await;
        assert!(begun.unwrap().is_some());
        let mut one = authorization("a", "openid offline_access");
        code_of(&mut one).session_id = of_a_moment.id;
        given(&store, &one, 0).await;
        let mut busy = PgConnection::establish(&options.url).unwrap();
        busy.batch_execute("BEGIN; LOCK TABLE refusals IN EXCLUSIVE MODE")
            .unwrap();
        let sweeping = tokio::spawn({
            let store = store.clone();
            async move { store.sweep(moment(101), 100).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(!sweeping.is_finished(), "it waits for the table");
        let read = live(&store, &one.id).await;
        let next = family("next", Some("r-a"));
        let (current, change) = (Digest::of("r-a"), read.unchanged());
        let rotated = store.rotate_refresh_token(&one.id, &current, &next, &change);
        let rotated = tokio::time::timeout(std::time::Duration::from_secs(3), rotated);
        assert!(rotated.await.unwrap().unwrap());
        busy.batch_execute("COMMIT").unwrap();
        sweeping.await.unwrap().unwrap();
        assert_eq!(ended(&store).await, [0], "the session is over");
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whom PostgreSQL gives up is tried again and hears nothing of it, but it is counted, by each connection when it closes.
#[test]
fn of_many_who_end_the_same_tokens_at_once_none_is_given_up() {
    on_both_at(async |options| {
        if !options.url.starts_with("postgres") {
            return;
        }
        many_end_at_once(&open(&options)).await;
        let mut c = PgConnection::establish(&options.url).unwrap();
        c.batch_execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
        let given_up =
            "SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()";
        let Count { count } = sql_query(given_up).get_result(&mut c).unwrap();
        assert_eq!(count, 0);
    });
}

/// One that sweeps, of several nodes.
#[test]
fn a_node_whose_clock_is_ahead_forgets_nothing_that_others_need() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let one = authorization("a", "openid");
        given(&store, &one, 0).await;
        revoke(&store, &one).await;
        // Tokens of these are not over, by the clock of the database.
        options
            .script("UPDATE ended_tokens SET until_at = 4000000000; \
                INSERT INTO status_lists (list, taken, leased_at, live_until) VALUES (0, 9, 1, 4000000000), (1, 9, 1, 4000000000)")
            .unwrap();
        store.sweep(moment(4_100_000_000), 100).await.unwrap();
        let found = look(&store, EndedCursor::default(), 100).await;
        let is_own = options.url.starts_with("sqlite");
        let expected = if is_own { (0, 1) } else { (1, 2) };
        assert_eq!((found.ended.len(), found.lists.len()), expected);
    });
}

/// What says whom a client admits, or who a user is, cannot be read: nobody is admitted, and others are judged as ever.
#[test]
fn a_row_that_cannot_be_read_admits_nobody_and_holds_no_review_up() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        for (n, name) in ["broken", "other", "staff"].into_iter().enumerate() {
            let mut whose = user(name);
            whose.groups = vec!["staff".into()];
            store.create_user(&whose).await.unwrap();
            let mut one = authorization(name, "openid offline_access");
            one.user_id = whose.id;
            given(&store, &one, 2 * n as u32).await;
        }
        limit(&store, "c").await;
        options
            .script("UPDATE users SET groups = 'none' WHERE id = 'broken'; UPDATE users SET groups = '[]' WHERE id = 'other'")
            .unwrap();
        let jobs = due(&store, "w", 100).await;
        let review = Review::read(&jobs[0].payload).unwrap();
        let first = page(&store, &jobs[0], &review, 1, 100).await;
        assert_eq!(first.unreadable, ["users broken"]);
        assert_eq!(ended(&store).await, [0, 1]);
        let rest = page(&store, &jobs[0], &first.next.unwrap(), 9, 100).await;
        assert_eq!(rest, ReviewedPage::default());
        assert_eq!(ended(&store).await, [0, 1, 2, 3]);
        options.script("UPDATE clients SET metadata = '{'").unwrap();
        let broken = page(&store, &jobs[1], &review, 9, 100).await;
        assert_eq!(
            (broken.unreadable, broken.next),
            (vec!["clients c".to_owned()], None)
        );
        assert_eq!(ended(&store).await, (0..6).collect::<Vec<_>>());
    });
}

/// The change itself is made.
#[test]
fn a_user_loses_the_tokens_of_a_client_that_cannot_be_read() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        given(&store, &authorization("a", "openid offline_access"), 0).await;
        options.script("UPDATE clients SET metadata = '{'").unwrap();
        let before = store.user(&UserId::new("u")).await.unwrap().unwrap();
        let mut after = before.clone();
        after.groups = vec!["staff".into()];
        let changed = store.update_user_profile(&before, &after, LastAdministrator::Stays);
        assert_eq!(changed.await.unwrap(), WriteOutcome::Done);
        assert_eq!(ended(&store).await, [0, 1]);
    });
}
