//! Sign-in, roles, forms and recent sign-ins.

use latchkey_console::{Method, Needs, table};

use super::*;

/// With the id of what is there: of a client, of the key that signs, or of a user, who may stand for anything else.
pub async fn address(h: &Harness, path: &str, user: &str) -> String {
    let keys = h.store.signing_keys().await.unwrap();
    let id = if path.starts_with("/admin/clients/") {
        "app"
    } else if path.starts_with("/admin/keys/") {
        &keys[0].kid
    } else {
        user
    };
    path.replace("{id}", id).replace("{user}", user)
}

pub async fn ask(h: &Harness, browser: &Browser, method: Method, path: &str) -> Answer {
    match method {
        Method::Get => browser.get(&h.at(path)).await,
        Method::Post => browser.submit(&h.at(path), &[("name", "x")]).await,
    }
}

/// What each role hears at each address, from the route table itself, so that no route can be forgotten.
#[test]
fn every_route_is_closed_to_every_role_that_it_is_not_for() {
    on_both(async |h| {
        let nobody = h.browser();
        let by = async |role: &[&str]| {
            give(&h, "alice", role).await;
            let browser = h.browser();
            open(&h, &browser, "/admin").await;
            browser
        };
        let (user, auditor) = (by(&["editor"]).await, by(&["auditor"]).await);
        let bob = bob(&h).await;
        for (method, path, needs) in table() {
            let at = address(&h, path, &bob.id).await;
            let what = format!("{method:?} {path}");
            if needs == Needs::Nothing {
                continue;
            }
            let heard = ask(&h, &nobody, method, &at).await;
            let to = heard.header("location");
            assert!(
                heard.status == 303 && to.contains("/authorize?"),
                "{what} {heard:?}"
            );
            give(&h, "alice", &["editor"]).await;
            let heard = ask(&h, &user, method, &at).await;
            let named = heard.text.contains("data-error=\"access_denied\"");
            assert!(heard.status == 403 && named, "{what} {heard:?}");
            give(&h, "alice", &["auditor"]).await;
            let heard = ask(&h, &auditor, method, &at).await;
            let named = heard.text.contains("data-error=\"access_denied\"");
            match (needs, method) {
                (Needs::Admin, _) => assert!(heard.status == 403 && named, "{what} {heard:?}"),
                (_, Method::Get) => assert_eq!(heard.status, 200, "{what}"),
                (_, Method::Post) => assert_eq!(heard.status, 403, "{what}: no token"),
            }
            give(&h, "alice", &["admin"]).await;
            let heard = ask(&h, &user, method, &at).await;
            match method {
                Method::Get => assert_eq!(heard.status, 200, "{what} {}", heard.text),
                Method::Post => assert!(
                    heard.status == 403 && heard.text.contains("data-error=\"invalid_request\""),
                    "{what}: a form without its token {heard:?}"
                ),
            }
        }
        assert_eq!(super::bob(&h).await, bob, "nothing of it changed anything");
    });
}

/// A form is posted to the address that shows it: whoever has to sign in again comes back to it.
#[test]
fn every_form_has_a_page_at_its_own_address() {
    let all: Vec<_> = table().collect();
    for (method, path, needs) in &all {
        let shown = all.contains(&(Method::Get, path, *needs));
        assert!(*method == Method::Get || shown, "{path}");
    }
}

#[test]
fn the_console_is_signed_in_to_as_any_client_and_hands_no_token_to_the_browser() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser();
        let begun = browser.get(&h.at("/admin/users?after=a%26b")).await;
        let to = begun.header("location").to_owned();
        for part in [
            "client_id=latchkey-console",
            "code_challenge=",
            "code_challenge_method=S256",
            "response_type=code",
            "state=",
        ] {
            assert!(to.contains(part), "{part} {to}");
        }
        let cookie = begun.header("set-cookie");
        assert!(
            cookie.starts_with("latchkey-console=lk_console_")
                && cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let (login_at, login) = browser.page(begun).await;
        assert!(login.text.contains("Latchkey console"));
        let mut answer = browser.login(&login_at, &login.text).await;
        let mut seen = Vec::new();
        while answer.status == 303 {
            let at = browser.location(&answer);
            seen.push(at.clone());
            seen.extend(cookies(&answer));
            answer = browser.get(&at).await;
        }
        assert_eq!(answer.status, 200);
        assert!(
            seen.iter()
                .any(|at| at.ends_with("/admin/users?after=a%26b")),
            "{seen:?}"
        );
        assert!(!seen.iter().any(|text| text.contains("eyJ")), "{seen:?}");
        assert!(!answer.text.contains("eyJ"));
        // The code has been spent, and is worth nothing anywhere else.
        let callback = seen
            .iter()
            .find(|at| at.contains("/admin/callback?"))
            .unwrap();
        let again = browser.get(callback).await;
        assert_eq!(again.status, 400, "{again:?}");
    });
}

