//! Clients hear of the end of a session: noted, told whatever ended it, by one sender at a time, until they have heard.

use super::{bulk_ends::end_all, *};
use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, UserId,
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, FrontEnd},
    bounds,
    deliveries::{
        AfterAttempt, Again, Attempted, DeliveryState, Receipt, ReceiptsOf, TakeDeliveries,
        TakenDelivery,
    },
    logout_token::Delivery as Outcome,
    page::Page,
    registration::Registration,
    session::Cause,
};
use std::{collections::BTreeSet, time::Duration};

const LEASE: i64 = 15;

/// The client `id`, told over the back channel or only over the front channel.
pub async fn add_client(store: &dyn Store, id: &str, member: &str) {
    let json = format!(
        r#"{{"redirect_uris":["https://a.example/cb"],"{member}":"https://a.example/out"}}"#
    );
    let registration = Registration::parse(&serde_json::from_str(&json).unwrap()).unwrap();
    let mut client = client();
    client.id = ClientId::new(id);
    client.metadata = registration.metadata;
    assert!(store.create_client(&client).await.unwrap());
}

/// The user `u` in the session `s`, and clients that are told.
pub async fn with_clients(store: &Shared) {
    seeded(store).await;
    add_client(&**store, "told", "backchannel_logout_uri").await;
    add_client(&**store, "framed", "frontchannel_logout_uri").await;
}

pub fn of(session: &str, client: &str, id: &str) -> Authorization {
    let mut authorization = authorization(id, "openid");
    authorization.client_id = ClientId::new(client);
    code_of(&mut authorization).session_id = SessionId::new(session);
    authorization
}

/// A client exchanges a code in a session.
pub async fn visit(store: &dyn Store, session: &str, client: &str) {
    let id = format!("{session} {client}");
    let authorization = of(session, client, &id);
    assert!(store.issue_code(None, &authorization).await.unwrap());
    assert!(exchange(store, &id).await);
}

async fn exchange(store: &dyn Store, id: &str) -> bool {
    let (id, family) = (AuthorizationId::new(id), family("r", None));
    let exchanged =
        store.exchange_code_in_session(&id, moment(5), Some(&family), moment(900), &NO_ENTRIES);
    exchanged.await.unwrap()
}

pub async fn all(store: &dyn Store) -> Vec<Receipt> {
    let page = Page::first(1000);
    store.receipts(ReceiptsOf::All, &page).await.unwrap()
}

pub async fn take(store: &dyn Store, owner: &str, now: i64, most: i64) -> Vec<TakenDelivery> {
    let clients = [(ClientId::new("told"), most)];
    let take = TakeDeliveries {
        owner,
        now: moment(now),
        lease: LEASE,
        clients: &clients,
    };
    store.take_deliveries(&take).await.unwrap()
}

fn attempted(at: i64, delivery: Outcome) -> Attempted {
    Attempted {
        at: moment(at),
        delivery,
        status: Some(503),
        milliseconds: 12,
        reason: Some("no".into()),
    }
}

pub async fn note(store: &dyn Store, taken: &TakenDelivery, at: i64, after: AfterAttempt) -> bool {
    let attempted = attempted(at, Outcome::Misanswered);
    let noted = store.note_attempt(&taken.lease, &attempted, after);
    noted.await.unwrap()
}

pub async fn sign_in(store: &dyn Store, name: &str) {
    let session = session(name, "u");
    let begun = store.sign_in(&session, "hash", None, None).await;
    assert!(begun.unwrap().is_some());
}

/// The session `s` has ended, and `told` is to be told.
pub async fn one_ended(store: &Shared) {
    with_clients(store).await;
    visit(&**store, "s", "told").await;
    let sid = SessionId::new("s");
    let ended = store.end_session(&sid, true, moment(7));
    assert!(ended.await.unwrap());
}

fn by_command() -> AuditEntry {
    AuditEntry {
        at: moment(7),
        event: "x".into(),
        actor: AuditActor {
            kind: ActorKind::Command,
            id: None,
            name: None,
        },
        front_end: FrontEnd::Command,
        target: None,
        outcome: AuditOutcome::Done,
        address: None,
        request_id: None,
        details: serde_json::Map::new(),
        is_logged: false,
    }
}

