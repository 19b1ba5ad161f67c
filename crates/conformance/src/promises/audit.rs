//! The chain of the audit table: one, however many write and seal at once, and whole after entries were removed.

use super::*;
use latchkey_protocol::{
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, FrontEnd, TargetKind},
    audit_chain::{ChainKey, Checkpoint},
    audit_row::AuditFilter,
    audit_walk::{Break, ChainWalk, Skip},
    page::Page,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub fn key() -> ChainKey {
    ChainKey::derive(&[7; 32])
}

/// About a user, by a command.
pub fn entry(event: &str, at: Timestamp) -> AuditEntry {
    AuditEntry {
        at,
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
        details: serde_json::Map::from_iter([("a".to_owned(), 1.into())]),
        is_logged: true,
    }
}

/// Adds a user, so that the entry is written.
pub async fn record(store: &dyn Store, entry: AuditEntry, id: &str) {
    let recording = store.recording(entry);
    let created = recording.create_user(&user(id)).await.unwrap();
    assert_eq!(created, WriteOutcome::Done);
}

/// Seals all there is.
pub async fn seal_all(store: &dyn Store, now: Timestamp) {
    while store
        .seal_audit_entries(&key(), None, now, 50)
        .await
        .unwrap()
        > Some(0)
    {}
}

/// Goes along the chain, and says where it ends.
pub async fn walk(store: &dyn Store) -> Result<Checkpoint, Break> {
    let key = key();
    let mut walk = ChainWalk::new(&key, &[]);
    loop {
        let after = walk.reached().position;
        let Some(row) = store.audit_chain(after, 1).await.unwrap().pop() else {
            return Ok(walk.reached());
        };
        if !walk.is_next(row.position.unwrap()) {
            let run = store.removed_audit_entries(after + 1).await.unwrap();
            assert_eq!(walk.skip(run.as_ref()), Skip::Over);
        }
        walk.step(&row);
        if let Some(first) = walk.breaks().first() {
            return Err(*first);
        }
    }
}

pub fn many_who_write_count_and_seal_at_once_make_one_chain(stores: &impl Stores) {
    stores.each(async |store| {
        const EACH: usize = 12;
        let done = winners(&store, |store, n| async move {
            for m in 0..EACH {
                match n % 4 {
                    0 => drop(
                        store
                            .seal_audit_entries(&key(), None, NOW, 5)
                            .await
                            .unwrap(),
                    ),
                    1 => store.count_failure(&entry("failed", NOW)).await.unwrap(),
                    _ => record(&*store, entry("user create", NOW), &format!("{n}-{m}")).await,
                }
            }
            true
        });
        assert_eq!(done.await, CALLERS);
        let later = NOW + 10_000;
        seal_all(&*store, later).await;
        assert_eq!(store.unsealed_audit_entries().await.unwrap(), 0);
        let end = walk(&*store).await.unwrap();
        let written = i64::try_from(CALLERS / 2 * EACH).unwrap();
        assert_eq!(end.position, written + 1, "all failures are one entry");
        assert_eq!(store.audit_checkpoint().await.unwrap(), Some(end));
    });
}

pub fn an_entry_that_counts_is_sealed_as_it_is_then_and_counts_no_more(stores: &impl Stores) {
    stores.each(async |store| {
        let late = NOW + 10_000;
        let counted = winners(&store, |store, n| async move {
            for _ in 0..10 {
                match n % 4 {
                    0 => drop(
                        store
                            .seal_audit_entries(&key(), None, late, 5)
                            .await
                            .unwrap(),
                    ),
                    _ => store.count_failure(&entry("failed", NOW)).await.unwrap(),
                }
            }
            true
        });
        assert_eq!(counted.await, CALLERS);
        seal_all(&*store, late).await;
        walk(&*store).await.unwrap();
    });
}

pub fn the_chain_holds_after_its_beginning_has_gone_and_goes_on_from_there(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..10 {
            record(&*store, entry("user create", NOW + 10 * n), &n.to_string()).await;
        }
        seal_all(&*store, NOW + 100).await;
        let before = store.audit_checkpoint().await.unwrap();
        let forget = async |keep| {
            let (key, now) = (key(), NOW + 100);
            store
                .forget_audit_entries(&key, keep, now, 2)
                .await
                .unwrap()
        };
        assert_eq!((forget(45).await, forget(45).await), (2, 2));
        assert_eq!(forget(45).await, 1);
        assert_eq!(forget(45).await, 0);
        let run = store.removed_audit_entries(3).await.unwrap().unwrap().run;
        assert_eq!((run.first, run.last, run.broken_at), (1, 5, None));
        assert_eq!(Some(walk(&*store).await.unwrap()), before);
        record(&*store, entry("user create", NOW + 100), "next").await;
        seal_all(&*store, NOW + 100).await;
        assert_eq!(walk(&*store).await.unwrap().position, 11);
    });
}

pub fn the_chain_holds_with_gaps_that_the_bound_left(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..12 {
            let mut one = entry("x", NOW);
            if n % 3 != 0 {
                (one.actor.kind, one.front_end) = (ActorKind::User, FrontEnd::Page);
            }
            record(&*store, one, &n.to_string()).await;
        }
        seal_all(&*store, NOW).await;
        let end = walk(&*store).await.unwrap();
        for bound in [11, 9, 7, 4, 2] {
            store.bound_audit_entries(&key(), bound, 9).await.unwrap();
            assert_eq!(walk(&*store).await.unwrap(), end, "{bound}");
        }
        let left = store.audit_chain(0, 99).await.unwrap();
        assert_eq!(left.len(), 2);
    });
}

pub fn entries_are_listed_page_by_page_the_newest_first(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..9 {
            let mut one = entry(if n % 2 == 0 { "even" } else { "odd" }, NOW + n / 3);
            one.actor.id = Some(format!("uid {}", n % 3));
            if n == 4 {
                one.outcome = AuditOutcome::Refused;
            }
            one.target.as_mut().unwrap().id = Some(format!("t{n}"));
            record(&*store, one, &n.to_string()).await;
        }
        let list = async |filter: AuditFilter| {
            let mut page = Page::first(2);
            let mut targets = Vec::new();
            loop {
                let rows = store.audit_entries(&filter, &page).await.unwrap();
                let Some(last) = rows.last() else {
                    return targets.join(" ");
                };
                page = Page::after((last.at, last.id), 2);
                targets.extend(rows.into_iter().map(|row| row.target.unwrap()));
            }
        };
        let all = AuditFilter::default;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(list(all()).await, "t8 t7 t6 t5 t4 t3 t2 t1 t0");
        let (since, until) = (Some(NOW + 1), Some(NOW + 2));
        let some = AuditFilter {
            since,
            until,
            ..all()
        };
        assert_eq!(list(some).await, "t5 t4 t3");
        let (event, actor) = (text("even"), text("uid 0"));
        let some = AuditFilter {
            event,
            actor,
            ..all()
        };
        assert_eq!(list(some).await, "t6 t0");
        let (target, user) = (text("t3"), text("t3"));
        let some = AuditFilter {
            target,
            user,
            ..all()
        };
        assert_eq!(list(some).await, "t3");
        let outcome = Some(AuditOutcome::Refused);
        assert_eq!(list(AuditFilter { outcome, ..all() }).await, "t4");
    });
}
