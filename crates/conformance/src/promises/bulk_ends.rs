//! All sessions, or all of a client, end: at once for whoever asks, and then one after another with all that belongs to it.

use super::deliveries::{of, sign_in, visit, with_clients};
use super::*;
use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, UserId,
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, FrontEnd},
    audit_row::AuditFilter,
    authorization::Support,
    bulk_end::{
        BulkEnd,
        SessionCount::{AtLeast, Exactly},
    },
    deliveries::ReceiptsOf,
    page::Page,
};

pub async fn begin_end(store: &dyn Store, client: Option<&str>, now: i64) -> BulkEnd {
    let client = client.map(ClientId::new);
    let begun = store
        .begin_bulk_end(client.as_ref(), None, moment(now))
        .await;
    begun.unwrap().unwrap()
}

/// Until it is over; how many sessions it has ended.
pub async fn finish(store: &dyn Store, id: i64, now: i64, most: i64) -> i64 {
    for _ in 0..500 {
        let end = store.continue_bulk_end(id, moment(now), most).await;
        let end = end.unwrap().unwrap();
        if end.done_at.is_some() {
            return end.ended;
        }
    }
    panic!("it has no end");
}

/// Ends all sessions, or all of a client, at this moment.
pub async fn end_all(store: &dyn Store, client: Option<&str>, now: i64) {
    let end = begin_end(store, client, now).await;
    finish(store, end.id, now, 100).await;
}

/// What still lives of the session `s` of `u`: the session by its cookie, by its code, by a refresh and by an access token.
async fn lives(store: &dyn Store, session: &str, client: &str) -> [bool; 4] {
    let digest = Digest::of(session);
    let id = format!("{session} {client}");
    let by_code = Digest::of(&format!("code-{id}"));
    let name = AuthorizationId::new(&id);
    let support: Option<Support> = store.support(&name, "jti").await.unwrap();
    let now = moment(8);
    let stands = |context: Option<latchkey_protocol::authorization::Context>| {
        context.is_some_and(|context| context.standing(now).is_some())
    };
    [
        store.session(&digest, now).await.unwrap().is_some(),
        stands(store.authorization_by_code(&by_code).await.unwrap()),
        stands(store.authorization(&name).await.unwrap()),
        support.is_some_and(|support| support.stands(true, now)),
    ]
}

/// One that goes on when its session ends.
async fn offline(store: &dyn Store, session: &str, client: &str) -> AuthorizationId {
    let mut given = of(session, client, &format!("{session} {client} offline"));
    given.scope = ScopeSet::from("openid offline_access".to_owned());
    assert!(store.issue_code(None, &given).await.unwrap());
    given.id
}

pub fn what_an_end_of_many_sessions_means_counts_as_ended_before_any_of_it_is(
    stores: &impl Stores,
) {
    for client in [None, Some("told")] {
        stores.each(async |store| {
            with_clients(&store).await;
            visit(&*store, "s", "told").await;
            visit(&*store, "s", "framed").await;
            let kept = offline(&*store, "s", "framed").await;
            assert_eq!(lives(&*store, "s", "told").await, [true; 4]);
            let end = begin_end(&*store, client, 7).await;
            assert_eq!((end.ended, end.done_at), (0, None));
            for other in ["told", "framed"] {
                assert_eq!(lives(&*store, "s", other).await, [false; 4], "{other}");
            }
            assert!(store.authorization(&kept).await.unwrap().is_none());
            let live = store.count_sessions(None, 10, moment(8)).await;
            assert_eq!(live.unwrap(), Exactly(0));
            let listed = store.session_list(None, &Page::first(10), moment(8)).await;
            let listed = listed.unwrap();
            assert!(listed.iter().all(|listed| listed.is_ended) && !listed.is_empty());
            let found = store.session_by_id(&SessionId::new("s")).await.unwrap();
            assert!(found.is_none());
            // Nobody has worked on it yet, and a sign-in under way renews nothing.
            let mut again = session("again", "u");
            again.created_at = moment(8);
            let replaces = Digest::of("s");
            let begun = store.sign_in(&again, "hash", Some(&replaces), None).await;
            assert_eq!(begun.unwrap().unwrap().session_id, "again");
            assert_eq!(finish(&*store, end.id, 8, 1).await, 1);
            for other in ["told", "framed"] {
                assert_eq!(lives(&*store, "s", other).await, [false; 4], "{other}");
            }
            let revoked = store.authorization(&kept).await.unwrap().unwrap();
            assert!(revoked.authorization.revoked_at.is_some());
            let shown = store.bulk_ends(moment(0)).await.unwrap();
            assert_eq!(shown[0].done_at, Some(moment(8)));
            assert!(store.bulk_ends(moment(8)).await.unwrap().is_empty());
        });
    }
}

