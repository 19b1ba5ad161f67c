//! OpenID Connect Back-Channel Logout 1.0: clients hear of the end of a session at once, by one node, until they have heard;
//! and what a receiver does with it hurts nobody else.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use latchkey_conformance::samples::{NO_ENTRIES, authorization, code_of, session};
use latchkey_protocol::{
    ClientId, SessionId,
    deliveries::{Again, DeliveryState, Receipt, ReceiptsOf},
    logout_token::{Delivery, LogoutToken},
    page::Page,
};
use latchkey_server::{deliveries, supervised::Supervised};
use serde_json::json;

use super::{
    support::receiver::{Behaviour, Receiver},
    support::*,
};

/// Of the loopback network, which is not public.
pub const ALLOWED: [(&str, &str); 1] = [("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.0/24")];
const DAY: i64 = 86_400;

/// Each has calls of its own.
pub fn node(h: &Harness) -> Supervised {
    deliveries::start(h.app.provider.clone(), h.outbound())
}

pub async fn told(h: &Harness, id: &str, uri: &str) {
    h.client(json!({
        "client_id": id, "redirect_uris": [CALLBACK], "trusted": true, "token_endpoint_auth_method": "none",
        "backchannel_logout_uri": uri, "backchannel_logout_session_required": true,
        "post_logout_redirect_uris": ["https://app.example/bye?x=1"],
    }))
    .await;
}

/// A client signs the browser's user in.
pub async fn visit(h: &Harness, browser: &Browser, client: &str) -> serde_json::Value {
    let asked = [("client_id", client), ("scope", "openid")];
    let code = h.code(browser, &asked).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", client),
    ];
    let answer = h.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

/// As [`visit`], of a session of alice that needs no browser.
pub async fn joined(h: &Harness, name: &str, clients: &[&str]) {
    let user = h.store.user(&h.alice).await.unwrap().unwrap();
    let mut new = session(name, &h.alice);
    (new.created_at, new.last_used_at) = (h.moment(), h.moment());
    (new.expires_at, new.ends_at) = (h.moment() + 10 * DAY, h.moment() + 10 * DAY);
    let hash = user.password_hash.unwrap();
    let begun = h.store.sign_in(&new, &hash, None, None).await.unwrap();
    assert!(begun.is_some());
    for client in clients {
        let id = format!("{name} {client}");
        let mut given = authorization(&id, "openid");
        (given.client_id, given.user_id) = (ClientId::new(*client), h.alice.clone());
        code_of(&mut given).session_id = SessionId::new(name);
        assert!(h.store.issue_code(None, &given).await.unwrap());
        let until = h.moment() + DAY;
        let exchanged =
            h.store
                .exchange_code_in_session(&given.id, h.moment(), None, until, &NO_ENTRIES);
        assert!(exchanged.await.unwrap());
    }
}

pub async fn end(h: &Harness, session: &str) {
    let sid = SessionId::new(session);
    let ended = h.store.end_session(&sid, true, h.moment()).await;
    assert!(ended.unwrap());
}

pub async fn receipts(h: &Harness) -> Vec<Receipt> {
    let page = Page::first(1000);
    h.store.receipts(ReceiptsOf::All, &page).await.unwrap()
}

