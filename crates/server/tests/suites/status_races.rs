//! A token and its end at the same moment: no token leaves that nothing could end.

use std::sync::Arc;

use latchkey_conformance::{Failure, Flaky};
use latchkey_protocol::{SessionId, Store, Timestamp};
use serde_json::Value;

use crate::support::{status::entry, *};

fn sid(tokens: &Value) -> SessionId {
    SessionId::new(claims(&tokens["id_token"])["sid"].as_str().unwrap())
}

/// Lets the session end right before the next `verb`.
fn end_before(h: &Harness, verb: &'static str, sid: SessionId) {
    let (flaky, now): (Arc<Flaky>, Timestamp) = (h.flaky.clone(), h.moment());
    h.flaky.before_each(verb, move || {
        let (store, sid): (Arc<dyn Store>, _) = (flaky.clone(), sid.clone());
        async move {
            store.end_session(&sid, false, now).await.unwrap();
        }
    });
}

#[test]
fn a_session_that_ends_during_a_refresh_leaves_no_token_within_it() {
    on_both(async |h| {
        let first = h.tokens(&h.browser()).await;
        end_before(&h, "rotate_refresh_token", sid(&first));
        let next = h.refresh(first["refresh_token"].as_str().unwrap()).await;
        assert_eq!(next.status, 200, "offline access goes on: {next:?}");
        let token = &next.json["access_token"];
        assert_eq!(claims(token)["sid"], Value::Null, "it was looked at again");
        assert!(h.has_ended(&first["access_token"]).await);
        assert!(!h.has_ended(token).await);
        h.flaky.before_each("nothing", || async {});
        let refresh = next.json["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.post_as_app("/revoke", &[("token", refresh)]).await.status,
            200
        );
        assert!(h.has_ended(token).await);
    });
}

#[test]
fn a_session_that_ends_during_an_exchange_leaves_no_token_within_it() {
    on_both(async |h| {
        let browser = h.browser();
        let before = h.tokens(&browser).await;
        let code = h.code(&browser, &[("prompt", "none")]).await;
        end_before(&h, "exchange_code", sid(&before));
        let refused = h.exchange(&code).await;
        assert_eq!(
            (refused.status, refused.error()),
            (400, "invalid_grant"),
            "{refused:?}"
        );
        assert!(h.has_ended(&before["access_token"]).await);
    });
}

#[test]
fn a_repeated_answer_shares_the_entry_of_the_first_and_ends_with_it() {
    on_both(async |h| {
        let parent = h.tokens(&h.browser()).await;
        let parent = parent["refresh_token"].as_str().unwrap();
        let first = h.refresh(parent).await.json;
        h.pass(30);
        let again = h.refresh(parent).await.json;
        assert_eq!(again["refresh_token"], first["refresh_token"]);
        assert_ne!(again["access_token"], first["access_token"]);
        assert_eq!(entry(&again["access_token"]), entry(&first["access_token"]));
        h.pass(290);
        let token = first["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.post_as_app("/revoke", &[("token", token)]).await.status,
            200
        );
        assert!(
            h.has_ended(&again["access_token"]).await,
            "it is the last of the two to be over"
        );
    });
}

#[test]
fn a_repeated_answer_after_the_session_has_an_entry_of_its_own() {
    on_both(async |h| {
        let before = h.tokens(&h.browser()).await;
        let parent = before["refresh_token"].as_str().unwrap();
        let first = h.refresh(parent).await.json;
        h.store
            .end_session(&sid(&before), false, h.moment())
            .await
            .unwrap();
        let again = h.refresh(parent).await.json;
        assert_eq!(again["refresh_token"], first["refresh_token"]);
        assert_ne!(entry(&again["access_token"]), entry(&first["access_token"]));
        assert!(h.has_ended(&first["access_token"]).await);
        assert!(!h.has_ended(&again["access_token"]).await);
        let token = first["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.post_as_app("/revoke", &[("token", token)]).await.status,
            200
        );
        assert!(h.has_ended(&again["access_token"]).await);
    });
}

/// No token leaves without an entry.
#[test]
fn without_a_lease_no_token_is_issued_and_with_the_next_one_it_is() {
    on_both(async |h| {
        let grant = [("grant_type", "client_credentials")];
        for failure in Failure::ALL {
            h.pass(601);
            let mut leases = 0;
            for after in 0..9 {
                h.flaky.fail(after, failure);
                let answer = h.post_as_app("/token", &grant).await;
                if h.flaky.calm() == Some("lease_status_entries") {
                    leases += 1;
                    assert_eq!(
                        (answer.status, answer.error()),
                        (503, "temporarily_unavailable")
                    );
                }
                h.pass(601);
            }
            assert_eq!(leases, 1, "{failure:?}");
        }
        let answer = h.post_as_app("/token", &grant).await;
        assert_eq!(answer.status, 200);
        assert!(!h.has_ended(&answer.json["access_token"]).await);
    });
}
