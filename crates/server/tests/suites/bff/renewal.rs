//! The rows of the renewal table in which the provider has a say.

use latchkey_bff::store::{Key, SessionStore};

use super::world::*;
use crate::support::*;

/// How long the provider's access tokens last, in seconds.
const ACCESS: i64 = 300;

async fn jti(app: &Visitor) -> String {
    let call = app.get("/api/me").await;
    assert_eq!(call.status, 200, "{call:?}");
    call.json["jti"].as_str().unwrap().to_owned()
}

#[test]
fn an_access_token_that_has_ended_is_renewed_on_the_way() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        let first = jti(&app).await;
        h.pass(ACCESS - 11);
        assert_eq!(jti(&app).await, first);
        h.pass(11);
        let second = jti(&app).await;
        assert_ne!(second, first);
        assert_eq!(jti(&app).await, second);
        h.pass(ACCESS);
        assert_ne!(jti(&app).await, second);
    });
}

/// A copy of the store from before a rotation, presented after the time in which a lost answer is given again.
#[test]
fn a_refresh_token_that_is_replayed_ends_the_session() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        let key = Key::of_cookie(&app.cookie());
        let old = world.store.find(&key, h.moment()).await.unwrap().unwrap();
        h.pass(ACCESS);
        jti(&app).await;
        assert!(
            world
                .store
                .replace(&key, 2, &old.sealed, old.expires_at, h.moment())
                .await
                .unwrap()
        );
        h.pass(ACCESS);
        app.assert_ended("/api/me").await;
        app.assert_ended("/bff/user").await;
    });
}

/// Within that time the provider gives the same successor: an instance that died between rotation and writing ends nothing.
#[test]
fn a_refresh_token_whose_successor_was_lost_is_presented_again() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        let key = Key::of_cookie(&app.cookie());
        let old = world.store.find(&key, h.moment()).await.unwrap().unwrap();
        h.pass(ACCESS);
        jti(&app).await;
        assert!(
            world
                .store
                .replace(&key, 2, &old.sealed, old.expires_at, h.moment())
                .await
                .unwrap()
        );
        h.pass(20);
        jti(&app).await;
        h.pass(ACCESS);
        jti(&app).await;
    });
}

#[test]
fn a_session_that_the_provider_has_ended_is_over_at_the_next_renewal() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        jti(&app).await;
        h.sql("UPDATE authorizations SET revoked_at = 1800000000");
        h.pass(ACCESS);
        app.assert_ended("/api/me").await;
    });
}
