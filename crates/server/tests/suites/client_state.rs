//! Clients that are disabled, and clients with two live secrets.

use latchkey_protocol::ClientId;
use latchkey_server::wiring::OsEntropy;
use serde_json::{Value, json};

use crate::{refusals::kept, support::*};

async fn disable(h: &Harness, id: &str) {
    let operations = operations(&*h.store, &OsEntropy);
    operations.disable_client(&ClientId::new(id)).await.unwrap();
}

async fn enable(h: &Harness, id: &str) {
    let operations = operations(&*h.store, &OsEntropy);
    operations.enable_client(&ClientId::new(id)).await.unwrap();
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[test]
fn a_disabled_client_is_refused_at_every_endpoint_and_goes_on_once_it_is_enabled() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let code = h.code(&browser, &[]).await;
        let of_client = [("grant_type", "client_credentials")];
        let own = h.post_as_app("/token", &of_client).await.json;
        let (access, refresh) = (
            text(&tokens, "access_token"),
            text(&tokens, "refresh_token"),
        );
        disable(&h, "app").await;

        let mut refusals = vec![h.exchange(&code).await, h.refresh(refresh).await];
        refusals.push(h.post_as_app("/token", &of_client).await);
        for path in ["/introspect", "/revoke"] {
            refusals.push(h.post_as_app(path, &[("token", access)]).await);
        }
        for refused in refusals {
            assert_eq!(
                (refused.status, refused.error()),
                (400, "unauthorized_client")
            );
            let reference = text(&refused.json, "error_ref");
            assert_eq!(kept(&h, reference).await.reason, "ClientDisabled");
        }
        for token in [access, text(&own, "access_token")] {
            assert_eq!(h.userinfo(token).await.status, 401);
        }
        let wrong = plain()
            .post(h.at("/token"))
            .header("Authorization", basic("app", "wrong"))
            .form(&of_client);
        assert_eq!(
            answer(wrong).await.error(),
            "invalid_client",
            "nothing is told"
        );

        enable(&h, "app").await;
        assert_eq!(h.userinfo(access).await.status, 200);
        assert_eq!(h.refresh(refresh).await.status, 200);
        assert_eq!(h.exchange(&code).await.status, 200);
    });
}

/// Its addresses may not be its own any more.
#[test]
fn nobody_is_sent_to_a_disabled_client() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        disable(&h, "app").await;
        let signed_in = browser.login(&at, &page.text).await;
        let begun = browser.begin(&[]).await;
        let silent = browser.begin(&[("prompt", "none")]).await;
        for refused in [signed_in, begun, silent] {
            assert_eq!(refused.status, 400);
            assert_eq!(refused.header("location"), "");
            assert!(refused.text.contains("data-error=\"unauthorized_client\""));
        }
        enable(&h, "app").await;
        assert!(browser.authorize(&[]).await.contains_key("code"));
    });
}

#[test]
fn another_node_refuses_a_disabled_client_within_a_second() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let node = h.another_node().await;
        let form = [("grant_type", "client_credentials")];
        let ask = async || {
            let request = plain().post(format!("{node}/token"));
            let request = request.header("Authorization", basic("app", SECRET));
            answer(request.form(&form)).await.status
        };
        assert_eq!(ask().await, 200);
        disable(&h, "app").await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(ask().await, 400);
    });
}

#[test]
fn a_former_secret_lives_until_its_time_and_no_two_of_them() {
    on_both(async |h| {
        let operations = operations(&*h.store, &OsEntropy);
        let secrets = &h.app.provider.client_secrets;
        let rotate = async |keep| {
            let rotated = operations
                .rotate_client_secret(secrets, &ClientId::new("app"), keep)
                .await;
            rotated.unwrap()
        };
        let ask = async |secret: &str| {
            let request = plain().post(h.at("/token"));
            let request = request.header("Authorization", basic("app", secret));
            let form = [("grant_type", "client_credentials")];
            answer(request.form(&form)).await.status
        };
        let second = rotate(Some(3600)).await;
        let information = second.response();
        assert_eq!(information["former_secret_expires_at"], json!(START + 3600));
        let second = second.secret.unwrap();
        assert_eq!((ask(SECRET).await, ask(&second).await), (200, 200));
        h.pass(3599);
        assert_eq!((ask(SECRET).await, ask(&second).await), (200, 200));
        h.pass(1);
        assert_eq!((ask(SECRET).await, ask(&second).await), (401, 200));

        let third = rotate(Some(86_400)).await.secret.unwrap();
        assert_eq!((ask(&second).await, ask(&third).await), (200, 200));
        let fourth = rotate(Some(86_400)).await.secret.unwrap();
        assert_eq!(ask(&second).await, 401, "two live, and no more");
        assert_eq!((ask(&third).await, ask(&fourth).await), (200, 200));
        let fifth = rotate(None).await;
        assert_eq!(fifth.response().get("former_secret_expires_at"), None);
        let fifth = fifth.secret.unwrap();
        assert_eq!(
            (ask(&fourth).await, ask(&fifth).await),
            (401, 200),
            "at once"
        );
        for wrong in [0, -1, 30 * 86_400 + 1] {
            let refused = operations
                .rotate_client_secret(secrets, &ClientId::new("app"), Some(wrong))
                .await;
            let errors = refused.unwrap_err().field_errors();
            assert_eq!(errors[0].field, "keep_old", "{wrong}");
        }
    });
}