#[test]
fn an_answer_to_a_sign_in_counts_only_in_the_browser_and_session_that_began_it() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        give(&h, "bob", &["admin"]).await;
        let attacker = h.browser();
        attacker.act_as("bob", "bob password");
        open(&h, &attacker, "/admin").await;
        // Signed in, the attacker stops before the callback.
        let begun = attacker.get(&h.at("/admin/sign-out")).await;
        assert_eq!(begun.status, 200);
        let anew = attacker.get(&h.at("/admin/sign-in")).await;
        let (login_at, login) = attacker.page(anew).await;
        let mut answer = attacker.login(&login_at, &login.text).await;
        while !attacker.location(&answer).contains("/admin/callback") {
            answer = attacker.get(&attacker.location(&answer)).await;
        }
        let callback = attacker.location(&answer);
        let victim = h.browser();
        for visited in [false, true] {
            if visited {
                open(&h, &victim, "/admin").await;
            }
            let forged = victim.get(&callback).await;
            assert_eq!(forged.status, 400, "{visited}");
            assert!(forged.text.contains("error-page"));
        }
        for bad in [
            "",
            "?state=x",
            "?code=y",
            "?state=a.b./admin&code=z",
            "?error=access_denied",
        ] {
            let heard = victim.get(&h.at(&format!("/admin/callback{bad}"))).await;
            assert_eq!(heard.status, 400, "{bad}");
        }
        let own = open(&h, &victim, "/admin").await;
        assert!(
            own.text.contains("alice name"),
            "nobody was signed in as somebody else"
        );
    });
}

/// A session of an app is not one of the console: its sign-in is gone through, silently where it can be.
#[test]
fn a_session_that_an_app_began_goes_through_the_sign_in_of_the_console_first() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser();
        browser.authorize(&[]).await;
        let first = browser.get(&h.at("/admin")).await;
        assert!(first.header("location").contains("/authorize?"));
        let (at, page) = browser.page(first).await;
        assert_eq!((page.status, at), (200, h.at("/admin")));
    });
}

#[test]
fn a_role_a_user_and_a_session_that_are_gone_close_the_console_at_the_next_call() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let page = browser.get(&h.at("/admin/users/new")).await;
        let csrf = token(&page.text);
        let form = [("csrf", csrf.as_str()), ("username", "carol")];
        give(&h, "alice", &["auditor"]).await;
        assert_eq!(
            browser
                .submit(&h.at("/admin/users/new"), &form)
                .await
                .status,
            403
        );
        assert_eq!(browser.get(&h.at("/admin/users")).await.status, 200);
        give(&h, "alice", &[]).await;
        assert_eq!(
            browser
                .submit(&h.at("/admin/users/new"), &form)
                .await
                .status,
            403
        );
        assert_eq!(browser.get(&h.at("/admin/users")).await.status, 403);
        assert!(h.store.user_by_name("carol").await.unwrap().is_none());
        give(&h, "alice", &["admin"]).await;
        assert_eq!(browser.get(&h.at("/admin/users")).await.status, 200);
        let operations = operations(&*h.store, &OsEntropy);
        operations.end_sessions("alice").await.unwrap();
        let ended = browser.submit(&h.at("/admin/users/new"), &form).await;
        assert!(ended.status == 303 && ended.header("location").contains("/authorize?"));
        assert!(h.store.user_by_name("carol").await.unwrap().is_none());
    });
}

#[test]
fn a_form_counts_from_the_page_and_the_session_that_showed_it() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        give(&h, "bob", &["admin"]).await;
        let other = h.browser();
        other.act_as("bob", "bob password");
        let foreign = token(&open(&h, &other, "/admin/users/new").await.text);
        let page = browser.get(&h.at("/admin/users/new")).await.text;
        let of_sign_out = field(&page, "csrf").unwrap();
        let own = token(&page);
        for csrf in ["", "x", &foreign, &of_sign_out] {
            let form = [("csrf", csrf), ("username", "carol")];
            let forged = browser.submit(&h.at("/admin/users/new"), &form).await;
            assert_eq!(forged.status, 403, "{csrf}");
        }
        let twice = [
            ("csrf", own.as_str()),
            ("username", "carol"),
            ("username", "dave"),
        ];
        assert_eq!(
            browser
                .submit(&h.at("/admin/users/new"), &twice)
                .await
                .status,
            400
        );
        assert!(h.store.user_by_name("carol").await.unwrap().is_none());
    });
}

