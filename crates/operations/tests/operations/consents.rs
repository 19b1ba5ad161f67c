//! Consents.

use latchkey_operations::{Operation, OperationError};
use latchkey_protocol::ClientId;
use latchkey_protocol::registration::Registration;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_consent_that_nobody_gave_cannot_be_taken_back_and_is_not_recorded() {
    let world = World::new();
    world.add("alice").await;
    let app = json!({ "client_id": "app", "redirect_uris": ["https://app.example/callback"] });
    let app = Registration::parse(&app).unwrap();
    let operations = world.operations();
    operations.register_client(&secrets(), app).await.unwrap();
    world.events().await;
    let refused = async |user: &str, client: &str| {
        let refused = operations
            .revoke_consent(user, &ClientId::new(client))
            .await;
        refused.unwrap_err()
    };
    assert!(matches!(
        refused("bob", "app").await,
        OperationError::UserUnknown(_)
    ));
    assert!(matches!(
        refused("alice", "other").await,
        OperationError::ClientUnknown(_)
    ));
    let nothing = refused("alice", "app").await;
    assert_eq!(nothing.to_string(), "alice has allowed app nothing");
    assert!(
        operations
            .consents_of_user("alice", None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        operations
            .consents_of_client(&ClientId::new("app"), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let unknown = operations
        .consents_of_client(&ClientId::new("other"), None, 10)
        .await;
    assert!(matches!(unknown, Err(OperationError::ClientUnknown(_))));
    assert_eq!(world.events().await, []);
    assert_eq!(Operation::ConsentRevoke.name(), "consent revoke");
}
