//! Other providers, and who users are there.

use latchkey_conformance::samples::identity;
use latchkey_operations::{NewUpstream, Operation, OperationError, UpstreamChange};
use latchkey_protocol::{
    audit::TargetKind,
    upstream::{EmailTrust, Upstream},
};
use serde_json::{Value, json};

use crate::support::*;

fn settings() -> Value {
    json!({
        "title": "Another", "client_id": "c", "protocol": { "kind": "oidc", "issuer": "https://other.example" },
    })
}

async fn made(world: &World, name: &str, settings: &Value) -> Result<Upstream, OperationError> {
    let new = NewUpstream {
        name,
        preset: None,
        settings,
        secret: Some("their secret"),
    };
    world.operations().create_upstream(&master(), new).await
}

async fn changed(
    world: &World,
    settings: Value,
    secret: Option<&str>,
    seen: Option<i64>,
) -> Result<Upstream, OperationError> {
    let change = UpstreamChange {
        settings: &settings,
        secret,
    };
    let operations = world.operations();
    operations
        .update_upstream(&master(), "other", change, seen)
        .await
}

#[tokio::test]
async fn a_provider_is_added_changed_disabled_and_deleted_and_its_secret_stands_nowhere() {
    let world = World::new();
    let new = made(&world, "other", &settings()).await.unwrap();
    let sealed = new.sealed_secret.clone().unwrap();
    assert_eq!(master().open(&sealed).unwrap(), "their secret");
    let stored = world.operations().upstream("other").await.unwrap();
    assert_eq!(stored, new);
    let trust = json!({ "trust": { "email": "all" }, "hidden": true });
    let after = changed(&world, trust, None, Some(new.version))
        .await
        .unwrap();
    assert_eq!(
        (after.version, after.settings.trust.email),
        (new.version + 1, EmailTrust::All)
    );
    assert_eq!(after.sealed_secret.as_deref(), Some(sealed.as_str()));
    assert_eq!(after.settings.title, "Another", "what is not named stays");
    let again = changed(&world, json!({}), Some("another"), None)
        .await
        .unwrap();
    assert_eq!(
        master()
            .open(again.sealed_secret.as_ref().unwrap())
            .unwrap(),
        "another"
    );
    let late = changed(&world, json!({}), None, Some(after.version))
        .await
        .unwrap_err();
    assert!(matches!(late, OperationError::Contended(_)), "{late}");
    let operations = world.operations();
    let off = operations
        .set_upstream_disabled("other", true, None)
        .await
        .unwrap();
    assert_eq!(off.disabled_at, Some(NOW));
    let on = operations
        .set_upstream_disabled("other", false, Some(off.version))
        .await
        .unwrap();
    assert!(on.is_enabled());
    operations
        .delete_upstream("other", false, None)
        .await
        .unwrap();
    let gone = operations.upstream("other").await.unwrap_err();
    assert_eq!(gone.to_string(), "there is no provider other");
    let entries = world.entries().await;
    let done: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    let expected = [
        "upstream create",
        "upstream update",
        "upstream update",
        "upstream disable",
        "upstream enable",
        "upstream delete",
    ];
    assert_eq!(done, expected);
    for entry in entries {
        assert_eq!(entry.target.unwrap().kind, TargetKind::Upstream);
        let said = json!(entry.details).to_string();
        assert!(
            !said.contains("their secret") && !said.contains(&sealed),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_nothing() {
    let world = World::new();
    made(&world, "other", &settings()).await.unwrap();
    world.events().await;
    let of = |issuer: &str| json!({ "protocol": { "kind": "oidc", "issuer": issuer } });
    let mut same = settings();
    same["title"] = "Same".into();
    for (name, given, expected) in [
        (
            "other",
            settings(),
            "there is already a provider called other",
        ),
        (
            "same",
            same,
            "there is already a provider with the issuer https://other.example",
        ),
        (
            "Not",
            settings(),
            "the name of a provider is 1 to 32 small letters, digits and hyphens",
        ),
        ("bare", json!({ "title": "t" }), "missing field `protocol`"),
        ("bare", of("http://plain.example"), "missing field `title`"),
    ] {
        let refused = made(&world, name, &given).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    let public = json!({ "client_auth": { "method": "none" } });
    let refused = changed(&world, public.clone(), Some("s"), None)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a secret is given, and client_auth.method is none"
    );
    let bare = changed(&world, public, None, None).await.unwrap();
    assert_eq!(bare.sealed_secret, None);
    let secret = json!({ "client_auth": { "method": "client_secret_post" } });
    let refused = changed(&world, secret, None, None).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no secret, which client_auth.method needs"
    );
    let unknown = NewUpstream {
        name: "x",
        preset: Some("nobody"),
        settings: &json!({}),
        secret: None,
    };
    let refused = world
        .operations()
        .create_upstream(&master(), unknown)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("there is no preset nobody"),
        "{refused}"
    );
    assert_eq!(
        world.events().await,
        [(Operation::UpstreamUpdate, "other".into())]
    );
}

#[tokio::test]
async fn an_identity_is_linked_on_an_administrators_word_and_unlinked_with_its_sessions() {
    let world = World::new();
    let (alice, _bob) = (world.add("alice").await, world.add("bob").await);
    made(&world, "other", &settings()).await.unwrap();
    world.events().await;
    let operations = world.operations();
    let linked = operations
        .link_identity("alice", "other", None, "42")
        .await
        .unwrap();
    assert_eq!(
        (linked.key.issuer.as_str(), linked.key.subject.as_str()),
        ("https://other.example", "42")
    );
    let (_, all) = operations.identities("alice").await.unwrap();
    assert_eq!(all, [linked]);
    let taken = operations
        .link_identity("bob", "other", None, "42")
        .await
        .unwrap_err();
    assert_eq!(
        taken.to_string(),
        "the identity 42 is linked to a user already"
    );
    let foreign = operations.link_identity("bob", "other", Some("https://evil.example"), "43");
    assert_eq!(
        foreign.await.unwrap_err().to_string(),
        "other has no users of https://evil.example"
    );
    let refused = operations
        .delete_upstream("other", false, None)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "1 identities are linked through other");
    let moved = json!({ "protocol": { "issuer": "https://new.example" } });
    let refused = changed(&world, moved, Some("s"), None).await.unwrap_err();
    assert!(
        matches!(refused, OperationError::UpstreamIssuerInUse(_)),
        "{refused}"
    );
    let unknown = operations
        .unlink_identity("bob", "other", "42", false)
        .await
        .unwrap_err();
    assert_eq!(unknown.to_string(), "bob has no such identity at other");
    let unlinked = operations
        .unlink_identity("alice", "other", "42", false)
        .await
        .unwrap();
    assert_eq!(
        (unlinked.identity.user_id, unlinked.sessions),
        (alice.id, 0)
    );
    let expected = [
        (Operation::UserLink, "alice".to_owned()),
        (Operation::UserUnlink, "alice".to_owned()),
    ];
    assert_eq!(world.events().await, expected);
}

