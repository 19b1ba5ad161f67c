//! HS256: the one case in which a client's secret is kept readable, and only as long as it is needed.

use latchkey_jose::JoseError;
use latchkey_operations::{ClientChange, OperationError, RegisteredClient};
use latchkey_protocol::{ClientId, client::Client, registration::Registration};
use serde_json::{Value, json};

use crate::support::*;

const HS256: &str = "HS256";

fn app(alg: &str) -> Registration {
    Registration::parse(&json!({
        "client_id": "app", "redirect_uris": ["https://app.example/callback"], "id_token_signed_response_alg": alg,
    }))
    .unwrap()
}

/// Registers an app with this algorithm.
async fn registered(world: &World, alg: &str) -> RegisteredClient {
    let operations = world.operations();
    let registered = operations.register_client(&secrets(), app(alg)).await;
    registered.unwrap()
}

async fn update(
    world: &World,
    metadata: &Value,
    new_secret: bool,
) -> Result<RegisteredClient, OperationError> {
    let change = ClientChange {
        new_secret,
        ..change_of(metadata)
    };
    let operations = world.operations();
    operations
        .update_client(&secrets(), &ClientId::new("app"), change)
        .await
}

/// As it is stored: the secret is there, and in no other form than these two.
fn assert_readable(client: &Client, secret: &str) {
    let sealed = client.sealed_secret.as_ref().unwrap();
    assert!(!sealed.contains(secret) && !sealed.contains("lk_secret"));
    assert_eq!(master().open(sealed).unwrap(), secret);
    assert_eq!(client.secret, Some(secrets().digest("app", secret)));
    assert!(!format!("{client:?}").contains(secret));
    assert!(secrets().id_token_key(client).is_ok());
}

#[tokio::test]
async fn the_secret_is_sealed_for_hs256_alone() {
    for alg in ["RS256", HS256] {
        let world = World::new();
        let new = registered(&world, alg).await;
        let stored = world
            .operations()
            .client(&ClientId::new("app"))
            .await
            .unwrap();
        assert_eq!(stored, new.client);
        let secret = new.secret.unwrap();
        if alg == HS256 {
            assert_readable(&stored, &secret);
        } else {
            assert_eq!(stored.sealed_secret, None);
            let refused = secrets().id_token_key(&stored).unwrap_err();
            assert_eq!(refused, JoseError::Algorithm(HS256.into()));
        }
    }
}

#[tokio::test]
async fn a_client_in_service_gets_hs256_with_a_new_secret_only() {
    let world = World::new();
    let before = registered(&world, "RS256").await;
    let hs256 = json!({ "id_token_signed_response_alg": HS256 });
    let refused = update(&world, &hs256, false).await.unwrap_err();
    assert!(matches!(&refused, OperationError::SecretUnreadable(id) if id == "app"));
    assert!(refused.to_string().contains("--new-secret"), "{refused}");
    let operations = world.operations();
    assert_eq!(
        operations.client(&ClientId::new("app")).await.unwrap(),
        before.client
    );

    let updated = update(&world, &hs256, true).await.unwrap();
    let secret = updated.secret.unwrap();
    assert_ne!(Some(&secret), before.secret.as_ref());
    let stored = operations.client(&ClientId::new("app")).await.unwrap();
    assert_eq!(stored, updated.client);
    assert_readable(&stored, &secret);

    // What has nothing to do with it needs no new one.
    let renamed = update(&world, &json!({ "client_name": "A" }), false).await;
    let renamed = renamed.unwrap();
    assert_eq!(renamed.secret, None);
    assert_readable(&renamed.client, &secret);
}

#[tokio::test]
async fn rotation_seals_the_new_secret_and_another_algorithm_removes_it() {
    let world = World::new();
    let id = ClientId::new("app");
    let first = registered(&world, HS256).await.secret.unwrap();
    let operations = world.operations();
    let rotated = operations
        .rotate_client_secret(&secrets(), &ClientId::new("app"), None)
        .await;
    let second = rotated.unwrap().secret.unwrap();
    assert_ne!(first, second);
    assert_readable(&operations.client(&id).await.unwrap(), &second);

    for away in [
        json!({ "id_token_signed_response_alg": null }),
        json!({ "id_token_signed_response_alg": null, "token_endpoint_auth_method": "none" }),
    ] {
        update(&world, &away, false).await.unwrap();
        let stored = operations.client(&id).await.unwrap();
        assert_eq!(stored.sealed_secret, None);
        if !stored.is_public() {
            // The same secret goes on, as a digest; back again it is unreadable.
            assert_eq!(stored.secret, Some(secrets().digest("app", &second)));
            let back = json!({ "id_token_signed_response_alg": HS256 });
            assert!(update(&world, &back, false).await.is_err());
        }
    }
    let refused = update(&world, &json!({}), true).await.unwrap_err();
    assert!(matches!(refused, OperationError::ClientPublic(_)));
    // A public client that is confidential again gets a secret anyway.
    let back = json!({ "id_token_signed_response_alg": HS256, "token_endpoint_auth_method": null });
    let again = update(&world, &back, false).await.unwrap();
    assert_readable(&again.client, &again.secret.unwrap());
}

#[tokio::test]
async fn a_secret_that_was_sealed_for_another_client_signs_nothing() {
    let world = World::new();
    let mut client = registered(&world, HS256).await.client;
    client.sealed_secret = Some(master().seal(&"another secret ".repeat(3)).unwrap());
    let refused = secrets().id_token_key(&client).unwrap_err();
    assert_eq!(refused, JoseError::Sealed);
}

#[tokio::test]
async fn a_rotation_and_a_change_of_algorithm_at_once_leave_what_belongs_together() {
    let hs256 = json!({ "id_token_signed_response_alg": HS256 });
    let rs256 = json!({ "id_token_signed_response_alg": null });
    for (from, change) in [("RS256", &hs256), (HS256, &rs256)] {
        let world = World::new();
        let id = ClientId::new("app");
        registered(&world, from).await;
        let secrets = secrets();
        let operations = world.operations();
        let (updated, rotated) = tokio::join!(
            update(&world, change, true),
            operations.rotate_client_secret(&secrets, &id, None)
        );
        let made = [updated.unwrap().secret, rotated.unwrap().secret];
        let stored = operations.client(&id).await.unwrap();
        let secret = made
            .iter()
            .flatten()
            .find(|made| stored.secret == Some(secrets.digest("app", made)));
        let secret = secret.expect("one of the two is in force");
        if stored.metadata.signs_with_secret() {
            assert_readable(&stored, secret);
        } else {
            assert_eq!(stored.sealed_secret, None);
        }
    }
}
