//! Receipts by state, client and user.

use crate::back_channel_logout::{end, joined, told};

use super::*;

#[test]
fn receipts_are_filtered_as_the_console_and_the_command_filter_them() {
    on_both(async |h| {
        let caller = ops(&h, "ops", "latchkey.read").await;
        for client in ["wiki", "shop"] {
            told(&h, client, "https://a.example/out").await;
        }
        joined(&h, "one", &["wiki", "shop"]).await;
        joined(&h, "two", &["wiki"]).await;
        end(&h, "one").await;
        end(&h, "two").await;
        let found = async |query: &str| {
            let got = caller.get(&format!("/deliveries?{query}")).await;
            assert_eq!(got.status, 200, "{query} {got:?}");
            let items = got.json["items"].as_array().unwrap();
            let name = |item: &Value| format!("{} {}", item["session"], item["client_id"]);
            let mut named: Vec<_> = items.iter().map(name).collect();
            named.sort();
            named.join(", ").replace('"', "")
        };
        let all = "one shop, one wiki, two wiki";
        assert_eq!(found("state=waiting").await, all);
        assert_eq!(found("state=delivered").await, "");
        assert_eq!(found("client_id=wiki").await, "one wiki, two wiki");
        assert_eq!(
            found("client_id=shop&user=alice&state=waiting").await,
            "one shop"
        );
        assert_eq!(found("user=bob").await, "");
        assert_eq!(found(&format!("user={}", h.alice)).await, all);
        assert_eq!(found("session=two").await, "two wiki");
        let both = caller.get("/deliveries?session=two&client_id=wiki").await;
        is_problem(&both, 400, "parameter-invalid");
        assert_eq!(named(&both), ["session"]);
        let odd = caller.get("/deliveries?state=lost").await;
        assert_eq!(named(&odd), ["state"]);
    });
}
