//! Where clients hear of a sign-out: kept, shown, and offered.

use latchkey_protocol::ClientId;
use latchkey_server::wiring::OsEntropy;
use serde_json::json;

use crate::support::{on_both, operations};

#[test]
fn logout_uris_are_kept_and_shown() {
    on_both(|h| async move {
        let given = json!({
            "backchannel_logout_uri": "https://told.example/out?tenant=a",
            "backchannel_logout_session_required": true,
            "frontchannel_logout_uri": "https://told.example/frame",
            "frontchannel_logout_session_required": true,
        });
        let mut metadata = given.clone();
        metadata["client_id"] = "told".into();
        metadata["redirect_uris"] = json!(["https://told.example/cb"]);
        h.client(metadata).await;
        let operations = operations(&*h.store, &OsEntropy);
        let shown = latchkey_operations::client_information(
            &operations.client(&ClientId::new("told")).await.unwrap(),
        );
        for (member, value) in given.as_object().unwrap() {
            assert_eq!(&shown[member], value, "{member}");
        }
        // A client without them has none of the members.
        let app = latchkey_operations::client_information(
            &operations.client(&ClientId::new("app")).await.unwrap(),
        );
        let said = app.as_object().unwrap().keys();
        assert!(
            said.into_iter()
                .all(|name| !name.contains("channel_logout"))
        );
    });
}

#[test]
fn discovery_offers_back_and_front_channel_logout_with_sid() {
    on_both(|h| async move {
        let document = h.discovery().await;
        for way in ["backchannel", "frontchannel"] {
            assert_eq!(document[format!("{way}_logout_supported")], true);
            assert_eq!(document[format!("{way}_logout_session_supported")], true);
        }
    });
}
