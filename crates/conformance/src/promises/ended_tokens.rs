//! Whatever ends an authorization or its session ends its access tokens, in the same transaction.

use super::{
    bulk_ends::{begin_end, finish},
    status_lists::{NONE, NOW, OVER, ended, given, lease, live, numbers, with},
    *,
};
use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, UserId, bounds,
    status::{StatusEntry, TokenEntry},
};

/// What a user is given in a session of their own; it has the places `idx` and `idx + 1`, of which the second outlives it.
async fn at_home(store: &Shared, of: &str, scope: &str, idx: u32) -> AuthorizationId {
    if store.user(&UserId::new(of)).await.unwrap().is_none() {
        store.create_user(&user(of)).await.unwrap();
    }
    let session = session(&format!("s-{of}-{idx}"), of);
    let begun = store.sign_in(&session, "hash", None, None).await.unwrap();
    assert!(begun.is_some());
    let mut one = authorization(&format!("a-{of}-{idx}"), scope);
    one.user_id = UserId::new(of);
    code_of(&mut one).session_id = session.id;
    given(store, &one, idx).await;
    one.id
}

fn session_of(of: &str, idx: u32) -> SessionId {
    SessionId::new(format!("s-{of}-{idx}"))
}

pub fn whatever_locks_a_user_out_ends_their_tokens(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        lease(&store, numbers(100)).await;
        let scope = "openid offline_access";
        for (n, of) in ["forced", "password", "disabled", "deleted", "stays"]
            .into_iter()
            .enumerate()
        {
            at_home(&store, of, scope, n as u32 * 2).await;
        }
        let at = moment(NOW + 1);
        store.end_user(&UserId::new("forced"), at).await.unwrap();
        assert_eq!(ended(&store).await, [0, 1]);
        let id = UserId::new("password");
        let changed = store.set_password(&id, None, "new", at).await;
        assert_eq!(changed.unwrap(), Some(1));
        assert_eq!(ended(&store).await, [0, 1, 2, 3]);
        let last = LastAdministrator::Stays;
        let id = UserId::new("disabled");
        store.disable_user(&id, None, last, at).await.unwrap();
        assert_eq!(ended(&store).await, [0, 1, 2, 3, 4, 5]);
        let id = UserId::new("deleted");
        store.delete_user(&id, None, last).await.unwrap();
        assert_eq!(ended(&store).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

/// Each with all of it, or with what was issued within the session alone.
pub fn an_end_of_a_session_ends_its_tokens_and_offline_ones_only_when_asked(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let (online, offline) = ("openid", "openid offline_access");
        for (n, scope) in [online, offline, offline, online, offline]
            .into_iter()
            .enumerate()
        {
            at_home(&store, "v", scope, n as u32 * 2).await;
        }
        let at = moment(NOW + 1);
        let end = async |idx, offline| {
            let id = session_of("v", idx);
            assert!(store.end_session(&id, offline, at).await.unwrap());
        };
        end(0, false).await;
        assert_eq!(ended(&store).await, [0, 1]);
        end(2, false).await;
        assert_eq!(ended(&store).await, [0, 1, 2], "offline access goes on");
        end(4, true).await;
        assert_eq!(ended(&store).await, [0, 1, 2, 4, 5]);
        let (v, gone) = (UserId::new("v"), session_of("v", 6));
        let signed_out = store.end_session_of(&gone, Some(&v), false, at).await;
        assert!(signed_out.unwrap().is_some());
        assert_eq!(ended(&store).await, [0, 1, 2, 4, 5, 6, 7]);
        // What went on offline can end for good later.
        let goes_on = AuthorizationId::new("a-v-2");
        store.revoke_authorization(&goes_on, at).await.unwrap();
        assert_eq!(ended(&store).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

pub fn a_session_that_another_user_or_a_surplus_ends_takes_its_tokens(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        at_home(&store, "v", "openid", 0).await;
        at_home(&store, "w", "openid offline_access", 2).await;
        for (n, of) in [(0, "v"), (2, "w")] {
            let theirs = Digest::of(&format!("s-{of}-{n}"));
            let mine = session(&format!("after-{of}"), "u");
            let begun = store.sign_in(&mine, "hash", Some(&theirs), None).await;
            assert_eq!(begun.unwrap().unwrap().ended.len(), 1);
        }
        // Nothing was revoked, and both have ended as far as they were issued within the session.
        assert_eq!(ended(&store).await, [0, 2]);

        at_home(&store, "x", "openid", 10).await;
        for n in 0..bounds::SESSIONS {
            let mut one = session(&format!("x{n}"), "x");
            one.last_used_at = moment(2 + n);
            store.sign_in(&one, "hash", None, None).await.unwrap();
        }
        assert_eq!(ended(&store).await, [0, 2, 10, 11]);
    });
}

/// When it is swept; and nothing is written of those whose tokens are over anyway.
pub fn a_session_that_expires_takes_its_tokens_and_offline_access_goes_on(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let id = AuthorizationId::new("a");
        for (name, idx, expires_at) in [("s2", 0, OVER - 1), ("s3", 2, OVER + 1)] {
            let mut one = session(name, "u");
            one.expires_at = moment(expires_at);
            store.sign_in(&one, "hash", None, None).await.unwrap();
            let mut given_in = authorization(&format!("in-{name}"), "openid offline_access");
            code_of(&mut given_in).session_id = one.id;
            given(&store, &given_in, idx).await;
        }
        let mut over = authorization("a", "openid offline_access");
        over.id = id.clone();
        given(&store, &over, 4).await;
        store.sweep(moment(OVER - 1), 100).await.unwrap();
        assert_eq!(ended(&store).await, [0], "the other lives, or is over");
        let before = live(&store, &AuthorizationId::new("in-s3")).await;
        store.sweep(moment(OVER + 1), 100).await.unwrap();
        assert_eq!(ended(&store).await, [0]);
        let after = live(&store, &AuthorizationId::new("in-s3")).await;
        assert_eq!(before, after, "it is not written once more");
    });
}

