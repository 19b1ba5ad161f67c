//! Clients.

use latchkey_operations::{ClientChange, Operation, OperationError, client_information};
use latchkey_protocol::ClientId;
use latchkey_protocol::page::Page;
use latchkey_protocol::registration::Registration;
use serde_json::{Value, json};

use crate::support::*;

fn app(more: Value) -> Registration {
    let mut metadata =
        json!({ "client_id": "app", "redirect_uris": ["https://app.example/callback"] });
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap());
    Registration::parse(&metadata).unwrap()
}

/// Of the input, that are wrong.
fn members(refused: &OperationError) -> Vec<String> {
    let errors = refused.field_errors().into_iter();
    errors.map(|error| error.member().to_owned()).collect()
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_digest() {
    let world = World::new();
    let id = ClientId::new("app");
    let operations = world.operations();
    let registered = operations.register_client(&secrets(), app(json!({}))).await;
    let registered = registered.unwrap();
    let secret = registered.secret.clone().unwrap();
    assert_eq!(registered.response()["client_secret"], json!(secret));
    assert!(!format!("{registered:?}").contains(&secret));
    let stored = operations.client(&id).await.unwrap();
    assert_eq!(stored.secret, Some(secrets().digest("app", &secret)));
    assert_eq!(client_information(&stored).get("client_secret"), None);

    let another = operations
        .rotate_client_secret(&secrets(), &ClientId::new("app"), None)
        .await;
    let another = another.unwrap();
    assert_ne!(another.secret.as_ref(), Some(&secret));
    assert_eq!(another.response()["client_secret_expires_at"], 0);
    assert_eq!(another.client, operations.client(&id).await.unwrap());
    assert_eq!(
        world.events().await,
        [
            (Operation::ClientCreate, "app".into()),
            (Operation::ClientRotateSecret, "app".into())
        ]
    );
}

#[tokio::test]
async fn a_client_that_becomes_public_loses_its_secret_and_gets_a_new_one_when_it_is_no_more() {
    let world = World::new();
    let id = ClientId::new("app");
    let operations = world.operations();
    let secrets = secrets();
    let registered = operations.register_client(&secrets, app(json!({}))).await;
    let first = registered.unwrap().secret;
    let update = async |method: Value| {
        let change = json!({ "token_endpoint_auth_method": method });
        let updated = operations.update_client(&secrets, &id, change_of(&change));
        let updated = updated.await.unwrap();
        assert_eq!(updated.client, operations.client(&id).await.unwrap());
        updated
    };
    let same = update(json!("client_secret_post")).await;
    assert!(same.secret.is_none() && same.client.secret.is_some());
    let public = update(json!("none")).await;
    assert!(public.secret.is_none() && public.client.secret.is_none());
    let refused = operations
        .rotate_client_secret(&secrets, &ClientId::new("app"), None)
        .await;
    let sentence = refused.unwrap_err().to_string();
    assert_eq!(sentence, "app is a public client: it has no secret");
    let again = update(Value::Null).await;
    assert!(again.secret.is_some() && again.secret != first);
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_and_changes_nothing() {
    let world = World::new();
    let operations = world.operations();
    let secrets = secrets();
    let registered = operations.register_client(&secrets, app(json!({}))).await;
    let before = registered.unwrap().client;
    world.events().await;
    let taken = operations.register_client(&secrets, app(json!({}))).await;
    assert!(matches!(taken, Err(OperationError::ClientIdTaken(id)) if id == "app"));
    // Coordinates of the right length, of no point of the curve.
    let x = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
    let keys = json!({ "jwks": { "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": x }] } });
    let mut registration = app(keys.clone());
    registration.client_id = Some("other".into());
    let refused = operations.register_client(&secrets, registration).await;
    assert!(matches!(refused, Err(OperationError::Metadata(_))));

    let update = async |id: &str, change: &Value| {
        let updated = operations
            .update_client(&secrets, &ClientId::new(id), change_of(change))
            .await;
        updated.unwrap_err().to_string()
    };
    for (id, change, part) in [
        ("app", keys, "jwks: "),
        (
            "app",
            json!({ "client_id": "other" }),
            "another client_id than app",
        ),
        (
            "app",
            json!({ "redirect_uris": ["http://app.example/"] }),
            "invalid_redirect_uri",
        ),
        ("other", json!({}), "there is no client other"),
    ] {
        let sentence = update(id, &change).await;
        assert!(sentence.contains(part), "{change}: {sentence}");
    }
    let deleted = operations.delete_client(&ClientId::new("other")).await;
    assert!(matches!(deleted, Err(OperationError::ClientUnknown(_))));
    assert_eq!(
        operations.clients(&Page::first(100)).await.unwrap(),
        [before]
    );
    assert_eq!(world.events().await, []);
    operations
        .delete_client(&ClientId::new("app"))
        .await
        .unwrap();
    assert_eq!(operations.clients(&Page::first(100)).await.unwrap(), []);
    assert_eq!(
        world.events().await,
        [(Operation::ClientDelete, "app".into())]
    );
}

