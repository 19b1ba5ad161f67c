//! The audit table: written with what it records or not at all, bounded where strangers write, placed without gaps.

use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, Store, Timestamp, UserId,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, FrontEnd, StoredAuditEntry,
        TargetKind, closes_at,
    },
    audit_row::{AuditFilter, AuditRow},
    bounds,
    page::Page,
    session::Cause,
};
use serde_json::Map;

use super::*;
use latchkey_conformance::promises::audit::key;

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub fn entry(event: &str) -> AuditEntry {
    AuditEntry {
        at: NOW,
        event: event.to_owned(),
        actor: AuditActor {
            kind: ActorKind::Command,
            id: Some("uid 7".into()),
            name: None,
        },
        front_end: FrontEnd::Command,
        target: Some(AuditTarget {
            kind: TargetKind::User,
            id: Some("u".into()),
            name: Some("name-u".into()),
        }),
        outcome: AuditOutcome::Done,
        address: Some("2001:db8::1".parse().unwrap()),
        request_id: Some("r".into()),
        details: Map::from_iter([("a".to_owned(), 1.into())]),
        is_logged: false,
    }
}

pub fn failure(target: &str, at: Timestamp) -> AuditEntry {
    AuditEntry {
        at,
        target: Some(AuditTarget {
            kind: TargetKind::User,
            id: Some(target.to_owned()),
            name: None,
        }),
        outcome: AuditOutcome::Refused,
        is_logged: true,
        ..entry("failed")
    }
}

pub async fn all(store: &dyn Store) -> Vec<StoredAuditEntry> {
    let (filter, page) = (AuditFilter::default(), Page::first(100_000));
    let rows = store.audit_entries(&filter, &page).await.unwrap();
    let stored = |row: AuditRow| StoredAuditEntry {
        id: row.id,
        position: row.position,
        count: row.count,
        entry: row.read().unwrap(),
    };
    let mut all: Vec<_> = rows.into_iter().map(stored).collect();
    all.sort_by_key(|stored| stored.id);
    all
}

/// The causes of the sessions that ended since `after`, and by whom.
pub async fn ended(store: &dyn Store, after: i64) -> Vec<(String, String, ActorKind)> {
    let new = all(store).await.into_iter().filter(|e| e.id > after);
    let ended = new.filter(|e| e.entry.event == "session ended");
    ended
        .map(|e| {
            let cause = e.entry.details["cause"].as_str().unwrap().to_owned();
            let session = e.entry.target.unwrap().id.unwrap();
            (session, cause, e.entry.actor.kind)
        })
        .collect()
}

#[test]
fn an_entry_is_written_with_what_it_records_or_not_at_all() {
    on_both(async |store| {
        let recording = store.recording(entry("user create"));
        let created = recording.create_user(&user("u")).await.unwrap();
        assert_eq!(created, WriteOutcome::Done);
        let stored = all(&*store).await;
        assert_eq!(stored.len(), 1);
        assert_eq!(
            (&stored[0].entry, stored[0].count),
            (&entry("user create"), 1)
        );
        // The name is taken, there is no such user, no such client, no such claim.
        let mut twin = user("v");
        twin.username = user("u").username;
        let taken = recording.create_user(&twin).await.unwrap();
        assert_eq!(taken, WriteOutcome::NameTaken);
        assert!(
            !recording
                .enable_user(&UserId::new("none"), None, NOW)
                .await
                .unwrap()
        );
        assert_eq!(
            recording
                .disable_user(&UserId::new("none"), None, LastAdministrator::Stays, NOW)
                .await
                .unwrap(),
            UserEnd::Unknown
        );
        assert!(
            !recording
                .delete_client(&ClientId::new("none"), None)
                .await
                .unwrap()
        );
        assert!(recording.create_client(&client()).await.unwrap());
        assert!(!recording.create_client(&client()).await.unwrap());
        assert!(!recording.remove_custom_claim("none", None).await.unwrap());
        assert!(
            !recording
                .end_session(&SessionId::new("none"), true, NOW)
                .await
                .unwrap()
        );
        assert_eq!(
            all(&*store).await.len(),
            2,
            "that of the client that was created"
        );
        // A store that records nothing is as it was.
        store
            .enable_user(&UserId::new("u"), None, NOW)
            .await
            .unwrap();
        assert_eq!(all(&*store).await.len(), 2);
    });
}

