//! What can be found out about a session and about who heard of its end.

use super::deliveries::{add_client, all, note, of, one_ended, sign_in, take, visit, with_clients};
use super::*;
use latchkey_protocol::{
    ClientId, SessionId, UserId,
    deliveries::{
        AfterAttempt, Attempted, DeliveryState, Receipt, ReceiptFilter, ReceiptsOf, TakeDeliveries,
    },
    logout_token::Delivery as Outcome,
    page::Page,
};

async fn some(store: &dyn Store, filter: &ReceiptFilter, page: &Page<i64>) -> Vec<Receipt> {
    let of = ReceiptsOf::Filtered(filter);
    store.receipts(of, page).await.unwrap()
}

/// Session and client of each, in their order.
fn named(receipts: &[Receipt]) -> Vec<String> {
    let name = |r: &Receipt| format!("{} {}", r.end.session_id, r.client_id);
    receipts.iter().map(name).collect()
}

/// Takes one delivery of a client, and says what became of it.
async fn settle(store: &dyn Store, client: &str, after: AfterAttempt) {
    let clients = [(ClientId::new(client), 1)];
    let take = TakeDeliveries {
        owner: "a",
        now: moment(9),
        lease: 15,
        clients: &clients,
    };
    let taken = store.take_deliveries(&take).await.unwrap().remove(0);
    let attempted = Attempted {
        at: moment(9),
        delivery: Outcome::Delivered,
        status: Some(200),
        milliseconds: 3,
        reason: None,
    };
    let noted = store.note_attempt(&taken.lease, &attempted, after).await;
    assert!(noted.unwrap());
}

pub fn receipts_are_found_by_state_client_and_user_from_either_end(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        add_client(&*store, "other", "backchannel_logout_uri").await;
        let mut v = user("v");
        v.password_hash = Some("hash".into());
        store.create_user(&v).await.unwrap();
        for name in ["s1", "s2", "s3"] {
            sign_in(&*store, name).await;
            visit(&*store, name, "told").await;
            visit(&*store, name, "other").await;
            let sid = SessionId::new(name);
            assert!(store.end_session(&sid, true, moment(7)).await.unwrap());
        }
        settle(&*store, "told", AfterAttempt::Delivered).await;
        settle(&*store, "told", AfterAttempt::Dead).await;
        let told = ReceiptFilter {
            client: Some(ClientId::new("told")),
            ..ReceiptFilter::default()
        };
        let first = some(&*store, &told, &Page::first(2)).await;
        assert_eq!(named(&first), ["s1 told", "s2 told"]);
        let rest = Page::after(first[1].id, 2);
        assert_eq!(named(&some(&*store, &told, &rest).await), ["s3 told"]);
        let newest = ReceiptFilter {
            newest_first: true,
            ..told.clone()
        };
        let first = some(&*store, &newest, &Page::first(2)).await;
        assert_eq!(named(&first), ["s3 told", "s2 told"]);
        let rest = Page::after(first[1].id, 2);
        assert_eq!(named(&some(&*store, &newest, &rest).await), ["s1 told"]);
        for (state, which) in DeliveryState::ALL.into_iter().zip(["s3", "s1", "s2"]) {
            let stands = ReceiptFilter {
                state: Some(state),
                ..told.clone()
            };
            let found = some(&*store, &stands, &Page::first(9)).await;
            assert_eq!(named(&found), [format!("{which} told")], "{state:?}");
        }
        let of_user = |id: &str| ReceiptFilter {
            user: Some(UserId::new(id)),
            state: Some(DeliveryState::Waiting),
            ..ReceiptFilter::default()
        };
        let waiting = some(&*store, &of_user("u"), &Page::first(9)).await;
        assert_eq!(waiting.len(), 4);
        assert!(
            some(&*store, &of_user("v"), &Page::first(9))
                .await
                .is_empty()
        );
    });
}

pub fn a_session_names_all_its_clients_while_it_lives_and_for_a_while_after(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        let sid = SessionId::new("s");
        assert!(store.clients_of_session(&sid).await.unwrap().is_empty());
        visit(&*store, "s", "told").await;
        // One that hears of nothing, and one that never came for its tokens.
        visit(&*store, "s", "c").await;
        let code = of("s", "framed", "unused");
        assert!(store.issue_code(None, &code).await.unwrap());
        let names = async || {
            let clients = store.clients_of_session(&sid).await.unwrap();
            assert!(clients.iter().all(|client| client.since == moment(5)));
            let id = |client: &latchkey_protocol::session::SessionClient| {
                client.client_id.as_str().to_owned()
            };
            clients.iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["c", "told"]);
        let (session, user) = store.session_by_id(&sid).await.unwrap().unwrap();
        assert_eq!((&*session.id, &*user.id), ("s", "u"));
        assert!(store.end_session(&sid, true, moment(7)).await.unwrap());
        assert_eq!(names().await, ["c", "told"]);
        assert!(store.session_by_id(&sid).await.unwrap().is_none());
    });
}

pub fn a_client_that_is_deleted_hears_no_more_at_once(stores: &impl Stores) {
    stores.each(async |store| {
        one_ended(&store).await;
        let sent = take(&*store, "a", 7, 9).await.pop().unwrap();
        let told = ClientId::new("told");
        assert!(store.delete_client(&told, None).await.unwrap());
        let due = store.clients_to_tell(moment(1 << 40)).await.unwrap();
        assert!(due.is_empty(), "{due:?}");
        assert!(!note(&*store, &sent, 8, AfterAttempt::Delivered).await);
        let receipt = all(&*store).await.pop().unwrap();
        assert_eq!(
            (receipt.state, receipt.next_at),
            (DeliveryState::Dead, None)
        );
        let last = receipt.last.unwrap();
        assert_eq!(last.delivery, Outcome::Unsent);
        assert_eq!(last.reason.as_deref(), Some("the client was deleted"));
    });
}
