//! Back-channel logout where something is wrong on our side or the client's: it is written down, and hurts nobody else.

use std::time::{Duration, Instant};

use latchkey_protocol::{ClientId, SessionId, deliveries::DeliveryState, logout_token::Delivery};

use super::{
    back_channel_logout::{ALLOWED, end, is_delivered, joined, node, receipts, told, until},
    support::{
        receiver::{Behaviour, Receiver},
        *,
    },
};

const DAY: i64 = 86_400;

#[test]
fn a_client_that_cannot_be_read_stops_nobody_else_and_has_its_receipt() {
    on_both_with(&ALLOWED, async |h| {
        let receiver = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "broken", &receiver.uri).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "s", &["broken", "told"]).await;
        end(&h, "s").await;
        h.sql("UPDATE clients SET metadata = 'x' WHERE id = 'broken'");
        let sending = node(&h);
        until(&h, "told", is_delivered).await;
        let tried = until(&h, "broken", |receipt| receipt.last.is_some()).await;
        let last = tried.last.unwrap();
        assert_eq!(
            (tried.state, last.delivery),
            (DeliveryState::Waiting, Delivery::Unsent)
        );
        assert!(last.reason.unwrap().contains("could not be read"));
        assert!(tried.next_at.unwrap() > h.moment());
        h.pass(DAY);
        until(&h, "broken", |receipt| receipt.state == DeliveryState::Dead).await;
        sending.stop().await;
    });
}

#[test]
fn forty_clients_that_answer_slowly_delay_nobody_else() {
    on_both_with(&ALLOWED, async |h| {
        let mut slow = Vec::new();
        for host in 2..42 {
            let late = Behaviour::AnswersLate(Duration::from_secs(4));
            let receiver = Receiver::start(host, late).await;
            told(&h, &format!("a{host:02}"), &receiver.uri).await;
            slow.push(receiver);
        }
        let kind = Receiver::start(50, Behaviour::Answers(200)).await;
        told(&h, "kind", &kind.uri).await;
        let mut ids: Vec<_> = (2..42).map(|host| format!("a{host:02}")).collect();
        ids.push("kind".into());
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        for n in 0..4 {
            joined(&h, &format!("s{n}"), &ids).await;
        }
        let sending = node(&h);
        let begun = Instant::now();
        h.store.end_user(&h.alice, h.moment()).await.unwrap();
        let took = kind.wait_for(4).await.pop().unwrap().at - begun;
        assert!(took < Duration::from_secs(3), "{took:?}");
        sending.stop().await;
    });
}

/// Clients that never answer, with a thousand deliveries each, and one that has nothing to hear yet, in the session `s`.
async fn among_hostile(h: &Harness, count: u8) -> (Vec<Receiver>, Receiver) {
    let mut hostile = Vec::new();
    for host in 2..2 + count {
        let receiver = Receiver::start(host, Behaviour::NeverAnswers).await;
        // By their ids they come first.
        told(h, &format!("hostile{host:02}"), &receiver.uri).await;
        hostile.push(receiver);
    }
    let kind = Receiver::start(50, Behaviour::Answers(200)).await;
    told(h, "kind", &kind.uri).await;
    joined(h, "s", &["kind"]).await;
    let now = h.now();
    h.sql(&format!(
        "INSERT INTO deliveries (session_id, client_id, user_id, cause, ended_at, since, state, due_at) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000) \
         SELECT 'x' || n, clients.id, 'u', 'forced', {now}, {now}, 'waiting', {now} FROM numbers, clients WHERE clients.id LIKE 'hostile%'"
    ));
    (hostile, kind)
}

