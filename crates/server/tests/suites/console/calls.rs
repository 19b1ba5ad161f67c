//! Pages show the call of the administration API that does the same.

use super::*;

#[test]
fn a_page_shows_the_call_that_does_the_same_with_its_ids() {
    on_both_with(&[("LATCHKEY_ISSUER", "/id")], async |h| {
        let browser = administrator(&h).await;
        let alice = h.alice.clone();
        h.client(serde_json::json!({ "client_id": "a/b <c>", "redirect_uris": [CALLBACK] }))
            .await;
        for (page, call) in [
            ("/admin".to_owned(), "GET /overview".to_owned()),
            ("/admin/users".to_owned(), "GET /users".to_owned()),
            ("/admin/users/new".to_owned(), "POST /users".to_owned()),
            (
                format!("/admin/users/{alice}/edit"),
                format!("PATCH /users/{alice}"),
            ),
            (
                format!("/admin/users/{alice}/disable"),
                format!("POST /users/{alice}/disable"),
            ),
            (
                format!("/admin/users/{alice}/delete"),
                format!("DELETE /users/{alice}"),
            ),
            (
                "/admin/clients/a%2Fb%20%3Cc%3E".to_owned(),
                "GET /clients/a%2Fb%20%3Cc%3E".to_owned(),
            ),
            (
                "/admin/clients/a%2Fb%20%3Cc%3E/disable".to_owned(),
                "POST /clients/a%2Fb%20%3Cc%3E/disable".to_owned(),
            ),
            ("/admin/keys".to_owned(), "GET /keys".to_owned()),
            ("/admin/audit".to_owned(), "GET /audit".to_owned()),
        ] {
            let shown = open(&h, &browser, &page).await;
            assert_eq!(shown.status, 200, "{page}");
            let (method, path) = call.split_once(' ').unwrap();
            let call = format!(
                "<pre class=\"call\">{method} {}/admin/api/v1{path}</pre>",
                h.issuer
            );
            assert!(shown.text.contains(&call), "{page} {}", shown.text);
        }
    });
}
