//! The sessions in which users signed in to a client.

use super::*;
use latchkey_protocol::{AuthorizationId, ClientId, SessionId, UserId, bounds, page::Page};

/// So that the first piece looks at nothing but what is over.
const OVER: i64 = 1100;

pub fn each_live_session_of_a_client_is_listed_once_also_where_most_of_what_is_looked_at_is_over(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        // Their rows are gone; what was allowed in them is there for a while.
        for n in 0..OVER / bounds::CODES {
            let name = format!("over-{n}");
            sign_in(&store, &name).await;
            for m in 0..bounds::CODES {
                put(&store, &format!("a-{n:04}-{m}"), &name).await;
            }
            let over = SessionId::new(name);
            assert!(store.end_session(&over, true, moment(1)).await.unwrap());
        }
        for name in ["s1", "s2", "s3"] {
            sign_in(&store, name).await;
            for turn in ["b", "c"] {
                put(&store, &format!("{turn}-{name}"), name).await;
            }
        }
        let client = ClientId::new("c");
        let (mut page, mut found, mut pieces) = (Page::first(2), Vec::new(), 0);
        loop {
            let piece = store.client_sessions(&client, &page, moment(2));
            let piece = piece.await.unwrap();
            assert!(piece.sessions.len() <= 2);
            pieces += 1;
            for listed in piece.sessions {
                assert_eq!(listed.username, "name-u");
                found.push(listed.session.id.into_string());
            }
            match piece.next {
                Some(next) => page = Page::after(next, 2),
                None => break,
            }
        }
        assert_eq!(found, ["s1", "s2", "s3"]);
        assert!(
            pieces >= 3,
            "one of them had none, and did not look further"
        );
        let all = Page::first(9);
        let late = store.client_sessions(&client, &all, moment(1000));
        assert!(late.await.unwrap().sessions.is_empty(), "expired");
        let other = ClientId::new("d");
        let other = store.client_sessions(&other, &all, moment(2)).await;
        assert!(other.unwrap().sessions.is_empty());
    });
}

pub fn the_sessions_of_a_user_at_a_client_are_those_of_both_each_once_and_in_order(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_user(&user("v")).await.unwrap();
        for name in ["s1", "s2", "s3", "nowhere"] {
            sign_in(&store, name).await;
        }
        let theirs = session("theirs", "v");
        let begun = store.sign_in(&theirs, "hash", None, None).await;
        assert!(begun.unwrap().is_some());
        for (name, whose) in [("s1", "u"), ("s2", "u"), ("s3", "u"), ("theirs", "v")] {
            for turn in ["a", "b"] {
                let mut given = authorization(&format!("{turn}-{name}"), "openid");
                let code = code_of(&mut given);
                (code.session_id, code.code) =
                    (SessionId::new(name), Digest::of(&format!("{turn}{name}")));
                given.user_id = UserId::new(whose);
                assert!(store.issue_code(None, &given).await.unwrap(), "{name}");
            }
        }
        let (owner, client) = (UserId::new("u"), ClientId::new("c"));
        let (mut page, mut found) = (Page::first(2), Vec::new());
        loop {
            let piece = store.user_client_sessions(&owner, &client, &page, moment(2));
            let piece = piece.await.unwrap();
            let Some(last) = piece.last().map(|last| &last.session) else {
                break;
            };
            page = Page::after((last.created_at, last.id.to_string()), 2);
            found.extend(
                piece
                    .into_iter()
                    .map(|listed| listed.session.id.into_string()),
            );
        }
        assert_eq!(found, ["s1", "s2", "s3"]);
        let all = Page::first(9);
        let late = store.user_client_sessions(&owner, &client, &all, moment(1000));
        assert!(late.await.unwrap().is_empty(), "expired");
        let other = ClientId::new("d");
        let other = store.user_client_sessions(&owner, &other, &all, moment(2));
        assert!(other.await.unwrap().is_empty());
    });
}

/// The end of the session as it begins, and that after its user has signed in again.
const FIRST_END: i64 = 1000;
const NEW_END: i64 = 9 * bounds::KEPT_AFTER;

