//! All sessions, and all of a client, end: at once at every endpoint, and then one after another.

use std::sync::Arc;

use latchkey_protocol::deliveries::DeliveryState;
use latchkey_server::workers::{BulkEndHandler, Workers};

use crate::{
    back_channel_logout::{ALLOWED, is_delivered, joined, node, told, until},
    sign_out::{access, is_signed_in},
    support::receiver::{Behaviour, Receiver},
};

use super::*;

fn workers(h: &Harness) -> Workers {
    let handler = BulkEndHandler::new(h.store.clone(), h.app.provider.clock.clone());
    workers_of(h, handler)
}

fn workers_of(h: &Harness, handler: BulkEndHandler) -> Workers {
    let (store, clock) = (h.store.clone(), h.app.provider.clock.clone());
    Workers::start(store, clock, Arc::new(OsEntropy), vec![Arc::new(handler)])
}

async fn is_over(h: &Harness) {
    for _ in 0..400 {
        let ends = h.store.bulk_ends(h.moment() - 10).await.unwrap();
        if ends.iter().all(|end| end.done_at.is_some()) {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it goes on for ever");
}

/// What an app and its browser hear: refresh, UserInfo, introspection, `prompt=none`.
async fn hears_nothing_more(h: &Harness, browser: &Browser, tokens: &serde_json::Value) {
    let refreshed = h.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(
        (refreshed.status, refreshed.error()),
        (400, "invalid_grant")
    );
    assert_eq!(h.userinfo(access(tokens)).await.status, 401);
    let asked = [("token", access(tokens))];
    let introspected = h.post_as_app("/introspect", &asked).await;
    assert_eq!(introspected.json, serde_json::json!({ "active": false }));
    assert!(!is_signed_in(browser).await);
}

#[test]
fn all_sessions_end_at_once_at_every_endpoint_before_any_of_them_is_worked_off() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let app = h.browser();
        let tokens = h.tokens(&app).await;
        let asked = open(&h, &browser, "/admin/sessions/end-all").await;
        for part in ["Sessions: 2,", "latchkey session end --all"] {
            assert!(asked.text.contains(part), "{part} {}", asked.text);
        }
        let page = open(&h, &browser, "/admin/sessions").await;
        assert!(page.text.contains("id=\"end-all\"") && !page.text.contains("id=\"ends\""));
        let done = send(&h, &browser, "/admin/sessions/end-all", &[]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        hears_nothing_more(&h, &app, &tokens).await;
        let own = browser.get(&h.at("/admin")).await;
        assert!(own.header("location").contains("/authorize?"), "{own:?}");
        h.pass(1);
        let page = sign_in(&browser, own).await;
        assert_eq!(page.status, 200);
        let page = open(&h, &browser, "/admin/sessions").await;
        assert!(page.text.contains("Under way"), "{}", page.text);
        assert!(page.header("refresh").starts_with("2; url="));
        // What counts as ended says so, everywhere, and there is nothing to end.
        assert_eq!(
            page.text.matches("class=\"tag warn\">Ended<").count(),
            2,
            "{}",
            page.text
        );
        assert_eq!(
            page.text.matches("class=\"end\"").count(),
            1,
            "{}",
            page.text
        );
        let user = open(&h, &browser, &format!("/admin/users/{}", h.alice)).await;
        assert_eq!(user.text.matches("class=\"tag warn\">Ended<").count(), 2);
        let filtered = open(&h, &browser, "/admin/sessions?user=alice&after=1.a%26b").await;
        let again = filtered.header("refresh").to_owned();
        assert!(
            again.contains("user=alice") && again.contains("after=1.a%26b"),
            "{again}"
        );
        let caller = crate::api::administrator(&h).await;
        let listed = caller.get("/sessions").await.json["items"].clone();
        let listed = listed.as_array().unwrap();
        let ended: Vec<_> = listed
            .iter()
            .map(|one| one["ended"].as_bool().unwrap())
            .collect();
        assert_eq!(ended, [true, true, false]);
        let path = format!("/sessions/{}", listed[0]["id"].as_str().unwrap());
        assert!(caller.get(&path).await.json["session"].is_null());
        let working = workers(&h);
        is_over(&h).await;
        let page = open(&h, &browser, "/admin/sessions").await;
        assert_eq!((page.status, page.header("refresh")), (200, ""));
        assert!(page.text.contains("Over") && page.text.contains("Everyone"));
        hears_nothing_more(&h, &app, &tokens).await;
        let left = h.store.sessions(None).await.unwrap();
        assert_eq!(left.len(), 1, "whoever signed in afterwards stays");
        working.stop().await;
        let audit = browser
            .get(&h.at("/admin/audit?event=session+end+--all"))
            .await;
        assert_eq!(
            audit
                .text
                .matches("data-event=\"session end --all\"")
                .count(),
            1
        );
        let ended = browser.get(&h.at("/admin/audit?event=session+ended")).await;
        assert!(
            ended.text.contains("all sessions were ended"),
            "{}",
            ended.text
        );
    });
}

