//! RFC 9068 4, RFC 8725 3.11: tokens of another kind have a good signature too.

use latchkey_resource_server::Refusal;
use serde_json::{Value, json};

use super::support::{
    API, BEGIN, ISSUER, Issuer, assert_refused, claims, judge, list_token, rsa_key, sign, sign_as,
    with, with_status, without,
};

fn id_token(audience: &str) -> Value {
    json!({ "iss": ISSUER, "sub": "alice", "aud": audience, "exp": BEGIN + 300, "iat": BEGIN, "nonce": "n", "auth_time": BEGIN })
}

#[tokio::test]
async fn tokens_of_another_kind_are_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for typ in [
        "JWT",
        "rt+jwt",
        "logout+jwt",
        "statuslist+jwt",
        "dpop+jwt",
        "at+jwt ",
        "xat+jwt",
        "application/application/at+jwt",
        "",
    ] {
        assert_refused(&api, &sign_as(&key, typ, &claims()), Refusal::Type).await;
    }
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(judge(&api, &sign_as(&key, typ, &claims())).await.is_ok());
    }
    for claims in [id_token(API), claims()] {
        assert_refused(&api, &sign_as(&key, "JWT", &claims), Refusal::Type).await;
    }
}

/// An ID token whose client is called as the API is, where the owner takes tokens of the type JWT.
#[tokio::test]
async fn an_id_token_is_no_access_token_of_the_type_jwt() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = issuer.verifier().accept_plain_jwt().start().await.unwrap();
    assert_eq!(
        judge(&api, &sign_as(&key, "JWT", &claims()))
            .await
            .as_deref(),
        Ok("alice")
    );
    let id_token = sign_as(&key, "JWT", &id_token(API));
    assert_refused(&api, &id_token, Refusal::Malformed).await;
    for typ in ["rt+jwt", "logout+jwt"] {
        assert_refused(&api, &sign_as(&key, typ, &claims()), Refusal::Type).await;
    }
}

/// RFC 9068 2.2.
#[tokio::test]
async fn an_access_token_has_all_that_it_must_have() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let token = sign(&key, &without(name));
        assert_refused(&api, &token, Refusal::Malformed).await;
        for other in [json!(null), json!({}), json!(true)] {
            let token = sign(&key, &with(name, other));
            assert_refused(&api, &token, Refusal::Malformed).await;
        }
    }
    for no_claims in [json!([]), json!(7), json!("text"), json!(null)] {
        assert_refused(&api, &sign(&key, &no_claims), Refusal::Malformed).await;
    }
}

#[tokio::test]
async fn what_it_says_is_read() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token(&key, &[]));
    let api = issuer.start().await;
    let mut claims = with_status(1);
    claims["https://example.org/branch"] = json!("Seoul");
    claims["amr"] = json!(["pwd"]);
    claims["sid"] = json!("s1");
    let token = api.verify(&sign(&key, &claims)).await.unwrap();
    assert!(token.has_scope("orders:read") && token.has_scope("openid"));
    for none in ["orders", "orders:rea", "openid orders:read", "", " "] {
        assert!(!token.has_scope(none), "{none:?}");
    }
    assert!(token.has_role("clerk") && !token.has_role("cle"));
    assert!(token.is_in_group("sales") && !token.is_in_group("Sales"));
    assert_eq!(
        (token.client_id.as_str(), token.sid.as_deref()),
        ("shop", Some("s1"))
    );
    assert_eq!(token.amr, ["pwd"]);
    assert_eq!(token.more["https://example.org/branch"], "Seoul");
    assert_eq!(token.more["status"]["status_list"]["idx"], 1);
    assert!(!token.is_of_client());
}

/// RFC 9449 7.1, RFC 8705 3: a token that is bound to a key of its client may have been stolen by who merely bears it.
#[tokio::test]
async fn a_sender_constrained_token_is_refused_as_bearer() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for cnf in [
        json!({ "jkt": "x" }),
        json!({ "x5t#S256": "x" }),
        json!(null),
        json!({}),
    ] {
        let token = sign(&key, &with("cnf", cnf));
        assert_refused(&api, &token, Refusal::SenderConstrained).await;
    }
}
