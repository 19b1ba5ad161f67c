//! The audit table: what keeps strangers, users, wrong clocks and damaged rows from spoiling it, and what is carried over.

use latchkey_protocol::{
    AuthorizationId, Store, Timestamp,
    audit::{ActorKind, AuditActor, AuditEntry, FrontEnd, TargetKind, closes_at},
    bounds,
};

use super::{audit::*, *};
use latchkey_conformance::promises::audit::key;

/// How many it sealed.
async fn seal(store: &dyn Store, now: Timestamp) -> Option<usize> {
    let key = key();
    let sealed = store.seal_audit_entries(&key, None, now, 9);
    sealed.await.unwrap()
}

#[test]
fn what_fails_at_the_end_of_a_window_is_counted() {
    on_both(async |store| {
        let count = async |at| {
            for n in 0..60 {
                let one = failure(&format!("n{n}"), at);
                store.count_failure(&one).await.unwrap();
            }
        };
        count(NOW).await;
        let closed = closes_at(NOW);
        store
            .seal_audit_entries(&key(), None, closed + 59, 1000)
            .await
            .unwrap();
        count(closed - 1).await;
        let total: i64 = all(&*store).await.iter().map(|e| e.count).sum();
        assert_eq!(total, 120);
    });
}

#[test]
fn strangers_have_room_by_network_and_leave_users_and_other_events_theirs() {
    on_both(async |store| {
        let from = |address: String| AuditEntry {
            target: None,
            address: Some(address.parse().unwrap()),
            ..failure("x", NOW)
        };
        for n in 0..60 {
            let one = from(format!("2001:db8::{n:x}"));
            store.count_failure(&one).await.unwrap();
        }
        assert_eq!(all(&*store).await.len(), 1, "one network");
        for n in 1..60 {
            let one = from(format!("2001:db8:0:{n:x}::1"));
            store.count_failure(&one).await.unwrap();
        }
        let most = usize::try_from(bounds::AUDIT_FAILURES).unwrap();
        assert_eq!(all(&*store).await.len(), most + 1);
        let victim = failure("victim", NOW);
        store.count_failure(&victim).await.unwrap();
        let mut other = from("2001:db8:0:ff::1".into());
        other.event = "another event".into();
        store.count_failure(&other).await.unwrap();
        let entries = all(&*store).await;
        assert_eq!(entries[most + 1].entry, victim);
        assert_eq!(entries[most + 2].entry, other);
    });
}

#[test]
fn what_a_user_repeats_is_counted_in_one_entry() {
    on_both(async |store| {
        seeded(&store).await;
        let client = AuditActor {
            kind: ActorKind::Client,
            id: Some("c".into()),
            name: None,
        };
        let by_client = AuditEntry {
            actor: client,
            is_logged: true,
            ..entry("replay")
        };
        for n in 0..bounds::AUDIT_OWN + 3 {
            let id = format!("a{n}");
            issued(&store, &id, "openid").await;
            let recording = store.recording(by_client.clone());
            recording
                .revoke_authorization(&AuthorizationId::new(&id), NOW)
                .await
                .unwrap();
        }
        let counts: Vec<_> = all(&*store).await.iter().map(|e| e.count).collect();
        let own = usize::try_from(bounds::AUDIT_OWN).unwrap();
        assert_eq!(counts.len(), own + 1);
        assert_eq!(counts[own], 3);
    });
}

