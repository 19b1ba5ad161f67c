//! `token_set`: what the tokens of one answer say.

use latchkey_protocol::{
    IdTokenAlgorithm, Issuer, Secret,
    authorization::RefreshFamily,
    authorize::ClaimsRequest,
    claims::CustomClaims,
    kind,
    token::{Grant, Holder, TokenIssuer, token_set},
};
use serde_json::{Value, json};

use crate::{LIFETIMES, NOW, authorization, client, scopes, user};

/// Of each token what it says; null where there is none.
struct Said {
    typ: &'static str,
    access: Value,
    id: Value,
    refresh: Value,
}

/// All is well: alice's first tokens, within her session.
struct World {
    metadata: Value,
    scope: &'static str,
    asked: &'static str,
    of_user: bool,
    session: bool,
    nonce: Option<&'static str>,
    refresh: bool,
}

const GOOD: World = World {
    metadata: Value::Null,
    scope: "openid",
    asked: "{}",
    of_user: true,
    session: true,
    nonce: Some("nonce"),
    refresh: false,
};

impl World {
    fn issue(&self) -> Said {
        let (client, scope, alice) = (
            client(self.metadata.clone()),
            scopes(self.scope),
            user("alice"),
        );
        let secret = format!("lk_refresh_{}", "c".repeat(43));
        let secret = Secret::<kind::RefreshToken>::presented(&secret).unwrap();
        let family = RefreshFamily::first(&secret, "kid", &LIFETIMES, NOW);
        let mut allowed = authorization(self.scope);
        allowed.asked_claims = ClaimsRequest::parse(self.asked, &client).unwrap();
        let holder = if self.of_user {
            Holder::User {
                user: &alice,
                authorization: &allowed,
                session: self.session,
                nonce: self.nonce,
                refresh: self.refresh.then_some((&secret, &family)),
            }
        } else {
            Holder::Client
        };
        let (custom_claims, audiences) = (CustomClaims::default(), ["old".to_owned()]);
        let issuer = TokenIssuer {
            name: &Issuer::new("i"),
            lifetimes: &LIFETIMES,
            custom_claims: &custom_claims,
            jwt_typ_audiences: &audiences,
        };
        let grant = Grant {
            client: &client,
            scope: &scope,
            holder,
            status: None,
        };
        let set = token_set(issuer, &grant, "random", NOW);
        if let Some((kid, _)) = &set.refresh_token {
            assert_eq!(*kid, "kid", "the key that signed it first");
        }
        let json = |value| serde_json::to_value(value).unwrap();
        Said {
            typ: set.access_token_typ.name(),
            access: serde_json::to_value(&set.access_token).unwrap(),
            id: json(set.id_token.map(|draft| draft.finish("signed"))),
            refresh: serde_json::to_value(set.refresh_token.map(|(_, token)| token)).unwrap(),
        }
    }
}

#[test]
fn a_user_gets_an_access_token_and_an_id_token_of_one_sign_in() {
    let said = GOOD.issue();
    let access = json!({
        "iss": "i", "sub": "alice", "aud": "i", "exp": NOW + 300, "iat": NOW, "jti": "authorization.random",
        "client_id": "app", "scope": "openid", "auth_time": NOW - 5, "acr": "1", "amr": ["pwd"], "sid": "here",
    });
    assert_eq!(said.access, access);
    let id = json!({
        "iss": "i", "sub": "alice", "aud": "app", "exp": NOW + 400, "iat": NOW, "auth_time": NOW - 5, "nonce": "nonce",
        "acr": "1", "amr": ["pwd"], "sid": "here", "at_hash": IdTokenAlgorithm::default().half_hash("signed"),
    });
    assert_eq!(said.id, id);
    assert_eq!((said.typ, said.refresh), ("at+jwt", Value::Null));
}

