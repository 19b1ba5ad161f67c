//! RFC 9101 and OpenID Connect Core 6.1: request objects by value. Signed by `ring`, which verifies nothing here.

mod signing;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use signing::{ec, hs256, rsa, sign};

use crate::support::*;

async fn register(h: &Harness, id: &str, keys: &[&Value], more: Value) {
    let mut metadata = json!({
        "client_id": id, "client_secret": SECRET, "redirect_uris": [CALLBACK, "https://app.example/other"], "trusted": true,
        "jwks": { "keys": keys },
    });
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap_or_default());
    h.client(metadata).await;
}

/// A good request object for `id`, changed by `more`; null removes.
fn request(h: &Harness, id: &str, more: Value) -> String {
    let mut members = json!({
        "client_id": id, "iss": id, "aud": h.issuer, "exp": h.now() + 300, "nbf": h.now(), "response_type": "code",
        "redirect_uri": "https://app.example/other", "scope": "openid email", "state": "signed", "nonce": "signed-nonce",
        "max_age": 1000, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    let members = members.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap_or_default());
    members.retain(|_, value| !value.is_null());
    serde_json::to_string(members).unwrap()
}

/// What comes back for the request object and nothing but the client's id outside.
async fn sent(
    h: &Harness,
    id: &str,
    object: &str,
    outside: &[(&str, &str)],
) -> std::collections::HashMap<String, String> {
    let browser = h.browser();
    let mut query = vec![("client_id", id), ("request", object)];
    query.extend(outside);
    let first = answer(browser.http.get(h.at("/authorize")).query(&query)).await;
    browser.follow(first).await
}

#[test]
fn a_request_object_signed_by_a_registered_key_replaces_what_stands_outside() {
    on_both(async |h| {
        let ((rsa_key, rsa_jwk), (ec_key, ec_jwk)) = (rsa(1), ec());
        register(&h, "jar", &[&rsa_jwk, &ec_jwk], json!({})).await;
        for (key, header) in [
            (
                &rsa_key,
                json!({ "alg": "RS256", "typ": "oauth-authz-req+jwt", "kid": "rsa-1" }),
            ),
            (&rsa_key, json!({ "alg": "PS256", "typ": "JWT" })),
            (&ec_key, json!({ "alg": "ES256", "kid": "ec" })),
            (
                &ec_key,
                json!({ "alg": "ES256", "typ": "application/oauth-authz-req+jwt" }),
            ),
        ] {
            let object = sign(key, &header, &request(&h, "jar", json!({})));
            let outside = [
                ("redirect_uri", "https://evil.example/"),
                ("state", "outside"),
                ("scope", "openid phone"),
                ("nonce", "outside"),
                ("response_type", "code"),
            ];
            for outside in [&outside[..], &[]] {
                let back = sent(&h, "jar", &object, outside).await;
                assert_eq!(back["state"], "signed", "{header}");
                assert!(
                    !back.contains_key("tenant"),
                    "the signed redirect_uri: {back:?}"
                );
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", &back["code"]),
                    ("client_id", "jar"),
                    ("client_secret", SECRET),
                    ("redirect_uri", "https://app.example/other"),
                    ("code_verifier", VERIFIER),
                ];
                let tokens = h.post("/token", &form).await.json;
                assert_eq!(tokens["scope"], "openid email", "{tokens}");
                assert_eq!(claims(&tokens["id_token"])["nonce"], "signed-nonce");
            }
        }
        let discovery = h.discovery().await;
        assert_eq!(discovery["request_parameter_supported"], true);
        assert_eq!(
            discovery["request_object_signing_alg_values_supported"],
            json!(["RS256", "PS256", "ES256"])
        );
        assert_eq!(discovery["request_uri_parameter_supported"], false);
    });
}

