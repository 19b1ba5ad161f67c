//! The chain of the audit table against somebody who writes into the database.

use latchkey_operations::AuditVerdict;
use latchkey_protocol::{
    audit_chain::{BEGINNING, ChainKey, Checkpoint, hash, hex},
    audit_walk::{Break, Damage},
};
use latchkey_server::wiring::OsEntropy;

use crate::support::*;

/// A harness with ten sealed entries of which each says something else.
pub async fn sealed(h: &Harness) {
    for n in 0..5 {
        h.sql(&format!(
            "INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) \
             VALUES ({}, 'event {n}', 'server', 'server', 'done', '{{\"n\":{n}}}', 1)",
            START + n
        ));
    }
    h.sql("UPDATE audit SET logged = 1");
    seal(h).await;
    assert!(end(h).await.position >= 8);
}

pub async fn seal(h: &Harness) {
    let (key, now) = (chain_key(), h.moment());
    h.store
        .seal_audit_entries(&key, None, now, 1000)
        .await
        .unwrap();
}

pub async fn end(h: &Harness) -> Checkpoint {
    h.store.audit_checkpoint().await.unwrap().unwrap()
}

async fn verify_with(h: &Harness, key: &ChainKey, held: &[Checkpoint]) -> AuditVerdict {
    let operations = operations(&*h.store, &OsEntropy);
    operations.verify_audit(key, held).await.unwrap()
}

async fn verify(h: &Harness, held: &[Checkpoint]) -> Option<Break> {
    verify_with(h, &chain_key(), held).await.broken
}

fn keep(h: &Harness) {
    h.sql("CREATE TABLE kept AS SELECT * FROM audit");
}

fn put_back(h: &Harness) {
    let overriding = match h.database.file() {
        Some(_) => "",
        None => "OVERRIDING SYSTEM VALUE",
    };
    h.sql(&format!(
        "DELETE FROM audit; DELETE FROM audit_removed; INSERT INTO audit {overriding} SELECT * FROM kept"
    ));
}

fn broken(position: i64, damage: Damage) -> Option<Break> {
    Some(Break { position, damage })
}

#[test]
fn a_chain_that_nobody_touched_holds_and_says_where_it_ends() {
    on_both(async |h| {
        let nothing = verify_with(&h, &chain_key(), &[]).await;
        assert_eq!((nothing.reached, nothing.broken), (None, None));
        assert!(nothing.unsealed > 0);
        sealed(&h).await;
        let verdict = verify_with(&h, &chain_key(), &[]).await;
        assert_eq!((verdict.broken, verdict.unsealed), (None, 0));
        let end = end(&h).await;
        assert_eq!(verdict.reached, Some(end));
        assert_eq!(verdict.entries, end.position.unsigned_abs());
        assert_eq!(verify(&h, &[end]).await, None);
        let of_another = verify_with(&h, &ChainKey::derive(&[8; 32]), &[]).await;
        assert_eq!(of_another.broken, broken(1, Damage::Forged));
    });
}

#[test]
fn a_change_of_any_column_is_found_at_its_entry() {
    let changes = [
        "at = at + 1",
        "event = 'nothing'",
        "actor_kind = 'command'",
        "actor = 'uid 0'",
        "actor_name = 'root'",
        "front_end = 'page'",
        "target_kind = 'user'",
        "target = 'x'",
        "target_name = 'x'",
        "user_id = 'x'",
        "outcome = 'refused'",
        "address = '192.0.2.1'",
        "request_id = ''",
        "details = '{}'",
        "count = 2",
        "hash = NULL",
        "hash = NULL, seal = NULL",
        "seal = NULL",
    ];
    on_both(async |h| {
        sealed(&h).await;
        keep(&h);
        for change in changes {
            h.sql(&format!("UPDATE audit SET {change} WHERE position = 6"));
            let damage = match change {
                "seal = NULL" => Damage::Forged,
                _ => Damage::Changed,
            };
            assert_eq!(verify(&h, &[]).await, broken(6, damage), "{change}");
            put_back(&h);
        }
        assert_eq!(verify(&h, &[]).await, None);
    });
}