#[test]
fn beyond_the_bound_the_oldest_go_and_what_commands_did_last() {
    on_both(async |store| {
        for (n, kind) in ["command", "user", "command", "user", "user"]
            .into_iter()
            .enumerate()
        {
            let mut one = entry("user create");
            one.actor.kind = ActorKind::from_name(kind).unwrap();
            one.is_logged = true;
            let recording = store.recording(one);
            recording.create_user(&user(&n.to_string())).await.unwrap();
        }
        seal(&*store, NOW).await;
        let left = async |bound, gone| {
            assert_eq!(
                store.bound_audit_entries(&key(), bound, 9).await.unwrap(),
                gone
            );
            let entries = all(&*store).await;
            entries
                .iter()
                .map(|e| e.position.unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(left(5, 0).await, [1, 2, 3, 4, 5]);
        assert_eq!(left(4, 1).await, [1, 3, 4, 5]);
        assert_eq!(left(4, 0).await, [1, 3, 4, 5]);
        assert_eq!(left(3, 1).await, [1, 3, 5]);
        assert_eq!(left(2, 1).await, [3, 5]);
    });
}

#[test]
fn a_wrong_clock_forgets_nothing_and_the_future_keeps_nothing() {
    on_both(async |store| {
        for (n, at) in [10, 900_000, 20, 110].into_iter().enumerate() {
            let recording = store.recording(AuditEntry {
                at: moment(at),
                is_logged: true,
                ..entry("user create")
            });
            recording.create_user(&user(&n.to_string())).await.unwrap();
        }
        seal(&*store, NOW).await;
        let forget = async |now| {
            store
                .forget_audit_entries(&key(), 105, now, 9)
                .await
                .unwrap()
        };
        assert_eq!(forget(moment(100_000)).await, 0);
        let forget = async |now| {
            store
                .forget_audit_entries(&key(), 50, now, 9)
                .await
                .unwrap()
        };
        assert_eq!(forget(moment(120)).await, 3);
    });
}

#[test]
fn an_entry_that_cannot_be_read_keeps_no_other_from_its_place() {
    on_both_at(async |options| {
        let store = open(&options);
        for n in 0..2 {
            let recording = store.recording(entry("user create"));
            recording.create_user(&user(&n.to_string())).await.unwrap();
        }
        options
            .script(
                "UPDATE audit SET front_end = 'of tomorrow' WHERE id = (SELECT min(id) FROM audit)",
            )
            .unwrap();
        let unlogged = store.unlogged_audit_entries(9).await.unwrap();
        assert_eq!(unlogged.len(), 1);
        store.note_logged(&[unlogged[0].id]).await.unwrap();
        assert_eq!(seal(&*store, NOW).await, Some(2));
    });
}

#[test]
fn what_commands_did_before_the_upgrade_is_carried_over_and_logged_once() {
    on_both_at(async |options| {
        drop(open(&options));
        undo(&options, "00000000000015_audit_chain");
        undo(&options, "00000000000011_jobs_audit");
        options
            .script("INSERT INTO command_events (id, at, operation, target, caller) VALUES ('2', 20, 'client create', 'app', 'uid 0'), ('1', 10, 'user disable', 'alice', 'uid 7')")
            .unwrap();
        let store = open(&options);
        let unlogged = store.unlogged_audit_entries(9).await.unwrap();
        let read: Vec<_> = unlogged
            .iter()
            .map(|stored| {
                let entry = &stored.entry;
                let target = entry.target.clone().unwrap();
                (
                    entry.at.as_seconds(),
                    &*entry.event,
                    entry.actor.id.as_deref(),
                    target.kind,
                    target.name,
                )
            })
            .collect();
        let alice = (
            10,
            "user disable",
            Some("uid 7"),
            TargetKind::User,
            Some("alice".to_owned()),
        );
        let app = (
            20,
            "client create",
            Some("uid 0"),
            TargetKind::Client,
            Some("app".to_owned()),
        );
        assert_eq!(read, [alice, app]);
        drop(store);
        // And back: what is not logged yet waits for the older version.
        undo(&options, "00000000000015_audit_chain");
        undo(&options, "00000000000011_jobs_audit");
        let store = open(&options);
        assert_eq!(store.unlogged_audit_entries(9).await.unwrap().len(), 2);
    });
}

#[test]
fn entries_from_before_the_chain_are_sealed_in_the_order_in_which_they_came() {
    on_both_at(async |options| {
        drop(open(&options));
        undo(&options, "00000000000015_audit_chain");
        let insert = "INSERT INTO audit (at, event, actor_kind, actor, front_end, target_kind, target, outcome, details, logged, position)";
        options
            .script(&format!(
                "{insert} VALUES (5, 'signed in', 'user', 'u', 'page', 'session', 's', 'done', '{{}}', 1, 2);
                 {insert} VALUES (6, 'session ended', 'server', NULL, 'server', 'session', 's', 'done', '{{\"cause\":\"expired\",\"user\":\"u\"}}', 1, 3);
                 {insert} VALUES (7, 'broken', 'server', NULL, 'server', NULL, NULL, 'done', 'no JSON \"user\"', 1, 1);
                 {insert} VALUES (8, 'user disable', 'command', 'uid 0', 'command', 'user', 'u', 'done', '{{}}', 0, NULL)"
            ))
            .unwrap();
        let store = open(&options);
        for unlogged in store.unlogged_audit_entries(9).await.unwrap() {
            store.note_logged(&[unlogged.id]).await.unwrap();
        }
        assert_eq!(seal(&*store, NOW).await, Some(4));
        let end = latchkey_conformance::promises::audit::walk(&*store).await;
        assert_eq!(end.unwrap().position, 4);
        let chain = store.audit_chain(0, 9).await.unwrap();
        let read: Vec<_> = chain
            .iter()
            .map(|row| (&*row.event, row.user_id.as_deref()))
            .collect();
        let (of_user, of_nobody) = (Some("u"), None);
        let expected = [
            ("signed in", of_user),
            ("session ended", of_user),
            ("broken", of_nobody),
            ("user disable", of_user),
        ];
        assert_eq!(read, expected);
    });
}

#[test]
fn old_entries_go_from_the_beginning_of_the_chain_and_the_last_one_stays() {
    on_both(async |store| {
        for (n, at) in [10, 20, 15, 30].into_iter().enumerate() {
            let recording = store.recording(AuditEntry {
                at: moment(at),
                is_logged: true,
                ..entry("user create")
            });
            recording.create_user(&user(&n.to_string())).await.unwrap();
            seal(&*store, NOW).await;
        }
        let times = async || -> Vec<_> {
            all(&*store)
                .await
                .iter()
                .map(|e| e.entry.at.as_seconds())
                .collect()
        };
        assert_eq!(
            store
                .forget_audit_entries(&key(), 21, moment(30), 9)
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            store
                .forget_audit_entries(&key(), 15, moment(30), 9)
                .await
                .unwrap(),
            1
        );
        assert_eq!(times().await, [20, 15, 30], "nothing goes from the middle");
        assert_eq!(
            store
                .forget_audit_entries(&key(), 10, moment(1000), 1)
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            store
                .forget_audit_entries(&key(), 10, moment(1000), 9)
                .await
                .unwrap(),
            1
        );
        assert_eq!(times().await, [30]);
        assert_eq!(
            store
                .forget_audit_entries(&key(), 10, moment(1000), 9)
                .await
                .unwrap(),
            0
        );
        let recording = store.recording(AuditEntry {
            is_logged: true,
            ..entry("user create")
        });
        recording.create_user(&user("next")).await.unwrap();
        seal(&*store, NOW).await;
        assert_eq!(all(&*store).await[1].position, Some(5), "places go on");
    });
}

#[test]
fn a_failure_that_comes_after_its_window_was_sealed_is_counted_in_the_next_one() {
    on_both(async |store| {
        let count = async || store.count_failure(&failure("u", NOW)).await.unwrap();
        let closed = closes_at(NOW) + 60;
        count().await;
        seal(&*store, closed).await;
        count().await;
        seal(&*store, closed).await;
        count().await;
        count().await;
        let total: i64 = all(&*store).await.iter().map(|e| e.count).sum();
        assert_eq!(total, 4);
    });
}

#[test]
fn each_session_that_an_administrator_ends_is_named() {
    on_both(async |store| {
        store.create_user(&user("u")).await.unwrap();
        let many = usize::try_from(bounds::AUDIT_OWN).unwrap() + 5;
        for n in 0..many {
            let one = session(&format!("s{n}"), "u");
            let begun = store.sign_in(&one, "hash", None, None).await;
            assert!(begun.unwrap().is_some());
        }
        let mut by = entry("sessions end");
        by.actor.kind = ActorKind::User;
        by.front_end = FrontEnd::Console;
        let recording = store.recording(by);
        assert!(
            recording
                .delete_user(
                    &latchkey_protocol::UserId::new("u"),
                    None,
                    LastAdministrator::Stays
                )
                .await
                .unwrap()
                .is_done()
        );
        let entries = all(&*store).await;
        let ended = entries.iter().filter(|e| {
            let target = e.entry.target.as_ref();
            e.entry.event == "session ended" && target.is_some_and(|t| t.id.is_some())
        });
        assert_eq!(ended.count(), many);
    });
}
