//! When too many logout tokens wait, those of clients that keep failing are given up.

use super::deliveries::{add_client, all, sign_in, visit, with_clients};
use super::*;
use latchkey_protocol::{
    ClientId, SessionId,
    audit_row::{AuditFilter, AuditRow},
    deliveries::{
        AfterAttempt, Again, Attempted, DeliveryState, FAILING_FOR, GivenUp, Receipt,
        TakeDeliveries,
    },
    logout_token::Delivery as Outcome,
    page::Page,
};
use std::collections::BTreeMap;

/// Takes what waits longest for a client, and says what came of it.
async fn attempt(
    store: &dyn Store,
    client: &str,
    now: i64,
    (outcome, milliseconds): (Outcome, i64),
) {
    let clients = [(ClientId::new(client), 1)];
    let take = TakeDeliveries {
        owner: "a",
        now: moment(now),
        lease: 15,
        clients: &clients,
    };
    let taken = store.take_deliveries(&take).await.unwrap().remove(0);
    let attempted = Attempted {
        at: moment(now),
        delivery: outcome,
        status: None,
        milliseconds,
        reason: None,
    };
    let after = match outcome {
        Outcome::Delivered => AfterAttempt::Delivered,
        _ => AfterAttempt::Again(moment(now + 2)),
    };
    let noted = store.note_attempt(&taken.lease, &attempted, after).await;
    assert!(noted.unwrap());
}

/// Sessions in which each of these clients signed the user in, and their end.
async fn ended(store: &dyn Store, names: &[&str], clients: &[&str]) {
    ended_at(store, names, clients, 7).await;
}

async fn ended_at(store: &dyn Store, names: &[&str], clients: &[&str], now: i64) {
    for name in names {
        sign_in(store, name).await;
        for client in clients {
            visit(store, name, client).await;
        }
        let sid = SessionId::new(*name);
        assert!(store.end_session(&sid, true, moment(now)).await.unwrap());
    }
}

/// The sessions whose end is a dead letter for this client.
fn dead(receipts: &[Receipt], client: &str) -> Vec<String> {
    let is_meant = |r: &&Receipt| r.client_id == client && r.state == DeliveryState::Dead;
    let session = |r: &Receipt| r.end.session_id.to_string();
    receipts.iter().filter(is_meant).map(session).collect()
}

pub fn of_a_full_queue_the_oldest_of_whoever_keeps_failing_are_given_up_and_can_be_sent_again(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        with_clients(&store).await;
        for client in ["live", "new", "ours", "slow", "few"] {
            add_client(&*store, client, "backchannel_logout_uri").await;
        }
        let clients = ["told", "live", "new", "ours", "slow"];
        ended(&*store, &["a", "b", "c", "d"], &clients).await;
        ended(&*store, &["few"], &["few"]).await;
        let late = 50 + FAILING_FOR;
        // Each of four, five times.
        for time in 0..20 {
            for failing in ["told", "few"] {
                attempt(&*store, failing, 10 + 2 * time, (Outcome::Unreached, 3)).await;
            }
            attempt(&*store, "ours", 10 + 2 * time, (Outcome::Unsent, 3)).await;
        }
        attempt(&*store, "live", 10, (Outcome::Unreached, 3)).await;
        let give_up = async |now| store.give_up_failing(2, 2, 1, moment(now)).await.unwrap();
        assert_eq!(give_up(60).await, None, "it has just begun to fail");
        assert_eq!(give_up(late).await, None, "nobody is reached: it may be us");
        attempt(&*store, "live", late, (Outcome::Delivered, 3)).await;
        attempt(&*store, "slow", late, (Outcome::Delivered, 3000)).await;
        // What comes now was tried by nobody.
        ended_at(&*store, &["e"], &["told"], late).await;
        // Somebody sends it at this moment.
        let taken = TakeDeliveries {
            owner: "b",
            now: moment(late),
            lease: 15,
            clients: &[(ClientId::new("told"), 1)],
        };
        let taken = store.take_deliveries(&taken).await.unwrap().remove(0);
        let sending = taken.end.session_id.to_string();
        let mut given_up = BTreeMap::new();
        while let Some(GivenUp { client_id, count }) = give_up(late).await {
            assert!(count <= 2);
            *given_up.entry(client_id.into_string()).or_insert(0) += count;
        }
        let expected = [("told".to_owned(), 3)];
        assert_eq!(
            given_up,
            BTreeMap::from(expected),
            "the others live, or have few"
        );
        let receipts = all(&*store).await;
        let mut expected = vec!["a", "b", "c", "d"];
        expected.retain(|name| *name != sending);
        assert_eq!(dead(&receipts, "told"), expected);
        for client in ["live", "new", "ours", "slow", "few"] {
            assert_eq!(dead(&receipts, client), Vec::<String>::new(), "{client}");
        }
        let last = receipts.iter().find(|r| r.state == DeliveryState::Dead);
        let last = last.unwrap().last.clone().unwrap();
        let reason = "given up: too many logout tokens wait, and this client keeps failing";
        assert_eq!((last.delivery, last.at), (Outcome::Unsent, moment(late)));
        assert_eq!(last.reason.as_deref(), Some(reason));
        // Whoever sends one at this moment says what came of it.
        let attempted = Attempted {
            at: moment(late),
            delivery: Outcome::Delivered,
            status: Some(200),
            milliseconds: 3,
            reason: None,
        };
        let noted = store.note_attempt(&taken.lease, &attempted, AfterAttempt::Delivered);
        assert!(noted.await.unwrap());
        let filter = AuditFilter {
            event: Some("deliveries given up".into()),
            ..AuditFilter::default()
        };
        let entries = store
            .audit_entries(&filter, &Page::first(10))
            .await
            .unwrap();
        let is_told = |row: &&AuditRow| row.target.as_deref() == Some("told");
        assert_eq!(entries.len(), 2, "one for each time");
        assert_eq!(entries.iter().filter(is_told).count(), 2);
        assert_eq!(
            store.send_again(Again::Dead, moment(late)).await.unwrap(),
            3
        );
        assert_eq!(dead(&all(&*store).await, "told"), Vec::<String>::new());
    });
}
