//! The list of what was refused.

use latchkey_protocol::observe::KeptRefusal;

use super::*;

/// One for each number: `count` refusals of a client, a second apart, the newest a second ago.
async fn keep(h: &Harness, client: &str, reason: &str, count: i64) {
    for n in 0..count {
        let kept = KeptRefusal {
            reference: format!("{}{n:06}", &client[..2].to_uppercase()),
            at: h.moment() - 1 - n,
            reason: reason.into(),
            endpoint: "/token".into(),
            client_id: Some(client.into()),
            request_id: "r".into(),
            expected: "e".into(),
            received: "<i>r</i>".into(),
            share: String::new(),
            neighbourhood: None,
        };
        h.store.keep_refusal(&kept).await.unwrap();
    }
}

/// The references of a list, in its order.
fn listed(page: &str) -> Vec<String> {
    let links = page.split("href=\"/admin/refusals/").skip(1);
    links
        .map(|link| link.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn refusals_are_listed_the_newest_first_page_by_page() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        keep(&h, "shop", "CodeExpired", 120).await;
        let mut at = "/admin/refusals?client=shop&reason=CodeExpired&within=hour".to_owned();
        let mut found = Vec::new();
        for held in [50, 50, 20] {
            let page = open(&h, &browser, &at).await.text;
            assert_eq!(listed(&page).len(), held);
            assert_eq!(page.contains("First page"), !found.is_empty());
            found.extend(listed(&page));
            let next = page.split("id=\"next\" href=\"").nth(1);
            assert_eq!(next.is_some(), held == 50 && found.len() < 120);
            let next = next.map(|next| next.split('"').next().unwrap().replace("&#38;", "&"));
            at = next.unwrap_or_default();
        }
        let newest_first: Vec<_> = (0..120).map(|n| format!("SH{n:06}")).collect();
        assert_eq!(found, newest_first);
    });
}

#[test]
fn refusals_are_filtered_by_reason_client_and_time_and_lead_to_their_explanation() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        keep(&h, "old-app", "CodeExpired", 1).await;
        h.pass(2 * 3600);
        keep(&h, "shop", "CodeExpired", 1).await;
        keep(&h, "wiki", "ClientUnknown", 1).await;
        keep(&h, "later", "OfAnotherVersion", 1).await;
        for (query, expected) in [
            ("", vec!["WI000000", "SH000000", "LA000000", "OL000000"]),
            ("?within=hour", vec!["WI000000", "SH000000", "LA000000"]),
            (
                "?within=day",
                vec!["WI000000", "SH000000", "LA000000", "OL000000"],
            ),
            ("?reason=CodeExpired", vec!["SH000000", "OL000000"]),
            ("?client=wiki", vec!["WI000000"]),
            ("?client=wiki&reason=CodeExpired", vec![]),
            (
                "?within=century&after=x",
                vec!["WI000000", "SH000000", "LA000000", "OL000000"],
            ),
            ("?client=%27+OR+1%3D1+--", vec![]),
            (
                "?after=1%27.%27",
                vec!["WI000000", "SH000000", "LA000000", "OL000000"],
            ),
        ] {
            let page = open(&h, &browser, &format!("/admin/refusals{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            assert_eq!(listed(&page.text), expected, "{query}");
        }
        let explained = open(&h, &browser, "/admin/refusals/SH000000").await.text;
        for part in [
            "id=\"explained\"",
            "CodeExpired",
            "&#60;i&#62;r",
            "GET http",
        ] {
            assert!(explained.contains(part), "{part} {explained}");
        }
        let call = format!("{}/admin/api/v1/refusals/SH000000<", h.issuer);
        assert!(explained.contains(&call), "{explained}");
        for none in ["LA000000", "NOTHING0"] {
            let page = open(&h, &browser, &format!("/admin/refusals/{none}")).await;
            assert!(page.status == 200 && page.text.contains("id=\"unknown\""));
        }
    });
}

#[test]
fn the_refusals_are_shown_in_korean() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser_sending(&[("accept-language", "ko")]);
        keep(&h, "wiki", "ClientUnknown", 1).await;
        let list = open(&h, &browser, "/admin/refusals").await.text;
        let explained = open(&h, &browser, "/admin/refusals/WI000000").await.text;
        for page in [&list, &explained] {
            assert!(page.contains("이곳에 등록되지 않은 앱입니다."), "{page}");
        }
        assert!(list.contains("최근 6시간"), "{list}");
        let unknown = open(&h, &browser, "/admin/refusals/NOTHING0").await.text;
        assert!(
            unknown.contains("NOTHING0에 해당하는 거부 기록이 없습니다"),
            "{unknown}"
        );
    });
}
