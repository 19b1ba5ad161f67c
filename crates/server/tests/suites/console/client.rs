//! The console's client, which is built in.

use latchkey_protocol::{ClientId, page::Page, registration::Registration};
use serde_json::json;

use super::*;

#[test]
fn nobody_registers_changes_or_authenticates_as_the_client_of_the_console() {
    on_both(async |h| {
        let store = &*h.store;
        let operations = operations(store, &OsEntropy);
        let secrets = &h.app.provider.client_secrets;
        let id = "latchkey-console";
        let metadata = json!({ "client_id": id, "redirect_uris": ["https://evil.example/cb"] });
        let registration = Registration::parse(&metadata).unwrap();
        let taken = operations.register_client(secrets, registration).await;
        assert!(taken.unwrap_err().to_string().contains("taken"));
        assert!(operations.client(&ClientId::new(id)).await.is_err());
        let rotated = operations
            .rotate_client_secret(secrets, &ClientId::new(id), None)
            .await;
        assert!(rotated.is_err());
        assert!(operations.disable_client(&ClientId::new(id)).await.is_err());
        assert!(operations.delete_client(&ClientId::new(id)).await.is_err());
        let all = Page::first(100);
        let listed = operations.clients(&all).await.unwrap();
        assert!(listed.iter().all(|client| client.id != id));
        let callback = format!("{}/admin/callback", h.issuer);
        for form in [
            vec![("client_id", id)],
            vec![("client_id", id), ("client_secret", "")],
            vec![("client_id", id), ("client_secret", "x")],
        ] {
            let mut form = form.clone();
            form.extend([
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("redirect_uri", &callback),
            ]);
            let heard = h.post("/token", &form).await;
            assert!((400..500).contains(&heard.status), "{heard:?}");
            assert_eq!(heard.error(), "invalid_client");
        }
        let evil = [
            ("client_id", id),
            ("redirect_uri", "https://evil.example/cb"),
        ];
        let refused = h.browser().begin(&evil).await;
        assert_eq!(refused.status, 400);
        let own = [
            ("client_id", id),
            ("redirect_uri", callback.as_str()),
            ("code_challenge", ""),
            ("code_challenge_method", ""),
        ];
        let unproven = h.browser().begin(&own).await;
        assert!(
            unproven
                .header("location")
                .contains("error=invalid_request"),
            "{unproven:?}"
        );
    });
}
