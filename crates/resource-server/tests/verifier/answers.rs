//! What a refused caller hears (RFC 6750 3, RFC 9470 3, RFC 9728 5.1).

use latchkey_resource_server::{Refusal, Rejection, Unavailable, bearer};

use super::support::{Issuer, rsa_key};

fn every_fault_of_a_token() -> Vec<Refusal> {
    vec![
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::Critical,
        Refusal::Type,
        Refusal::Algorithm,
        Refusal::UnknownKey,
        Refusal::Signature,
        Refusal::Issuer,
        Refusal::Audience,
        Refusal::Expired,
        Refusal::NotYet,
        Refusal::SenderConstrained,
        Refusal::Inactive,
    ]
}

#[tokio::test]
async fn a_stranger_does_not_hear_why_a_token_is_no_good() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    for refusal in every_fault_of_a_token() {
        let answer = api.challenge(&refusal.into());
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.www_authenticate.as_deref(),
            Some(r#"Bearer error="invalid_token""#)
        );
        assert_eq!(answer.body, r#"{"error":"invalid_token"}"#);
        assert_eq!(answer.retry_after, None);
    }
}

/// RFC 6750 3.1: without an error code. RFC 9728 5.1: where the metadata is, once that is published.
#[tokio::test]
async fn who_sent_no_token_is_told_that_one_is_needed() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let missing = Rejection::from(Refusal::Missing);
    assert_eq!(
        api.challenge(&missing).www_authenticate.as_deref(),
        Some(r#"Bearer realm="api""#)
    );
    let (path, document) = api.publish_metadata().unwrap();
    assert_eq!(path, "/.well-known/oauth-protected-resource");
    assert_eq!(document["resource"], "https://api.example");
    assert_eq!(document["authorization_servers"][0], "https://id.example");
    let named =
        r#"Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource""#;
    assert_eq!(
        api.challenge(&missing).www_authenticate.as_deref(),
        Some(named)
    );
}

/// RFC 6750 3.1.
#[tokio::test]
async fn two_headers_are_a_bad_request() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let answer = api.challenge(&Refusal::Twice.into());
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"error":"invalid_request"}"#);
}

#[tokio::test]
async fn a_good_token_that_may_not_do_this_is_403() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let needed = "admin".to_owned();
    for (refusal, header) in [
        (
            Refusal::Scope {
                needed: "orders:write \"\\\r\n".into(),
            },
            r#"Bearer error="insufficient_scope", scope="orders:write ""#,
        ),
        (
            Refusal::Role {
                needed: needed.clone(),
            },
            r#"Bearer error="insufficient_scope""#,
        ),
        (
            Refusal::Group { needed },
            r#"Bearer error="insufficient_scope""#,
        ),
        (
            Refusal::Forbidden("no"),
            r#"Bearer error="insufficient_scope""#,
        ),
    ] {
        let answer = api.challenge(&refusal.into());
        assert_eq!(
            (answer.status, answer.www_authenticate.as_deref()),
            (403, Some(header))
        );
    }
}

#[tokio::test]
async fn a_step_up_says_what_to_ask_for() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let refusal = Refusal::StepUp {
        acr_values: vec!["a".into(), "b".into()],
        max_age: Some(300),
    };
    let answer = api.challenge(&refusal.into());
    let header =
        r#"Bearer error="insufficient_user_authentication", acr_values="a b", max_age="300""#;
    assert_eq!(
        (answer.status, answer.www_authenticate.as_deref()),
        (401, Some(header))
    );
}

#[tokio::test]
async fn what_is_our_fault_is_503() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    for away in [
        Unavailable::Keys,
        Unavailable::Busy,
        Unavailable::Introspection,
    ] {
        let answer = api.challenge(&away.into());
        assert_eq!((answer.status, answer.retry_after), (503, Some(1)));
        assert_eq!(answer.www_authenticate, None);
    }
}

#[test]
fn a_token_comes_in_one_bearer_header() {
    for good in ["Bearer abc", "bearer abc", "BEARER  abc"] {
        assert_eq!(bearer([good.as_bytes()]), Ok("abc"));
    }
    for none in ["", "Basic abc", "DPoP abc", "Bearerabc", "Token abc", "abc"] {
        assert_eq!(bearer([none.as_bytes()]), Err(Refusal::Missing), "{none}");
    }
    for bad in [&b"Bearer"[..], b"Bearer ", b"Bearer \xff"] {
        assert_eq!(bearer([bad]), Err(Refusal::Malformed));
    }
    let twice = [&b"Bearer abc"[..], b"Bearer abc"];
    assert_eq!(bearer(twice), Err(Refusal::Twice));
}
