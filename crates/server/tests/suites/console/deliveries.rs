//! Who heard of the end of a session: the page of a session, and the list of what was sent.

use crate::{
    back_channel_logout::{ALLOWED, end, is_delivered, joined, node, told, until, visit},
    support::receiver::{Behaviour, Receiver},
};

use super::*;

async fn get(h: &Harness, browser: &Browser, path: &str) -> Answer {
    let answer = browser.get(&h.at(path)).await;
    assert_eq!(answer.status, 200, "{path} {}", answer.text);
    answer
}

fn rows(page: &str) -> usize {
    page.matches("<tr class=\"receipt\">").count()
}

#[test]
fn the_page_of_a_session_names_its_user_address_and_apps_and_watches_the_receipts_come() {
    on_both_with(&ALLOWED, async |h| {
        let browser = administrator(&h).await;
        let receiver = Receiver::start(2, Behaviour::Answers(200)).await;
        told(&h, "wiki", &receiver.uri).await;
        let app = h.browser();
        let tokens = visit(&h, &app, "wiki").await;
        let sid = claims(&tokens["id_token"])["sid"].clone();
        let at = format!("/admin/sessions/{}", sid.as_str().unwrap());
        let list = get(&h, &browser, "/admin/sessions").await.text;
        assert!(list.contains(&format!("href=\"{at}\"")), "{list}");
        let live = get(&h, &browser, &at).await;
        for part in [
            "id=\"live\"",
            "<strong>wiki</strong>",
            "<code>127.0.0.1</code>",
            "By the back channel",
            "data-event=\"signed in\">Signed in<",
            "alice",
        ] {
            assert!(live.text.contains(part), "{part} {}", live.text);
        }
        assert!(!live.text.contains("id=\"receipts\""));
        assert_eq!(live.header("refresh"), "", "nothing is awaited");
        // Nobody sends yet.
        let ended = send(&h, &browser, &format!("{at}/end"), &[]).await;
        assert!(ended.header("location").contains(&at), "{ended:?}");
        let waiting = get(&h, &browser, &format!("{at}?done=session-ended")).await;
        let refresh = format!("1; url={at}");
        assert!(waiting.header("refresh").ends_with(&refresh), "{waiting:?}");
        for part in ["id=\"over\"", "id=\"waiting\"", "0 / 1", "alice"] {
            assert!(waiting.text.contains(part), "{part} {}", waiting.text);
        }
        let sending = node(&h);
        until(&h, "wiki", is_delivered).await;
        let settled = get(&h, &browser, &at).await;
        assert_eq!(settled.header("refresh"), "");
        for part in ["id=\"complete\"", "1 / 1", "Taken", "200, "] {
            assert!(settled.text.contains(part), "{part} {}", settled.text);
        }
        assert!(
            settled
                .text
                .contains("data-event=\"session ended\">Session ended<")
        );
        sending.stop().await;
        let nothing = get(&h, &browser, "/admin/sessions/nothing").await;
        assert!(nothing.text.contains("id=\"unknown\""));
    });
}

#[test]
fn deliveries_are_filtered_and_read_page_by_page_the_newest_first() {
    on_both_with(&ALLOWED, async |h| {
        let browser = administrator(&h).await;
        told(&h, "wiki", "http://127.0.0.1:9/out").await;
        told(&h, "shop", "http://127.0.0.1:9/out").await;
        for n in 0..60 {
            joined(&h, &format!("s{n}"), &["wiki"]).await;
        }
        joined(&h, "last", &["wiki", "shop"]).await;
        let user = h.alice.clone();
        // The administrator's own ends, too.
        h.store.end_user(&user, h.moment()).await.unwrap();
        let all = open(&h, &browser, "/admin/deliveries").await.text;
        assert_eq!(rows(&all), 50);
        let next = all.split("id=\"next\" href=\"").nth(1).unwrap();
        let next = next.split('"').next().unwrap().replace("&#38;", "&");
        assert_eq!(rows(&browser.get(&h.at(&next)).await.text), 12);
        let count = async |query: &str| {
            let path = format!("/admin/deliveries?{query}");
            rows(&get(&h, &browser, &path).await.text)
        };
        assert_eq!(count("client=shop").await, 1);
        assert_eq!(count("client=shop&state=waiting&user=alice").await, 1);
        assert_eq!(count("state=dead").await, 0);
        assert_eq!(count("user=bob").await, 0);
        for bad in [
            "after=x",
            "after=1%27",
            "state=x",
            "client=%27%3B--",
            "user=nobody",
        ] {
            count(bad).await;
        }
        let page = get(&h, &browser, "/admin/deliveries?client=%3Cb%3E").await;
        assert!(!page.text.contains("<b>"));
        let command = "latchkey delivery list --state dead --client wiki --user alice";
        let path = "/admin/deliveries?user=alice&client=wiki&state=dead";
        assert!(get(&h, &browser, path).await.text.contains(command));
    });
}

#[test]
fn a_dead_letter_is_sent_again_from_the_console_with_a_recent_sign_in() {
    on_both_with(&ALLOWED, async |h| {
        let browser = administrator(&h).await;
        let receiver = Receiver::start(2, Behaviour::Answers(503)).await;
        told(&h, "wiki", &receiver.uri).await;
        joined(&h, "gone", &["wiki"]).await;
        let sending = node(&h);
        end(&h, "gone").await;
        receiver.wait_for(1).await;
        h.pass(90_000);
        let is_dead = |r: &latchkey_protocol::deliveries::Receipt| r.state.name() == "dead";
        let dead = until(&h, "wiki", is_dead).await;
        let page = open(&h, &browser, "/admin/deliveries?state=dead").await;
        assert_eq!(rows(&page.text), 1, "{}", page.text);
        receiver.behave(Behaviour::Answers(200));
        let path = format!("/admin/deliveries/{}/retry", dead.id);
        h.pass(700);
        let refused = send(&h, &browser, &path, &[]).await;
        assert!(
            refused.header("location").contains("/authorize?"),
            "{refused:?}"
        );
        assert_eq!(until(&h, "wiki", is_dead).await.attempts, dead.attempts);
        sign_in(&browser, refused).await;
        let done = send(&h, &browser, &path, &[]).await;
        let to = done.header("location").to_owned();
        assert!(to.ends_with("/admin/sessions/gone?done=sent-again"), "{to}");
        until(&h, "wiki", is_delivered).await;
        let unknown = send(&h, &browser, "/admin/deliveries/999999/retry", &[]).await;
        assert_eq!(unknown.status, 404);
        let all = send(&h, &browser, "/admin/deliveries/dead/retry", &[]).await;
        assert_eq!(all.status, 303, "{}", all.text);
        sending.stop().await;
        let entries = get(&h, &browser, "/admin/audit?event=delivery+retry").await;
        assert_eq!(
            entries
                .text
                .matches("data-event=\"delivery retry\"")
                .count(),
            2
        );
    });
}