#[test]
fn a_change_needs_a_recent_sign_in_and_what_was_typed_comes_back_without_being_done() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = format!("/admin/users/{}/edit", bob(&h).await.id);
        h.pass(600);
        let version = |page: &str| field(page, "version").unwrap();
        let page = open(&h, &browser, &at).await.text;
        h.pass(1);
        let (csrf, version) = (token(&page), version(&page));
        let form = [
            ("csrf", csrf.as_str()),
            ("version", &version),
            ("name", "Bob & \"Sons\""),
            ("roles", "one\r\ntwo"),
            ("password", "of nobody's business"),
        ];
        let sent = browser.submit(&h.at(&at), &form).await;
        assert!(
            sent.status == 303 && sent.header("location").contains("max_age=600"),
            "{sent:?}"
        );
        let back = sign_in(&browser, sent).await;
        assert_eq!(back.status, 200);
        assert!(back.text.contains("id=\"back-again\""));
        assert!(back.text.contains("Bob &#38; &#34;Sons&#34;") && back.text.contains("one\r\ntwo"));
        assert!(!back.text.contains("nobody's business") && !back.text.contains("nobody&#39;s"));
        assert_eq!(
            bob(&h).await.name.as_deref(),
            Some("bob name"),
            "nothing was done by itself"
        );
        // It comes back once.
        let fresh = browser.get(&h.at(&at)).await;
        assert!(!fresh.text.contains("Sons"));
        let csrf = token(&back.text);
        let form = [
            ("csrf", csrf.as_str()),
            ("version", &version),
            ("name", "Robert"),
        ];
        let saved = browser.submit(&h.at(&at), &form).await;
        assert!(saved.status == 303 && saved.header("location").ends_with("?done=updated"));
        assert_eq!(bob(&h).await.name.as_deref(), Some("Robert"));
    });
}

#[test]
fn signing_out_of_the_console_ends_the_session_for_all_apps() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let tokens = h.tokens(&browser).await;
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(h.userinfo(access).await.status, 200);
        let out = send(&h, &browser, "/admin/sign-out", &[]).await;
        assert!(out.status == 303 && out.header("location").ends_with("/logout/done"));
        assert_eq!(h.userinfo(access).await.status, 401);
        assert_eq!(h.store.sessions(Some(&h.alice)).await.unwrap().len(), 0);
        let shut = browser.get(&h.at("/admin")).await;
        assert!(shut.header("location").contains("/authorize?"));
    });
}

/// Front-Channel Logout 1.0 3.
#[test]
fn signing_out_of_the_console_shows_the_apps_their_frames() {
    on_both(async |h| {
        h.client(serde_json::json!({
            "client_id": "framed", "redirect_uris": [CALLBACK], "trusted": true, "token_endpoint_auth_method": "none",
            "frontchannel_logout_uri": "https://app.example/out",
        }))
        .await;
        let browser = administrator(&h).await;
        let asked = [("client_id", "framed"), ("scope", "openid")];
        let code = h.code(&browser, &asked).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "framed"),
        ];
        assert_eq!(h.post("/token", &form).await.status, 200);
        let out = send(&h, &browser, "/admin/sign-out", &[]).await;
        assert!(
            out.status == 200 && out.text.contains("url=https://app.example/out"),
            "{out:?}"
        );
        let policy = out.header("content-security-policy");
        assert!(policy.contains("frame-src https://app.example"), "{policy}");
        let shut = browser.get(&h.at("/admin")).await;
        assert!(shut.header("location").contains("/authorize?"));
    });
}

#[test]
fn pages_of_the_console_run_nothing_are_framed_by_nobody_and_stored_nowhere() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let bob = bob(&h).await.id;
        for (method, path, needs) in table() {
            if method == Method::Post || needs == Needs::Nothing {
                continue;
            }
            let page = browser.get(&h.at(&address(&h, path, &bob).await)).await;
            let policy = page.header("content-security-policy");
            for part in [
                "default-src 'none'",
                "frame-ancestors 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(part), "{path} {policy}");
            }
            assert!(
                !policy.contains("script-src") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert_eq!(page.header("cache-control"), "no-store");
            for inline in ["<script", " style=", " onclick", "javascript:"] {
                assert!(!page.text.contains(inline), "{path} {inline}");
            }
        }
        let nothing = browser.get(&h.at("/admin/nothing/here")).await;
        assert!(nothing.status == 404 && nothing.text.contains("error-page"));
        let nobody = browser.get(&h.at("/admin/users/nobody")).await;
        assert_eq!(nobody.status, 404);
    });
}
