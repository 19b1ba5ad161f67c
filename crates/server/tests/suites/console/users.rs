//! The pages of users and sessions.

use latchkey_protocol::{
    audit::{ActorKind, FrontEnd},
    audit_row::AuditFilter,
    page::Page,
};

use super::*;

/// What somebody could put into a field, that a page would run.
const SCRIPT: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

pub async fn at(h: &Harness) -> String {
    format!("/admin/users/{}", bob(h).await.id)
}

#[test]
fn a_user_is_created_edited_locked_out_let_in_and_deleted_and_each_step_names_who_did_it() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let new = [
            ("username", "Carol"),
            ("name", "Carol Ng"),
            ("email", "carol@example.org"),
            ("roles", "one\r\n two \r\n"),
            ("groups", "blue, green"),
            ("claims", "{ \"family_name\": \"Ng\" }"),
            ("attributes", "{\"floor\": 3}"),
            ("password", "a long password of carol"),
        ];
        let made = send(&h, &browser, "/admin/users/new", &new).await;
        assert_eq!(made.status, 303, "{}", made.text);
        let carol = h.store.user_by_name("carol").await.unwrap().unwrap();
        assert_eq!(
            (&*carol.roles, &*carol.groups),
            (
                &["one".into(), "two".into()][..],
                &["blue, green".into()][..]
            )
        );
        assert_eq!(carol.claims["email_verified"], true);
        assert_eq!(
            (&carol.claims["family_name"], &carol.attributes["floor"]),
            (&"Ng".into(), &3.into())
        );
        let page = browser.get(&browser.location(&made)).await;
        assert!(page.text.contains("id=\"notice\"") && page.text.contains("Carol Ng"));
        let at = format!("/admin/users/{}", carol.id);
        let theirs = h.browser();
        theirs.act_as("carol", "a long password of carol");
        assert!(theirs.authorize(&[]).await.contains_key("code"));
        assert_eq!(
            browser
                .get(&h.at(&at))
                .await
                .text
                .matches("/end\">")
                .count(),
            1
        );

        let path = format!("{at}/edit");
        let version = field(&browser.get(&h.at(&path)).await.text, "version").unwrap();
        let change = [
            ("version", version.as_str()),
            ("name", "Caroline"),
            ("email", "c@example.org"),
            ("email_unverified", "on"),
            ("username", "mallory"),
            ("password_hash", "x"),
            ("id", "y"),
        ];
        assert_eq!(send(&h, &browser, &path, &change).await.status, 303);
        let late = send(&h, &browser, &path, &change).await;
        assert!(
            late.status == 422 && late.text.contains("Somebody else has changed"),
            "the second is told"
        );
        let edited = h.store.user(&carol.id).await.unwrap().unwrap();
        assert_eq!(
            (edited.name.as_deref(), edited.email.as_deref()),
            (Some("Caroline"), Some("c@example.org"))
        );
        assert_eq!(edited.claims["email_verified"], false);
        assert_eq!(
            (&edited.username, &edited.password_hash),
            (&carol.username, &carol.password_hash)
        );
        assert!(edited.roles.is_empty() && edited.attributes.is_empty());

        for (verb, done) in [
            ("end-sessions", "sessions-ended"),
            ("disable", "disabled"),
            ("enable", "enabled"),
        ] {
            let sent = send(&h, &browser, &format!("{at}/{verb}"), &[]).await;
            assert!(
                sent.status == 303 && sent.header("location").ends_with(&format!("?done={done}")),
                "{verb} {sent:?}"
            );
            assert!(
                browser
                    .get(&browser.location(&sent))
                    .await
                    .text
                    .contains("id=\"notice\""),
                "{verb}"
            );
        }
        assert!(h.store.sessions(Some(&carol.id)).await.unwrap().is_empty());
        let weak = send(
            &h,
            &browser,
            &format!("{at}/password"),
            &[("password", "short")],
        )
        .await;
        assert!(weak.status == 422 && weak.text.contains("password-problem"));
        let set = send(
            &h,
            &browser,
            &format!("{at}/password"),
            &[("password", "another long password")],
        )
        .await;
        assert_eq!(set.status, 303);
        theirs.act_as("carol", "another long password");
        assert!(theirs.authorize(&[]).await.contains_key("code"));
        assert_eq!(
            send(&h, &browser, &format!("{at}/delete"), &[])
                .await
                .status,
            303
        );
        assert!(h.store.user(&carol.id).await.unwrap().is_none());

        let (all, page) = (AuditFilter::default(), Page::first(1000));
        let mut rows = h.store.audit_entries(&all, &page).await.unwrap();
        rows.sort_by_key(|row| row.id);
        let mut events = Vec::new();
        for row in &rows {
            let entry = row.read().unwrap();
            if entry.front_end == FrontEnd::Console && entry.event.starts_with("user ") {
                let actor = (entry.actor.kind, entry.actor.id.as_deref());
                assert_eq!(actor, (ActorKind::User, Some(h.alice.as_str())));
                assert!(entry.address.is_some() && entry.request_id.is_some());
                events.push(entry.event);
            }
        }
        assert_eq!(
            events,
            [
                "user create",
                "user update",
                "user end-sessions",
                "user disable",
                "user enable",
                "user set-password",
                "user delete"
            ]
        );
    });
}

