//! The form of an app as a browser reads it.

use serde_json::json;

use super::*;

/// A box that is set and shown empty would be taken back by the next save of anything.
#[test]
fn a_form_that_is_saved_as_it_was_shown_takes_nothing_back() {
    on_both(async |h| {
        h.client(json!({
            "client_id": "strict", "redirect_uris": [CALLBACK], "require_pkce": true, "trusted": true,
            "grant_types": ["authorization_code", "refresh_token"], "id_token_claims": "minimal",
        }))
        .await;
        let browser = administrator(&h).await;
        let page = browser.get(&h.at("/admin/clients/strict/edit")).await.text;
        for (name, is_set) in [
            ("require_pkce", true),
            ("trusted", true),
            ("require_signed_request_object", false),
            ("grant_types.refresh_token", true),
            ("grant_types.client_credentials", false),
        ] {
            let start = format!("<input id=\"{name}\"");
            let input = page.split(&start).nth(1).unwrap();
            let input = input.split('>').next().unwrap();
            // Attributes are words between spaces (HTML 13.1.2.3).
            let is_checked = input.split(' ').any(|word| word == "checked");
            assert_eq!(is_checked, is_set, "{name}: {input}");
        }
        assert!(page.contains("<option value=\"minimal\" selected>"));
    });
}
