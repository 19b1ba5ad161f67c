//! What ends with which token (RFC 7009).

use latchkey_protocol::{
    AuthorizationId,
    claims::{AccessToken, RefreshToken},
    revocation::{Revocation, of_access_token, of_refresh_token},
    status::StatusClaim,
};
use serde_json::json;

use crate::{NOW, client};

#[test]
fn a_refresh_token_ends_its_authorization_and_only_its_own_client_can() {
    let app = client(json!({}));
    for (of, expected) in [
        (
            "app",
            Revocation::Authorization(&AuthorizationId::new("authorization")),
        ),
        ("other", Revocation::Nothing),
    ] {
        let token = json!({
            "iss": "i", "aud": "i", "client_id": of, "authorization": "authorization", "jti": "j", "iat": 0, "exp": 0,
        });
        let token: RefreshToken = serde_json::from_value(token).unwrap();
        assert_eq!(of_refresh_token(&token, &app), expected, "{of}");
    }
}

#[test]
fn an_access_token_ends_itself_until_it_would_have_expired() {
    let app = client(json!({}));
    let exp = NOW + 1;
    let entry = json!({ "status_list": { "idx": 7, "uri": "https://i.example/status-lists/0" } });
    let entry: StatusClaim = serde_json::from_value(entry).unwrap();
    let (jti, status) = ("j", Some(&entry));
    for (of, exp, expected) in [
        ("app", exp, Revocation::AccessToken { jti, exp, status }),
        ("app", NOW, Revocation::Nothing),
        ("other", exp, Revocation::Nothing),
    ] {
        let token = json!({
            "iss": "i", "sub": "alice", "aud": "app", "client_id": of, "jti": "j", "iat": 0, "exp": exp,
            "status": entry,
        });
        let token: AccessToken = serde_json::from_value(token).unwrap();
        assert_eq!(of_access_token(&token, &app, NOW), expected, "{of} {exp}");
    }
}