/// However many there are, or are meant by an end that is under way.
pub fn what_is_counted_for_a_question_is_bounded(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        let many = async |name: &str| {
            for n in 0..9 {
                let name = format!("{name}{n}");
                sign_in(&*store, &name).await;
                visit(&*store, &name, "told").await;
            }
        };
        let seeded = SessionId::new("s");
        assert!(store.end_session(&seeded, true, moment(5)).await.unwrap());
        many("a").await;
        let told = ClientId::new("told");
        let count = async |most, client: Option<&ClientId>| {
            let count = store.count_sessions(client, most, moment(6));
            count.await.unwrap()
        };
        for client in [None, Some(&told)] {
            assert_eq!(count(9, client).await, Exactly(9));
            assert_eq!(count(5, client).await, AtLeast(5));
            assert_eq!(count(4, client).await, AtLeast(4));
        }
        let end = begin_end(&*store, Some("told"), 6).await;
        for client in [None, Some(&told)] {
            assert_eq!(count(9, client).await, Exactly(0));
            // No more of them than that were looked at.
            assert_eq!(count(2, client).await, AtLeast(0));
        }
        assert_eq!(finish(&*store, end.id, 6, 100).await, 9);
        many("b").await;
        begin_end(&*store, None, 6).await;
        let by_index = count(2, None).await;
        assert_eq!(by_index, Exactly(0), "what is meant is not looked at");
    });
}

pub fn whoever_signs_in_afterwards_stays(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        let end = begin_end(&*store, None, 7).await;
        let mut after = session("after", "u");
        after.created_at = moment(8);
        let begun = store.sign_in(&after, "hash", None, None).await.unwrap();
        assert!(begun.is_some());
        let id = "after told";
        let mut given = of("after", "told", id);
        given.created_at = moment(8);
        assert!(store.issue_code(None, &given).await.unwrap());
        assert_eq!(lives(&*store, "after", "told").await, [true; 4]);
        assert_eq!(finish(&*store, end.id, 9, 100).await, 1);
        assert_eq!(lives(&*store, "after", "told").await, [true; 4]);
        let live = store.count_sessions(None, 10, moment(9)).await.unwrap();
        assert_eq!(live, Exactly(1));
        let listed = store.session_list(None, &Page::first(10), moment(9)).await;
        let listed: Vec<_> = listed.unwrap().iter().map(|one| one.is_ended).collect();
        assert_eq!(listed, [false]);
    });
}

pub fn an_end_of_a_client_takes_its_sessions_and_leaves_the_others(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        for name in ["a", "b", "other"] {
            sign_in(&*store, name).await;
        }
        visit(&*store, "a", "told").await;
        visit(&*store, "a", "framed").await;
        visit(&*store, "b", "told").await;
        visit(&*store, "other", "framed").await;
        let told = ClientId::new("told");
        let count = async |client| store.count_sessions(client, 10, moment(6)).await.unwrap();
        assert_eq!(
            (count(Some(&told)).await, count(None).await),
            (Exactly(2), Exactly(4))
        );
        let few = store.count_sessions(None, 3, moment(6)).await;
        assert_eq!(few.unwrap(), AtLeast(3));
        end_all(&*store, Some("told"), 7).await;
        assert_eq!(
            (count(Some(&told)).await, count(None).await),
            (Exactly(0), Exactly(2))
        );
        assert_eq!(lives(&*store, "other", "framed").await, [true; 4]);
        assert_eq!(lives(&*store, "a", "framed").await, [false; 4]);
        // What has ended long before keeps nothing of the client either.
        sign_in(&*store, "gone").await;
        let kept = offline(&*store, "gone", "told").await;
        let sid = SessionId::new("gone");
        assert!(store.end_session(&sid, false, moment(9)).await.unwrap());
        assert!(
            store
                .authorization(&kept)
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at
                .is_none()
        );
        end_all(&*store, Some("told"), 10).await;
        assert!(
            store
                .authorization(&kept)
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at
                .is_some()
        );
        let nobody = ClientId::new("nobody");
        let none = store.begin_bulk_end(Some(&nobody), None, moment(9)).await;
        assert_eq!(none.unwrap(), None);
        assert_eq!(
            store.continue_bulk_end(999, moment(9), 1).await.unwrap(),
            None
        );
    });
}

