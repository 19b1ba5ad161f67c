//! Whatever ends a token before its time sets its bit in the published list, and nothing sets that of another.

use latchkey_operations::{Caller, Operations};
use latchkey_protocol::{ClientId, SessionId, store::LastAdministrator};
use latchkey_server::wiring::OsEntropy;
use serde_json::{Value, json};

use crate::{
    claims::{exchange_as, register_with},
    sign_out::{BYE, get, hint},
    support::*,
};

/// By an administrator, now.
fn administration(h: &Harness) -> Operations<'_> {
    Operations {
        store: &*h.store,
        entropy: &OsEntropy,
        caller: Caller::server(),
        now: h.moment(),
    }
}

/// The tokens of a sign-in of bob, who has nothing to do with what happens to alice.
async fn of_bob(h: &Harness) -> Value {
    let browser = h.browser();
    browser.act_as("bob", "bob password");
    h.tokens(&browser).await
}

/// A code exchange and a refresh of alice, and what ends both their tokens: of bob's none.
fn ends(cause: impl AsyncFn(&Harness, &Browser, &Value)) {
    on_both(async |h| {
        let (browser, other) = (h.browser(), of_bob(&h).await);
        let first = h.tokens(&browser).await;
        let refreshed = h
            .refresh(first["refresh_token"].as_str().unwrap())
            .await
            .json;
        let own = h
            .post_as_app("/token", &[("grant_type", "client_credentials")])
            .await
            .json;
        let access = |tokens: &Value| tokens["access_token"].clone();
        for token in [&first, &refreshed, &other, &own] {
            assert!(!h.has_ended(&access(token)).await, "not yet");
        }
        cause(&h, &browser, &refreshed).await;
        for token in [&first, &refreshed] {
            assert!(h.has_ended(&access(token)).await, "it ended");
        }
        for token in [&other, &own] {
            assert!(!h.has_ended(&access(token)).await, "another's goes on");
        }
    });
}

#[test]
fn a_forced_sign_out_of_a_user() {
    ends(async |h, _, _| {
        administration(h).end_sessions("alice").await.unwrap();
    });
}

#[test]
fn a_user_who_is_disabled() {
    ends(async |h, _, _| {
        administration(h)
            .disable_user("alice", LastAdministrator::Stays)
            .await
            .unwrap();
    });
}

#[test]
fn a_user_who_is_deleted() {
    ends(async |h, _, _| {
        administration(h)
            .delete_user("alice", LastAdministrator::Stays)
            .await
            .unwrap();
    });
}

#[test]
fn a_new_password() {
    ends(async |h, _, _| {
        let key = h.app.ui.sign_in.password_key();
        let set = administration(h);
        set.set_password(key, "alice", "another password of alice")
            .await
            .unwrap();
    });
}

#[test]
fn the_end_of_the_session_by_an_administrator() {
    ends(async |h, _, tokens| {
        let sid = claims(&tokens["id_token"])["sid"]
            .as_str()
            .unwrap()
            .to_owned();
        let sid = SessionId::new(sid);
        administration(h).end_session(&sid).await.unwrap();
    });
}

