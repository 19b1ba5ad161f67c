//! A consent that is taken back: what the client got is worth nothing at once, and the user is asked again.

use latchkey_operations::OperationError;
use latchkey_protocol::ClientId;
use latchkey_protocol::store::ConsentEnd;
use latchkey_server::wiring::OsEntropy;
use serde_json::json;

use crate::{claims::*, support::*};

#[test]
fn what_is_taken_back_ends_at_once_and_for_this_client_alone() {
    on_both(async |h| {
        register_with(&h, "asks", &json!({ "trusted": false })).await;
        let browser = h.browser();
        register_with(&h, "trusted", &json!({})).await;
        let asked = [("client_id", "trusted"), ("scope", "openid")];
        let trusted = exchange_as(&h, "trusted", &browser.authorize(&asked).await).await;
        let asked = [("client_id", "asks"), ("scope", "openid offline_access")];
        let (at, page) = browser.page(browser.begin(&asked).await).await;
        let back = browser
            .follow(browser.decide(&at, &page.text, "allow").await)
            .await;
        let tokens = exchange_as(&h, "asks", &back).await;
        let text =
            |tokens: &serde_json::Value, name: &str| tokens[name].as_str().unwrap().to_owned();

        let operations = operations(&*h.store, &OsEntropy);
        let given = operations
            .consents_of_user("alice", None, 10)
            .await
            .unwrap();
        let clients: Vec<_> = given.iter().map(|c| c.client_id.as_str()).collect();
        assert_eq!(clients, ["asks"]);
        assert_eq!(
            operations
                .consents_of_client(&ClientId::new("asks"), None, 10)
                .await
                .unwrap(),
            given
        );
        let ended = operations
            .revoke_consent("alice", &ClientId::new("asks"))
            .await
            .unwrap();
        let expected = ConsentEnd {
            consented: true,
            authorizations: 1,
        };
        assert_eq!(ended, expected);

        assert_eq!(h.userinfo(&text(&tokens, "access_token")).await.status, 401);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*text(&tokens, "refresh_token")),
            ("client_id", "asks"),
            ("client_secret", SECRET),
        ];
        assert_eq!(h.post("/token", &form).await.error(), "invalid_grant");
        let silent = [asked[0], asked[1], ("prompt", "none")];
        assert_eq!(
            browser.authorize(&silent).await["error"],
            "consent_required"
        );
        assert_eq!(
            h.userinfo(&text(&trusted, "access_token")).await.status,
            200
        );

        let again = operations
            .revoke_consent("alice", &ClientId::new("asks"))
            .await;
        assert!(matches!(again, Err(OperationError::ConsentUnknown { .. })));
        // A trusted client never asks, and its tokens end all the same.
        let ended = operations
            .revoke_consent("alice", &ClientId::new("trusted"))
            .await
            .unwrap();
        assert_eq!((ended.consented, ended.authorizations), (false, 1));
        assert_eq!(
            h.userinfo(&text(&trusted, "access_token")).await.status,
            401
        );
    });
}