pub fn a_token_or_a_consent_that_is_taken_back_ends_its_tokens_once(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for (n, id) in ["one", "two", "three"].into_iter().enumerate() {
            let one = authorization(id, "openid offline_access");
            given(&store, &one, n as u32 * 2).await;
        }
        for at in [NOW + 1, NOW + 2] {
            let one = AuthorizationId::new("one");
            store.revoke_authorization(&one, moment(at)).await.unwrap();
            assert_eq!(ended(&store).await, [0, 1]);
        }
        let late = AuthorizationId::new("three");
        let over = store.revoke_authorization(&late, moment(OVER));
        over.await.unwrap();
        assert_eq!(ended(&store).await, [0, 1], "those were over");
        let (u, c) = (UserId::new("u"), ClientId::new("c"));
        let taken = store.revoke_consent(&u, &c, moment(NOW + 3)).await.unwrap();
        assert_eq!(taken.authorizations, 1);
        assert_eq!(ended(&store).await, [0, 1, 2, 3]);
        let all = status_lists::look(&store, Default::default(), 100).await;
        assert_eq!(all.ended.len(), 2, "a row for each that ended");
    });
}

pub fn an_end_of_many_sessions_ends_their_tokens_slice_by_slice(stores: &impl Stores) {
    for client in [None, Some("c")] {
        stores.each(async |store| {
            seeded(&store).await;
            for n in 0..4 {
                at_home(&store, &format!("v{n}"), "openid offline_access", n * 2).await;
            }
            let end = begin_end(&*store, client, 7).await;
            assert_eq!(ended(&store).await, NONE, "nobody has worked on it yet");
            let slice = store.continue_bulk_end(end.id, moment(NOW), 2);
            slice.await.unwrap().unwrap();
            let some = ended(&store).await;
            assert!((2..8).contains(&some.len()), "{some:?}");
            finish(&*store, end.id, NOW, 2).await;
            assert_eq!(ended(&store).await, (0..8).collect::<Vec<_>>());
        });
    }
}