#[tokio::test]
async fn the_last_way_in_is_unlinked_only_by_force() {
    let world = World::new();
    let made = made(&world, "other", &settings()).await.unwrap();
    let new = latchkey_operations::NewUser {
        username: "bare".into(),
        ..latchkey_operations::NewUser::default()
    };
    let bare = world.operations().create_user(&key(), new).await.unwrap();
    let mut own = identity("other", "1", &bare.id);
    own.key.issuer = "https://other.example".into();
    world
        .store
        .link_identity(&own, bare.version, made.version)
        .await
        .unwrap();
    let operations = world.operations();
    let refused = operations
        .unlink_identity("bare", "other", "1", false)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "bare has no other way to sign in");
    operations
        .unlink_identity("bare", "other", "1", true)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_secret_that_is_kept_goes_nowhere_else_and_a_key_is_one() {
    let world = World::new();
    made(&world, "other", &settings()).await.unwrap();
    for moved in [
        json!({ "client_auth": { "method": "client_secret_post" } }),
        json!({ "protocol": { "issuer": "https://evil.example" } }),
    ] {
        let refused = changed(&world, moved, None, None).await.unwrap_err();
        assert!(refused.to_string().contains("give it again"), "{refused}");
    }
    let signed = json!({
        "client_auth": { "method": "signed_secret", "team_id": "t", "key_id": "k", "audience": "https://other.example" },
    });
    let refused = changed(&world, signed, Some("no key"), None)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the secret is no private key for ES256 (PEM)"
    );
}