pub fn whatever_ends_a_session_tells_the_clients_that_are_noted_in_it(stores: &impl Stores) {
    let causes = [
        Cause::Forced,
        Cause::SignedOut,
        Cause::AllForced,
        Cause::ClientForced,
        Cause::EveryoneForced,
        Cause::PasswordChanged,
        Cause::UserDisabled,
        Cause::UserDeleted,
        Cause::AnotherUser,
        Cause::IdentityUnlinked,
        Cause::EndedUpstream,
        Cause::Expired,
    ];
    for cause in causes {
        stores.each(async |store| {
            with_clients(&store).await;
            for client in ["told", "framed"] {
                visit(&*store, "s", client).await;
            }
            // No ID token: nothing that hangs on the session.
            issued(&store, "plain", "profile").await;
            let plain = AuthorizationId::new("plain");
            let plain = store.exchange_code(&plain, moment(5), None, moment(900), &NO_ENTRIES);
            assert!(plain.await.unwrap());
            let sid = SessionId::new("s");
            let noted = store.session_clients(&sid).await.unwrap();
            assert_eq!(noted, ["framed", "told"]);
            let now = moment(7);
            match cause {
                Cause::Forced => drop(store.end_session(&sid, true, now).await.unwrap()),
                Cause::SignedOut => {
                    let user = UserId::new("u");
                    let ended = store.end_session_of(&sid, Some(&user), false, now);
                    assert!(ended.await.unwrap().is_some());
                }
                Cause::AllForced => {
                    assert_eq!(store.end_user(&UserId::new("u"), now).await.unwrap(), 1)
                }
                Cause::ClientForced => end_all(&*store, Some("told"), 7).await,
                Cause::EveryoneForced => end_all(&*store, None, 7).await,
                Cause::PasswordChanged => {
                    let id = UserId::new("u");
                    let set = store.set_password(&id, None, "new", now);
                    assert_eq!(set.await.unwrap(), Some(1));
                }
                Cause::UserDisabled => {
                    let (id, last) = (UserId::new("u"), LastAdministrator::Stays);
                    let disabled = store.disable_user(&id, None, last, now);
                    assert_eq!(disabled.await.unwrap(), UserEnd::Ended(1));
                }
                Cause::UserDeleted => {
                    let recording = store.recording(by_command());
                    let (id, last) = (UserId::new("u"), LastAdministrator::Stays);
                    let deleted = recording.delete_user(&id, None, last);
                    assert!(deleted.await.unwrap().is_done());
                }
                Cause::AnotherUser | Cause::TooMany => {
                    store.create_user(&user("v")).await.unwrap();
                    let replaces = Digest::of("s");
                    let session = session("v", "v");
                    let begun = store.sign_in(&session, "hash", Some(&replaces), None);
                    assert!(begun.await.unwrap().is_some());
                }
                Cause::IdentityUnlinked => unlinked(&store, "s", now).await,
                Cause::EndedUpstream => ended_there(&store, "s", now).await,
                Cause::Expired => drop(store.sweep(moment(2000), 100).await.unwrap()),
            }
            let told = all(&*store).await;
            let [one] = &told[..] else {
                panic!("{cause:?}: {told:?}")
            };
            assert_eq!((&*one.client_id, &*one.cause), ("told", cause.text()));
            assert_eq!((&*one.end.session_id, &*one.end.user_id), ("s", "u"));
            assert_eq!((one.state, one.attempts), (DeliveryState::Waiting, 0));
            assert_eq!(store.receipt(one.id).await.unwrap().as_ref(), Some(one));
            let due = store.clients_to_tell(moment(3000)).await.unwrap();
            assert_eq!(due, ["told"]);
            assert!(store.session_clients(&sid).await.unwrap().is_empty());
        });
    }
}