#[test]
fn what_was_changed_dropped_reordered_or_cut_off_is_found_at_its_place() {
    let changed = "UPDATE audit SET details = '{}' WHERE position = 5";
    let dropped = "DELETE FROM audit WHERE position IN (4, 5)";
    let first_dropped = "DELETE FROM audit WHERE position = 1";
    let closed_up =
        "DELETE FROM audit WHERE position = 4; UPDATE audit SET position = 4 WHERE position = 5";
    let reordered = "UPDATE audit SET position = 0 WHERE position = 3; UPDATE audit SET position = 3 WHERE position = 6; \
        UPDATE audit SET position = 6 WHERE position = 0";
    let forged_record = "DELETE FROM audit WHERE position = 4; INSERT INTO audit_removed (first_position, last_position, before, hash, seal) \
        SELECT 4, 4, hash, hash, seal FROM audit WHERE position = 3";
    let damages = [
        (changed, broken(5, Damage::Changed)),
        (dropped, broken(4, Damage::Dropped)),
        (first_dropped, broken(1, Damage::Dropped)),
        (closed_up, broken(4, Damage::Changed)),
        (reordered, broken(3, Damage::Changed)),
        (forged_record, broken(4, Damage::Dropped)),
    ];
    on_both(async |h| {
        sealed(&h).await;
        keep(&h);
        for (statement, expected) in damages {
            h.sql(statement);
            assert_eq!(verify(&h, &[]).await, expected, "{statement}");
            put_back(&h);
        }
    });
}

#[test]
fn an_end_that_was_cut_off_or_replaced_is_found_by_a_checkpoint() {
    on_both(async |h| {
        sealed(&h).await;
        let kept = end(&h).await;
        let last = kept.position;
        h.sql(&format!("DELETE FROM audit WHERE position >= {}", last - 1));
        assert_eq!(
            verify(&h, &[]).await,
            None,
            "nobody else knows how many there were"
        );
        assert_eq!(verify(&h, &[kept]).await, broken(last - 1, Damage::CutOff));
        // New entries take the places.
        h.sql("INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) VALUES (1, 'x', 'server', 'server', 'done', '{}', 1)");
        h.sql("INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) VALUES (2, 'y', 'server', 'server', 'done', '{}', 1)");
        seal(&h).await;
        assert_eq!(verify(&h, &[]).await, None);
        assert_eq!(verify(&h, &[kept]).await, broken(last, Damage::Replaced));
    });
}

#[test]
fn a_chain_that_was_made_anew_without_the_master_key_is_found() {
    on_both(async |h| {
        sealed(&h).await;
        h.sql("UPDATE audit SET event = 'nothing' WHERE position = 4");
        let mut at = BEGINNING;
        for row in h.store.audit_chain(0, 1000).await.unwrap() {
            let position = at.position + 1;
            let hash = hash(&at.hash, position, &row);
            at = Checkpoint { position, hash };
            let digits = hex(&hash);
            let bytes = match h.database.file() {
                Some(_) => format!("x'{digits}'"),
                None => format!("'\\x{digits}'"),
            };
            h.sql(&format!(
                "UPDATE audit SET hash = {bytes} WHERE position = {position}"
            ));
        }
        assert_eq!(verify(&h, &[]).await, broken(4, Damage::Forged));
    });
}

#[test]
fn making_entries_look_old_does_not_make_their_change_go_unseen() {
    on_both(async |h| {
        sealed(&h).await;
        h.sql("UPDATE audit SET at = 5 WHERE position <= 4");
        let (key, now) = (chain_key(), h.moment());
        let gone = h.store.forget_audit_entries(&key, 1000, now, 100);
        assert_eq!(gone.await.unwrap(), 4);
        let expected = broken(1, Damage::ChangedBeforeRemoval);
        assert_eq!(verify(&h, &[]).await, expected);
    });
}

#[test]
fn after_retention_the_chain_is_held_against_what_is_left_of_a_checkpoint() {
    on_both(async |h| {
        sealed(&h).await;
        let old = end(&h).await;
        h.pass(100);
        h.sql(&format!(
            "INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) VALUES ({}, 'x', 'server', 'server', 'done', '{{}}', 1)",
            h.now()
        ));
        seal(&h).await;
        let young = end(&h).await;
        let (key, now) = (chain_key(), h.moment());
        let gone = h.store.forget_audit_entries(&key, 50, now, 1000);
        assert_eq!(gone.await.unwrap(), usize::try_from(old.position).unwrap());
        let verdict = verify_with(&h, &chain_key(), &[old, young]).await;
        assert_eq!((verdict.broken, verdict.entries), (None, 1));
        assert_eq!(verdict.removed, old.position);
        let other = Checkpoint {
            hash: [1; 32],
            ..old
        };
        let expected = broken(old.position, Damage::Replaced);
        assert_eq!(verify(&h, &[other]).await, expected);
        let inside = Checkpoint {
            position: 2,
            hash: [1; 32],
        };
        let verdict = verify_with(&h, &chain_key(), &[inside]).await;
        assert_eq!((verdict.broken, verdict.not_compared), (None, vec![inside]));
    });
}