#[test]
fn a_sign_out() {
    ends(async |h, browser, tokens| {
        let params = [
            ("id_token_hint", hint(tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        let out = get(h, browser, &params).await;
        assert_eq!(out.header("location"), BYE, "{out:?}");
    });
}

#[test]
fn another_user_who_signs_in_at_the_browser() {
    ends(async |_, browser, _| {
        browser.act_as("bob", "bob password");
        let back = browser
            .authorize(&[("prompt", "login"), ("scope", "openid")])
            .await;
        assert!(back.contains_key("code"), "{back:?}");
    });
}

#[test]
fn a_refresh_token_that_is_revoked() {
    ends(async |h, _, tokens| {
        let token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.post_as_app("/revoke", &[("token", token)]).await.status,
            200
        );
    });
}

#[test]
fn a_consent_that_is_taken_back() {
    ends(async |h, _, _| {
        let app = ClientId::new("app");
        administration(h)
            .revoke_consent("alice", &app)
            .await
            .unwrap();
    });
}

/// The bits follow the pieces in which the sessions end.
#[test]
fn an_end_of_all_sessions() {
    on_both(async |h| {
        let all = [h.tokens(&h.browser()).await, of_bob(&h).await];
        let end = administration(&h).end_all_sessions().await.unwrap();
        work_off(&h, end.id).await;
        for tokens in all {
            assert!(h.has_ended(&tokens["access_token"]).await);
        }
    });
}

#[test]
fn an_end_of_the_sessions_of_a_client() {
    on_both(async |h| {
        register_with(&h, "other", &json!({})).await;
        let tokens = h.tokens(&h.browser()).await;
        let browser = h.browser();
        let asked = [("client_id", "other"), ("scope", "openid")];
        let elsewhere = exchange_as(&h, "other", &browser.authorize(&asked).await).await;
        let end = administration(&h)
            .end_client_sessions(&ClientId::new("app"), None)
            .await
            .unwrap();
        work_off(&h, end.id).await;
        assert!(h.has_ended(&tokens["access_token"]).await);
        assert!(
            !h.has_ended(&elsewhere["access_token"]).await,
            "another session, of another app"
        );
    });
}

async fn work_off(h: &Harness, id: i64) {
    for _ in 0..100 {
        let end = administration(h).continue_bulk_end(id).await.unwrap();
        if end.is_none_or(|end| end.done_at.is_some()) {
            return;
        }
    }
    panic!("it goes on for ever");
}

#[test]
fn a_client_that_is_deleted() {
    on_both(async |h| {
        let (tokens, browser) = (h.tokens(&h.browser()).await, h.browser());
        register_with(&h, "other", &json!({})).await;
        let asked = [("client_id", "other"), ("scope", "openid")];
        let elsewhere = exchange_as(&h, "other", &browser.authorize(&asked).await).await;
        administration(&h)
            .delete_client(&ClientId::new("app"))
            .await
            .unwrap();
        assert!(h.has_ended(&tokens["access_token"]).await);
        assert!(!h.has_ended(&elsewhere["access_token"]).await);
    });
}

/// RFC 9700 4.14.2.
#[test]
fn a_refresh_token_that_is_replayed() {
    on_both(async |h| {
        let first = h.tokens(&h.browser()).await;
        let stolen = first["refresh_token"].as_str().unwrap();
        let next = h.refresh(stolen).await.json;
        h.pass(31);
        assert!(!h.has_ended(&next["access_token"]).await);
        assert_eq!(h.refresh(stolen).await.error(), "invalid_grant");
        for tokens in [&first, &next] {
            assert!(h.has_ended(&tokens["access_token"]).await);
        }
    });
}

/// RFC 6749 4.1.2.
#[test]
fn a_code_that_is_replayed() {
    on_both(async |h| {
        let code = h.code(&h.browser(), &[]).await;
        let tokens = h.exchange(&code).await.json;
        assert_eq!(h.exchange(&code).await.error(), "invalid_grant");
        assert!(h.has_ended(&tokens["access_token"]).await);
    });
}

/// RFC 7009.
#[test]
fn one_access_token_that_is_revoked_and_no_other_of_its_authorization() {
    on_both(async |h| {
        let first = h.tokens(&h.browser()).await;
        let next = h
            .refresh(first["refresh_token"].as_str().unwrap())
            .await
            .json;
        let own = h
            .post_as_app("/token", &[("grant_type", "client_credentials")])
            .await
            .json;
        let other = h
            .post_as_app("/token", &[("grant_type", "client_credentials")])
            .await
            .json;
        for tokens in [&first, &own] {
            let token = tokens["access_token"].as_str().unwrap();
            assert_eq!(
                h.post_as_app("/revoke", &[("token", token)]).await.status,
                200
            );
            assert!(h.has_ended(&tokens["access_token"]).await);
        }
        for tokens in [&next, &other] {
            assert!(!h.has_ended(&tokens["access_token"]).await);
        }
        // Another client ends nothing.
        let theirs = [
            ("token", next["access_token"].as_str().unwrap()),
            ("client_id", "post"),
            ("client_secret", SECRET),
        ];
        assert_eq!(h.post("/revoke", &theirs).await.status, 200);
        assert!(!h.has_ended(&next["access_token"]).await);
    });
}

/// A token within a session ends with it; what was refreshed once it was over outlives it.
#[test]
fn a_session_whose_time_is_over_and_not_what_outlives_it() {
    let short = [("LATCHKEY_SESSION__LIFETIME", "100s")];
    on_both_with(&short, async |h| {
        let within = h.tokens(&h.browser()).await;
        h.pass(101);
        let beyond = h
            .refresh(within["refresh_token"].as_str().unwrap())
            .await
            .json;
        assert_eq!(claims(&beyond["access_token"])["sid"], Value::Null);
        h.store.sweep(h.moment(), 100).await.unwrap();
        assert!(h.has_ended(&within["access_token"]).await);
        assert!(!h.has_ended(&beyond["access_token"]).await);
        let token = beyond["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.post_as_app("/revoke", &[("token", token)]).await.status,
            200
        );
        assert!(h.has_ended(&beyond["access_token"]).await);
    });
}

/// A bit stands for as long as its token would have counted, and then no more: the entry says nothing of anybody.
#[test]
fn a_bit_goes_when_its_token_is_over() {
    on_both(async |h| {
        let token = h.tokens(&h.browser()).await["access_token"].clone();
        administration(&h).end_sessions("alice").await.unwrap();
        h.pass(300);
        assert!(h.has_ended(&token).await, "some are lenient about exp");
        h.pass(240);
        assert!(!h.has_ended(&token).await);
    });
}