/// One client has a few places of all, however much it has to hear. After a start nobody is known to answer: whoever
/// does not has one place until that is known.
#[test]
fn clients_with_a_thousand_deliveries_that_never_answer_delay_nobody_else() {
    for count in [1, 40] {
        on_both_with(&ALLOWED, async |h| {
            let (hostile, kind) = among_hostile(&h, count).await;
            let sending = node(&h);
            for receiver in &hostile {
                receiver.wait_for(1).await;
            }
            let begun = Instant::now();
            end(&h, "s").await;
            let came = kind.wait_for(1).await.remove(0).at - begun;
            assert!(came < Duration::from_secs(1), "{count}: {came:?}");
            for receiver in &hostile {
                assert_eq!(receiver.received().len(), 1, "of 128 places");
            }
            sending.stop().await;
        });
    }
}

/// The status says all: whoever sends the body slowly holds nothing.
#[test]
fn an_answer_is_over_with_its_head() {
    on_both_with(&ALLOWED, async |h| {
        let receiver = Receiver::start(2, Behaviour::DribblesBody).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "s", &["told"]).await;
        let sending = node(&h);
        end(&h, "s").await;
        let receipt = until(&h, "told", is_delivered).await;
        assert!(receipt.last.unwrap().milliseconds < 3000);
        sending.stop().await;
    });
}

#[test]
fn a_client_whose_address_is_gone_is_given_up_with_the_reason() {
    on_both_with(&ALLOWED, async |h| {
        let receiver = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "s", &["told"]).await;
        end(&h, "s").await;
        let mut client = (*h
            .store
            .client(&ClientId::new("told"))
            .await
            .unwrap()
            .unwrap())
        .clone();
        client.metadata.backchannel_logout_uri = None;
        assert!(h.store.update_client_metadata(&client).await.unwrap());
        let sending = node(&h);
        let tried = until(&h, "told", |receipt| receipt.last.is_some()).await;
        let last = tried.last.unwrap();
        assert_eq!(last.delivery, Delivery::Forbidden);
        assert!(last.reason.unwrap().contains("backchannel_logout_uri"));
        assert!(receiver.received().is_empty());
        sending.stop().await;
    });
}

/// Core 12: offline access outlives the session for refreshing. It does not begin after it, with an ID token of that session.
#[test]
fn a_code_held_back_until_the_session_has_ended_gives_no_tokens() {
    on_both(async |h| {
        let browser = h.browser();
        let asked = [("scope", "openid offline_access"), ("prompt", "consent")];
        let tokens = h.tokens(&browser).await;
        let code = h.code(&browser, &asked).await;
        let sid = SessionId::new(claims(&tokens["id_token"])["sid"].as_str().unwrap());
        let now = h.moment();
        let ended = h.store.end_session_of(&sid, Some(&h.alice), false, now);
        assert!(ended.await.unwrap().is_some());
        let refused = h.exchange(&code).await;
        assert_eq!(refused.error(), "invalid_grant");
        assert_eq!(
            h.exchange(&code).await.error(),
            "invalid_grant",
            "now or later"
        );
    });
}

/// What was told or is to be told to a client is not its namesake's business.
#[test]
fn a_client_registered_anew_hears_nothing_of_sessions_it_was_never_in() {
    on_both_with(&ALLOWED, async |h| {
        let receiver = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "told", &receiver.uri).await;
        joined(&h, "live", &["told"]).await;
        joined(&h, "over", &["told"]).await;
        end(&h, "over").await;
        h.pass(1);
        assert!(
            h.store
                .delete_client(&ClientId::new("told"), None)
                .await
                .unwrap()
        );
        told(&h, "told", &receiver.uri).await;
        h.sql("UPDATE clients SET created_at = 1800000001 WHERE id = 'told'");
        end(&h, "live").await;
        let sending = node(&h);
        let dead = until(&h, "told", |receipt| receipt.state == DeliveryState::Dead).await;
        assert_eq!(&*dead.end.session_id, "over");
        assert_eq!(dead.last.unwrap().delivery, Delivery::Unsent);
        assert_eq!(receipts(&h).await.len(), 1);
        assert!(receiver.received().is_empty());
        joined(&h, "new", &["told"]).await;
        end(&h, "new").await;
        receiver.wait_for(1).await;
        sending.stop().await;
    });
}
