//! How sessions end: under every name they carry on.

use latchkey_protocol::{Digest, Store};

use super::*;

#[test]
fn a_session_ends_under_every_name_it_carries_on_and_once() {
    on_both(async |store| {
        seeded(&store).await;
        store.issue_code(None, &authorization("online", "openid")).await.unwrap();
        store.sign_in(&session("s2", "u"), "hash", Some(&Digest::of("s")), None).await.unwrap();
        assert!(store.end_session_of("s", Some("v"), false, 7).await.unwrap().is_none(), "another user's");
        assert!(store.end_session_of("s", Some("u"), false, 1000).await.unwrap().is_none(), "it has expired");
        let ended = winners(&store, |s, n| async move {
            let user = (n % 2 == 0).then_some("u");
            s.end_session_of("s", user, false, 7).await.unwrap().is_some_and(|ended| ended.id == "s2")
        });
        assert_eq!(ended.await, 1);
        assert!(store.sessions(Some("u")).await.unwrap().is_empty());
        let online = store.authorization("online").await.unwrap().unwrap().authorization;
        assert_eq!(online.revoked_at, Some(7));
    });
}

#[test]
fn of_a_sign_out_and_a_sign_in_that_meet_nothing_goes_on_under_the_name_that_ended() {
    on_both(async |store| {
        seeded(&store).await;
        for round in 0..20 {
            let (old, new) = (format!("{round}-old"), format!("{round}-new"));
            store.sign_in(&session(&old, "u"), "hash", None, None).await.unwrap();
            let (first, second) = (store.clone(), store.clone());
            let (ends, begins) = (old.clone(), old.clone());
            let out = tokio::spawn(async move { first.end_session_of(&ends, Some("u"), false, 7).await.unwrap() });
            let replaces = Digest::of(&begins);
            let into = tokio::spawn(async move {
                second.sign_in(&session(&new, "u"), "hash", Some(&replaces), None).await.unwrap();
            });
            let (out, _) = (out.await.unwrap(), into.await.unwrap());
            assert!(out.is_some(), "{round}: the session lives, under one name or the other");
            assert!(store.session_of(&old, "u", 7).await.unwrap().is_none(), "{round}");
        }
    });
}
