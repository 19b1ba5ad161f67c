//! When the database fails, or holds what nobody wrote: an honest answer, no secret, and work goes on afterwards.

use crate::support::*;

/// Nothing of what went wrong inside is heard outside.
fn says_little(answer: &Answer) {
    for word in [
        "authorizations",
        "sessions",
        "users",
        "SELECT",
        "column",
        "relation",
        "database",
        "sqlite",
    ] {
        assert!(!answer.text.contains(word), "{word} in {}", answer.text);
    }
}

#[test]
fn a_failing_database_is_a_server_error_and_nothing_is_half_done() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let (access, refresh) = (
            tokens["access_token"].as_str().unwrap().to_owned(),
            tokens["refresh_token"].as_str().unwrap().to_owned(),
        );
        let code = h.code(&browser, &[("prompt", "none")]).await;
        h.sql("ALTER TABLE authorizations RENAME TO gone");
        let verbs = [
            h.exchange(&code).await,
            h.refresh(&refresh).await,
            h.userinfo(&access).await,
            h.post_as_app("/introspect", &[("token", &access)]).await,
            h.post_as_app("/revoke", &[("token", &refresh)]).await,
        ];
        for answer in &verbs {
            assert_eq!(
                (answer.status, answer.error()),
                (500, "server_error"),
                "{answer:?}"
            );
            assert!(!answer.header("x-request-id").is_empty());
            assert_eq!(answer.header("cache-control"), "no-store");
            says_little(answer);
        }
        let back = browser.begin(&[("prompt", "none")]).await;
        assert!(
            back.status == 303 && back.header("location").contains("error=server_error"),
            "{back:?}"
        );
        says_little(&back);
        h.sql("ALTER TABLE gone RENAME TO authorizations");
        assert_eq!(
            h.exchange(&code).await.status,
            200,
            "the code is not spent by a failure"
        );
        assert_eq!(
            h.refresh(&refresh).await.status,
            200,
            "nor the refresh token"
        );
        assert_eq!(h.userinfo(&access).await.status, 200);
    });
}

#[test]
fn a_row_that_nobody_wrote_fails_alone() {
    on_both(async |h| {
        let alice = h.tokens(&h.browser()).await;
        let bob = h.browser();
        bob.act_as("bob", "bob password");
        let bob = h.tokens(&bob).await;
        let userinfo = async |tokens: &serde_json::Value| {
            h.userinfo(tokens["access_token"].as_str().unwrap()).await
        };
        h.sql("UPDATE users SET roles = 'not json' WHERE username = 'alice'");
        let failed = userinfo(&alice).await;
        assert_eq!((failed.status, failed.error()), (500, "server_error"));
        assert!(!failed.text.contains("not json"));
        says_little(&failed);
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let failed = browser.login(&at, &page.text).await;
        assert!(
            failed.status == 500 && failed.text.contains("error-page"),
            "{failed:?}"
        );
        assert_eq!(userinfo(&bob).await.status, 200);
        h.sql("UPDATE authorizations SET refresh_kid = NULL");
        let failed = h.refresh(bob["refresh_token"].as_str().unwrap()).await;
        assert_eq!((failed.status, failed.error()), (500, "server_error"));
    });
}