/// Removes what is beyond the bound. How many.
async fn bound(h: &Harness, bound: i64) -> usize {
    let gone = h.store.bound_audit_entries(&chain_key(), bound, 1000).await;
    gone.unwrap()
}

/// What can write into the database, and has no key: takes the end of the chain away at a place that is between two runs of
/// removed entries, lets a server seal another entry there, and puts the rest back.
async fn replace_between_removed_runs(h: &Harness) -> (Checkpoint, i64) {
    for n in 1..=40 {
        let kind = if n % 10 == 0 { "command" } else { "server" };
        h.sql(&format!(
            "INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) \
             VALUES ({START}, 'event {n}', '{kind}', 'server', 'done', '{{}}', 1)"
        ));
    }
    h.sql("UPDATE audit SET logged = 1");
    seal(h).await;
    let kept = end(h).await;
    assert!(bound(h, 2).await > 30);
    assert_eq!(verify(h, &[kept]).await, None);
    let place = kept.position - 10;
    let overriding = match h.database.file() {
        Some(_) => "",
        None => "OVERRIDING SYSTEM VALUE",
    };
    h.sql(&format!(
        "CREATE TABLE kept AS SELECT * FROM audit WHERE position > {place}; \
         CREATE TABLE kept_runs AS SELECT * FROM audit_removed WHERE first_position > {place}; \
         DELETE FROM audit WHERE position >= {place}; DELETE FROM audit_removed WHERE first_position > {place}; \
         INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged) \
         VALUES ({START}, 'harmless', 'server', 'server', 'done', '{{}}', 1)"
    ));
    seal(h).await;
    assert_eq!(end(h).await.position, place);
    h.sql(&format!(
        "INSERT INTO audit {overriding} SELECT * FROM kept; INSERT INTO audit_removed SELECT * FROM kept_runs"
    ));
    (kept, place)
}

#[test]
fn an_entry_between_removed_ones_cannot_be_replaced_by_letting_the_server_seal_another() {
    on_both(async |h| {
        let (kept, place) = replace_between_removed_runs(&h).await;
        let expected = broken(place + 1, Damage::Parted);
        assert_eq!(verify(&h, &[]).await, expected);
        assert_eq!(verify(&h, &[kept]).await, expected);
        // Nor does it go unseen when the runs become one.
        assert!(bound(&h, 1).await > 0);
        assert!(bound(&h, 1).await > 0);
        let expected = broken(place + 1, Damage::ChangedBeforeRemoval);
        assert_eq!(verify(&h, &[]).await, expected);
    });
}

#[test]
fn behind_a_break_the_chain_is_held_against_the_rest_and_against_checkpoints() {
    on_both(async |h| {
        sealed(&h).await;
        let last = end(&h).await;
        h.sql("UPDATE audit SET at = 5 WHERE position <= 2");
        let (key, now) = (chain_key(), h.moment());
        let gone = h.store.forget_audit_entries(&key, 1000, now, 100);
        assert_eq!(gone.await.unwrap(), 2);
        let changed = broken(1, Damage::ChangedBeforeRemoval);
        let verdict = verify_with(&h, &key, &[last]).await;
        assert_eq!((verdict.broken, verdict.further), (changed, vec![]));
        h.sql(
            "UPDATE audit SET event = 'x' WHERE position = 4; DELETE FROM audit WHERE position = 6",
        );
        let other = Checkpoint {
            hash: [1; 32],
            ..last
        };
        let later = Checkpoint {
            position: last.position + 1,
            ..last
        };
        let verdict = verify_with(&h, &key, &[other, later]).await;
        let found = verdict.further.iter().map(|at| (at.position, at.damage));
        let expected = [
            (4, Damage::Changed),
            (6, Damage::Dropped),
            (last.position, Damage::Replaced),
            (last.position + 1, Damage::CutOff),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!((verdict.broken, verdict.reached), (changed, None));
    });
}

#[test]
fn an_entry_before_the_first_place_is_damage() {
    on_both(async |h| {
        sealed(&h).await;
        for position in [i64::MIN, -7, 0] {
            h.sql(&format!(
                "INSERT INTO audit (at, event, actor_kind, front_end, outcome, details, logged, position) \
                 VALUES ({START}, 'x', 'server', 'server', 'done', '{{}}', 1, {position})"
            ));
            let expected = broken(position, Damage::Misplaced);
            assert_eq!(verify(&h, &[]).await, expected);
            h.sql("DELETE FROM audit WHERE position < 1");
        }
        assert_eq!(verify(&h, &[]).await, None);
    });
}
