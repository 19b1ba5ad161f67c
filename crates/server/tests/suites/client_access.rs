//! Clients that are limited to groups, roles or named users.

use latchkey_operations::ClientChange;
use latchkey_protocol::ClientId;
use latchkey_protocol::{profile::ProfileChange, store::LastAdministrator};
use latchkey_server::wiring::OsEntropy;
use serde_json::{Value, json};

use crate::{refusals::kept, support::*};

/// Alice and bob are in the group blue, and have the role editor.
async fn limit(h: &Harness, access: Value) {
    let change = json!({ "access": access });
    let change = ClientChange {
        metadata: &change,
        rules: Default::default(),
        new_secret: false,
    };
    operations(&*h.store, &OsEntropy)
        .update_client(
            &h.app.provider.client_secrets,
            &ClientId::new("app"),
            change,
        )
        .await
        .unwrap();
}

async fn groups(h: &Harness, user: &str, groups: &[&str]) {
    let change = ProfileChange {
        groups: Some(groups.iter().map(|&group| group.to_owned()).collect()),
        ..ProfileChange::default()
    };
    operations(&*h.store, &OsEntropy)
        .update_user(user, &change, LastAdministrator::Stays)
        .await
        .unwrap();
}

#[test]
fn whoever_has_no_access_reads_so_and_goes_back_to_the_app() {
    on_both(async |h| {
        limit(&h, json!({ "groups": ["red"] })).await;
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let (at, page) = browser.page(browser.login(&at, &page.text).await).await;
        assert!(at.contains("/no-access/"), "{at}");
        assert_eq!(page.status, 403);
        assert!(page.text.contains("id=\"no-access\""));
        assert!(page.text.contains("The App") && page.text.contains("alice name"));
        assert!(!page.text.contains("red"), "whom it is for is not said");
        // Reloaded it is the same page.
        assert_eq!(browser.get(&at).await.status, 403);
        let forged = browser.submit(&at, &[("csrf", "x"), ("decision", "return")]);
        assert_eq!(forged.await.status, 403);
        let back = browser.decide(&at, &page.text, "return").await;
        let back = browser.follow(back).await;
        assert_eq!(back["error"], "access_denied");
        assert_eq!(back["state"], "st&te/ =%");
        assert_eq!(back["iss"], h.issuer);
        assert!(!back.contains_key("code"));

        let korean = browser.begin(&[("ui_locales", "ko")]).await;
        let (_, korean) = browser.page(korean).await;
        assert!(korean.text.contains("사용할 권한이 없습니다"));
    });
}

#[test]
fn whoever_has_no_access_can_sign_in_as_somebody_else() {
    on_both(async |h| {
        groups(&h, "bob", &["red"]).await;
        limit(&h, json!({ "groups": ["red"] })).await;
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let (at, page) = browser.page(browser.login(&at, &page.text).await).await;
        browser.act_as("bob", "bob password");
        let other = browser.decide(&at, &page.text, "other").await;
        let back = browser.follow(other).await;
        assert!(back.contains_key("code"), "{back:?}");
    });
}

/// OpenID Connect Core 3.1.2.6.
#[test]
fn without_a_page_the_app_hears_access_denied() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let silent = [("prompt", "none")];
        assert!(browser.authorize(&silent).await.contains_key("code"));
        for access in [
            json!({ "groups": ["red"] }),
            json!({}),
            json!({ "users": ["bob"] }),
        ] {
            limit(&h, Value::Null).await;
            limit(&h, access.clone()).await;
            let back = browser.authorize(&silent).await;
            assert_eq!(back["error"], "access_denied", "{access}");
        }
        for access in [
            json!({ "groups": ["blue"] }),
            json!({ "roles": ["editor"] }),
            json!({ "users": ["alice@example.org"] }),
            Value::Null,
        ] {
            limit(&h, Value::Null).await;
            limit(&h, access.clone()).await;
            let back = browser.authorize(&silent).await;
            assert!(back.contains_key("code"), "{access}: {back:?}");
        }
    });
}

#[test]
fn whoever_loses_access_has_no_tokens_of_worth_until_they_have_it_again() {
    on_both(async |h| {
        limit(&h, json!({ "groups": ["blue"] })).await;
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let code = h.code(&browser, &[]).await;
        let (access, refresh) = (
            tokens["access_token"].as_str().unwrap(),
            tokens["refresh_token"].as_str().unwrap(),
        );
        let is_active = async |token: &str| {
            let seen = h.post_as_app("/introspect", &[("token", token)]).await;
            seen.json["active"].as_bool().unwrap()
        };
        assert!(is_active(access).await && is_active(refresh).await);

        groups(&h, "alice", &[]).await;
        assert_eq!(h.userinfo(access).await.status, 401);
        assert!(!is_active(access).await && !is_active(refresh).await);
        let refused = h.refresh(refresh).await;
        assert_eq!((refused.status, refused.error()), (400, "invalid_grant"));
        let reference = refused.json["error_ref"].as_str().unwrap();
        assert_eq!(kept(&h, reference).await.reason, "AccessWithdrawn");
        assert_eq!(h.exchange(&code).await.error(), "invalid_grant");

        groups(&h, "alice", &["blue"]).await;
        assert_eq!(h.userinfo(access).await.status, 200);
        assert_eq!(h.refresh(refresh).await.status, 200);
    });
}

#[test]
fn whoever_loses_access_at_the_consent_page_gets_no_code() {
    on_both(async |h| {
        limit(&h, json!({ "groups": ["blue"] })).await;
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let (at, page) = browser.page(browser.login(&at, &page.text).await).await;
        assert!(at.contains("/consent/"), "{at}");
        groups(&h, "alice", &[]).await;
        let answer = browser.decide(&at, &page.text, "allow").await;
        let (at, page) = browser.page(answer).await;
        assert!(at.contains("/no-access/"), "{at}");
        assert_eq!(page.status, 403);
    });
}

/// A node remembers registrations for less than a second: a code is issued by none that is not the client's any more.
#[test]
fn a_client_that_is_limited_anew_is_so_at_once_on_every_node() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        limit(&h, json!({ "groups": ["blue"] })).await;
        let node = h.another_node().await;
        let browser = h.browser_at(&node);
        browser.authorize(&[]).await;
        let silent = [("prompt", "none")];
        assert!(browser.authorize(&silent).await.contains_key("code"));
        limit(&h, json!({ "groups": ["red"] })).await;
        assert_eq!(browser.authorize(&silent).await["error"], "access_denied");
    });
}