pub fn what_is_deleted_ends_its_tokens_and_what_is_swept_leaves_nothing(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        lease(&store, numbers(100)).await;
        let used = |n: i64| {
            let mut one = authorization(&format!("used{n}"), "openid");
            one.created_at = moment(n);
            one
        };
        // The one that was exchanged first, without the refresh token that the others have.
        let first = used(0);
        assert!(store.issue_code(None, &first).await.unwrap());
        let none = LiveEntries::default();
        let change = none.changed(with(&none.entries, 77, true));
        let exchanged = store.exchange_code(&first.id, moment(NOW), None, moment(900), &change);
        assert!(exchanged.await.unwrap());
        for n in 1..=bounds::AUTHORIZATIONS {
            given(&store, &used(n), 100 + 2 * n as u32).await;
        }
        assert_eq!(ended(&store).await, NONE, "there was room");
        let one_more = authorization("one more", "openid");
        assert!(store.issue_code(None, &one_more).await.unwrap());
        assert_eq!(ended(&store).await, [77], "it made room");

        // A day later tokens were issued and everything is over; then the client goes.
        let later = latchkey_protocol::store::LeaseRequest {
            now: moment(NOW + 90_000),
            live_until: moment(NOW + 100_000),
            ..numbers(1)
        };
        lease(&store, later).await;
        let used1 = AuthorizationId::new("used1");
        assert!(store.authorization(&used1).await.unwrap().is_some());
        store.sweep(moment(NOW + 90_000), 10_000).await.unwrap();
        assert!(store.authorization(&used1).await.unwrap().is_none());
        assert_eq!(ended(&store).await, NONE, "what is swept leaves nothing");
    });
}

pub fn a_client_that_is_deleted_takes_its_tokens(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        lease(&store, numbers(100)).await;
        for n in 0..3 {
            at_home(&store, &format!("v{n}"), "openid offline_access", n * 2).await;
        }
        let c = ClientId::new("c");
        assert!(store.delete_client(&c, None).await.unwrap());
        assert_eq!(ended(&store).await, (0..6).collect::<Vec<_>>());
    });
}

/// RFC 7009 2.1: whoever has it can ask for it again and again.
pub fn an_access_token_that_is_revoked_by_itself_ends_its_entry_once(stores: &impl Stores) {
    stores.each(async |store| {
        let entry = |idx| TokenEntry {
            entry: StatusEntry { list: 0, idx },
            in_session: true,
            until: moment(OVER),
        };
        let revoked = winners(&store, move |s, n| async move {
            for _ in 0..3 {
                let jti = format!("j{}", n % 4);
                let entry = Some(entry(n as u32 % 4));
                let done = s.revoke_access_token(&jti, moment(OVER), entry);
                done.await.unwrap();
            }
            true
        });
        assert_eq!(revoked.await, CALLERS);
        assert_eq!(ended(&store).await, [0, 1, 2, 3]);
        let rows = status_lists::look(&store, Default::default(), 100).await;
        let rows = rows.ended.len();
        assert!((4..=CALLERS).contains(&rows), "{rows}");
        // Afterwards nothing more is written.
        for n in 0..8 {
            let again = store.revoke_access_token("j0", moment(OVER), Some(entry(n)));
            again.await.unwrap();
        }
        let after = status_lists::look(&store, Default::default(), 100).await;
        assert_eq!(after.ended.len(), rows);
        let without = store.revoke_access_token("no entry", moment(OVER), None);
        without.await.unwrap();
        assert!(store.is_access_token_revoked("no entry").await.unwrap());
        assert_eq!(ended(&store).await, [0, 1, 2, 3]);
    });
}