#[tokio::test]
async fn a_refusal_names_the_member_that_it_is_about() {
    let world = World::new();
    let id = ClientId::new("app");
    let operations = world.operations();
    let secrets = secrets();
    operations
        .register_client(&secrets, app(json!({})))
        .await
        .unwrap();
    for (change, field) in [
        (json!({ "client_id": "other" }), "client_id"),
        (json!({ "client_secret": "short" }), "client_secret"),
        (
            json!({ "redirect_uris": ["http://app.example/"] }),
            "redirect_uris",
        ),
        (json!({ "redirect_uris": 1 }), "redirect_uris"),
        (json!({ "logo_uri": "app" }), "logo_uri"),
        (json!({ "default_max_age": -1 }), "default_max_age"),
        (
            json!({ "implied_scope": "offline_access" }),
            "implied_scope",
        ),
        (json!({ "response_types": ["token"] }), "response_types"),
        (
            json!({ "id_token_signed_response_alg": "HS256" }),
            "id_token_signed_response_alg",
        ),
        (
            json!({ "id_token_signed_response_alg": "ES256" }),
            "id_token_signed_response_alg",
        ),
    ] {
        let updated = operations
            .update_client(&secrets, &id, change_of(&change))
            .await;
        let refused = updated.unwrap_err();
        assert_eq!(members(&refused), [field], "{change}: {refused}");
    }
    let taken = operations.register_client(&secrets, app(json!({}))).await;
    assert_eq!(members(&taken.unwrap_err()), ["client_id"]);
}

#[tokio::test]
async fn a_new_secret_and_a_given_one_are_refused_together() {
    let world = World::new();
    let id = ClientId::new("app");
    let operations = world.operations();
    let secrets = secrets();
    let given = json!({ "client_secret": "0123456789abcdef0123456789abcdef" });
    let registered = operations.register_client(&secrets, app(given.clone()));
    let before = registered.await.unwrap().client;
    world.events().await;
    // An algorithm without a key: what is wrong is said before a key is made for it.
    let elliptic = json!({
        "client_secret": given["client_secret"], "id_token_signed_response_alg": "ES256",
    });
    for metadata in [&given, &elliptic] {
        let change = ClientChange {
            new_secret: true,
            ..change_of(metadata)
        };
        let updated = operations.update_client(&secrets, &id, change).await;
        let refused = updated.unwrap_err();
        assert_eq!(members(&refused), ["client_secret"], "{refused}");
        assert!(refused.to_string().contains("client_secret"), "{refused}");
    }
    assert_eq!(operations.client(&id).await.unwrap(), before);
    assert_eq!(world.events().await, []);
    // Each alone is taken.
    let null = json!({ "client_secret": null });
    let new = ClientChange {
        new_secret: true,
        ..change_of(&null)
    };
    let made = operations.update_client(&secrets, &id, new).await;
    assert!(
        made.unwrap()
            .secret
            .is_some_and(|s| given["client_secret"] != s)
    );
    let back = operations.update_client(&secrets, &id, change_of(&given));
    assert_eq!(json!(back.await.unwrap().secret), given["client_secret"]);
}
