//! What a header says of where its key is, and headers that are no headers.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_resource_server::{MOST_BYTES, Refusal};
use serde_json::json;

use super::support::{Issuer, assert_refused, claims, ec_key, judge, rsa_key, sign, sign_as, with};

fn token(header: &str, payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.AAAA", part(header), part(payload))
}

/// A `kid` is compared, and nothing else is done with it.
#[tokio::test]
async fn a_kid_is_no_path_and_no_query() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = issuer.start().await;
    let before = issuer.fetches();
    for kid in [
        "../../../../etc/passwd",
        "/dev/null",
        "file:///dev/null",
        "https://evil.example/key",
        "' OR '1'='1",
        "x' UNION SELECT 'key'; --",
        "$(id)",
        "|id",
        "\u{0}",
        "",
        "🔑",
        &"k".repeat(200),
        &"k".repeat(10_000),
    ] {
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": kid });
        let bad = token(&header.to_string(), &claims().to_string());
        assert_refused(&api, &bad, Refusal::UnknownKey).await;
    }
    // Fetched just now: none of these causes another fetch.
    assert_eq!(issuer.fetches(), before);
}

#[tokio::test]
async fn a_token_without_kid_is_refused() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let bad = token(r#"{"alg":"RS256","typ":"at+jwt"}"#, &claims().to_string());
    assert_refused(&api, &bad, Refusal::UnknownKey).await;
}

/// RFC 8725 3.10: a key that comes with the token proves nothing.
#[tokio::test]
async fn keys_that_come_with_the_token_are_not_looked_at() {
    let (own, attackers) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[&own]);
    let api = issuer.start().await;
    let jwk = serde_json::to_string(attackers.public()).unwrap();
    let members = [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://evil.example/jwks""#.to_owned(),
        r#""x5u":"https://evil.example/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ];
    for member in members {
        let typ = format!(r#"at+jwt",{member},"x":"#) + "\"";
        let forged = sign_as(&attackers, &typ, &claims());
        assert_refused(&api, &forged, Refusal::UnknownKey).await;
        // With our own key id: it is our own key that decides.
        let (header, rest) = forged.split_once('.').unwrap();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let renamed = header.replace(attackers.kid(), own.kid());
        let renamed = renamed.replace("ES256", "RS256");
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(renamed));
        assert_refused(&api, &forged, Refusal::Signature).await;
        // A good token may have them: they count for nothing.
        assert!(judge(&api, &sign_as(&own, &typ, &claims())).await.is_ok());
    }
}

#[tokio::test]
async fn an_extension_that_must_be_understood_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for crit in [r#"["b64"],"b64":false"#, r#"["exp"]"#, "[]", "7"] {
        let typ = format!(r#"at+jwt","crit":{crit},"x":"#) + "\"";
        let bad = sign_as(&key, &typ, &claims());
        assert_refused(&api, &bad, Refusal::Critical).await;
    }
}

#[tokio::test]
async fn a_member_that_stands_twice_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for twice in [r#"at+jwt","alg":"none"#, r#"JWT","typ":"at+jwt"#] {
        let bad = sign_as(&key, twice, &claims());
        assert_refused(&api, &bad, Refusal::Malformed).await;
    }
}

#[tokio::test]
async fn huge_and_deep_tokens_are_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let longest = MOST_BYTES;
    let padded = |bytes: usize| sign(&key, &with("x", json!("x".repeat(bytes))));
    assert!(judge(&api, &padded(8000)).await.is_ok());
    assert_refused(&api, &padded(longest), Refusal::TooLong).await;
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    for header in [
        format!(
            r#"{{"alg":"RS256","typ":"at+jwt","kid":"k","x":{}}}"#,
            "[".repeat(8000)
        ),
        "{".repeat(8000),
        "[".repeat(8000),
        format!("\"{}", "x".repeat(8000)),
    ] {
        let bad = token(&header, "{}");
        assert_refused(&api, &bad, Refusal::Malformed).await;
    }
    // Signed by the issuer, and still no claims.
    let nested = serde_json::from_str(&deep(100)).unwrap();
    assert!(judge(&api, &sign(&key, &with("x", nested))).await.is_ok());
    let payload = format!(r#"{{"iss":"i","x":{}}}"#, deep(3000));
    let bad = token(r#"{"alg":"RS256","typ":"at+jwt","kid":"k"}"#, &payload);
    assert_refused(&api, &bad, Refusal::UnknownKey).await;
}
