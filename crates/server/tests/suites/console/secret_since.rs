//! Since when an app has its secret.

use latchkey_operations::{ClientChange, Operations};
use latchkey_protocol::{ClientId, registration::RegistrationRules};
use serde_json::json;

use super::*;

/// Also when the audit log has forgotten it.
#[test]
fn the_page_of_an_app_says_since_when_it_has_its_secret() {
    on_both(async |h| {
        let id = ClientId::new("app");
        let secrets = &h.app.provider.client_secrets;
        let seen = async |since: &str| {
            h.sql("DELETE FROM audit");
            let browser = administrator(&h).await;
            let page = open(&h, &browser, "/admin/clients/app").await.text;
            let (_, secrets) = page
                .split_once("<section class=\"panel\" id=\"secrets\">")
                .unwrap();
            let (secrets, _) = secrets.split_once("</section>").unwrap();
            assert!(secrets.contains(since), "{since} {secrets}");
        };
        // 2027-01-15 08:00 UTC.
        seen("2027-01-15 08:00 UTC").await;
        h.pass(3600);
        let at_now = || {
            let now = h.moment();
            Operations {
                now,
                ..operations(&*h.store, &OsEntropy)
            }
        };
        let rotated = at_now().rotate_client_secret(secrets, &id, None).await;
        rotated.unwrap();
        seen("2027-01-15 09:00 UTC").await;
        h.pass(3600);
        let change = async |new_secret| {
            let metadata = json!({ "client_name": "Another name" });
            let change = ClientChange {
                metadata: &metadata,
                rules: RegistrationRules::default(),
                new_secret,
            };
            at_now().update_client(secrets, &id, change).await.unwrap();
        };
        change(false).await;
        seen("2027-01-15 09:00 UTC").await;
        change(true).await;
        seen("2027-01-15 10:00 UTC").await;
    });
}