#[test]
fn a_client_gets_an_access_token_for_itself_and_nothing_else() {
    let metadata = json!({ "roles": ["worker"], "scope": "openid read", "audience": ["api"] });
    let said = World {
        metadata,
        of_user: false,
        scope: "read",
        ..GOOD
    }
    .issue();
    let access = json!({
        "iss": "i", "sub": "app", "aud": "api", "exp": NOW + 300, "iat": NOW, "jti": "random", "client_id": "app",
        "scope": "read", "roles": ["worker"],
    });
    assert_eq!(said.access, access);
    assert_eq!((said.id, said.refresh), (Value::Null, Value::Null));
    let said = World {
        of_user: false,
        ..GOOD
    }
    .issue();
    assert_eq!(said.id, Value::Null, "no ID token, whatever the scope");
}

#[test]
fn a_refresh_says_no_nonce_and_its_token_names_the_family() {
    let said = World {
        nonce: None,
        refresh: true,
        ..GOOD
    }
    .issue();
    assert_eq!(said.id.get("nonce"), None);
    let refresh = json!({
        "iss": "i", "aud": "i", "client_id": "app", "authorization": "authorization",
        "jti": format!("lk_refresh_{}", "c".repeat(43)), "iat": NOW, "exp": NOW + 1000,
    });
    assert_eq!(said.refresh, refresh);
}

#[test]
fn what_outlives_its_session_does_not_name_it() {
    let said = World {
        session: false,
        ..GOOD
    }
    .issue();
    assert_eq!(said.access.get("sid"), None);
    assert_eq!(said.id["sid"], "here", "the sign-in that it was");
}

#[test]
fn without_openid_there_is_no_id_token() {
    let said = World {
        scope: "email",
        ..GOOD
    }
    .issue();
    assert_eq!(said.id, Value::Null);
    assert_eq!(said.access["sub"], "alice");
}

#[test]
fn an_access_token_is_of_the_type_that_is_registered_or_that_its_audience_needs() {
    for (metadata, typ) in [
        (json!({}), "at+jwt"),
        (json!({ "audience": ["api"] }), "at+jwt"),
        (json!({ "audience": ["api", "old"] }), "JWT"),
        (
            json!({ "audience": ["old"], "access_token_typ": "at+jwt" }),
            "at+jwt",
        ),
        (json!({ "access_token_typ": "JWT" }), "JWT"),
    ] {
        let told = metadata.to_string();
        let said = World { metadata, ..GOOD }.issue();
        assert_eq!(said.typ, typ, "{told}");
    }
}

#[test]
fn tokens_say_of_the_user_what_was_granted() {
    let said = World {
        scope: "openid email groups",
        ..GOOD
    }
    .issue();
    assert_eq!(said.access["groups"], json!(["staff"]));
    assert_eq!(said.access.get("roles"), None, "not granted");
    assert_eq!(said.access.get("email"), None, "not in an access token");
    assert_eq!(
        (&said.id["email"], &said.id["groups"]),
        (&json!("alice@example.org"), &json!(["staff"]))
    );
    let said = World {
        metadata: json!({ "id_token_claims": "minimal" }),
        scope: "openid email",
        ..GOOD
    }
    .issue();
    assert_eq!(said.id.get("email"), None, "at UserInfo alone");
    let said = World {
        asked: r#"{"id_token":{"email":null}}"#,
        ..GOOD
    }
    .issue();
    assert_eq!(said.id["email"], "alice@example.org", "asked for by name");
}

#[test]
fn roles_may_be_mapped_to_access_tokens_of_another_scope() {
    let custom = json!({
        "roles": { "claim": "roles", "in": ["access_token"], "scope": "openid" },
        "tier": { "value": 3, "in": ["access_token", "id_token"], "scope": "openid" },
    });
    let said = World {
        metadata: json!({ "custom_claims": custom }),
        ..GOOD
    }
    .issue();
    assert_eq!(said.access["roles"], json!(["admin"]));
    assert_eq!(
        (&said.access["tier"], &said.id["tier"]),
        (&json!(3), &json!(3))
    );
}
