//! The first page: what is counted, and drawn.

use latchkey_protocol::tally::Counted;
use latchkey_server::tally;

use super::*;

/// The count of a tile.
fn tile(page: &str, name: &str) -> String {
    let (_, after) = page
        .split_once(&format!("<span>{name}</span> <b>"))
        .unwrap();
    after.split('<').next().unwrap().to_owned()
}

#[test]
fn sign_ins_failures_tokens_and_sessions_are_counted_and_drawn_without_scripts() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let app = h.browser();
        h.tokens(&app).await;
        let other = h.browser();
        let (at, page) = other.page(other.begin(&[]).await).await;
        other.act_as("alice", "wrong");
        assert_eq!(other.login(&at, &page.text).await.status, 401);
        let figures = async || {
            let page = open(&h, &browser, "/admin").await.text;
            let of = |name| tile(&page, name);
            [of("Sign-ins"), of("Failed sign-ins"), of("Tokens issued")]
        };
        let expected = ["2", "1", "1"].map(str::to_owned);
        assert_eq!(figures().await, expected, "before they are added up");
        let (store, clock) = (&*h.store, &*h.app.provider.clock);
        tally::add(&h.app.ui.tally, store, clock).await;
        assert_eq!(h.app.ui.tally.so_far(Counted::SignIns), 0);
        assert_eq!(figures().await, expected, "and after that");
        let page = open(&h, &browser, "/admin").await;
        assert_eq!(tile(&page.text, "Active sessions"), "2");
        assert_eq!(page.text.matches("<svg class=\"chart\"").count(), 3);
        assert!(!page.text.contains("style=") && !page.text.contains("<script"));
        // What failed stands on top of what worked.
        let rects = page.text.matches("<rect class=\"no\"").count();
        assert_eq!(rects, 1, "{}", page.text);
        h.pass(25 * 3600);
        let day = open(&h, &browser, "/admin").await.text;
        assert_eq!(tile(&day, "Tokens issued"), "0");
        for period in ["week", "month"] {
            let path = format!("/admin?period={period}");
            assert_eq!(
                tile(&open(&h, &browser, &path).await.text, "Tokens issued"),
                "1"
            );
        }
        let odd = open(&h, &browser, "/admin?period=%3Cx%3E").await;
        assert_eq!(odd.status, 200);
    });
}
