//! Access tokens as they are presented (RFC 6750), and what UserInfo asks of them.

use latchkey_protocol::{
    Issuer, Reason,
    authorize::ClaimsRequest,
    bearer::{for_userinfo, unexpired, userinfo_answer},
    claims::{AccessToken, CustomClaims},
};
use serde_json::json;

use crate::{NOW, client, user};

fn token(aud: &[&str], scope: &str) -> AccessToken {
    let token = json!({
        "iss": "i", "sub": "alice", "aud": aud, "client_id": "app", "jti": "j", "iat": 0, "exp": NOW, "scope": scope,
    });
    serde_json::from_value(token).unwrap()
}

#[test]
fn an_access_token_counts_until_its_last_second() {
    let token = token(&["i"], "openid");
    assert_eq!(unexpired(&token, NOW - 1), Ok(()));
    let late = unexpired(&token, NOW + 3).unwrap_err();
    assert_eq!(late.reason, Reason::TokenExpired);
    assert_eq!(late.detail.received, "3 seconds late");
    assert!(unexpired(&token, NOW).is_err());
}

#[test]
fn userinfo_takes_tokens_that_are_for_it_and_speak_of_a_user() {
    let alice = user("alice");
    let table = [
        (vec!["i"], "openid", Some(&alice), None),
        (vec!["api", "i"], "openid email", Some(&alice), None),
        (
            vec!["api"],
            "openid",
            Some(&alice),
            Some(Reason::TokenForOthers),
        ),
        (vec!["api"], "email", None, Some(Reason::TokenForOthers)),
        (
            vec!["i"],
            "email",
            Some(&alice),
            Some(Reason::ScopeInsufficient),
        ),
        (vec!["i"], "openid", None, Some(Reason::ScopeInsufficient)),
    ];
    for (aud, scope, user, expected) in table {
        let token = token(&aud, scope);
        let refused = for_userinfo(&token, user, &Issuer::new("i"))
            .err()
            .map(|r| r.reason);
        assert_eq!(refused, expected, "{aud:?} {scope} {}", user.is_some());
    }
}

#[test]
fn userinfo_says_what_was_granted_and_what_was_asked_for_and_no_more() {
    let mut alice = user("alice");
    alice.claims.insert("phone_number".into(), "+82 2".into());
    let app = client(json!({}));
    let asked = r#"{"userinfo":{"phone_number":null,"website":null}}"#;
    let asked = ClaimsRequest::parse(asked, &app).unwrap().userinfo;
    let (token, none) = (token(&["i"], "openid groups"), CustomClaims::default());
    let said = userinfo_answer(&token, &alice, Some(&app), &asked, &none);
    let expected = json!({ "sub": "alice", "groups": ["staff"], "phone_number": "+82 2" });
    assert_eq!(serde_json::Value::from(said), expected);
    let said = userinfo_answer(&token, &alice, None, &asked, &none);
    let expected = json!({ "sub": "alice", "groups": ["staff"] });
    assert_eq!(
        serde_json::Value::from(said),
        expected,
        "the client is gone"
    );
}
