//! What happens at pages and endpoints is in the audit table, with who, whom, from where and what came of it.

use std::time::Duration;

use latchkey_protocol::{audit_row::AuditFilter, audit_row::AuditRow, page::Page};
use serde_json::Value;

use crate::{
    limits::{PROXY, from, guesses, sign_in},
    support::*,
};

const FROM: &str = "203.0.113.1";

/// Entries with this event, the newest first.
async fn with(h: &Harness, event: &str) -> Vec<AuditRow> {
    let filter = AuditFilter {
        event: Some(event.to_owned()),
        ..AuditFilter::default()
    };
    let page = Page::first(100);
    h.store.audit_entries(&filter, &page).await.unwrap()
}

async fn how_many(h: &Harness) -> usize {
    let (filter, page) = (AuditFilter::default(), Page::first(1000));
    h.store.audit_entries(&filter, &page).await.unwrap().len()
}

/// Failures are written after their answer.
async fn written(h: &Harness, event: &str) -> AuditRow {
    for _ in 0..400 {
        if let Some(row) = with(h, event).await.into_iter().next() {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no {event}");
}

fn details(row: &AuditRow) -> Value {
    serde_json::from_str(&row.details).unwrap()
}

/// Actor, target and outcome.
fn who_whom(row: &AuditRow) -> (&str, Option<&str>, Option<&str>, &str) {
    let target = row.target_kind.as_deref();
    (&row.actor_kind, row.actor.as_deref(), target, &row.outcome)
}

#[test]
fn a_sign_in_a_failure_a_lock_out_and_a_sign_out_are_recorded_with_address_and_request() {
    on_both_with(&[PROXY], async |h| {
        let browser = h.browser_sending(&from(FROM));
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 303);
        let alice = Some(&*h.alice);
        let row = with(&h, "signed in").await.remove(0);
        assert_eq!(who_whom(&row), ("user", alice, Some("session"), "done"));
        assert_eq!(row.actor_name.as_deref(), Some("alice"));
        assert_eq!(row.user_id.as_deref(), alice);
        assert_eq!(
            (row.address.as_deref(), &*row.front_end),
            (Some(FROM), "page")
        );
        assert!(row.request_id.as_ref().is_some_and(|id| !id.is_empty()));
        assert_eq!(details(&row)["client"], "app");
        let session = row.target.clone();

        let page = answer(browser.http.get(h.at("/logout"))).await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [("csrf", &*csrf), ("decision", "sign-out")];
        let out = browser.submit(&h.at("/logout/confirm"), &form).await;
        assert_eq!(out.status, 303, "{}", out.text);
        let row = with(&h, "session ended").await.remove(0);
        assert_eq!(who_whom(&row), ("user", alice, Some("session"), "done"));
        assert_eq!((&row.target, row.user_id.as_deref()), (&session, alice));
        assert_eq!(details(&row)["cause"], "signed out");
        assert_eq!(row.address.as_deref(), Some(FROM));

        let stranger = h.browser_sending(&from("203.0.113.9"));
        assert_eq!(guesses(&stranger, "alice", 12).await, [(401, 10), (429, 2)]);
        for event in ["sign-in failed", "sign-in refused"] {
            let row = written(&h, event).await;
            let expected = ("stranger", None, Some("user"), "refused");
            assert_eq!(who_whom(&row), expected);
            assert_eq!(row.target.as_deref(), alice);
            assert_eq!(row.address.as_deref(), Some("203.0.113.9"));
        }
    });
}

#[test]
fn a_replay_is_recorded_with_its_reason_and_whose_tokens_it_ended() {
    on_both(async |h| {
        let browser = h.browser();
        let code = h.code(&browser, &[]).await;
        assert_eq!(h.exchange(&code).await.status, 200);
        assert_eq!(h.exchange(&code).await.error(), "invalid_grant");
        let row = with(&h, "replay").await.remove(0);
        let expected = ("client", Some("app"), Some("authorization"), "refused");
        assert_eq!(who_whom(&row), expected);
        assert_eq!(row.user_id.as_deref(), Some(&*h.alice));
        assert_eq!(details(&row)["reason"], "CodeReplayed");

        let tokens = h.tokens(&browser).await;
        let parent = tokens["refresh_token"].as_str().unwrap();
        h.refresh(parent).await;
        h.pass(31);
        assert_eq!(h.refresh(parent).await.error(), "invalid_grant");
        let replays = with(&h, "replay").await;
        assert_eq!(replays.len(), 2);
        assert_eq!(replays[0].user_id.as_deref(), Some(&*h.alice));
        assert_ne!(details(&replays[0])["reason"], "CodeReplayed");
    });
}

#[test]
fn a_client_that_revokes_a_refresh_token_is_recorded_once() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let token = tokens["refresh_token"].as_str().unwrap();
        for _ in 0..2 {
            let revoked = h.post_as_app("/revoke", &[("token", token)]).await;
            assert_eq!(revoked.status, 200);
        }
        let rows = with(&h, "authorization revoked").await;
        assert_eq!(rows.len(), 1);
        let expected = ("client", Some("app"), Some("authorization"), "done");
        assert_eq!(who_whom(&rows[0]), expected);
        assert_eq!(rows[0].user_id.as_deref(), Some(&*h.alice));
        assert_eq!(rows[0].front_end, "endpoint");
    });
}

#[test]
fn wrong_client_secrets_are_recorded_once_for_a_client_and_network_and_never_shown() {
    on_both(async |h| {
        let form = [("grant_type", "client_credentials")];
        let token = async |secret: &str| {
            let request = plain().post(h.at("/token")).form(&form);
            answer(request.header("Authorization", basic("app", secret)))
                .await
                .status
        };
        for n in 0..5 {
            assert_eq!(token(&format!("wrong{n}")).await, 401);
        }
        let row = written(&h, "client authentication failed").await;
        assert_eq!(
            who_whom(&row),
            ("stranger", None, Some("client"), "refused")
        );
        assert_eq!((row.target.as_deref(), row.count), (Some("app"), 1));
        assert_eq!(row.target_name.as_deref(), Some("The App"));
        assert!(!format!("{row:?}").contains("wrong"));
        let mut n = 5;
        while token(&format!("wrong{n}")).await != 429 {
            n += 1;
        }
        let row = written(&h, "client authentication refused").await;
        assert_eq!(row.target.as_deref(), Some("app"));
    });
}

#[test]
fn codes_refreshes_and_uses_of_tokens_leave_no_entry() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let before = how_many(&h).await;
        let again = h.tokens(&browser).await;
        let refreshed = h.refresh(tokens["refresh_token"].as_str().unwrap()).await;
        let access = refreshed.json["access_token"].as_str().unwrap();
        assert_eq!(h.userinfo(access).await.status, 200);
        let asked = h.post_as_app("/introspect", &[("token", access)]).await;
        assert_eq!(asked.status, 200);
        let access = again["access_token"].as_str().unwrap();
        let revoked = h.post_as_app("/revoke", &[("token", access)]).await;
        assert_eq!(revoked.status, 200);
        assert_eq!(how_many(&h).await, before);
    });
}
