//! A clock of this machine, or of the provider, that is wrong: rows of the renewal table, and what else depends on it.

use crate::{
    renewal::{after, assert_good},
    support::*,
};

/// Nobody's session ends because of it, and the refresh token that was rotated is not lost.
#[test]
fn clock_that_is_wrong_the_renewed_tokens_count_and_the_session_stays() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        for (round, ahead) in [31, -(ACCESS + 31), 3600, 0].into_iter().enumerate() {
            world.issuer.goes_ahead(ahead);
            assert_good(&browser).await;
            assert_eq!(world.issuer.refreshes(), round + 1, "{ahead}");
            world.pass(ACCESS);
        }
        assert_eq!(world.issuer.revoked(), [""; 0]);
        // Of another user it counts for nothing all the same.
        world.issuer.goes_ahead(3600);
        world.issuer.fails(Fault::RenewsFor("bob"));
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

/// By the clock the token was renewed in the future, and its time is good: the API knows better.
#[test]
fn clock_that_is_set_back_a_refused_token_is_renewed_all_the_same() {
    on_each_store(async |store| {
        let (world, browser) = after(store, 20).await;
        world.pass(-3600);
        world.issuer.revoke_access_tokens();
        assert_good(&browser).await;
        assert_eq!(world.issuer.refreshes(), 1);
        world.stop().await;
    });
}

#[test]
fn clock_that_is_wrong_a_sign_in_fails_and_can_be_made_again() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        world.issuer.goes_ahead(31);
        let browser = world.browser();
        let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
        let done = browser.go(&back).await;
        assert_eq!((done.status, done.cookie("__Host-latchkey-bff")), (503, ""));
        assert_eq!(world.issuer.revoked().len(), 1);
        world.issuer.goes_ahead(0);
        browser.sign_in(&world.issuer, "alice").await;
        assert_good(&browser).await;
        world.stop().await;
    });
}