pub fn an_exchange_and_an_end_that_meet_leave_no_client_untold(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        for round in 0..30 {
            let name = format!("s{round}");
            sign_in(&*store, &name).await;
            let id = format!("{name} told");
            let code = of(&name, "told", &id);
            assert!(store.issue_code(None, &code).await.unwrap());
            let (first, second) = (store.clone(), store.clone());
            let exchanged = tokio::spawn(async move { exchange(&*first, &id).await });
            let sid = SessionId::new(&name);
            let ends = sid.clone();
            let ended =
                tokio::spawn(async move { second.end_session(&ends, true, moment(7)).await });
            let exchanged = exchanged.await.unwrap();
            assert!(ended.await.unwrap().unwrap());
            let page = Page::first(10);
            let told = store.receipts(ReceiptsOf::Session(&sid), &page);
            assert_eq!(told.await.unwrap().len(), usize::from(exchanged), "{round}");
            assert!(store.session_clients(&sid).await.unwrap().is_empty());
        }
    });
}

pub fn a_code_is_exchanged_in_a_session_once_and_never_after_its_end(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        let code = of("s", "told", "a");
        assert!(store.issue_code(None, &code).await.unwrap());
        let won = winners(&store, |s, _| async move { exchange(&*s, "a").await });
        assert_eq!(won.await, 1);
        let sid = SessionId::new("s");
        // A second visit of the same client is no second client.
        visit(&*store, "s", "told").await;
        assert_eq!(store.session_clients(&sid).await.unwrap(), ["told"]);
        let late = of("s", "told", "late");
        assert!(store.issue_code(None, &late).await.unwrap());
        let revoked = of("s", "told", "revoked");
        assert!(store.issue_code(None, &revoked).await.unwrap());
        let taken_back = AuthorizationId::new("revoked");
        let taken_back = store.revoke_authorization(&taken_back, moment(5));
        taken_back.await.unwrap();
        assert!(!exchange(&*store, "revoked").await);
        // Offline access outlives the session, but this exchange is one within it.
        let ended = store.end_session(&sid, false, moment(7));
        assert!(ended.await.unwrap());
        assert!(!exchange(&*store, "late").await);
        assert_eq!(all(&*store).await.len(), 1);
    });
}

pub fn each_delivery_goes_to_one_of_many_senders(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        const SESSIONS: usize = 60;
        for n in 0..SESSIONS {
            let name = format!("n{n}");
            sign_in(&*store, &name).await;
            visit(&*store, &name, "told").await;
        }
        store.end_user(&UserId::new("u"), moment(7)).await.unwrap();
        let senders: Vec<_> = (0..CALLERS)
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
        let (mut ids, mut total) = (BTreeSet::new(), 0);
        for sender in senders {
            let mine = sender.await.unwrap();
            total += mine.len();
            ids.extend(mine.iter().map(|taken| taken.lease.delivery));
        }
        assert_eq!((total, ids.len()), (SESSIONS, SESSIONS), "each once");
        let due = store.clients_to_tell(moment(10)).await.unwrap();
        assert!(due.is_empty(), "{due:?}");
    });
}

pub fn who_dies_while_sending_loses_nothing_and_who_is_late_is_told_so(stores: &impl Stores) {
    stores.each(async |store| {
        one_ended(&store).await;
        assert_eq!(take(&*store, "a", 6, 9).await, [], "not due yet");
        let late = take(&*store, "a", 7, 9).await.pop().unwrap();
        assert_eq!((late.attempts, late.since), (1, moment(7)));
        assert_eq!(take(&*store, "b", 7 + LEASE - 1, 9).await, [], "held");
        let again = take(&*store, "a", 7 + LEASE, 9).await.pop().unwrap();
        assert_eq!(again.attempts, 2);
        assert!(!note(&*store, &late, 30, AfterAttempt::Delivered).await);
        let given_back = store.give_back_delivery(&late.lease, moment(8)).await;
        assert!(!given_back.unwrap());
        // No attempt was made: nothing is counted.
        let given_back = store.give_back_delivery(&again.lease, moment(40)).await;
        assert!(given_back.unwrap());
        assert_eq!(take(&*store, "a", 39, 9).await, []);
        let again = take(&*store, "b", 40, 9).await.pop().unwrap();
        assert_eq!(again.attempts, 2);
        assert!(note(&*store, &again, 41, AfterAttempt::Delivered).await);
        assert!(!note(&*store, &again, 41, AfterAttempt::Dead).await, "once");
        let receipt = all(&*store).await.pop().unwrap();
        assert_eq!(receipt.state, DeliveryState::Delivered);
        assert_eq!(receipt.next_at, None);
        assert_eq!(receipt.last, Some(attempted(41, Outcome::Misanswered)));
        assert_eq!(take(&*store, "c", 1 << 40, 9).await, []);
    });
}