#[test]
fn of_racing_changes_as_many_entries_as_were_made() {
    on_both(async |store| {
        assert!(store.create_client(&client()).await.unwrap());
        let won = winners(&store, |store, n| async move {
            let recording = store.recording(entry("client rotate-secret"));
            let new = Digest::of(&n.to_string());
            recording
                .set_client_secret(&ClientId::new("c"), 0, &new, None, None, NOW)
                .await
                .unwrap()
        });
        assert_eq!(won.await, 1);
        assert_eq!(all(&*store).await.len(), 1);
    });
}

#[test]
fn each_session_that_ends_has_an_entry_whatever_ended_it() {
    on_both(async |store| {
        store.create_user(&user("u")).await.unwrap();
        let sign_in = async |id: &str| {
            let begun = store.sign_in(&session(id, "u"), "hash", None, None).await;
            begun.unwrap().unwrap();
        };
        let last = async || all(&*store).await.last().map_or(0, |e| e.id);
        let recording = store.recording(entry("x"));
        let by = ActorKind::Command;
        let one = |id: &str, cause: Cause, by| vec![(id.to_owned(), cause.text().to_owned(), by)];

        sign_in("1").await;
        assert!(
            recording
                .end_session(&SessionId::new("1"), true, NOW)
                .await
                .unwrap()
        );
        assert_eq!(ended(&*store, 0).await, one("1", Cause::Forced, by));
        let at = last().await;
        sign_in("2").await;
        recording.end_user(&UserId::new("u"), NOW).await.unwrap();
        assert_eq!(ended(&*store, at).await, one("2", Cause::AllForced, by));
        let at = last().await;
        sign_in("3").await;
        recording
            .set_password(&UserId::new("u"), None, "hash", NOW)
            .await
            .unwrap();
        assert_eq!(
            ended(&*store, at).await,
            one("3", Cause::PasswordChanged, by)
        );
        let at = last().await;
        sign_in("4").await;
        recording
            .disable_user(&UserId::new("u"), None, LastAdministrator::Stays, NOW)
            .await
            .unwrap();
        assert_eq!(ended(&*store, at).await, one("4", Cause::UserDisabled, by));
        recording
            .enable_user(&UserId::new("u"), None, NOW)
            .await
            .unwrap();
        let at = last().await;
        sign_in("5").await;
        let over = session("5", "u").expires_at;
        store.sweep(over, 1000).await.unwrap();
        assert_eq!(
            ended(&*store, at).await,
            one("5", Cause::Expired, ActorKind::Server)
        );
        let at = last().await;
        sign_in("6").await;
        assert!(
            recording
                .delete_user(&UserId::new("u"), None, LastAdministrator::Stays)
                .await
                .unwrap()
                .is_done()
        );
        assert_eq!(ended(&*store, at).await, one("6", Cause::UserDeleted, by));
    });
}