pub fn of_many_who_end_at_once_each_session_is_ended_once(stores: &impl Stores) {
    stores.each(async |store| {
        with_clients(&store).await;
        const SESSIONS: i64 = 100;
        for n in 0..SESSIONS {
            let name = format!("n{n}");
            sign_in(&*store, &name).await;
            visit(&*store, &name, "told").await;
        }
        let entry = AuditEntry {
            at: moment(7),
            event: "session end --all".into(),
            actor: AuditActor {
                kind: ActorKind::User,
                id: Some("boss".into()),
                name: Some("Ada".into()),
            },
            front_end: FrontEnd::Console,
            target: None,
            outcome: AuditOutcome::Done,
            address: "192.0.2.7".parse().ok(),
            request_id: Some("r".into()),
            details: serde_json::Map::new(),
            is_logged: true,
        };
        let end = store
            .recording(entry)
            .begin_bulk_end(None, None, moment(7))
            .await;
        let id = end.unwrap().unwrap().id;
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { finish(&*store, id, 8, 7).await })
            })
            .collect();
        for worker in workers {
            assert_eq!(
                worker.await.unwrap(),
                SESSIONS + 1,
                "and the one that was there"
            );
        }
        let page = Page::first(1000);
        let told = store.receipts(ReceiptsOf::All, &page).await.unwrap();
        assert_eq!(told.len(), usize::try_from(SESSIONS).unwrap());
        let of_event = async |event: &str| {
            let filter = AuditFilter {
                event: Some(event.into()),
                ..AuditFilter::default()
            };
            let first = Page::first(1000);
            store.audit_entries(&filter, &first).await.unwrap()
        };
        assert_eq!(of_event("session end --all").await.len(), 1);
        let ended = of_event("session ended").await;
        assert_eq!(ended.len(), usize::try_from(SESSIONS).unwrap() + 1);
        let entry = ended[0].read().unwrap();
        assert_eq!(entry.actor.name.as_deref(), Some("Ada"));
        assert_eq!(entry.address, "192.0.2.7".parse().ok());
        assert_eq!(entry.details["cause"], "all sessions were ended");
        assert_eq!(entry.details["user"], "u");
        assert!(
            store
                .sessions(Some(&UserId::new("u")))
                .await
                .unwrap()
                .is_empty()
        );
    });
}

pub fn while_the_sessions_of_a_client_are_ended_nobody_else_ends_them_and_it_is_not_deleted(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        with_clients(&store).await;
        visit(&*store, "s", "told").await;
        visit(&*store, "s", "framed").await;
        let kept = offline(&*store, "s", "framed").await;
        let end = begin_end(&*store, Some("told"), 7).await;
        let (told, sid) = (ClientId::new("told"), SessionId::new("s"));
        // What that would leave behind lived on: offline access of another client, and the session itself.
        assert!(!store.delete_client(&told, None).await.unwrap());
        let user = UserId::new("u");
        let ended = store.end_session_of(&sid, Some(&user), false, moment(7));
        assert!(ended.await.unwrap().is_none());
        assert_eq!(finish(&*store, end.id, 8, 1).await, 1);
        let kept = store.authorization(&kept).await.unwrap().unwrap();
        assert!(kept.authorization.revoked_at.is_some());
        assert!(store.delete_client(&told, None).await.unwrap());
    });
}