/// The session `s` goes on until [`NEW_END`].
async fn renew(store: &Shared) {
    let again = Session {
        auth_time: moment(900),
        created_at: moment(900),
        expires_at: moment(NEW_END),
        ends_at: moment(NEW_END),
        ..session("again", "u")
    };
    let replaces = Digest::of("s");
    let begun = store.sign_in(&again, "hash", Some(&replaces), None).await;
    assert_eq!(begun.unwrap().unwrap().session_id, "s");
}

/// Its code is exchanged, as of a session that ends at [`FIRST_END`].
async fn exchange(store: &Shared, id: &str) {
    let kept_until = moment(FIRST_END + bounds::KEPT_AFTER);
    let id = AuthorizationId::new(id);
    let exchanged = store
        .exchange_code(&id, moment(5), None, kept_until, &NO_ENTRIES)
        .await;
    assert!(exchanged.unwrap());
}

async fn live_of_client(store: &Shared, now: i64) -> usize {
    let (client, all) = (ClientId::new("c"), Page::first(9));
    let found = store.client_sessions(&client, &all, moment(now)).await;
    found.unwrap().sessions.len()
}

pub fn a_session_that_is_renewed_is_found_by_its_clients_until_its_new_end(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for id in ["a", "unused"] {
            let given = authorization(id, "openid");
            assert!(store.issue_code(None, &given).await.unwrap());
        }
        exchange(&store, "a").await;
        renew(&store).await;
        let late = FIRST_END + bounds::KEPT_AFTER;
        for days in 0..3 {
            let now = late + days * bounds::KEPT_AFTER;
            store.sweep(moment(now), 100).await.unwrap();
            assert_eq!(live_of_client(&store, now).await, 1, "{days}");
        }
        let there = async |id: &str| {
            let found = store.authorization(&AuthorizationId::new(id)).await;
            found
                .unwrap()
                .map(|context| context.authorization.expires_at)
        };
        let kept_until = NEW_END + bounds::KEPT_AFTER;
        assert_eq!(there("a").await, Some(moment(kept_until)));
        assert_eq!(there("unused").await, None, "a code that nobody exchanged");
        let now = late + 3 * bounds::KEPT_AFTER;
        bulk_ends::end_all(&*store, Some("c"), now).await;
        let session = store.session(&Digest::of("again"), moment(now)).await;
        assert!(session.unwrap().is_none(), "it is one of the client's");
        store.sweep(moment(kept_until - 1), 100).await.unwrap();
        assert!(there("a").await.is_some(), "a late replay is still seen");
        store.sweep(moment(kept_until), 100).await.unwrap();
        assert_eq!(there("a").await, None);
    });
}

pub fn a_session_that_is_renewed_while_a_code_is_exchanged_is_found_by_its_client(
    stores: &impl Stores,
) {
    for _ in 0..5 {
        stores.each(async |store| {
            seeded(&store).await;
            let ids: Vec<_> = (0..CALLERS).map(|n| format!("a{n}")).collect();
            for id in &ids {
                let given = authorization(id, "openid");
                assert!(store.issue_code(None, &given).await.unwrap());
            }
            let renewing = store.clone();
            let renewed = tokio::spawn(async move { renew(&renewing).await });
            let exchanged = winners(&store, |s, n| async move {
                exchange(&s, &format!("a{n}")).await;
                true
            });
            assert_eq!(exchanged.await, CALLERS);
            renewed.await.unwrap();
            // Sweeps that meet the renewed tokens wait for none of them.
            let late = FIRST_END + bounds::KEPT_AFTER;
            winners(&store, move |s, _| async move {
                s.sweep(moment(late), 3).await.unwrap() == 0
            })
            .await;
            store.sweep(moment(late), 100).await.unwrap();
            assert_eq!(live_of_client(&store, late).await, 1);
            for id in &ids {
                let found = store.authorization(&AuthorizationId::new(id)).await;
                assert!(found.unwrap().is_some(), "{id}");
            }
        });
    }
}

async fn sign_in(store: &Shared, name: &str) {
    let new = session(name, "u");
    let begun = store.sign_in(&new, "hash", None, None).await;
    assert!(begun.unwrap().is_some());
}

async fn put(store: &Shared, id: &str, session: &str) {
    let mut given = authorization(id, "openid");
    let code = code_of(&mut given);
    (code.session_id, code.code) = (SessionId::new(session), Digest::of(id));
    assert!(store.issue_code(None, &given).await.unwrap(), "{id}");
}
