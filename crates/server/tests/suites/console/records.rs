//! The pages that show what happened and what signs: audit log, refusals, keys.

use latchkey_protocol::rotation::StoredKey;

use super::*;

#[test]
fn the_audit_log_is_filtered_and_read_page_by_page() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let bob = bob(&h).await;
        let disable = format!("/admin/users/{}/disable", bob.id);
        assert_eq!(send(&h, &browser, &disable, &[]).await.status, 303);
        let rows = |page: &str| page.matches("data-label=\"When\"").count();
        let of_bob = browser.get(&h.at("/admin/audit?user=bob")).await.text;
        assert!(
            of_bob.contains("data-event=\"user disable\">User disabled<")
                && of_bob.contains("console")
        );
        assert!(!of_bob.contains("data-event=\"signed in\""));
        let by_event = browser
            .get(&h.at("/admin/audit?event=user+disable&outcome=done"))
            .await
            .text;
        assert_eq!(rows(&by_event), 1);
        let none = browser
            .get(&h.at("/admin/audit?event=user+disable&outcome=refused"))
            .await
            .text;
        assert_eq!(rows(&none), 0);
        let of_user = browser
            .get(&h.at(&format!("/admin/users/{}", bob.id)))
            .await
            .text;
        assert!(of_user.contains("data-event=\"user disable\">User disabled<"));
        let first = browser.get(&h.at("/admin")).await.text;
        assert!(first.contains("data-event=\"user disable\">User disabled<"));
        for n in 0..60 {
            let operations = operations(&*h.store, &OsEntropy);
            let new = latchkey_operations::NewUser {
                username: format!("user{n:02}"),
                ..Default::default()
            };
            let key = h.app.ui.sign_in.password_key();
            operations.create_user(key, new).await.unwrap();
        }
        let page = browser
            .get(&h.at("/admin/audit?event=user+create"))
            .await
            .text;
        assert_eq!(rows(&page), 50);
        let next = page.split("id=\"next\" href=\"").nth(1).unwrap();
        let next = next.split('"').next().unwrap().replace("&#38;", "&");
        let rest = browser.get(&h.at(&next)).await.text;
        assert_eq!(rows(&rest), 12, "sixty, and alice and bob");
        for bad in [
            "after=x",
            "after=1.x",
            "after=1' OR 1=1 --.1",
            "outcome=x",
            "user=%27",
        ] {
            let answered = browser.get(&h.at(&format!("/admin/audit?{bad}"))).await;
            assert_eq!(answered.status, 200, "{bad}");
        }
    });
}

#[test]
fn a_refusal_is_explained_by_its_reference() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let refused = h.browser().begin(&[("client_id", "nobody")]).await;
        let reference = refused.text.split("id=\"error-ref\">").nth(1).unwrap();
        let reference = reference.split('<').next().unwrap();
        let mut page = String::new();
        // Kept behind the answer.
        for _ in 0..100 {
            let at = h.at(&format!("/admin/refusals?reference={reference}"));
            page = browser.get(&at).await.text;
            if page.contains("id=\"explained\"") {
                break;
            }
            actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(
            page.contains("ClientUnknown") && page.contains("latchkey client create"),
            "{page}"
        );
        let unknown = browser
            .get(&h.at("/admin/refusals?reference=00000000"))
            .await;
        assert!(unknown.status == 200 && unknown.text.contains("id=\"unknown\""));
    });
}