/// Waits until a receipt of a client is so.
pub async fn until(h: &Harness, client: &str, is_so: impl Fn(&Receipt) -> bool) -> Receipt {
    for _ in 0..800 {
        let all = receipts(h).await;
        let found = all.into_iter().find(|r| r.client_id == client && is_so(r));
        if let Some(found) = found {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{client}: {:?}", receipts(h).await);
}

pub fn is_delivered(receipt: &Receipt) -> bool {
    receipt.state == DeliveryState::Delivered
}

/// 2.4, 2.5.
#[test]
fn every_client_of_an_ended_session_gets_a_logout_token_at_once() {
    on_both_with(&ALLOWED, async |h| {
        let sending = node(&h);
        let mut receivers = Vec::new();
        for (n, id) in (2..).zip(["one", "two", "three"]) {
            let receiver = Receiver::start(n, Behaviour::Answers(200)).await;
            told(&h, id, &receiver.uri).await;
            receivers.push((id, receiver));
        }
        let browser = h.browser();
        let mut tokens = Vec::new();
        for (id, _) in &receivers {
            tokens.push(visit(&h, &browser, id).await);
        }
        let sid = claims(&tokens[0]["id_token"])["sid"].clone();
        // Another session of the same user goes on.
        let elsewhere = h.browser();
        visit(&h, &elsewhere, "one").await;
        let begun = Instant::now();
        end(&h, sid.as_str().unwrap()).await;
        for ((id, receiver), tokens) in receivers.iter().zip(&tokens) {
            let got = receiver.wait_for(1).await.remove(0);
            let keys = &h.app.ui.only_realm.keys;
            let token: LogoutToken = keys.verify(&got.token, h.moment()).unwrap();
            assert_eq!(
                (token.aud.as_str(), &*token.sid),
                (*id, sid.as_str().unwrap())
            );
            assert_eq!(token.sub.as_str(), claims(&tokens["id_token"])["sub"]);
            assert_eq!(got.claims.get("nonce"), None);
            assert!(
                got.head
                    .contains("content-type: application/x-www-form-urlencoded")
            );
            let receipt = until(&h, id, is_delivered).await;
            assert_eq!((receipt.attempts, receipt.next_at), (1, None));
            assert_eq!(receipt.last.unwrap().status, Some(200));
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(receivers[0].1.received().len(), 1, "of that session alone");
        // At once: nothing goes on in it.
        let access = tokens[0]["access_token"].as_str().unwrap();
        assert_eq!(h.userinfo(access).await.status, 401);
        let none = browser.authorize(&[("prompt", "none")]).await;
        assert_eq!(none["error"], "login_required");
        sending.stop().await;
    });
}

/// Core 12, RFC 7662 2.2: what was given offline ends too when an administrator ends the session.
#[test]
fn a_forced_end_refuses_refresh_userinfo_and_introspection_at_once() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let sid = claims(&tokens["id_token"])["sid"]
            .as_str()
            .unwrap()
            .to_owned();
        let (access, refresh) = (
            tokens["access_token"].as_str().unwrap(),
            tokens["refresh_token"].as_str().unwrap(),
        );
        assert_eq!(h.userinfo(access).await.status, 200);
        end(&h, &sid).await;
        assert_eq!(h.userinfo(access).await.error(), "invalid_token");
        for token in [access, refresh] {
            let answer = h.post_as_app("/introspect", &[("token", token)]).await;
            assert_eq!(answer.json, json!({"active": false}));
        }
        assert_eq!(h.refresh(refresh).await.error(), "invalid_grant");
        let none = browser.authorize(&[("prompt", "none")]).await;
        assert_eq!(none["error"], "login_required");
    });
}

/// RP-Initiated Logout 2: the whole session ends, for the other clients too.
#[test]
fn a_sign_out_asked_for_by_one_client_is_told_to_the_others() {
    on_both_with(&ALLOWED, async |h| {
        let sending = node(&h);
        let asking = Receiver::start(2, Behaviour::Answers(200)).await;
        let other = Receiver::start(3, Behaviour::Answers(204)).await;
        told(&h, "asking", &asking.uri).await;
        told(&h, "other", &other.uri).await;
        let browser = h.browser();
        let tokens = visit(&h, &browser, "asking").await;
        visit(&h, &browser, "other").await;
        let asked = [
            ("id_token_hint", tokens["id_token"].as_str().unwrap()),
            ("post_logout_redirect_uri", "https://app.example/bye?x=1"),
        ];
        let out = answer(browser.http.get(h.at("/logout")).query(&asked)).await;
        assert_eq!(out.header("location"), asked[1].1);
        other.wait_for(1).await;
        asking.wait_for(1).await;
        let receipt = until(&h, "other", is_delivered).await;
        assert_eq!(
            (&*receipt.cause, receipt.last.unwrap().status),
            ("signed out", Some(204))
        );
        sending.stop().await;
    });
}

#[test]
fn nodes_that_share_the_queue_tell_each_client_once() {
    on_both_with(&ALLOWED, async |h| {
        let late = Behaviour::AnswersLate(Duration::from_millis(30));
        let receiver = Receiver::start(2, late).await;
        told(&h, "told", &receiver.uri).await;
        let names: BTreeSet<_> = (0..40).map(|n| format!("s{n:02}")).collect();
        for name in &names {
            joined(&h, name, &["told"]).await;
        }
        let nodes = [node(&h), node(&h), node(&h)];
        h.store.end_user(&h.alice, h.moment()).await.unwrap();
        receiver.wait_for(names.len()).await;
        for node in nodes {
            node.stop().await;
        }
        assert_eq!(receiver.sessions(), Vec::from_iter(names), "each once");
        assert!(receipts(&h).await.iter().all(is_delivered));
    });
}

