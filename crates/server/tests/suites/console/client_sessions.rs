//! The sessions in which users signed in to an app, from its page, a command's words and the API.

use super::*;

#[test]
fn the_sign_ins_of_an_app_lead_to_its_sessions_and_to_no_others() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let page = browser.get(&h.at("/admin/clients/app")).await.text;
        let to = page
            .split("id=\"sessions-of-client\" href=\"")
            .nth(1)
            .unwrap();
        let to = to.split('"').next().unwrap();
        assert_eq!(to, "/admin/sessions?client=app");
        let none = browser.get(&h.at(to)).await.text;
        assert!(none.contains("id=\"of-client\"") && !none.contains("class=\"end\""));
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        for _ in 0..2 {
            theirs.authorize(&[]).await;
        }
        let page = browser.get(&h.at(to)).await.text;
        assert_eq!(page.matches("class=\"end\"").count(), 1, "bob's, once");
        assert!(page.contains("<strong>bob</strong>"), "{page}");
        assert!(page.contains("latchkey session list --client app --json"));
        let unknown = browser
            .get(&h.at("/admin/sessions?client=nobody"))
            .await
            .text;
        assert!(unknown.contains("id=\"unknown\"") && !unknown.contains("class=\"end\""));
        for cursor in ["x", "%27%20OR%201%3D1", "\u{ac00}"] {
            let at = format!("/admin/sessions?client=app&after={cursor}");
            let page = browser.get(&h.at(&at)).await;
            assert_eq!(page.status, 200, "{cursor}");
            let first = "href=\"/admin/sessions?client=app\"";
            assert!(page.text.contains(first), "{}", page.text);
        }
    });
}