#[test]
fn a_sign_in_and_a_sign_out_name_the_session() {
    on_both(async |store| {
        store.create_user(&user("u")).await.unwrap();
        let recording = store.recording(entry("signed in"));
        let sign_in = async |id: &str, hash: &str| {
            let begun = recording.sign_in(&session(id, "u"), hash, None, None).await;
            begun.unwrap().is_some()
        };
        assert!(sign_in("s", "hash").await);
        assert!(!sign_in("t", "other").await);
        let now = session("s", "u").created_at;
        let ended = recording
            .end_session_of(&SessionId::new("s"), Some(&UserId::new("u")), false, now)
            .await;
        assert!(ended.unwrap().is_some());
        let again = recording
            .end_session_of(&SessionId::new("s"), Some(&UserId::new("u")), false, now)
            .await;
        assert!(again.unwrap().is_none());
        let entries = all(&*store).await;
        let named: Vec<_> = entries
            .iter()
            .map(|e| {
                (
                    &*e.entry.event,
                    e.entry.target.as_ref().unwrap().id.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            named,
            [("signed in", Some("s")), ("session ended", Some("s"))]
        );
    });
}

#[test]
fn a_replay_has_one_entry_however_often_it_comes() {
    on_both(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid").await;
        for _ in 0..3 {
            let recording = store.recording(entry("replay"));
            recording
                .revoke_authorization(&AuthorizationId::new("a"), NOW)
                .await
                .unwrap();
        }
        assert_eq!(all(&*store).await.len(), 1);
    });
}

#[test]
fn what_strangers_cause_is_counted_and_bounded() {
    on_both(async |store| {
        for _ in 0..5 {
            store.count_failure(&failure("u", NOW)).await.unwrap();
        }
        let counted = winners(&store, |store, _| async move {
            store.count_failure(&failure("v", NOW)).await.is_ok()
        });
        assert_eq!(counted.await, CALLERS);
        let counts: Vec<_> = all(&*store).await.iter().map(|e| e.count).collect();
        assert_eq!(counts, [5, i64::try_from(CALLERS).unwrap()]);
        for n in 0..3 * bounds::AUDIT_FAILURES {
            store
                .count_failure(&failure(&format!("n{n}"), NOW))
                .await
                .unwrap();
        }
        let entries = all(&*store).await;
        let most = usize::try_from(bounds::AUDIT_FAILURES).unwrap();
        assert_eq!(entries.len(), most + 1);
        let others = entries.last().unwrap();
        assert_eq!(
            (others.count, &others.entry.target),
            (2 * bounds::AUDIT_FAILURES + 2, &None)
        );
        // In the next window there is room again.
        store
            .count_failure(&failure("u", closes_at(NOW)))
            .await
            .unwrap();
        assert_eq!(all(&*store).await.len(), most + 2);
    });
}

#[test]
fn entries_get_places_without_gaps_once_they_can_change_no_more() {
    on_both(async |store| {
        store.count_failure(&failure("u", NOW)).await.unwrap();
        for n in 0..20 {
            let recording = store.recording(AuditEntry {
                is_logged: n != 7,
                ..entry("user create")
            });
            recording.create_user(&user(&n.to_string())).await.unwrap();
        }
        assert!(store.has_new_audit_entries(NOW).await.unwrap());
        let placed = winners(&store, |store, _| async move {
            store
                .seal_audit_entries(&key(), None, NOW, 3)
                .await
                .unwrap()
                > Some(0)
        });
        assert!(placed.await > 1);
        while store
            .seal_audit_entries(&key(), None, NOW, 3)
            .await
            .unwrap()
            > Some(0)
        {}
        let unlogged = store.unlogged_audit_entries(9).await.unwrap();
        assert_eq!(unlogged.len(), 1, "what is not logged waits");
        store.note_logged(&[unlogged[0].id]).await.unwrap();
        assert_eq!(store.unlogged_audit_entries(9).await.unwrap(), []);
        assert_eq!(
            store
                .seal_audit_entries(&key(), None, NOW, 9)
                .await
                .unwrap(),
            Some(1)
        );
        assert!(
            !store.has_new_audit_entries(NOW).await.unwrap(),
            "the count goes on"
        );
        store.count_failure(&failure("u", NOW)).await.unwrap();
        let closed = closes_at(NOW) + 60;
        assert!(!store.has_new_audit_entries(closed - 1).await.unwrap());
        assert!(store.has_new_audit_entries(closed).await.unwrap());
        assert_eq!(
            store
                .seal_audit_entries(&key(), None, closed, 9)
                .await
                .unwrap(),
            Some(1)
        );
        let mut places: Vec<_> = all(&*store)
            .await
            .iter()
            .map(|e| e.position.unwrap())
            .collect();
        places.sort_unstable();
        assert_eq!(places, (1..=21).collect::<Vec<_>>());
        // What has its place changes no more.
        store.count_failure(&failure("u", NOW)).await.unwrap();
        assert_eq!(all(&*store).await[0].count, 2);
    });
}
