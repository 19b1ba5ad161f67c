//! RFC 7636 and RFC 9700 2.1.1: who has to send a code challenge.

use serde_json::json;

use crate::support::*;

/// What comes back for a request without a challenge, and for one with it.
async fn asked(h: &Harness, client: &str) -> (Option<String>, bool) {
    let without = [
        ("client_id", client),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let error = h.browser().authorize(&without).await.get("error").cloned();
    (
        error,
        h.browser()
            .authorize(&[("client_id", client)])
            .await
            .contains_key("code"),
    )
}

#[test]
fn a_confidential_client_must_send_a_challenge_where_its_registration_says_so() {
    on_both(async |h| {
        let mut strict = json!({
            "client_id": "strict", "client_secret": SECRET, "redirect_uris": [CALLBACK], "require_pkce": true,
        });
        h.client(strict.clone()).await;
        strict["client_id"] = "lenient".into();
        strict["require_pkce"] = false.into();
        h.client(strict).await;
        assert_eq!(
            asked(&h, "strict").await,
            (Some("invalid_request".into()), true)
        );
        assert_eq!(asked(&h, "lenient").await, (None, true));
    });
}

#[test]
fn every_client_must_send_a_challenge_where_the_installation_says_so() {
    on_both_with(&[("LATCHKEY_REQUIRE_PKCE", "true")], async |h| {
        for client in ["app", "post"] {
            assert_eq!(
                asked(&h, client).await,
                (Some("invalid_request".into()), true),
                "{client}"
            );
        }
    });
}
