//! The list of users, the newest sessions of one, and the last administrator.

use super::{users::at, *};

/// The lines of the list: user names in their order.
fn listed(page: &str) -> Vec<String> {
    let names = page.split("</strong></a><span class=\"sub\">").skip(1);
    names
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

#[test]
fn users_are_searched_sorted_and_read_page_by_page_and_the_command_is_the_same() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let operations = operations(&*h.store, &OsEntropy);
        let key = h.app.ui.sign_in.password_key();
        for n in 0..60 {
            let new = latchkey_operations::NewUser {
                username: format!("user{n:02}"),
                name: Some(format!("{} Kim", ["Min", "Seo"][n % 2])),
                email: Some(format!("{}{n}@example.org", ["x", "y"][n % 2])),
                ..Default::default()
            };
            operations.create_user(key, new).await.unwrap();
        }
        let next = |page: &str| {
            let next = page.split("id=\"next\" href=\"").nth(1)?;
            Some(next.split('"').next()?.replace("&#38;", "&"))
        };
        let first = browser.get(&h.at("/admin/users?q=USER")).await.text;
        assert_eq!(listed(&first).len(), 50);
        assert!(
            first.contains("latchkey user list --search USER --json"),
            "{first}"
        );
        assert!(
            !first.contains("id=\"sort-"),
            "what is found has its own order"
        );
        let rest = browser.get(&h.at(&next(&first).unwrap())).await.text;
        assert_eq!(listed(&rest).len(), 10);
        assert!(next(&rest).is_none() && rest.contains("/admin/users?q=USER"));
        for (typed, count) in [("min+k", 30), ("x", 30), ("y3%40example.org", 1), ("zz", 0)] {
            let page = browser.get(&h.at(&format!("/admin/users?q={typed}"))).await;
            let page = match page.status {
                303 => continue,
                _ => page.text,
            };
            assert_eq!(listed(&page).len(), count, "{typed}");
        }
        let of_bob = h.browser();
        of_bob.act_as("bob", "bob password");
        h.pass(5);
        of_bob.authorize(&[]).await;
        let by_sign_in = browser
            .get(&h.at("/admin/users?sort=last-sign-in"))
            .await
            .text;
        assert_eq!(listed(&by_sign_in)[..2], ["bob", "alice"]);
        assert!(by_sign_in.contains("aria-sort=\"descending\"") && by_sign_in.contains("never"));
        assert!(by_sign_in.contains("latchkey user list --sort last-sign-in --json"));
        let rest = browser.get(&h.at(&next(&by_sign_in).unwrap())).await.text;
        assert_eq!(listed(&rest).len(), 12);
        let bob = at(&h).await;
        assert!(
            browser
                .get(&h.at(&bob))
                .await
                .text
                .contains("id=\"last-sign-in\">20")
        );
        // Nothing of a parameter is an order or a condition.
        for bad in [
            "sort=username;+DROP+TABLE+users",
            "sort=",
            "sort=created&after=1'+OR+1=1+--.x",
            "sort=last-sign-in&after=x.9223372036854775808",
            "after=.",
            "q=%25",
            "q=_",
            "q='+OR+1=1+--&after=a.b",
        ] {
            let answered = browser.get(&h.at(&format!("/admin/users?{bad}"))).await;
            assert_eq!(answered.status, 200, "{bad}");
            let found = listed(&answered.text).len();
            assert!(!bad.starts_with('q') || found == 0, "{bad} finds {found}");
        }
        assert_eq!(
            listed(&browser.get(&h.at("/admin/users")).await.text).len(),
            50
        );
    });
}

#[test]
fn the_newest_sessions_of_a_user_are_shown_and_the_others_are_a_click_away() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let bob = bob(&h).await;
        for n in 0..25 {
            let mut session =
                latchkey_conformance::samples::session(&format!("0000-{n:04}"), &bob.id);
            session.created_at = h.moment() + n;
            session.expires_at = h.moment() + 10_000;
            session.ends_at = session.expires_at;
            let hash = bob.password_hash.as_deref().unwrap();
            let begun = h.store.sign_in(&session, hash, None, None).await.unwrap();
            assert!(begun.is_some());
        }
        let page = browser.get(&h.at(&at(&h).await)).await.text;
        let at = |id: &str| page.find(&format!("href=\"/admin/sessions/{id}\""));
        assert!(at("0000-0024").unwrap() < at("0000-0015").unwrap());
        assert_eq!(at("0000-0014"), None, "all but the newest ten");
        let all = format!("/admin/sessions?user={}", bob.id);
        assert!(page.contains(&format!("id=\"all-sessions\" href=\"{all}\"")));
        let all = browser.get(&h.at(&all)).await.text;
        assert_eq!(all.matches("class=\"end\"").count(), 25);
    });
}

/// Not even two of them each other.
#[test]
fn the_last_administrator_is_neither_disabled_nor_deleted_nor_loses_the_role() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let own = format!("/admin/users/{}", h.alice);
        for verb in ["disable", "delete"] {
            let refused = send(&h, &browser, &format!("{own}/{verb}"), &[]).await;
            assert_eq!(refused.status, 422, "{verb}");
            assert!(refused.text.contains("id=\"problem\""), "{}", refused.text);
        }
        let edit = format!("{own}/edit");
        let version = field(&browser.get(&h.at(&edit)).await.text, "version").unwrap();
        let form = [("version", version.as_str()), ("roles", "auditor")];
        let refused = send(&h, &browser, &edit, &form).await;
        assert!(refused.status == 422 && refused.text.contains("id=\"roles-problem\""));
        let alice = h.store.user(&h.alice).await.unwrap().unwrap();
        assert_eq!(
            (alice.roles, alice.disabled_at),
            (vec!["admin".into()], None)
        );
        give(&h, "bob", &["admin"]).await;
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        assert_eq!(open(&h, &theirs, "/admin").await.status, 200);
        let (hers, his) = (
            format!("{own}/disable"),
            format!("{}/disable", at(&h).await),
        );
        let form = async |browser: &Browser, path: &str| {
            let page = browser.get(&h.at(path)).await;
            token(&page.text)
        };
        let (her_token, his_token) = (form(&browser, &his).await, form(&theirs, &hers).await);
        let (her_form, his_form) = ([("csrf", &*her_token)], [("csrf", &*his_token)]);
        let (his_path, her_path) = (h.at(&his), h.at(&hers));
        let (one, other) = tokio::join!(
            browser.submit(&his_path, &her_form),
            theirs.submit(&her_path, &his_form)
        );
        let is_done = |heard: &&Answer| heard.header("location").contains("done=disabled");
        let done = [&one, &other].into_iter().filter(is_done).count();
        assert_eq!(done, 1, "{one:?} {other:?}");
        assert!(h.store.has_administrator().await.unwrap());
    });
}