#[test]
fn all_sessions_of_a_client_end_for_all_apps_and_each_is_told() {
    on_both_with(&ALLOWED, async |h| {
        let browser = administrator(&h).await;
        let wiki = Receiver::start(2, Behaviour::Answers(200)).await;
        let shop = Receiver::start(3, Behaviour::Answers(200)).await;
        told(&h, "wiki", &wiki.uri).await;
        told(&h, "shop", &shop.uri).await;
        joined(&h, "both", &["wiki", "shop"]).await;
        joined(&h, "one", &["wiki"]).await;
        joined(&h, "other", &["shop"]).await;
        h.pass(1);
        let at = "/admin/clients/wiki/end-sessions";
        let asked = open(&h, &browser, at).await;
        for part in ["Sessions: 2.", "latchkey session end --client wiki"] {
            assert!(asked.text.contains(part), "{part} {}", asked.text);
        }
        let (working, sending) = (workers(&h), node(&h));
        assert_eq!(send(&h, &browser, at, &[]).await.status, 303);
        is_over(&h).await;
        wiki.wait_for(2).await;
        shop.wait_for(1).await;
        until(&h, "shop", is_delivered).await;
        assert_eq!(wiki.sessions(), ["both", "one"]);
        assert_eq!(shop.sessions(), ["both"]);
        let left = h.store.sessions(None).await.unwrap();
        let mut left: Vec<_> = left.iter().map(|s| s.id.as_str()).collect();
        left.retain(|id| ["both", "one", "other"].contains(id));
        assert_eq!(left, ["other"], "and the administrator's goes on");
        assert_eq!(open(&h, &browser, "/admin/sessions").await.status, 200);
        let nobody = h.at("/admin/clients/nobody/end-sessions");
        assert_eq!(browser.get(&nobody).await.status, 404);
        let page = open(&h, &browser, "/admin/clients/wiki").await;
        assert!(page.text.contains("id=\"end-sessions\""));
        sending.stop().await;
        working.stop().await;
    });
}

/// What is beyond the bound of the queue would be dead letters.
#[test]
fn an_end_of_many_sessions_waits_until_the_queue_has_room_and_counts_all_the_same() {
    on_both_with(&ALLOWED, async |h| {
        let wiki = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "wiki", &wiki.uri).await;
        joined(&h, "before", &["wiki"]).await;
        crate::back_channel_logout::end(&h, "before").await;
        let app = h.browser();
        let tokens = h.tokens(&app).await;
        joined(&h, "meant", &["wiki"]).await;
        let begun = h
            .store
            .begin_bulk_end(None, None, h.moment())
            .await
            .unwrap();
        assert!(begun.is_some());
        let handler = BulkEndHandler::new(h.store.clone(), h.app.provider.clock.clone());
        let working = workers_of(&h, handler.waiting_at_most(1));
        hears_nothing_more(&h, &app, &tokens).await;
        actix_web::rt::time::sleep(std::time::Duration::from_millis(700)).await;
        let left = h.store.sessions(None).await.unwrap();
        assert_eq!(left.len(), 2, "nothing is added to a full queue");
        let sending = node(&h);
        wiki.wait_for(1).await;
        until(&h, "wiki", is_delivered).await;
        actix_web::rt::time::sleep(std::time::Duration::from_millis(700)).await;
        let left = h.store.sessions(None).await.unwrap();
        assert_eq!(left.len(), 2, "it looks again in two seconds, not at once");
        h.pass(2);
        wiki.wait_for(2).await;
        is_over(&h).await;
        assert_eq!(wiki.sessions(), ["before", "meant"]);
        let dead = crate::back_channel_logout::receipts(&h).await;
        assert!(dead.iter().all(is_delivered) || dead.len() == 2, "{dead:?}");
        sending.stop().await;
        working.stop().await;
    });
}

/// A receiver that is dead must not keep those that live from hearing.
#[test]
fn a_full_queue_gives_up_what_waits_for_a_dead_app_and_the_others_hear() {
    on_both_with(&ALLOWED, async |h| {
        let down = Receiver::start(2, Behaviour::Answers(503)).await;
        let wiki = Receiver::start(3, Behaviour::Answers(200)).await;
        told(&h, "down", &down.uri).await;
        told(&h, "wiki", &wiki.uri).await;
        joined(&h, "before", &["down"]).await;
        crate::back_channel_logout::end(&h, "before").await;
        let sending = node(&h);
        until(&h, "down", |receipt| receipt.last.is_some()).await;
        sending.stop().await;
        joined(&h, "meant", &["wiki"]).await;
        let begun = h.store.begin_bulk_end(None, None, h.moment()).await;
        assert!(begun.unwrap().is_some());
        let handler = || {
            let clock = h.app.provider.clock.clone();
            BulkEndHandler::new(h.store.clone(), clock).waiting_at_most(1)
        };
        let working = workers_of(&h, handler());
        actix_web::rt::time::sleep(std::time::Duration::from_millis(700)).await;
        let left = h.store.sessions(None).await.unwrap();
        assert_eq!(left.len(), 1, "it may be back in a moment");
        h.pass(600);
        // Somebody was reached: it is not we who cannot send.
        joined(&h, "sound", &["wiki"]).await;
        crate::back_channel_logout::end(&h, "sound").await;
        let sending = node(&h);
        wiki.wait_for(1).await;
        until(&h, "wiki", is_delivered).await;
        sending.stop().await;
        h.pass(602);
        is_over(&h).await;
        working.stop().await;
        let sending = node(&h);
        wiki.wait_for(2).await;
        sending.stop().await;
        let given_up = until(&h, "down", |receipt| receipt.state == DeliveryState::Dead).await;
        let reason = given_up.last.unwrap().reason.unwrap();
        assert!(reason.contains("this client keeps failing"), "{reason}");
        let browser = administrator(&h).await;
        let audit = open(&h, &browser, "/admin/audit?event=deliveries+given+up").await;
        assert!(audit.text.contains("down"), "{}", audit.text);
        let page = open(&h, &browser, "/admin/deliveries?state=dead").await;
        assert!(
            page.text.contains("this client keeps failing"),
            "{}",
            page.text
        );
        down.behave(Behaviour::Answers(200));
        let again = format!("/admin/deliveries/{}/retry", given_up.id);
        assert_eq!(send(&h, &browser, &again, &[]).await.status, 303);
        let sending = node(&h);
        until(&h, "down", is_delivered).await;
        sending.stop().await;
    });
}
