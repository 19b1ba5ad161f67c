//! `id_token_signed_response_alg` HS256 (OpenID Connect Core 10.1): what the client's own secret signs, and who takes it
//! for what.

use std::collections::HashMap;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use latchkey_jose::SharedSecret;
use latchkey_operations::ClientChange;
use latchkey_protocol::registration::{Registration, RegistrationRules};
use latchkey_server::wiring::OsEntropy;
use openidconnect::{
    ClientId, ClientSecret, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde_json::{Value, json};

use crate::support::*;

/// Registers a client whose ID tokens are signed with its secret, and returns that.
async fn register(h: &Harness, id: &str) -> String {
    let registration = json!({
        "client_id": id, "redirect_uris": [CALLBACK], "trusted": true, "id_token_signed_response_alg": "HS256",
        "grant_types": ["authorization_code", "refresh_token"], "access_token_typ": "JWT",
        "post_logout_redirect_uris": ["https://app.example/bye"],
    });
    let registered = operations(&*h.store, &OsEntropy)
        .register_client(
            &h.app.provider.client_secrets,
            Registration::parse(&registration).unwrap(),
        )
        .await;
    registered.unwrap().secret.unwrap()
}

async fn update(h: &Harness, id: &str, metadata: &Value, new_secret: bool) -> Option<String> {
    let change = ClientChange {
        metadata,
        rules: RegistrationRules::default(),
        new_secret,
    };
    let secrets = &h.app.provider.client_secrets;
    let operations = operations(&*h.store, &OsEntropy);
    let updated = operations
        .update_client(secrets, &latchkey_protocol::ClientId::new(id), change)
        .await;
    updated.unwrap().secret
}

async fn exchange(
    h: &Harness,
    (id, secret): (&str, &str),
    back: &HashMap<String, String>,
) -> Value {
    let code = back.get("code").unwrap_or_else(|| panic!("{back:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(h, (id, secret), &form).await
}

async fn token(h: &Harness, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Value {
    let request = plain().post(h.at("/token"));
    let request = request.header("Authorization", basic(id, secret));
    let answer = answer(request.form(form)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

async fn tokens(h: &Harness, browser: &Browser, client: (&str, &str)) -> Value {
    let asked = [
        ("client_id", client.0),
        ("scope", "openid offline_access"),
        ("nonce", "n"),
    ];
    exchange(h, client, &browser.authorize(&asked).await).await
}

/// As a relying party does with a library, which knows nothing but the secret.
fn verified(h: &Harness, (id, secret): (&str, &str), token: &Value) -> bool {
    let verifier = CoreIdTokenVerifier::new_confidential_client(
        ClientId::new(id.into()),
        ClientSecret::new(secret.into()),
        IssuerUrl::new(h.at("")).unwrap(),
        CoreJsonWebKeySet::new(vec![]),
    )
    .set_allowed_algs([CoreJwsSigningAlgorithm::HmacSha256])
    .set_time_fn(|| std::time::SystemTime::UNIX_EPOCH.into());
    let token: CoreIdToken = token.as_str().unwrap().parse().unwrap();
    let any = |_: Option<&Nonce>| Ok(());
    token.claims(&verifier, any).is_ok()
}

#[test]
fn the_client_verifies_its_id_tokens_with_its_secret_and_nothing_else_is_signed_with_it() {
    on_both(async |h| {
        let secret = register(&h, "hs").await;
        let client = ("hs", &*secret);
        let first = tokens(&h, &h.browser(), client).await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", first["refresh_token"].as_str().unwrap()),
        ];
        let renewed = token(&h, client, &form).await;
        for tokens in [&first, &renewed] {
            let id_token = &tokens["id_token"];
            assert_eq!(part(id_token, 0), json!({ "alg": "HS256", "typ": "JWT" }));
            assert!(verified(&h, client, id_token));
            assert!(!verified(&h, ("hs", &secret.replace("lk_", "")), id_token));
            let access = tokens["access_token"].as_str().unwrap();
            let hash = latchkey_protocol::IdTokenAlgorithm::Hs256.half_hash(access);
            assert_eq!(part(id_token, 1)["at_hash"], hash);
            for other in ["access_token", "refresh_token"] {
                assert_eq!(part(&tokens[other], 0)["alg"], "RS256");
            }
            assert_eq!(h.userinfo(access).await.status, 200);
        }
        assert!(h.jwks().await.iter().all(|key| key["kty"] == "RSA"));
    });
}

#[test]
fn a_client_is_switched_to_its_secret_and_back_while_it_is_in_service() {
    on_both(async |h| {
        let browser = h.browser();
        let hs256 = json!({ "id_token_signed_response_alg": "HS256" });
        let secret = update(&h, "app", &hs256, true).await.unwrap();
        let client = ("app", &*secret);
        let signed = tokens(&h, &browser, client).await;
        assert!(verified(&h, client, &signed["id_token"]));
        // The old one is worth nothing.
        let refused = answer(
            plain()
                .post(h.at("/token"))
                .header("Authorization", basic("app", SECRET))
                .form(&[("grant_type", "client_credentials")]),
        );
        assert_eq!(refused.await.error(), "invalid_client");

        let rs256 = json!({ "id_token_signed_response_alg": null });
        assert_eq!(update(&h, "app", &rs256, false).await, None);
        let again = tokens(&h, &browser, client).await;
        assert_eq!(part(&again["id_token"], 0)["alg"], "RS256");
        // What the secret signed is a hint no more: nobody here can read the secret now.
        let asked = [
            ("prompt", "none"),
            ("id_token_hint", signed["id_token"].as_str().unwrap()),
        ];
        assert_eq!(browser.authorize(&asked).await["error"], "invalid_request");
    });
}

/// Whether a token is good as a hint at the authorize endpoint, for this client and a browser that is signed in.
#[test]
fn id_tokens_are_signed_with_the_new_secret_while_the_old_one_lives() {
    on_both(async |h| {
        let old = register(&h, "hs").await;
        let rotated = operations(&*h.store, &OsEntropy)
            .rotate_client_secret(
                &h.app.provider.client_secrets,
                &latchkey_protocol::ClientId::new("hs"),
                Some(60),
            )
            .await;
        let new = rotated.unwrap().secret.unwrap();
        for secret in [&old, &new] {
            let tokens = tokens(&h, &h.browser(), ("hs", secret)).await;
            let by = |secret: &str| verified(&h, ("hs", secret), &tokens["id_token"]);
            assert_eq!((by(&old), by(&new)), (false, true));
        }
    });
}

async fn is_hint(browser: &Browser, id: &str, token: &str) -> bool {
    let asked = [
        ("client_id", id),
        ("scope", "openid"),
        ("prompt", "none"),
        ("id_token_hint", token),
    ];
    let back = browser.authorize(&asked).await;
    if back.contains_key("code") {
        return true;
    }
    assert_eq!(back["error"], "invalid_request", "{back:?}");
    false
}

/// Whether a token signs its browser out at once.
async fn signs_out(h: &Harness, browser: &Browser, token: &str) -> bool {
    let asked = [
        ("id_token_hint", token),
        ("post_logout_redirect_uri", "https://app.example/bye"),
    ];
    let answer = answer(browser.http.get(h.at("/logout")).query(&asked)).await;
    answer.status == 303 && answer.header("location") == "https://app.example/bye"
}

#[test]
fn a_hint_signed_with_a_secret_counts_for_the_client_that_has_it() {
    on_both(async |h| {
        let secret = register(&h, "hs").await;
        register(&h, "other").await;
        let browser = h.browser();
        let hint = tokens(&h, &browser, ("hs", &secret)).await["id_token"].clone();
        let hint = hint.as_str().unwrap();
        h.pass(4000);
        assert!(is_hint(&browser, "hs", hint).await, "expired ones too");
        for other in ["other", "app"] {
            assert!(!is_hint(&browser, other, hint).await, "{other}");
        }
        assert_eq!(h.userinfo(hint).await.status, 401);
        assert!(signs_out(&h, &browser, hint).await);
        let silent = [("client_id", "hs"), ("prompt", "none")];
        assert_eq!(browser.authorize(&silent).await["error"], "login_required");
    });
}

/// What anybody can know, and might be taken for a secret (RFC 8725 2.1).
async fn public_texts(h: &Harness) -> Vec<String> {
    let mut texts = vec![" ".repeat(32), "hs".repeat(16)];
    for key in h.jwks().await {
        texts.extend([key.to_string(), key["n"].as_str().unwrap().to_owned()]);
        let pem = pem(&key);
        texts.extend([pem.trim_end().to_owned(), pem]);
    }
    texts
}

/// A published RSA key of 2048 bits as PEM (RFC 5280 4.1.2.7), as an attacker would print it.
fn pem(key: &Value) -> String {
    const BEFORE: &[u8] = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
    const EXPONENT: &[u8] = b"\x02\x03\x01\x00\x01";
    assert_eq!(key["e"], "AQAB");
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let whole = STANDARD.encode([BEFORE, &modulus, EXPONENT].concat());
    let lines: Vec<_> = whole
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn no_public_key_and_no_other_secret_passes_for_the_clients_secret() {
    on_both(async |h| {
        let secret = register(&h, "hs").await;
        let foreign = register(&h, "other").await;
        let browser = h.browser();
        let first = tokens(&h, &browser, ("hs", &secret)).await;
        let claims = part(&first["id_token"], 1);
        let of_app = part(&h.tokens(&browser).await["id_token"], 1);
        let mut keys = public_texts(&h).await;
        keys.extend([foreign, SECRET.to_owned(), format!("{secret}x")]);
        for key in keys {
            let key = SharedSecret::new(&key).unwrap();
            for (id, claims) in [("hs", &claims), ("app", &of_app), ("other", &claims)] {
                let forged = key.sign("JWT", claims).unwrap();
                assert!(!is_hint(&browser, id, &forged).await, "{id}");
                assert!(!signs_out(&h, &browser, &forged).await, "{id}");
                assert_eq!(h.userinfo(&forged).await.status, 401);
            }
        }
        // Its own secret speaks for itself alone, and for ID tokens alone.
        let own = SharedSecret::new(&secret).unwrap();
        let for_others = own.sign("JWT", &of_app).unwrap();
        for id in ["hs", "app"] {
            assert!(!is_hint(&browser, id, &for_others).await, "{id}");
        }
        assert!(!signs_out(&h, &browser, &for_others).await);
        let access = part(&first["access_token"], 1);
        for typ in ["JWT", "at+jwt"] {
            let forged = own.sign(typ, &access).unwrap();
            assert_eq!(h.userinfo(&forged).await.status, 401, "{typ}");
            assert!(!is_hint(&browser, "hs", &forged).await, "{typ}");
        }
        let mut elsewhere = claims.clone();
        elsewhere["iss"] = "https://elsewhere.example".into();
        let elsewhere = own.sign("JWT", &elsewhere).unwrap();
        assert!(!is_hint(&browser, "hs", &elsewhere).await);
        // The very same by the right secret is good: nothing else was wrong with them.
        let good = own.sign("JWT", &claims).unwrap();
        assert!(is_hint(&browser, "hs", &good).await);
        assert!(signs_out(&h, &browser, &good).await);
    });
}

#[test]
fn the_back_end_of_such_a_client_signs_its_own_session_out() {
    on_both(async |h| {
        let secret = register(&h, "hs").await;
        let browser = h.browser();
        let tokens = tokens(&h, &browser, ("hs", &secret)).await;
        let form = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
        let request = plain().post(h.at("/logout"));
        let request = request.header("Authorization", basic("hs", &secret));
        assert_eq!(answer(request.form(&form)).await.status, 303);
        let silent = [("client_id", "hs"), ("prompt", "none")];
        assert_eq!(browser.authorize(&silent).await["error"], "login_required");
    });
}