/// 2.5, 2.8: tried again for a day with a fresh token, then kept until it is sent again.
#[test]
fn a_client_that_fails_is_told_again_with_a_fresh_token_and_then_by_hand() {
    on_both_with(&ALLOWED, async |h| {
        let sending = node(&h);
        let receiver = Receiver::start(2, Behaviour::Answers(503)).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "s", &["told"]).await;
        end(&h, "s").await;
        receiver.wait_for(1).await;
        let tried = until(&h, "told", |receipt| receipt.last.is_some()).await;
        assert_eq!(tried.state, DeliveryState::Waiting);
        assert!(tried.next_at.unwrap() > h.moment() && tried.next_at.unwrap() <= h.moment() + 2);
        let last = tried.last.unwrap();
        assert_eq!(
            (last.delivery, last.status),
            (Delivery::Misanswered, Some(503))
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(receiver.received().len(), 1, "not before its time");
        h.pass(3);
        let both = receiver.wait_for(2).await;
        assert_ne!(both[0].claims["jti"], both[1].claims["jti"]);
        assert!(both[0].claims["iat"].as_i64() < both[1].claims["iat"].as_i64());
        until(&h, "told", |receipt| {
            receipt.attempts == 2 && receipt.last.is_some()
        })
        .await;
        h.pass(DAY);
        let dead = until(&h, "told", |receipt| receipt.state == DeliveryState::Dead).await;
        h.pass(DAY);
        receiver.behave(Behaviour::Answers(200));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(receiver.received().len(), 3, "nobody asked for more");
        let again = h.store.send_again(Again::One(dead.id), h.moment()).await;
        assert_eq!(again.unwrap(), 1);
        let delivered = until(&h, "told", is_delivered).await;
        assert_eq!(delivered.attempts, 4);
        sending.stop().await;
    });
}

#[test]
fn a_receiver_that_is_slow_or_hostile_delays_nobody_else() {
    on_both_with(&ALLOWED, async |h| {
        let inside = Receiver::start(7, Behaviour::Answers(200)).await;
        let hostile = [
            ("silent", Receiver::start(2, Behaviour::NeverAnswers).await),
            (
                "endless",
                Receiver::start(3, Behaviour::AnswersEndlessly).await,
            ),
            (
                "elsewhere",
                Receiver::start(4, Behaviour::Redirects(inside.uri.clone())).await,
            ),
        ];
        for (id, receiver) in &hostile {
            told(&h, id, &receiver.uri).await;
        }
        // Loopback, and outside of what the setting allows.
        told(&h, "private", "http://127.0.9.9:80/out").await;
        let kind = Receiver::start(5, Behaviour::Answers(200)).await;
        told(&h, "kind", &kind.uri).await;
        let all = ["silent", "endless", "elsewhere", "private", "kind"];
        for n in 0..10 {
            joined(&h, &format!("s{n}"), &all).await;
        }
        let sending = node(&h);
        let begun = Instant::now();
        h.store.end_user(&h.alice, h.moment()).await.unwrap();
        let last = kind.wait_for(10).await.pop().unwrap();
        let took = last.at - begun;
        // One attempt to a receiver that does not answer takes ten seconds.
        assert!(took < Duration::from_secs(5), "{took:?}");
        let redirected = until(&h, "elsewhere", |receipt| receipt.last.is_some()).await;
        let last = redirected.last.unwrap();
        assert_eq!(
            (last.delivery, last.status),
            (Delivery::Misanswered, Some(307))
        );
        assert!(inside.received().is_empty(), "redirects are not followed");
        let forbidden = until(&h, "private", |receipt| receipt.last.is_some()).await;
        let last = forbidden.last.unwrap();
        assert_eq!((last.delivery, last.status), (Delivery::Forbidden, None));
        assert!(last.reason.unwrap().contains("outbound.allow"));
        for client in ["silent", "endless"] {
            let late = until(&h, client, |receipt| receipt.last.is_some()).await;
            assert_ne!(late.state, DeliveryState::Delivered);
        }
        assert!(!hostile[0].1.was_told_twice_at_once());
        sending.stop().await;
    });
}

/// A node takes a delivery and dies: another one sends it when the lease is over.
#[test]
fn what_a_dead_node_had_taken_is_sent_by_another() {
    on_both_with(&ALLOWED, async |h| {
        let receiver = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "s", &["told"]).await;
        end(&h, "s").await;
        let take = latchkey_protocol::deliveries::TakeDeliveries {
            owner: "dead",
            now: h.moment(),
            lease: 15,
            clients: &[(ClientId::new("told".to_owned()), 1)],
        };
        assert_eq!(h.store.take_deliveries(&take).await.unwrap().len(), 1);
        let sending = node(&h);
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(receiver.received().is_empty(), "the lease is held");
        h.pass(15);
        receiver.wait_for(1).await;
        let delivered = until(&h, "told", is_delivered).await;
        assert_eq!(delivered.attempts, 2);
        sending.stop().await;
    });
}
