//! What the outside hears, and what the one who runs the server can ask.

use latchkey_protocol::observe::KeptRefusal;

use crate::support::*;

/// What is kept of a refusal; it is written behind the answer.
pub async fn kept(h: &Harness, reference: &str) -> KeptRefusal {
    for _ in 0..400 {
        if let Some(kept) = h.store.refusal(reference).await.unwrap() {
            return kept;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{reference} is not kept");
}

#[test]
fn every_refusal_carries_a_reference_that_explains_it_and_the_outside_hears_no_more() {
    on_both(async |h| {
        let code = h.code(&h.browser(), &[]).await;
        let answer = h
            .post_as_app(
                "/token",
                &[
                    ("grant_type", "authorization_code"),
                    ("code", &code),
                    ("redirect_uri", "https://app.example/other"),
                    ("code_verifier", VERIFIER),
                ],
            )
            .await;
        let reference = answer.json["error_ref"].as_str().unwrap().to_owned();
        assert!(!answer.text.contains(CALLBACK) && !answer.text.contains("RedirectUriDiffers"));
        let kept = kept(&h, &reference).await;
        assert_eq!(
            (kept.reason.as_str(), kept.client_id.as_deref()),
            ("RedirectUriDiffers", Some("app"))
        );
        assert_eq!(
            (kept.expected.as_str(), kept.received.as_str()),
            (CALLBACK, "https://app.example/other")
        );
    });
}

#[test]
fn a_redirect_carries_the_reference_at_the_end_of_its_description_and_no_member_of_its_own() {
    on_both(async |h| {
        let browser = h.browser();
        for case in [[("scope", "nothing known")], [("prompt", "none")]] {
            let back = browser.authorize(&case).await;
            let mut members: Vec<_> = back.keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(
                members,
                ["error", "error_description", "iss", "state", "tenant"],
                "{case:?}"
            );
            let description = &back["error_description"];
            assert!(
                description
                    .bytes()
                    .all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'),
                "{description}"
            );
            let reference = description
                .rsplit_once("(ref ")
                .unwrap()
                .1
                .strip_suffix(')')
                .unwrap();
            assert_eq!(kept(&h, reference).await.client_id.as_deref(), Some("app"));
        }
    });
}

#[test]
fn errors_hold_printable_ascii_without_quotes() {
    for reason in latchkey_protocol::Reason::ALL {
        let public = reason.refusal().public;
        assert!(
            public
                .bytes()
                .all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'),
            "{public}"
        );
    }
}

#[test]
fn the_reference_of_refusals_is_up_to_date() {
    let kept = include_str!("../../../../docs/errors.md");
    assert_eq!(
        kept,
        latchkey_protocol::reason::reference(),
        "run: cargo run -- config reference --errors > docs/errors.md"
    );
}

#[test]
fn the_reference_of_client_metadata_is_up_to_date() {
    let kept = include_str!("../../../../docs/clients.md");
    assert_eq!(
        kept,
        latchkey_protocol::client_reference::reference(),
        "run: cargo run -- config reference --clients > docs/clients.md"
    );
}

#[test]
fn the_reference_of_settings_is_up_to_date() {
    let kept = include_str!("../../../../docs/configuration.md");
    assert_eq!(
        kept,
        latchkey_server::config::reference(),
        "run: cargo run -- config reference > docs/configuration.md"
    );
}

#[test]
fn a_body_that_is_too_large_or_cut_short_is_refused_and_explained() {
    on_both(async |h| {
        for path in ["/token", "/authorize", "/introspect", "/login/x"] {
            let large = answer(
                plain()
                    .post(h.at(path))
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(format!("a={}", "x".repeat(70_000))),
            )
            .await;
            assert_eq!(
                (large.status, large.error()),
                (413, "invalid_request"),
                "{path}: {large:?}"
            );
            let reference = large.json["error_ref"].as_str().unwrap();
            assert_eq!(kept(&h, reference).await.reason, "BodyTooLarge");
        }
        let broken = answer(
            plain()
                .post(h.at("/token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Content-Encoding", "gzip")
                .body("not gzip"),
        )
        .await;
        assert!((400..500).contains(&broken.status), "{broken:?}");
    });
}

#[test]
fn an_id_that_names_no_client_may_be_a_secret_and_is_not_kept() {
    on_both(async |h| {
        let grant = ("grant_type", "client_credentials");
        let made = "lk_secret_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (secret, kind) in [
            (SECRET, "(a text, 43 characters, masked)"),
            (made, "has the form of a client secret"),
        ] {
            let header = |extra: Vec<(&'static str, &'static str)>| {
                let exchanged = plain()
                    .post(h.at("/token"))
                    .header("Authorization", basic(secret, "app"));
                answer(exchanged.form(&[vec![grant], extra].concat()))
            };
            let browser = h.browser();
            let page = |answer: Answer| {
                answer
                    .text
                    .split("id=\"error-ref\">")
                    .nth(1)
                    .unwrap()
                    .split('<')
                    .next()
                    .unwrap()
                    .to_owned()
            };
            let json = |answer: Answer| answer.json["error_ref"].as_str().unwrap().to_owned();
            for reference in [
                json(header(vec![]).await),
                json(header(vec![("client_id", "app")]).await),
                json(
                    h.post(
                        "/token",
                        &[grant, ("client_id", secret), ("client_secret", "app")],
                    )
                    .await,
                ),
                json(
                    h.post(
                        "/introspect",
                        &[("client_id", secret), ("client_secret", "app")],
                    )
                    .await,
                ),
                page(browser.begin(&[("client_id", secret)]).await),
            ] {
                let kept = kept(&h, &reference).await;
                assert!(!format!("{kept:?}").contains(secret), "{kept:?}");
                assert_eq!(kept.client_id, None);
                assert!(
                    kept.received.contains(kind) || kept.reason == "ClientAuthMultiple",
                    "{kept:?}"
                );
            }
        }
    });
}

#[test]
fn a_locked_out_user_is_explained_too() {
    on_both(async |h| {
        let browser = h.browser();
        browser.act_as("alice", "wrong");
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        for _ in 0..10 {
            browser.login(&at, &page.text).await;
        }
        let refused = browser.login(&at, &page.text).await;
        assert_eq!(refused.status, 429);
        let reference = refused
            .text
            .split("id=\"error-ref\">")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap();
        let kept = kept(&h, reference).await;
        assert_eq!(kept.reason, "TooManyAttempts");
        assert!(
            !format!("{kept:?}").contains("alice"),
            "what was typed as a name may be a password"
        );
    });
}
