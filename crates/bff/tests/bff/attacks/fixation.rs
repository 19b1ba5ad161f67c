//! Sessions and sign-ins that somebody else has prepared.

use super::world;

#[actix_web::test]
async fn a_cookie_that_was_there_before_the_sign_in_is_not_the_one_after_it() {
    let world = world().await;
    let planted = "A".repeat(43);
    let victim = world.browser().with_cookie(&planted);
    victim.sign_in(&world.issuer, "alice").await;
    assert_ne!(victim.cookie(), planted);
    world
        .browser()
        .with_cookie(&planted)
        .get("/api/me")
        .await
        .assert_ended();
    world.stop().await;
}

/// The attacker's answer of the provider, opened in the victim's browser, would sign the victim in as the attacker.
#[actix_web::test]
async fn an_answer_to_a_sign_in_of_another_browser_signs_nobody_in() {
    let world = world().await;
    let (attacker, victim) = (world.browser(), world.browser());
    let back = attacker.begin(&world.issuer, "/bff/login", "mallory").await;
    assert_eq!(victim.go(&back).await.status, 400);
    // Also while the victim signs in.
    let own = victim.begin(&world.issuer, "/bff/login", "alice").await;
    assert_eq!(victim.go(&back).await.status, 400);
    victim.get("/bff/user").await.assert_ended();
    // Nobody spoils that one by sending the browser here.
    assert_eq!(victim.go("/bff/callback?state=x&code=y").await.status, 400);
    assert_eq!(victim.go(&own).await.status, 303);
    assert_eq!(victim.get("/bff/user").await.json["sub"], "alice");
    world.stop().await;
}

#[actix_web::test]
async fn an_answer_counts_once_with_its_state_code_and_issuer() {
    let world = world().await;
    let without = |back: &str, name: &str| {
        let (path, query) = back.split_once('?').unwrap();
        let kept: Vec<_> = query
            .split('&')
            .filter(|one| !one.starts_with(&format!("{name}=")))
            .collect();
        format!("{path}?{}", kept.join("&"))
    };
    for change in [
        |back: &str, w: &dyn Fn(&str, &str) -> String| w(back, "state"),
        |back: &str, w: &dyn Fn(&str, &str) -> String| w(back, "code"),
        |back: &str, w: &dyn Fn(&str, &str) -> String| w(back, "iss"),
        |back: &str, w: &dyn Fn(&str, &str) -> String| format!("{}&state=other", w(back, "state")),
        |back: &str, w: &dyn Fn(&str, &str) -> String| {
            format!("{}&iss=https%3A%2F%2Fevil.example", w(back, "iss"))
        },
        |back: &str, w: &dyn Fn(&str, &str) -> String| format!("{}&code=other", w(back, "code")),
        |back: &str, _: &dyn Fn(&str, &str) -> String| format!("{back}&error=access_denied"),
        |back: &str, _: &dyn Fn(&str, &str) -> String| format!("{back}&code=second"),
    ] {
        let browser = world.browser();
        let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
        let changed = change(&back, &without);
        assert_eq!(browser.go(&changed).await.status, 400, "{changed}");
        browser.get("/bff/user").await.assert_ended();
    }
    let browser = world.browser();
    let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
    let (signed_in, presented) = (browser.with_cookies(), world.issuer.redeemed());
    assert_eq!(browser.go(&back).await.status, 303);
    let cookie = browser.cookie();
    // Once more: into the app, and no other session. The code is not presented again, by which the provider would end
    // what it gave for it.
    let again = browser.go(&back).await;
    assert_eq!((again.status, again.header("location")), (303, "/"));
    assert_eq!(
        (again.headers("set-cookie").len(), browser.cookie()),
        (0, cookie)
    );
    for other in [world.browser(), signed_in] {
        let again = other.go(&back).await;
        assert_eq!(again.status, 400);
        assert!(again.text.contains("already finished"), "{}", again.text);
        other.get("/bff/user").await.assert_ended();
    }
    assert_eq!(world.issuer.redeemed(), presented + 1);
    assert_eq!(browser.get("/bff/user").await.status, 200);
    world.stop().await;
}

/// As two tabs that hear at once that their session is over.
#[actix_web::test]
async fn two_sign_ins_of_a_browser_at_once_both_come_to_their_end() {
    let world = world().await;
    let browser = world.browser();
    let one = browser
        .begin(&world.issuer, "/bff/login?return_to=/one", "alice")
        .await;
    let other = browser
        .begin(&world.issuer, "/bff/login?return_to=/other", "alice")
        .await;
    assert_eq!(browser.go(&one).await.header("location"), "/one");
    assert_eq!(browser.go(&other).await.header("location"), "/other");
    assert_eq!(browser.get("/bff/user").await.json["sub"], "alice");
    // Many that were begun and left do not fill the browser's requests.
    for _ in 0..30 {
        browser.begin(&world.issuer, "/bff/login", "alice").await;
        assert!(browser.cookies.lock().unwrap().len() <= 6);
    }
    world.stop().await;
}

#[actix_web::test]
async fn a_link_of_another_site_keeps_nobody_signed_in() {
    let world = world().await;
    for (site, kept) in [
        ("cross-site", false),
        ("same-site", false),
        ("same-origin", true),
        ("none", true),
    ] {
        let browser = world.browser();
        let request = browser.plain(reqwest::Method::GET, "/bff/login?remember=1");
        let begun = browser.send(request.header("Sec-Fetch-Site", site)).await;
        let back = world.issuer.approve(begun.header("location"), "alice");
        let done = browser.go(back.strip_prefix(&*world.origin).unwrap()).await;
        let cookie = done.cookie("__Host-latchkey-bff");
        assert_eq!(cookie.contains("Max-Age"), kept, "{site}: {done:?}");
    }
    world.stop().await;
}
