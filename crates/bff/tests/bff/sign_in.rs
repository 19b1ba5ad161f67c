//! Sign-in: what the browser gets, and what it does not.

use std::time::Duration;

use latchkey_bff::settings::{Lifetimes, Limits};
use reqwest::Method;

use crate::support::*;

/// The cookie's rules, in full.
const SESSION: &str = "; HttpOnly; SameSite=Strict; Secure; Path=/";

#[test]
fn a_user_signs_in_and_the_browser_has_a_cookie_and_no_token() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        browser.get("/bff/user").await.assert_ended();
        let done = browser
            .sign_in_by(&world.issuer, "/bff/login?return_to=/orders%3Fa=b", "alice")
            .await;
        assert_eq!(done.header("location"), "/orders?a=b");
        assert_eq!(done.header("cache-control"), "no-store");
        let cookie = done.cookie("__Host-latchkey-bff");
        assert!(cookie.ends_with(SESSION), "{cookie}");
        let mut gone = done.headers("set-cookie").into_iter();
        assert!(
            gone.any(
                |one| one.starts_with("__Host-latchkey-bff-login-") && one.contains("Max-Age=0")
            )
        );

        let user = browser.get("/bff/user").await;
        assert_eq!(user.status, 200, "{user:?}");
        assert_eq!(user.json["sub"], "alice");
        assert_eq!(user.json["name"], "Alice Kim");
        assert_eq!(user.json["sid"], "sid-alice");
        assert_eq!(user.json["session_ends_at"], BEGIN + 12 * 3600);
        for name in ["iss", "aud", "exp", "nonce", "at_hash"] {
            assert!(user.json.get(name).is_none(), "{name}: {user:?}");
        }
        let call = browser.get("/api/me").await;
        assert_eq!((call.status, &call.json["user"]), (200, &"alice".into()));
        for answer in [&done, &user] {
            let shown = format!("{answer:?}");
            for secret in ["eyJ", "access-", "refresh-"] {
                assert!(
                    !shown.contains(secret) || secret == "eyJ" && shown.contains("-login-"),
                    "{shown}"
                );
            }
        }
        world.stop().await;
    });
}

/// A sign-in in another tab may set one while the call is under way.
#[test]
fn a_cookie_is_taken_away_only_from_whoever_sent_one() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        for path in ["/bff/user", "/api/me"] {
            let without = browser.get(path).await;
            without.assert_ended();
            assert_eq!(without.header("set-cookie"), "", "{path}");
            for value in ["x".repeat(43).as_str(), "x"] {
                let with = browser.with_cookie(value).get(path).await;
                with.assert_ended();
                let taken = with.cookie("__Host-latchkey-bff");
                assert!(taken.contains("Max-Age=0"), "{path}: {with:?}");
            }
        }
        world.stop().await;
    });
}

#[test]
fn a_session_that_is_kept_outlives_the_browser_and_others_do_not() {
    on_each_store(async |store| {
        let lifetimes = Lifetimes {
            remembered: 23 * 3600,
            ..Lifetimes::default()
        };
        let plan = Plan {
            lifetimes,
            ..Plan::default()
        };
        let world = World::start_with(store, plan).await;
        let browser = world.browser();
        let kept = browser
            .sign_in_by(&world.issuer, "/bff/login?remember=1", "alice")
            .await;
        let cookie = kept.cookie("__Host-latchkey-bff");
        assert!(cookie.contains("; Max-Age=82800"), "{cookie}");
        let other = world.browser();
        let usual = other.sign_in(&world.issuer, "bob").await;
        assert!(!usual.cookie("__Host-latchkey-bff").contains("Max-Age"));
        for one in [&browser, &other] {
            assert_eq!(one.get("/bff/user").await.status, 200);
        }
        // Used or not: whoever sleeps stays signed in.
        world.pass(9 * 3600);
        other.get("/bff/user").await.assert_ended();
        let call = browser.get("/api/me").await;
        assert_eq!(call.json["user"], "alice", "{call:?}");
        world.pass(13 * 3600);
        let call = browser.get("/api/me").await;
        assert_eq!(call.json["user"], "alice", "{call:?}");
        world.pass(3600);
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn a_session_ends_when_nobody_uses_it() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.signed_in().await;
        world.pass(8 * 3600 - 1);
        assert_eq!(browser.get("/bff/user").await.status, 200);
        world.pass(8 * 3600);
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

/// Shorter than what is left to one that nobody uses, and a few minutes longer.
#[test]
fn a_session_of_a_short_life_has_all_of_it() {
    for minutes in [5, 12, 30] {
        on_each_store(move |store| async move {
            let lifetimes = Lifetimes {
                session: minutes * 60,
                ..Lifetimes::default()
            };
            let plan = Plan {
                lifetimes,
                ..Plan::default()
            };
            let world = World::start_with(store, plan).await;
            let browser = world.signed_in().await;
            for _ in 1..minutes {
                world.pass(60);
                let user = browser.get("/bff/user").await;
                assert_eq!(user.status, 200, "{minutes}: {user:?}");
            }
            world.pass(61);
            browser.get("/bff/user").await.assert_ended();
            world.stop().await;
        });
    }
}

#[test]
fn a_session_ends_at_its_time_however_much_it_is_used() {
    on_each_store(async |store| {
        let lifetimes = Lifetimes {
            session: 1000,
            ..Lifetimes::default()
        };
        let plan = Plan {
            lifetimes,
            ..Plan::default()
        };
        let world = World::start_with(store, plan).await;
        let browser = world.signed_in().await;
        for _ in 0..9 {
            world.pass(111);
            assert_eq!(browser.get("/api/me").await.status, 200);
        }
        world.pass(1);
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn a_reload_and_another_instance_keep_the_session() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.signed_in().await;
        let again = browser.with_cookie(&browser.cookie());
        assert_eq!(again.get("/bff/user").await.json["sub"], "alice");
        let other = world.another_instance();
        let user = browser.send(browser.request_at(&other, "/bff/user")).await;
        assert_eq!(user.json["sub"], "alice");
        world.stop().await;
    });
}

#[test]
fn whoever_signs_in_anew_has_a_new_session_and_the_former_one_has_ended() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.signed_in().await;
        let former = browser.with_cookie(&browser.cookie());
        browser.sign_in(&world.issuer, "bob").await;
        assert_ne!(browser.cookie(), former.cookie());
        assert_eq!(browser.get("/bff/user").await.json["sub"], "bob");
        former.get("/bff/user").await.assert_ended();
        world.stop().await;
    });
}

