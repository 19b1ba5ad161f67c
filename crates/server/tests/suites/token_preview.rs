//! What the preview shows is what a flow gives, and nothing of it is issued or written.

use latchkey_conformance::Failure;
use latchkey_operations::{TokenPreview, TokenRules};
use latchkey_protocol::{ClientId, Reason, claims::ClaimGround, token::VARIES};
use latchkey_server::wiring::OsEntropy;
use serde_json::{Value, json};

use crate::{claims::*, support::*};

async fn preview(h: &Harness, client: &str, user: Option<&str>, scope: &str) -> TokenPreview {
    let mut operations = operations(&*h.store, &OsEntropy);
    operations.now = h.moment();
    let rules = TokenRules::of(&h.app.ui.only_realm);
    let client = ClientId::new(client);
    let previewed = operations.preview_tokens(rules, &client, user, scope);
    previewed.await.unwrap()
}

/// As the preview writes it: what is another one each time is there, and not compared.
fn comparable(claims: &Value) -> Value {
    let mut claims = claims.clone();
    for name in ["jti", "sid", "nonce", "at_hash", "status"] {
        if let Some(value) = claims.get_mut(name) {
            *value = VARIES.into();
        }
    }
    claims
}

#[test]
fn the_preview_is_what_a_sign_in_gives() {
    const ALL: &str = "openid profile email phone address groups roles offline_access";
    on_both(async |h| {
        let store = &*h.store;
        let mapping =
            json!({ "claim": "nickname", "in": ["access_token", "id_token"], "scope": "profile" });
        let mapping = serde_json::from_value(mapping).unwrap();
        let operations = operations(store, &OsEntropy);
        operations
            .set_custom_claim("handle", &mapping, None)
            .await
            .unwrap();
        h.app
            .provider
            .use_custom_claims(store.custom_claims().await.unwrap());
        let cases = [
            ("all", json!({}), ALL),
            ("few", json!({}), "openid"),
            ("minimal", json!({ "id_token_claims": "minimal" }), ALL),
            (
                "audience",
                json!({ "audience": ["https://api.example", "other"] }),
                "openid email",
            ),
            (
                "api",
                json!({ "audience": ["https://api.example"], "scope": "email roles" }),
                "email roles",
            ),
            (
                "limited",
                json!({ "access": { "groups": ["blue"] }, "roles": ["batch"] }),
                "openid groups",
            ),
            (
                "narrow",
                json!({ "scope": "openid email", "refresh": "always" }),
                ALL,
            ),
            (
                "implied",
                json!({ "implied_scope": "groups roles" }),
                "openid",
            ),
            (
                "custom",
                json!({ "custom_claims": {
                    "handle": { "value": "own", "in": ["userinfo"], "scope": "email" },
                    "tenant": { "value": 7, "in": ["id_token", "access_token", "userinfo"], "scope": "tenant" },
                    "missing": { "attribute": "nothing" },
                    "groups": { "claim": "groups", "in": ["access_token"], "scope": "openid" },
                }}),
                "openid email tenant",
            ),
            ("typed", json!({ "access_token_typ": "JWT" }), "openid"),
        ];
        for (id, metadata, scope) in cases {
            register_with(&h, id, &metadata).await;
            let asked = [("client_id", id), ("scope", scope)];
            let mut tokens = exchange_as(&h, id, &h.browser().authorize(&asked).await).await;
            if tokens["id_token"].is_null() {
                // No ID token without openid: an access token in its place says nothing that is looked at.
                tokens["id_token"] = tokens["access_token"].clone();
                assert!(!scope.contains("openid"), "{id}");
            }
            let given = Said::of(&h, &tokens).await;
            let shown = preview(&h, id, Some("alice"), scope).await.to_json();
            assert_eq!(
                shown["access_token"]["claims"],
                comparable(&given.access_token),
                "{id}"
            );
            match &shown["id_token"] {
                Value::Null => assert!(!scope.contains("openid"), "{id}"),
                shown => assert_eq!(shown["claims"], comparable(&given.id_token), "{id}"),
            }
            match shown["userinfo"].get("claims") {
                Some(shown) => assert_eq!(*shown, given.userinfo, "{id}"),
                None => {
                    let refused = shown["userinfo"]["refused"]["error"].as_str().unwrap();
                    assert_eq!(refused, "invalid_token", "{id}: it is for another API");
                    assert!(
                        given.userinfo.get("sub").is_none(),
                        "{id} {}",
                        given.userinfo
                    );
                }
            }
            assert_eq!(
                shown["refresh_token"],
                given.refresh_token.is_some(),
                "{id}"
            );
            assert_eq!(shown["asks_consent"], false, "{id}: it is trusted");
        }
    });
}

#[test]
fn the_preview_of_a_client_for_itself_is_what_it_gets() {
    on_both(async |h| {
        let metadata = json!({
            "audience": ["https://api.example"], "roles": ["batch"], "scope": "read write",
            "custom_claims": { "tenant": { "value": 7, "in": ["access_token"], "scope": "read" } },
        });
        register_with(&h, "machine", &metadata).await;
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "read"),
            ("client_id", "machine"),
            ("client_secret", SECRET),
        ];
        let given = h.post("/token", &form).await.json;
        let shown = preview(&h, "machine", None, "read").await.to_json();
        let claims = comparable(&claims(&given["access_token"]));
        assert_eq!(shown["access_token"]["claims"], claims);
        assert!(shown["id_token"].is_null() && shown["userinfo"].is_null());
        let refused = preview(&h, "machine", None, "elsewhere").await.outcome;
        assert_eq!(refused.unwrap_err().reason, Reason::ScopeUnknown);
        let none = preview(&h, "native", None, "").await.outcome;
        assert_eq!(none.unwrap_err().reason, Reason::GrantNotAllowed);
    });
}

