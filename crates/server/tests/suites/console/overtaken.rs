//! Two administrators who edit the same user, and what is said of a field.

use super::{users::at, *};

/// What a text area of a page holds.
fn area(page: &str, id: &str) -> String {
    let rest = page
        .split(&format!("<textarea id=\"{id}\""))
        .nth(1)
        .unwrap();
    let rest = rest.split_once(">\n").unwrap().1;
    rest.split("</textarea>").next().unwrap().to_owned()
}

/// A role that was taken away does not come back by saving again what was typed before.
#[test]
fn who_was_overtaken_sees_what_is_there_now_beside_what_they_typed_and_who_was_faster() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let edit = format!("{}/edit", at(&h).await);
        let page = browser.get(&h.at(&edit)).await.text;
        let (csrf, version) = (token(&page), field(&page, "version").unwrap());
        assert_eq!(area(&page, "roles"), "editor");
        give(&h, "bob", &["reader"]).await;
        let mine = [
            ("csrf", csrf.as_str()),
            ("version", &version),
            ("name", "Bob <b>Mine</b>"),
            ("email", "bob@example.org"),
            ("roles", "editor\r\nowner"),
            ("groups", "blue"),
        ];
        let late = browser.submit(&h.at(&edit), &mine).await;
        assert_eq!(late.status, 422);
        let typed = late.text.split("id=\"typed\"").nth(1).unwrap();
        let typed = typed.split("</section>").next().unwrap();
        assert!(
            typed.contains("Bob &#60;b&#62;Mine") && typed.contains("owner"),
            "{typed}"
        );
        assert!(!typed.contains("blue"), "the same in both: {typed}");
        assert!(
            late.text.contains("Last change: Server, 20"),
            "{}",
            late.text
        );
        assert_eq!(area(&late.text, "roles"), "reader", "what is there now");
        let now = field(&late.text, "version").unwrap();
        assert_ne!(now, version);
        let (roles, csrf) = (area(&late.text, "roles"), token(&late.text));
        let again = [
            ("csrf", csrf.as_str()),
            ("version", &now),
            ("name", "Bob Mine"),
            ("roles", &roles),
        ];
        assert_eq!(browser.submit(&h.at(&edit), &again).await.status, 303);
        let bob = bob(&h).await;
        assert_eq!(
            (bob.roles, bob.name.as_deref()),
            (vec!["reader".into()], Some("Bob Mine"))
        );
    });
}

/// What operations say in English is said in the language of the page where it names a field.
#[test]
fn what_is_wrong_with_a_field_is_said_in_korean() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser_sending(&[("accept-language", "ko")]);
        let wrong = [
            ("username", "two words"),
            ("email", "nowhere"),
            ("claims", "{\"locale\": 7, \"shoe\": 1}"),
            ("password", "short"),
        ];
        let heard = send(&h, &browser, "/admin/users/new", &wrong).await;
        assert_eq!(heard.status, 422);
        for said in [
            "사용자 이름입니다",
            "이메일 주소가 아닙니다",
            "locale: 텍스트여야",
            "shoe: OpenID",
            "비밀번호는 8자",
        ] {
            assert!(heard.text.contains(said), "{said} {}", heard.text);
        }
        for english in ["is no user name", "must be a text", "needs 8"] {
            assert!(!heard.text.contains(english), "{english}");
        }
        let taken = [("username", "bob"), ("email", "alice@example.org")];
        let heard = send(&h, &browser, "/admin/users/new", &taken).await;
        assert!(heard.text.contains("다른 사용자가 로그인에 쓰고 있는"));
        let own = format!("/admin/users/{}/disable", h.alice);
        let last = send(&h, &browser, &own, &[]).await;
        assert!(last.status == 422 && last.text.contains("마지막 사용자입니다"));
    });
}
