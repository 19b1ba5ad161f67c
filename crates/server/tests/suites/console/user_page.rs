//! A user's page: devices, consents and activity, each a few, with the way to all of them.

use super::{clients::SCRIPT, *};

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// The part of a page that has this id, up to the next one.
fn panel<'a>(page: &'a str, id: &str) -> &'a str {
    let start = format!("<section class=\"panel\" id=\"{id}\">");
    let panel = page.split(&start).nth(1).unwrap();
    panel.split("</section>").next().unwrap()
}

#[test]
fn the_browsers_of_a_user_are_named_by_family_and_address_and_by_nothing_that_they_wrote() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = format!("/admin/users/{}", bob(&h).await.id);
        let script = format!("{SCRIPT} Firefox/1");
        for agent in [FIREFOX, script.as_str(), "curl/8"] {
            let theirs = h.browser_sending(&[("user-agent", agent)]);
            theirs.act_as("bob", "bob password");
            theirs.authorize(&[]).await;
            h.pass(60);
        }
        let page = browser.get(&h.at(&at)).await.text;
        let devices = panel(&page, "devices");
        for name in [
            "Firefox, Windows",
            "<strong>Firefox</strong>",
            "Unknown browser",
        ] {
            assert!(devices.contains(name), "{name} {devices}");
        }
        assert_eq!(devices.matches("<code>127.0.0.1</code>").count(), 3);
        assert!(!page.contains("script") && !page.contains("curl"), "{page}");
        let list = browser.get(&h.at("/admin/sessions?user=bob")).await.text;
        assert!(list.contains("Firefox, Windows") && list.contains("127.0.0.1"));
        let session = devices.split("href=\"/admin/sessions/").nth(1).unwrap();
        let session = session.split('"').next().unwrap();
        let session = browser
            .get(&h.at(&format!("/admin/sessions/{session}")))
            .await;
        assert!(
            session.text.contains("<dd>Unknown browser</dd>"),
            "the newest comes first"
        );
    });
}

#[test]
fn a_session_that_goes_on_in_another_browser_shows_that_one() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        theirs.authorize(&[]).await;
        h.pass(60);
        let (at, page) = theirs
            .page(theirs.begin(&[("prompt", "login")]).await)
            .await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [
            ("csrf", csrf.as_str()),
            ("username", "bob"),
            ("password", "bob password"),
        ];
        let post = theirs.http.post(&at).header("user-agent", FIREFOX);
        assert_eq!(answer(post.form(&form)).await.status, 303);
        let list = browser.get(&h.at("/admin/sessions?user=bob")).await.text;
        assert_eq!(list.matches("class=\"end\"").count(), 1, "one session");
        assert!(list.contains("Firefox, Windows"), "{list}");
    });
}

#[test]
fn a_users_page_shows_a_few_consents_and_leads_to_all_of_them_and_back_after_one_is_taken_back() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = format!("/admin/users/{}", h.alice);
        let theirs = h.browser();
        for n in 0..11 {
            let id = format!("app-{n:02}");
            h.client(serde_json::json!({ "client_id": id, "redirect_uris": [CALLBACK] }))
                .await;
            theirs.authorize(&[("client_id", &*id)]).await;
        }
        let page = browser.get(&h.at(&at)).await.text;
        let consents = panel(&page, "consents");
        assert_eq!(consents.matches("class=\"revoke\"").count(), 10);
        let all = format!("{at}/consents");
        assert!(consents.contains(&format!("id=\"all-consents\" href=\"{all}\"")));
        let page = browser.get(&h.at(&all)).await.text;
        assert_eq!(page.matches("class=\"revoke\"").count(), 11);
        assert!(page.contains("latchkey consent list --user alice"));
        let call = format!("GET {}/admin/api/v1/users/{}/consents", h.issuer, h.alice);
        assert!(page.contains(&call), "{page}");
        let revoke = format!(
            "/admin/clients/app-00/consents/{}/revoke?from=user",
            h.alice
        );
        assert!(page.contains(&format!("href=\"{revoke}\"")), "{page}");
        let question = browser.get(&h.at(&revoke)).await.text;
        assert!(question.contains("latchkey consent revoke alice app-00"));
        let call = format!(
            "DELETE {}/admin/api/v1/users/{}/consents/app-00",
            h.issuer, h.alice
        );
        assert!(question.contains(&call), "{question}");
        let done = send(&h, &browser, &revoke, &[]).await;
        assert_eq!(
            done.header("location"),
            format!("{all}?done=consent-revoked")
        );
        let page = browser.get(&h.at(&at)).await.text;
        assert!(!page.contains("id=\"all-consents\"") && !page.contains("app-00/consents"));
        let elsewhere = browser
            .get(&h.at(&format!("{all}?after=%27%20OR%201%3D1")))
            .await;
        assert_eq!(elsewhere.status, 200);
        let nobody = browser.get(&h.at("/admin/users/nobody/consents")).await;
        assert_eq!(nobody.status, 404);
    });
}

#[test]
fn a_users_page_shows_their_sign_ins_refusals_and_changes_and_leads_to_the_whole_list() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let bob = bob(&h).await;
        let theirs = h.browser();
        theirs.act_as("bob", "bob password");
        theirs.authorize(&[]).await;
        let wrong = h.browser();
        wrong.act_as("bob", "not bob's");
        let page = wrong.begin(&[]).await;
        let (at, page) = wrong.page(page).await;
        assert_eq!(wrong.login(&at, &page.text).await.status, 401);
        let user = format!("/admin/users/{}", bob.id);
        send(&h, &browser, &format!("{user}/end-sessions"), &[]).await;
        let mut page = String::new();
        for _ in 0..100 {
            page = browser.get(&h.at(&user)).await.text;
            // Failures are written behind the answer.
            if page.contains("sign-in failed") {
                break;
            }
            actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let activity = panel(&page, "activity");
        for event in ["signed in", "sign-in failed", "user end-sessions"] {
            let event = format!("data-event=\"{event}\"");
            assert!(activity.contains(&event), "{event} {activity}");
        }
        let all = format!("id=\"all-activity\" href=\"/admin/audit?user={}\"", bob.id);
        assert!(activity.contains(&all), "{activity}");
    });
}
