//! What the outside hears, and what the one who runs the server can ask.

use crate::support::*;

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
        let mut kept = None;
        for _ in 0..200 {
            kept = h.store.refusal(&reference).await.unwrap();
            if kept.is_some() {
                break;
            }
            tokio::task::yield_now().await;
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let kept = kept.expect("kept");
        assert_eq!((kept.reason.as_str(), kept.client_id.as_deref()), ("RedirectUriDiffers", Some("app")));
        assert_eq!((kept.expected.as_str(), kept.came.as_str()), (CALLBACK, "https://app.example/other"));
    });
}

#[test]
fn errors_hold_printable_ascii_without_quotes_and_the_reference_is_up_to_date() {
    for reason in latchkey_protocol::Reason::ALL {
        let public = reason.refusal().public;
        assert!(public.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'), "{public}");
    }
    let kept = include_str!("../../../../docs/errors.md");
    assert_eq!(
        kept,
        latchkey_protocol::reason::reference(),
        "run: cargo run -- config reference --errors > docs/errors.md"
    );
    let kept = include_str!("../../../../docs/configuration.md");
    assert_eq!(
        kept,
        latchkey_server::config::reference(),
        "run: cargo run -- config reference > docs/configuration.md"
    );
}
