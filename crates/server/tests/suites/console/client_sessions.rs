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
        // Without a page of the app that leads there.
        let field = "name=\"client\" id=\"client\" value=\"app\"";
        assert!(page.contains(field), "{page}");
        for cursor in ["x", "%27%20OR%201%3D1", "\u{ac00}"] {
            let at = format!("/admin/sessions?client=app&after={cursor}");
            let page = browser.get(&h.at(&at)).await;
            assert_eq!(page.status, 200, "{cursor}");
            let first = "href=\"/admin/sessions?client=app\"";
            assert!(page.text.contains(first), "{}", page.text);
        }
    });
}

#[test]
fn the_sessions_of_a_user_in_an_app_are_those_of_both_on_the_page_too() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        for name in ["alice", "bob"] {
            let theirs = h.browser();
            theirs.act_as(name, &format!("{name} password"));
            theirs.authorize(&[]).await;
        }
        let find = async |query: &str| {
            let at = h.at(&format!("/admin/sessions?{query}"));
            browser.get(&at).await.text
        };
        let names = |page: &str, name: &str| {
            page.matches(&format!("<strong>{name}</strong></a>"))
                .count()
        };
        let both = find("user=bob&client=app").await;
        assert_eq!((names(&both, "bob"), names(&both, "alice")), (1, 0));
        assert!(both.contains("value=\"bob\"") && both.contains("value=\"app\""));
        assert!(both.contains("latchkey session list --user bob --client app --json"));
        // The console is an app of its own, in which bob has never been.
        let elsewhere = find("user=bob&client=native").await;
        assert_eq!(
            (names(&elsewhere, "bob"), names(&elsewhere, "alice")),
            (0, 0)
        );
        assert!(elsewhere.contains("id=\"of-client\""));
        for (query, nobody) in [
            ("user=nobody&client=app", "nobody"),
            ("user=bob&client=nothing", "nothing"),
            // The console's own client is no registration.
            ("client=latchkey-console", "latchkey-console"),
            ("user=alice&client=latchkey-console", "latchkey-console"),
        ] {
            let unknown = find(query).await;
            let said = unknown.split("id=\"unknown\">").nth(1).unwrap();
            let said = said.split("</p>").next().unwrap();
            assert!(said.contains(nobody), "{said}");
            assert_eq!(names(&unknown, "bob"), 0, "{query}");
        }
    });
}

#[test]
fn the_sessions_of_a_user_in_an_app_are_read_page_by_page() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        for _ in 0..52 {
            let theirs = h.browser();
            theirs.act_as("bob", "bob password");
            theirs.authorize(&[]).await;
        }
        let first = browser
            .get(&h.at("/admin/sessions?user=bob&client=app"))
            .await
            .text;
        assert_eq!(first.matches("class=\"end\"").count(), 50);
        let next = first.split("id=\"next\" href=\"").nth(1).unwrap();
        let next = next.split('"').next().unwrap().replace("&#38;", "&");
        assert!(next.contains("user=bob&client=app&after="), "{next}");
        let rest = browser.get(&h.at(&next)).await.text;
        assert_eq!(rest.matches("class=\"end\"").count(), 2);
        assert!(rest.contains("href=\"/admin/sessions?user=bob&#38;client=app\""));
    });
}
