//! Who may ask about which token (RFC 7662).

use latchkey_protocol::{
    ClientId, Issuer, Reason, Secret,
    authorization::{Context, RefreshFamily},
    claims::{AccessToken, RefreshToken},
    introspection::{may_ask, may_see, refresh_token},
    kind,
};
use serde_json::json;

use crate::{LIFETIMES, NOW, authorization, client, context};

#[test]
fn a_public_client_may_not_ask() {
    let public = client(json!({ "token_endpoint_auth_method": "none" }));
    let refused = may_ask(&public).map_err(|refused| refused.reason);
    assert_eq!(refused, Err(Reason::ClientAuthMissing));
    assert_eq!(may_ask(&client(json!({}))), Ok(()));
}

#[test]
fn an_access_token_is_seen_by_its_client_and_its_audience() {
    let app = client(json!({}));
    for (of, aud, expected) in [
        ("app", vec!["api"], Ok(())),
        ("other", vec!["api", "app"], Ok(())),
        ("other", vec!["api"], Err(Reason::TokenNotForCaller)),
        ("other", vec![], Err(Reason::TokenNotForCaller)),
    ] {
        let token = json!({
            "iss": "i", "sub": "alice", "aud": aud, "exp": 0, "iat": 0, "jti": "j", "client_id": of,
        });
        let token: AccessToken = serde_json::from_value(token).unwrap();
        let seen = may_see(&token, &app).map_err(|refused| refused.reason);
        assert_eq!(seen, expected, "{of} {aud:?}");
    }
}

fn secret(letter: &str) -> Secret<kind::RefreshToken> {
    let text = format!("lk_refresh_{}", letter.repeat(43));
    Secret::<kind::RefreshToken>::presented(&text).unwrap()
}

/// All is well: the current token of a family.
fn world() -> (Context, RefreshToken) {
    let mut allowed = authorization("openid");
    allowed.refresh = Some(RefreshFamily::first(&secret("c"), "kid", &LIFETIMES, NOW));
    let token = RefreshToken {
        iss: Issuer::new("i"),
        aud: Issuer::new("i"),
        client_id: ClientId::new("app"),
        authorization: allowed.id.clone(),
        jti: secret("c").expose().into(),
        iat: NOW,
        exp: NOW + 1000,
    };
    (context(allowed), token)
}

type Row = (&'static str, fn(&mut Context, &mut RefreshToken), bool);

#[test]
fn a_refresh_token_is_seen_while_it_could_be_used() {
    let table: [Row; 8] = [
        ("the current one", |_, _| {}, true),
        ("it ends in a second", |_, t| t.exp = NOW + 1, true),
        ("it ends now", |_, t| t.exp = NOW, false),
        (
            "an older one",
            |_, t| t.jti = secret("p").expose().into(),
            false,
        ),
        ("no secret", |_, t| t.jti = "j".into(), false),
        ("no family", |c, _| c.authorization.refresh = None, false),
        (
            "of another client",
            |c, _| c.authorization.client_id = ClientId::new("other"),
            false,
        ),
        ("the session is gone", |c, _| c.session = None, false),
    ];
    for (name, change, expected) in table {
        let (mut context, mut token) = world();
        change(&mut context, &mut token);
        let seen = refresh_token(&context, &token, &client(json!({})), NOW);
        assert_eq!(seen.is_some(), expected, "{name}");
    }
    let (context, token) = world();
    let seen = refresh_token(&context, &token, &client(json!({})), NOW);
    let expected = json!({
        "active": true, "token_type": "refresh_token", "iss": "i", "client_id": "app", "sub": "alice",
        "scope": "openid", "iat": NOW, "exp": NOW + 1000,
    });
    assert_eq!(
        serde_json::to_value(seen).unwrap(),
        expected,
        "no secret in it"
    );
}
