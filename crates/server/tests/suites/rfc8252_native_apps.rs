//! RFC 8252: the redirect URIs of native apps.

use serde_json::json;

use crate::support::*;

async fn register(h: &Harness, id: &str, application_type: &str, redirect_uris: &[&str]) {
    h.client(json!({
        "client_id": id, "application_type": application_type, "redirect_uris": redirect_uris, "trusted": true,
        "token_endpoint_auth_method": "none",
    }))
    .await;
}

#[test]
fn localhost_has_any_port_for_native_apps_alone() {
    on_both(async |h| {
        register(
            &h,
            "cli",
            "native",
            &["http://localhost/cb", "http://localhost:7000/other"],
        )
        .await;
        register(&h, "spa", "web", &["http://localhost:3000/cb"]).await;
        for uri in [
            "http://localhost/cb",
            "http://localhost:8000/cb",
            "http://localhost:18000/other",
        ] {
            let browser = h.browser();
            let asked = [
                ("client_id", "cli"),
                ("redirect_uri", uri),
                ("scope", "openid"),
            ];
            let code = browser.authorize(&asked).await["code"].clone();
            let exchange = |sent: &'static str| {
                let form = [
                    ("grant_type", "authorization_code"),
                    ("client_id", "cli"),
                    ("code", &code),
                    ("redirect_uri", sent),
                    ("code_verifier", VERIFIER),
                ];
                let form: Vec<_> = form
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect();
                answer(plain().post(h.at("/token")).form(&form))
            };
            assert_eq!(
                exchange("http://localhost:9/cb").await.error(),
                "invalid_grant",
                "the port of the request counts"
            );
            assert_eq!(exchange(uri).await.status, 200, "{uri}");
        }
        for (client, uri) in [
            ("spa", "http://localhost:3001/cb"),
            ("cli", "http://127.0.0.1:8000/cb"),
            ("cli", "http://localhost:8000/cb/"),
            ("cli", "http://localhost.evil.example/cb"),
            ("cli", "http://localhost:8000@evil.example/cb"),
            ("cli", "https://localhost:8000/cb"),
        ] {
            let page = h
                .browser()
                .begin(&[("client_id", client), ("redirect_uri", uri)])
                .await;
            assert_eq!(
                (page.status, page.header("location")),
                (400, ""),
                "{client} {uri}"
            );
        }
    });
}

#[test]
fn an_app_may_have_a_scheme_without_a_dot() {
    on_both(async |h| {
        let uri = "vscode://publisher.extension/callback?windowId=1";
        register(&h, "editor", "native", &[uri]).await;
        let back = h
            .browser()
            .authorize(&[
                ("client_id", "editor"),
                ("redirect_uri", uri),
                ("scope", "openid"),
            ])
            .await;
        assert!(
            back.contains_key("code") && back["windowId"] == "1",
            "{back:?}"
        );
        let other = [
            ("client_id", "editor"),
            (
                "redirect_uri",
                "vscode://publisher.other/callback?windowId=1",
            ),
        ];
        assert_eq!(h.browser().begin(&other).await.status, 400);
    });
}