pub fn a_dead_delivery_waits_until_it_is_sent_again_and_is_tried_anew(stores: &impl Stores) {
    stores.each(async |store| {
        one_ended(&store).await;
        let page = Page::first(9);
        let first = take(&*store, "a", 7, 9).await.pop().unwrap();
        let id = first.lease.delivery;
        // What is being sent is left to whoever sends it.
        assert_eq!(
            store.send_again(Again::One(id), moment(8)).await.unwrap(),
            0
        );
        assert!(note(&*store, &first, 8, AfterAttempt::Again(moment(90))).await);
        assert_eq!(all(&*store).await[0].next_at, Some(moment(90)));
        // What waits for its next attempt is sent at once.
        assert_eq!(
            store.send_again(Again::One(id), moment(9)).await.unwrap(),
            1
        );
        let second = take(&*store, "a", 9, 9).await.pop().unwrap();
        assert_eq!((second.attempts, second.since), (1, moment(9)));
        assert!(note(&*store, &second, 9, AfterAttempt::Dead).await);
        assert_eq!(take(&*store, "a", 1 << 40, 9).await, []);
        let dead = store.receipts(ReceiptsOf::Dead, &page).await.unwrap();
        assert_eq!((dead.len(), dead[0].attempts), (1, 2));
        assert_eq!(store.send_again(Again::Dead, moment(50)).await.unwrap(), 1);
        assert_eq!(store.send_again(Again::Dead, moment(50)).await.unwrap(), 0);
        let dead = store.receipts(ReceiptsOf::Dead, &page).await.unwrap();
        assert!(dead.is_empty());
        let third = take(&*store, "a", 50, 9).await.pop().unwrap();
        assert_eq!((third.attempts, third.since), (1, moment(50)));
        let unknown = store.send_again(Again::One(id + 1), moment(50)).await;
        assert_eq!(unknown.unwrap(), 0);
    });
}

pub fn an_end_of_a_session_wakes_the_sender_of_this_process(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        visit(&*store, "s", "told").await;
        // Neither a sign-in nor an end that nobody hears of nor a sweep wakes it.
        sign_in(&*store, "lonely").await;
        let lonely = SessionId::new("lonely");
        assert!(store.end_session(&lonely, true, moment(6)).await.unwrap());
        store.sweep(moment(6), 100).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(50), store.delivery_added());
        assert!(waiting.await.is_err(), "nothing ended");
        store.end_user(&UserId::new("u"), moment(7)).await.unwrap();
        let woken = tokio::time::timeout(Duration::from_secs(5), store.delivery_added());
        assert!(woken.await.is_ok());
    });
}

pub fn receipts_are_kept_for_a_time_and_what_waits_is_never_swept(stores: &impl Stores) {
    stores.each(async |store| {
        one_ended(&store).await;
        let far = 7 + 2 * bounds::DEAD_DELIVERIES_KEPT;
        store.sweep(moment(far), 100).await.unwrap();
        let taken = take(&*store, "a", far, 9).await.pop().unwrap();
        assert!(note(&*store, &taken, far, AfterAttempt::Delivered).await);
        let kept = far + bounds::RECEIPTS_KEPT;
        store.sweep(moment(kept - 1), 100).await.unwrap();
        assert_eq!(all(&*store).await.len(), 1);
        store.sweep(moment(kept), 100).await.unwrap();
        assert!(all(&*store).await.is_empty());
    });
}
