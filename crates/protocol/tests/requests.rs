//! Tables for the rules of authorization requests and refreshes.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, Reason, SessionId, Timestamp, UserId,
    authentication::Amr,
    authorization::{Authorization, CodeHandover, Handover},
    authorize::{AuthorizationRequest, ClaimsRequest},
    client::Client,
    reason::pasted_reference,
    registration::Registration,
    token::narrowed,
};
use serde_json::{Value, json};

fn client(metadata: Value) -> Client {
    let metadata = Registration::parse(&metadata).unwrap().metadata;
    Client {
        id: ClientId::new("client"),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata,
        created_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

fn authorization(granted: &str, ignored: &str) -> Authorization {
    Authorization {
        id: AuthorizationId::new("id"),
        client_id: ClientId::new("client"),
        user_id: UserId::new("user"),
        scope: granted.to_owned().into(),
        auth_time: Timestamp::from_seconds(0),
        amr: Amr::PASSWORD,
        handover: Handover::Code(CodeHandover {
            session_id: SessionId::new("session"),
            nonce: None,
            redirect_uri: "https://a.example/".into(),
            redirect_uri_sent: true,
            code_challenge: None,
            code: Digest::of("code"),
            expires_at: Timestamp::from_seconds(0),
            exchanged_at: None,
        }),
        created_at: Timestamp::from_seconds(0),
        refresh: None,
        revoked_at: None,
        expires_at: Timestamp::from_seconds(0),
        ignored_scope: ignored.to_owned().into(),
        asked_claims: ClaimsRequest::default(),
        rests_on_consent: false,
        access_judged_at: None,
        live_entries: Default::default(),
    }
}

#[test]
fn a_refresh_takes_the_scope_of_the_authorization_request_and_never_more() {
    let table: [(Option<&str>, Result<&str, Reason>); 10] = [
        (None, Ok("openid email")),
        (Some("openid email"), Ok("openid email")),
        (Some("email openid"), Ok("email openid")),
        (Some("openid"), Ok("openid")),
        (Some("openid groups email custom"), Ok("openid email")),
        (Some("openid profile"), Err(Reason::ScopeExceedsGrant)),
        (
            Some("openid email groups profile"),
            Err(Reason::ScopeExceedsGrant),
        ),
        (
            Some("openid never-asked-for"),
            Err(Reason::ScopeExceedsGrant),
        ),
        (Some("groups custom"), Err(Reason::ScopeExceedsGrant)),
        (Some("openid \"email"), Err(Reason::ScopeUnknown)),
    ];
    let client = client(json!({ "redirect_uris": ["https://a.example/"] }));
    for (asked, expected) in table {
        let scope = narrowed(
            asked,
            &client,
            &authorization("openid email", "groups custom"),
        );
        let scope = scope
            .as_ref()
            .map(ToString::to_string)
            .map_err(|refused| refused.reason);
        assert_eq!(scope, expected.map(str::to_owned), "{asked:?}");
    }
}

#[test]
fn a_reference_is_found_in_whatever_was_pasted() {
    let described = Reason::LoginNeeded.refusal().described("7K3M9Q2X");
    let address = "https://app.example/cb?error=login_required&error_description=Sign%20in.%20%28ref%207K3M9Q2X%29&state=1";
    for pasted in [
        "7K3M9Q2X",
        " 7k3m9q2x\n",
        "(ref 7K3M9Q2X)",
        "ref+(ref+7K3M9Q2X)",
        described.as_str(),
        address,
    ] {
        assert_eq!(pasted_reference(pasted), "7K3M9Q2X", "{pasted}");
    }
}

#[test]
fn only_public_keys_that_can_verify_are_registered() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let n = URL_SAFE_NO_PAD.encode([0xff; 256]);
    let rsa = |change: Value| {
        let mut key = json!({ "kty": "RSA", "n": n, "e": "AQAB" });
        key.as_object_mut()
            .unwrap()
            .extend(change.as_object().cloned().unwrap_or_default());
        key
    };
    let register = |keys: Value, more: Value| {
        let mut metadata =
            json!({ "redirect_uris": ["https://a.example/"], "jwks": { "keys": keys } });
        metadata
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap_or_default());
        Registration::parse(&metadata)
            .map(|_| ())
            .map_err(|error| error.code)
    };
    let refused = Err("invalid_client_metadata");
    for fine in [
        json!([rsa(json!({}))]),
        json!([rsa(json!({ "use": "sig", "alg": "PS256" })), { "kty": "OKP", "crv": "Ed25519", "x": "AA" }]),
    ] {
        assert_eq!(
            register(
                fine.clone(),
                json!({ "require_signed_request_object": true })
            ),
            Ok(()),
            "{fine}"
        );
    }
    for key in [
        rsa(json!({ "d": "AQAB" })),
        rsa(json!({ "e": "AQ" })),
        rsa(json!({ "e": "AQAC" })),
        rsa(json!({ "n": "AQAB" })),
        rsa(json!({ "n": URL_SAFE_NO_PAD.encode([0xff; 1025]) })),
        rsa(json!({ "n": "not base64!" })),
        rsa(json!({ "use": "enc" })),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        json!("key"),
    ] {
        assert_eq!(register(json!([key]), json!({})), refused, "{key}");
    }
    assert_eq!(register(json!([]), json!({})), refused);
    assert_eq!(
        register(vec![rsa(json!({})); 11].into(), json!({})),
        refused,
        "too many"
    );
    assert_eq!(
        register(
            json!([rsa(json!({ "kid": "a" })), rsa(json!({ "kid": "a" }))]),
            json!({})
        ),
        refused,
        "one kid twice"
    );
    for alg in ["none", "HS256", "RS1"] {
        assert_eq!(
            register(
                json!([rsa(json!({}))]),
                json!({ "request_object_signing_alg": alg })
            ),
            refused,
            "{alg}"
        );
    }
    assert_eq!(
        register(
            json!([rsa(json!({}))]),
            json!({ "jwks": null, "require_signed_request_object": true })
        ),
        refused
    );
}

/// What waits for a user while the program is replaced is read by the other version, either way.
#[test]
fn a_stored_request_is_one_flat_object_as_it_always_was() {
    let before = serde_json::json!({
        "client_id": "app", "redirect_uri": "https://a.example/cb", "redirect_uri_sent": true, "mode": "query",
        "state": "s", "scope": "openid email", "nonce": "n", "max_age": 10, "login_hint": null, "hint_subject": "alice",
        "prompt": { "none": false, "login": true, "consent": false, "select_account": false },
        "ui_locales": null, "code_challenge": "c",
    });
    let request: AuthorizationRequest = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(request.grant.scope.to_string(), "openid email");
    assert_eq!(request.grant.max_age, Some(10));
    assert_eq!(request.route.nonce.as_deref(), Some("n"));
    assert_eq!(serde_json::to_value(&request).unwrap(), before);
}