/// As by a browser that loads a page twice: one presents the code, and the other leads into the app.
#[test]
fn a_sign_in_that_comes_back_twice_at_once_is_finished_once() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        let back = browser
            .begin(&world.issuer, "/bff/login?return_to=/orders", "alice")
            .await;
        let copy = browser.with_cookies();
        world.issuer.fails(Fault::Slow(Duration::from_millis(100)));
        let (one, other) = tokio::join!(browser.go(&back), copy.go(&back));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400], "{one:?} {other:?}");
        assert_eq!(world.issuer.redeemed(), 1);
        world.stop().await;
    });
}

#[test]
fn a_sign_in_whose_provider_was_away_for_a_moment_can_be_finished() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
        world.issuer.fails(Fault::Down);
        assert_eq!(browser.go(&back).await.status, 503);
        world.issuer.fails(None);
        assert_eq!(browser.go(&back).await.status, 303);
        assert_eq!(browser.get("/bff/user").await.json["sub"], "alice");
        world.stop().await;
    });
}

#[test]
fn a_user_who_signs_in_too_often_loses_the_session_that_was_used_longest_ago() {
    on_each_store(async |store| {
        let limits = Limits {
            sessions_of_user: 2,
            ..Limits::default()
        };
        let plan = Plan {
            limits,
            ..Plan::default()
        };
        let world = World::start_with(store, plan).await;
        let first = world.signed_in().await;
        world.pass(1);
        let second = world.signed_in().await;
        world.pass(1);
        let third = world.signed_in().await;
        first.get("/api/me").await.assert_ended();
        for browser in [&second, &third] {
            assert_eq!(browser.get("/api/me").await.status, 200);
        }
        world.stop().await;
    });
}

/// Its own former session makes room for the new one.
#[test]
fn a_browser_that_signs_in_again_ends_no_session_of_another_browser() {
    on_each_store(async |store| {
        let limits = Limits {
            sessions_of_user: 2,
            ..Limits::default()
        };
        let plan = Plan {
            limits,
            ..Plan::default()
        };
        let world = World::start_with(store, plan).await;
        let other = world.signed_in().await;
        for _ in 0..2 {
            world.pass(1);
            let browser = world.signed_in().await;
            let former = browser.with_cookie(&browser.cookie());
            world.pass(1);
            browser.sign_in(&world.issuer, "alice").await;
            former.get("/bff/user").await.assert_ended();
            for one in [&other, &browser] {
                assert_eq!(one.get("/bff/user").await.status, 200);
            }
            browser.post("/bff/logout", "").await;
        }
        world.stop().await;
    });
}

/// Its browser may have gone before the answer came, and then nobody has its cookie.
#[test]
fn a_session_that_nobody_has_used_ends_soon() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        for address in ["/bff/login", "/bff/login?remember=1"] {
            let [gone, stays] = [world.browser(), world.browser()];
            for browser in [&gone, &stays] {
                browser.sign_in_by(&world.issuer, address, "alice").await;
            }
            world.pass(599);
            assert_eq!(stays.get("/bff/user").await.status, 200);
            world.pass(1);
            gone.get("/bff/user").await.assert_ended();
            world.pass(3600);
            assert_eq!(stays.get("/bff/user").await.status, 200, "{address}");
        }
        world.stop().await;
    });
}

#[test]
fn a_sign_in_takes_ten_minutes_at_the_most() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        for (seconds, expected) in [(599, 303), (600, 400)] {
            let browser = world.browser();
            let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
            world.pass(seconds);
            assert_eq!(browser.go(&back).await.status, expected);
        }
        world.stop().await;
    });
}

#[test]
fn a_sign_in_comes_back_to_the_app_alone() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        for bad in [
            "//evil.example",
            "/%5Cevil.example",
            "https://evil.example",
            "%09//evil.example",
            "a",
        ] {
            let begun = browser.go(&format!("/bff/login?return_to={bad}")).await;
            assert_eq!(begun.status, 400, "{bad}");
        }
        // Not by a picture, a frame or a script: nobody's sign-in is begun behind their back.
        for (name, value) in [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "iframe")] {
            let request = browser.plain(Method::GET, "/bff/login").header(name, value);
            assert_eq!(browser.send(request).await.status, 403);
        }
        world.stop().await;
    });
}