#[test]
fn a_key_that_signs_stays_and_another_one_is_retired() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let active = h.store.signing_keys().await.unwrap().remove(0);
        let announced = StoredKey {
            kid: "announced-for-a-test".into(),
            activates_at: h.moment() + 3600,
            created_at: h.moment() - 3 * 86_400,
            ..active.clone()
        };
        h.store
            .succeed_key(&announced, h.moment() + 7200, Some(&active.kid))
            .await
            .unwrap();
        let page = browser.get(&h.at("/admin/keys")).await.text;
        assert!(
            page.contains(&active.kid) && page.contains("3 days old"),
            "{page}"
        );
        let path = |kid: &str| format!("/admin/keys/{kid}/retire");
        let refused = send(&h, &browser, &path(&active.kid), &[]).await;
        assert!(refused.status == 422 && refused.text.contains("id=\"problem\""));
        let done = send(&h, &browser, &path(&announced.kid), &[]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let unknown = browser.get(&h.at(&path("nothing"))).await;
        assert_eq!(unknown.status, 404, "nothing is asked of no key");
        let csrf = token(&browser.get(&h.at(&path(&active.kid))).await.text);
        let form = [("csrf", csrf.as_str())];
        let foreign = browser.submit(&h.at(&path("nothing")), &form).await;
        assert_eq!(foreign.status, 403, "a form of another page");
        let stored = h.store.signing_keys().await.unwrap();
        let sealed = |kid: &str| {
            stored
                .iter()
                .find(|k| k.kid == kid)
                .unwrap()
                .sealed
                .is_some()
        };
        assert!(sealed(&active.kid) && !sealed(&announced.kid));
    });
}

#[test]
fn a_new_key_is_published_from_the_console_and_takes_over_when_it_was_said() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let first = h.store.signing_keys().await.unwrap().remove(0);
        let page = open(&h, &browser, "/admin/keys").await.text;
        assert!(page.contains("All tokens that are signed now, refresh tokens too."));
        let path = "/admin/keys/rotate";
        h.pass(700);
        let refused = send(&h, &browser, path, &[("algorithm", "ES256")]).await;
        assert!(
            refused.header("location").contains("/authorize?"),
            "{refused:?}"
        );
        let again = sign_in(&browser, refused).await;
        assert!(
            again.text.contains("<option selected>ES256"),
            "{}",
            again.text
        );
        let es256 = send(&h, &browser, path, &[("algorithm", "ES256")]).await;
        assert_eq!(es256.status, 303, "{}", es256.text);
        let later = send(&h, &browser, path, &[("takeover", "announced")]).await;
        assert!(later.header("location").ends_with("done=key-rotated"));
        let keys = h.store.signing_keys().await.unwrap();
        let next = keys.iter().find(|k| k.activates_at > h.moment()).unwrap();
        let old = keys.iter().find(|k| k.kid == first.kid).unwrap();
        assert!(old.retires_at.is_some());
        assert_eq!(h.jwks().await.len(), 3, "published at once");
        let page = open(&h, &browser, "/admin/keys").await.text;
        for part in [
            "Nothing yet. It signs from",
            "It is needed until",
            &next.kid,
        ] {
            assert!(page.contains(part), "{part} {page}");
        }
        let now = send(&h, &browser, path, &[("takeover", "now")]).await;
        assert_eq!(now.status, 303, "{}", now.text);
        let keys = h.store.signing_keys().await.unwrap();
        let mut of_first = keys.iter().filter(|k| k.algorithm == first.algorithm);
        let signs = of_first.find(|k| k.retires_at.is_none()).unwrap();
        let ring = h.app.ui.only_realm.keys.ring();
        assert_eq!(ring.signer(h.now()).unwrap().kid(), signs.kid);
        let page = open(&h, &browser, "/admin/keys").await.text;
        assert!(page.contains("the last of them ends before"), "{page}");
    });
}

#[test]
fn a_user_is_opened_by_name_address_and_subject() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let id = bob(&h).await.id;
        let new = latchkey_operations::NewUser {
            username: "bobby".into(),
            ..Default::default()
        };
        let (operations, key) = (
            operations(&*h.store, &OsEntropy),
            h.app.ui.sign_in.password_key(),
        );
        for typed in ["Bob", "bob@example.org", "+bob+", &id] {
            let found = browser.get(&h.at(&format!("/admin/users?q={typed}"))).await;
            assert_eq!(found.status, 303, "{typed}");
            assert!(
                found
                    .header("location")
                    .ends_with(&format!("/admin/users/{id}")),
                "{typed}"
            );
        }
        operations.create_user(key, new).await.unwrap();
        let both = browser.get(&h.at("/admin/users?q=bob")).await;
        assert!(
            both.status == 200 && both.text.contains("bobby"),
            "one of two is chosen by hand"
        );
        let unknown = browser.get(&h.at("/admin/users?q=nobody")).await;
        assert!(unknown.status == 200 && unknown.text.contains("id=\"unknown\""));
    });
}
