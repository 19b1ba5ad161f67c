//! Since when a client has its secret.

use latchkey_protocol::ClientId;

use super::*;

/// What the audit log knows is kept when the upgrade comes; later it may be gone there.
#[test]
fn since_when_a_client_has_its_secret_survives_the_upgrade() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        drop(store);
        for (at, event, details) in [
            (50, "client rotate-secret", r#"{"new_secret":true}"#),
            (60, "client update", r#"{"changed":{},"new_secret":true}"#),
            (70, "client update", r#"{"changed":{},"new_secret":false}"#),
        ] {
            let entry = format!(
                "INSERT INTO audit (at, event, actor_kind, front_end, target_kind, target, outcome, details, logged) \
                VALUES ({at}, '{event}', 'command', 'command', 'client', 'c', 'done', '{details}', 1)"
            );
            options.script(&entry).unwrap();
        }
        undo(&options, "00000000000028_secret_since");
        let store = open(&options);
        let client = store
            .client_now(&ClientId::new("c"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(client.secret_since, Some(moment(60)));
    });
}