#[test]
fn what_is_wrong_is_said_at_its_field_and_what_was_typed_stays() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let cases = [
            (("username", "bob"), "username-problem"),
            (("username", "two words"), "username-problem"),
            (("claims", "{"), "claims-problem"),
            (("claims", "[1]"), "claims-problem"),
            (("attributes", "no"), "attributes-problem"),
            (("password", "short"), "password-problem"),
        ];
        for ((name, value), problem) in cases {
            let mut form = vec![("username", "carol"), ("name", "kept as it was typed")];
            form.retain(|(known, _)| *known != name);
            form.push((name, value));
            let heard = send(&h, &browser, "/admin/users/new", &form).await;
            assert_eq!(heard.status, 422, "{name}={value}");
            assert!(
                heard.text.contains(&format!("id=\"{problem}\"")),
                "{name}={value} {}",
                heard.text
            );
            assert!(heard.text.contains("kept as it was typed"));
        }
        assert!(h.store.user_by_name("carol").await.unwrap().is_none());
    });
}

#[test]
fn what_runs_elsewhere_is_text_on_every_page() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = at(&h).await;
        let version = field(
            &browser.get(&h.at(&format!("{at}/edit"))).await.text,
            "version",
        )
        .unwrap();
        let json = serde_json::json!({ "family_name": SCRIPT, "nickname": SCRIPT }).to_string();
        let attributes = serde_json::json!({ "x": SCRIPT }).to_string();
        let form = [
            ("version", version.as_str()),
            ("name", SCRIPT),
            ("roles", SCRIPT),
            ("groups", SCRIPT),
            ("claims", &json),
            ("attributes", &attributes),
        ];
        let saved = send(&h, &browser, &format!("{at}/edit"), &form).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        theirs.authorize(&[]).await;
        let query = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>();
        let paths = [
            "/admin".to_owned(),
            "/admin/users".into(),
            at.clone(),
            format!("{at}/edit"),
            format!("{at}/disable"),
            format!("{at}/delete"),
            format!("{at}/password"),
            format!("{at}/end-sessions"),
            "/admin/sessions".into(),
            format!("/admin/sessions?user={query}"),
            format!("/admin/users?after={query}"),
            format!("/admin/users?done={query}"),
            format!("/admin/sessions?after={query}"),
        ];
        for path in paths {
            let page = browser.get(&h.at(&path)).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(
                !page.text.contains("<script") && !page.text.contains("<img src=x"),
                "{path} {}",
                page.text
            );
        }
        // Whoever has such a name is told so harmlessly, too.
        let no_access = open(&h, &theirs, "/admin").await;
        assert!(no_access.status == 403 && !no_access.text.contains("<script"));
    });
}

#[test]
fn lists_are_read_page_by_page() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let operations = operations(&*h.store, &OsEntropy);
        let key = h.app.ui.sign_in.password_key();
        for n in 0..60 {
            let new = latchkey_operations::NewUser {
                username: format!("user{n:02}"),
                ..Default::default()
            };
            operations.create_user(key, new).await.unwrap();
        }
        let first = browser.get(&h.at("/admin/users")).await.text;
        assert_eq!(first.matches("data-label=\"Created\"").count(), 50);
        let next = first
            .split("id=\"next\" href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let last = browser.get(&h.at(next)).await.text;
        assert_eq!(last.matches("data-label=\"Created\"").count(), 12);
        assert!(
            !last.contains("id=\"next\"") && !last.contains("user47") && last.contains("user59")
        );
    });
}

#[test]
fn sessions_are_listed_found_by_their_user_and_ended() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        let tokens = h.tokens(&theirs).await;
        let all = browser.get(&h.at("/admin/sessions")).await.text;
        assert_eq!(all.matches("class=\"end\"").count(), 2);
        let found = browser.get(&h.at("/admin/sessions?user=Bob")).await.text;
        assert_eq!(found.matches("class=\"end\"").count(), 1);
        let unknown = browser.get(&h.at("/admin/sessions?user=nobody")).await.text;
        assert!(unknown.contains("id=\"unknown\"") && !unknown.contains("class=\"end\""));
        for cursor in ["x", "1", "1.", "9223372036854775808.x", "1.x' OR 1=1 --"] {
            let answered = browser
                .get(&h.at(&format!("/admin/sessions?after={cursor}")))
                .await;
            assert_eq!(answered.status, 200, "{cursor}");
        }
        let end = found
            .split("class=\"end\" href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let ended = send(&h, &browser, end, &[]).await;
        assert!(ended.status == 303, "{}", ended.text);
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
        assert_eq!(send(&h, &browser, end, &[]).await.status, 404, "it is gone");
    });
}