#[test]
fn what_is_not_signed_by_this_client_for_us_and_now_is_refused() {
    on_both(async |h| {
        let ((key, jwk), (stranger, _), (ec_key, ec_jwk)) = (rsa(1), rsa(2), ec());
        register(&h, "jar", &[&jwk, &ec_jwk], json!({})).await;
        register(&h, "twin", &[&jwk], json!({})).await;
        register(
            &h,
            "ps",
            &[&jwk],
            json!({ "request_object_signing_alg": "PS256" }),
        )
        .await;
        let header = json!({ "alg": "RS256" });
        let good = request(&h, "jar", json!({}));
        let unsigned = |alg: &str| {
            let head = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
            format!("{head}.{}.", URL_SAFE_NO_PAD.encode(&good))
        };
        let mut forged = sign(&key, &header, &good);
        forged.replace_range(forged.len() - 6.., "AAAAAA");
        let objects = [
            ("none", unsigned("none")),
            ("no signature", unsigned("RS256")),
            ("forged", forged),
            ("HS256 with the public key", hs256(&jwk, &good)),
            ("a stranger's key", sign(&stranger, &header, &good)),
            (
                "another kid",
                sign(&key, &json!({ "alg": "RS256", "kid": "ec" }), &good),
            ),
            (
                "a key of another kind",
                sign(&key, &json!({ "alg": "ES256" }), &good),
            ),
            (
                "crit",
                sign(&key, &json!({ "alg": "RS256", "crit": ["x"] }), &good),
            ),
            (
                "an access token",
                sign(&key, &json!({ "alg": "RS256", "typ": "at+jwt" }), &good),
            ),
            ("no JSON", sign(&key, &header, "x")),
            ("an array", sign(&key, &header, "[]")),
            (
                "a member twice",
                sign(
                    &key,
                    &header,
                    &good.replacen('{', "{\"state\":\"other\",", 1),
                ),
            ),
            (
                "zero signature",
                format!(
                    "{}.{}.{}",
                    URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#),
                    URL_SAFE_NO_PAD.encode(&good),
                    URL_SAFE_NO_PAD.encode([0; 64])
                ),
            ),
            (
                "too large",
                sign(
                    &key,
                    &header,
                    &request(&h, "jar", json!({ "more": "x".repeat(13_000) })),
                ),
            ),
        ];
        let outside = [("redirect_uri", CALLBACK), ("state", "outside")];
        for (what, object) in objects {
            assert_eq!(
                sent(&h, "jar", &object, &outside).await["error"],
                "invalid_request_object",
                "{what}"
            );
        }
        drop(ec_key);
        for change in [
            json!({ "aud": "https://other.example" }),
            json!({ "aud": ["https://other.example"] }),
            json!({ "iss": "twin" }),
            json!({ "client_id": "twin" }),
            json!({ "client_id": null, "iss": null }),
            json!({ "exp": h.now() }),
            json!({ "nbf": h.now() + 61 }),
            json!({ "exp": "soon" }),
            json!({ "request": "x" }),
            json!({ "request_uri": "urn:x" }),
            json!({ "sub": "jar" }),
            json!({ "client_id": 1 }),
        ] {
            let object = sign(&key, &header, &request(&h, "jar", change.clone()));
            let back = sent(&h, "jar", &object, &outside).await;
            assert_eq!(
                (back["error"].as_str(), back["state"].as_str()),
                ("invalid_request_object", "outside"),
                "{change}"
            );
            assert!(
                back.contains_key("tenant") && !back.contains_key("code"),
                "{change}"
            );
        }
        let object = sign(&key, &header, &good);
        for (client, what) in [
            ("app", "no keys"),
            ("twin", "another client's"),
            ("ps", "another algorithm"),
        ] {
            assert_eq!(
                sent(&h, client, &object, &outside).await["error"],
                "invalid_request_object",
                "{what}"
            );
        }
        let typed = [("redirect_uri", CALLBACK), ("response_type", "token")];
        assert_eq!(
            sent(&h, "jar", &object, &typed).await["error"],
            "invalid_request_object",
            "response_type differs"
        );
        let nul = sign(
            &key,
            &header,
            &request(&h, "jar", json!({ "nonce": "a\0b" })),
        );
        assert_eq!(sent(&h, "jar", &nul, &[]).await["error"], "invalid_request");
        let both = [("request_uri", "urn:x"), ("redirect_uri", CALLBACK)];
        assert_eq!(
            sent(&h, "jar", &object, &both).await["error"],
            "request_uri_not_supported"
        );
    });
}

#[test]
fn without_a_proven_destination_a_refused_object_is_answered_on_a_page() {
    on_both(async |h| {
        let ((key, jwk), (stranger, _)) = (rsa(1), rsa(2));
        register(&h, "jar", &[&jwk], json!({})).await;
        let header = json!({ "alg": "RS256" });
        let foreign = sign(&stranger, &header, &request(&h, "jar", json!({})));
        let unregistered = sign(
            &key,
            &header,
            &request(
                &h,
                "jar",
                json!({ "redirect_uri": "https://evil.example/" }),
            ),
        );
        for (object, outside, error) in [
            (&foreign, None, "invalid_request_object"),
            (
                &foreign,
                Some("https://evil.example/"),
                "invalid_request_object",
            ),
            (&unregistered, Some(CALLBACK), "invalid_request"),
        ] {
            let mut query = vec![("client_id", "jar"), ("request", object.as_str())];
            query.extend(outside.map(|uri| ("redirect_uri", uri)));
            let page = answer(plain().get(h.at("/authorize")).query(&query)).await;
            assert_eq!(
                (page.status, page.header("location")),
                (400, ""),
                "{outside:?}"
            );
            assert!(
                page.text.contains(&format!("data-error=\"{error}\"")),
                "{}",
                page.text
            );
        }
    });
}

#[test]
fn a_client_that_always_signs_is_taken_at_its_signed_word_alone() {
    on_both(async |h| {
        let (key, jwk) = rsa(1);
        register(
            &h,
            "strict",
            &[&jwk],
            json!({ "require_signed_request_object": true }),
        )
        .await;
        assert_eq!(
            h.browser().authorize(&[("client_id", "strict")]).await["error"],
            "invalid_request"
        );
        let object = sign(
            &key,
            &json!({ "alg": "RS256" }),
            &request(&h, "strict", json!({ "state": null, "nonce": null })),
        );
        let back = sent(
            &h,
            "strict",
            &object,
            &[
                ("state", "outside"),
                ("nonce", "outside"),
                ("prompt", "none"),
            ],
        )
        .await;
        assert!(
            back.contains_key("code") && !back.contains_key("state"),
            "{back:?}"
        );
    });
}