/// What a browser or the client would hear, the preview says too.
#[test]
fn the_preview_is_refused_where_a_sign_in_is() {
    on_both(async |h| {
        let limited = json!({ "access": { "groups": ["nobody's"] } });
        register_with(&h, "limited", &limited).await;
        let machine = json!({ "grant_types": ["client_credentials"], "redirect_uris": [] });
        register_with(&h, "machine", &machine).await;
        register_with(&h, "stopped", &json!({})).await;
        let operations = operations(&*h.store, &OsEntropy);
        operations
            .disable_client(&ClientId::new("stopped"))
            .await
            .unwrap();
        let refused = async |client, user, scope| {
            let outcome = preview(&h, client, Some(user), scope).await.outcome;
            outcome.unwrap_err().reason
        };
        assert_eq!(
            refused("limited", "alice", "openid").await,
            Reason::UserNotAdmitted
        );
        let heard = h
            .browser()
            .authorize(&[("client_id", "limited"), ("prompt", "none")])
            .await;
        assert_eq!(heard["error"], "login_required", "nobody is signed in");
        assert_eq!(
            refused("machine", "alice", "openid").await,
            Reason::GrantNotAllowed
        );
        assert_eq!(
            refused("stopped", "alice", "openid").await,
            Reason::ClientDisabled
        );
        assert_eq!(refused("app", "alice", "a\"b").await, Reason::ScopeUnknown);
        let last = latchkey_protocol::store::LastAdministrator::Stays;
        operations.disable_user("bob", last).await.unwrap();
        assert_eq!(refused("app", "bob", "openid").await, Reason::UserDisabled);
        let asked = preview(&h, "app", Some("alice"), "openid").await.outcome;
        assert!(
            asked.unwrap().asks_consent,
            "it is not trusted, and was allowed nothing"
        );
        h.tokens(&h.browser()).await;
        let asked = preview(&h, "app", Some("alice"), "openid").await.outcome;
        assert!(!asked.unwrap().asks_consent);
        let more = preview(&h, "app", Some("alice"), "openid groups")
            .await
            .outcome;
        assert!(more.unwrap().asks_consent);
    });
}

#[test]
fn each_claim_is_there_or_not_for_the_reason_that_is_said() {
    on_both(async |h| {
        let metadata = json!({
            "scope": "openid profile email phone tenant", "id_token_claims": "minimal",
            "custom_claims": {
                "tenant": { "value": 7, "in": ["id_token"], "scope": "tenant" },
                "floor": { "attribute": "floor" },
            },
        });
        register_with(&h, "c", &metadata).await;
        let shown = preview(&h, "c", Some("bob"), "openid email tenant groups").await;
        let given = shown.outcome.unwrap();
        assert_eq!(given.ignored_scope.to_string(), "groups");
        let why = |place: &str, claim: &str| {
            let found = given
                .claims
                .iter()
                .find(|c| c.place.name() == place && c.claim == claim);
            found
                .unwrap_or_else(|| panic!("{place} {claim}"))
                .ground
                .clone()
        };
        let scope = str::to_owned;
        for (place, claim, ground) in [
            ("id_token", "iss", ClaimGround::Protocol),
            ("id_token", "email", ClaimGround::IdTokenMinimal),
            (
                "id_token",
                "tenant",
                ClaimGround::CustomOwn(scope("tenant")),
            ),
            ("id_token", "floor", ClaimGround::NoValue),
            ("userinfo", "email", ClaimGround::Scope(scope("email"))),
            (
                "userinfo",
                "email_verified",
                ClaimGround::Scope(scope("email")),
            ),
            (
                "userinfo",
                "name",
                ClaimGround::ScopeNotAsked(scope("profile")),
            ),
            (
                "userinfo",
                "phone_number",
                ClaimGround::ScopeNotAsked(scope("phone")),
            ),
            (
                "userinfo",
                "address",
                ClaimGround::ScopeNotAllowed(scope("address")),
            ),
            ("userinfo", "tenant", ClaimGround::OtherPlace),
            (
                "access_token",
                "groups",
                ClaimGround::ScopeNotAllowed(scope("groups")),
            ),
            ("access_token", "email", ClaimGround::OtherPlace),
        ] {
            assert_eq!(why(place, claim), ground, "{place} {claim}");
        }
        for claim in &given.claims {
            let is_there = matches!(
                claim.ground,
                ClaimGround::Protocol
                    | ClaimGround::Scope(_)
                    | ClaimGround::CustomForAll(_)
                    | ClaimGround::CustomOwn(_)
                    | ClaimGround::ClientRoles
            );
            assert_eq!(is_there, claim.is_said, "{claim:?}");
        }
    });
}

#[test]
fn a_preview_reads_four_things_and_writes_none() {
    on_both(async |h| {
        let mut verbs = Vec::new();
        let operations = operations(&*h.store, &OsEntropy);
        let (client, rules) = (ClientId::new("app"), TokenRules::of(&h.app.ui.only_realm));
        for after in 0.. {
            h.flaky.fail(after, Failure::Before);
            let shown = operations
                .preview_tokens(rules, &client, Some("alice"), "openid")
                .await;
            match h.flaky.calm() {
                Some(verb) => verbs.push(verb),
                None => {
                    assert!(shown.is_ok());
                    break;
                }
            }
        }
        assert_eq!(
            verbs,
            ["client_now", "user_by_login", "custom_claims", "consent"]
        );
    });
}
