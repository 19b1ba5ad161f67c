//! The first administrator.

use latchkey_server::serve::setup_link;

use super::*;

const FORM: [(&str, &str); 4] = [
    ("username", "ada"),
    ("name", "Ada Admin"),
    ("email", "ada@example.org"),
    ("password", "a long password of ada"),
];

fn secret(link: &str) -> String {
    link.split_once("?link=").unwrap().1.to_owned()
}

async fn set_up(h: &Harness, link: &str, fields: &[(&str, &str)]) -> Answer {
    let form = [&[("link", link)], fields].concat();
    h.browser().submit(&h.at("/admin/setup"), &form).await
}

#[test]
fn the_set_up_link_creates_one_administrator_who_signs_in() {
    on_both(async |h| {
        let old = setup_link(&h.app).await.unwrap().unwrap();
        let link = setup_link(&h.app).await.unwrap().unwrap();
        assert!(link.starts_with(&format!("{}/admin/setup?link=lk_setup_", h.issuer)));
        let browser = h.browser();
        assert_eq!(
            browser.get(&old).await.status,
            403,
            "a new start ends the former link"
        );
        let page = browser.get(&link).await;
        assert!(page.status == 200 && page.text.contains("id=\"create\""));
        let weak = set_up(
            &h,
            &secret(&link),
            &[("username", "ada"), ("password", "short")],
        )
        .await;
        assert!(weak.status == 422 && weak.text.contains("id=\"problem\""));
        let taken = [("username", "alice"), FORM[3]];
        assert_eq!(set_up(&h, &secret(&link), &taken).await.status, 422);
        let more = [&FORM[..], &[("roles", "x"), ("attributes", "{}")]].concat();
        let done = set_up(&h, &secret(&link), &more).await;
        assert!(done.status == 303 && done.header("location").ends_with("/admin"));
        let ada = h.store.user_by_name("ada").await.unwrap().unwrap();
        assert_eq!(ada.roles, ["admin"]);
        let again = [("username", "eve"), FORM[3]];
        assert_eq!(
            set_up(&h, &secret(&link), &again).await.status,
            403,
            "it is spent"
        );
        assert_eq!(browser.get(&link).await.status, 403);
        assert!(h.store.user_by_name("eve").await.unwrap().is_none());
        assert!(setup_link(&h.app).await.unwrap().is_none());
        browser.act_as("ada", FORM[3].1);
        let page = open(&h, &browser, "/admin").await;
        assert!(page.status == 200 && page.text.contains("Ada Admin"));
    });
}

#[test]
fn a_set_up_link_ends_after_an_hour_and_with_the_first_administrator() {
    on_both(async |h| {
        let link = setup_link(&h.app).await.unwrap().unwrap();
        h.pass(3600);
        assert_eq!(h.browser().get(&link).await.status, 403);
        assert_eq!(set_up(&h, &secret(&link), &FORM).await.status, 403);
        let link = setup_link(&h.app).await.unwrap().unwrap();
        assert_eq!(h.browser().get(&link).await.status, 200);
        give(&h, "alice", &["admin"]).await;
        assert_eq!(h.browser().get(&link).await.status, 403);
        assert_eq!(set_up(&h, &secret(&link), &FORM).await.status, 403);
        for wrong in ["", "lk_setup_x", "x' OR 1=1 --", &"a".repeat(5000)] {
            assert_eq!(set_up(&h, wrong, &FORM).await.status, 403);
        }
        assert!(h.store.user_by_name("ada").await.unwrap().is_none());
    });
}
