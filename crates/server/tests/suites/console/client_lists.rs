//! The lists of clients, every page of a client under hostile texts, the token preview, and auditors.

use latchkey_protocol::ClientId;
use serde_json::json;

use super::{
    clients::{SCRIPT, client, edit, hidden},
    *,
};

#[test]
fn clients_are_searched_sorted_and_read_page_by_page_and_the_console_is_none_of_them() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        for n in 0..60 {
            h.client(json!({ "client_id": format!("c{n:02}"), "client_name": format!("Ä App {:02}", 59 - n), "grant_types": [] }))
                .await;
        }
        let get = async |query: &str| browser.get(&h.at(&format!("/admin/clients{query}"))).await;
        let rows = |page: &str| page.matches("class=\"client\"").count();
        let mut seen = Vec::new();
        let mut query = String::new();
        loop {
            let page = get(&query).await.text;
            let links = page
                .split("class=\"client\" href=\"/admin/clients/")
                .skip(1);
            seen.extend(links.map(|link| link.split('"').next().unwrap().to_owned()));
            let Some(next) = page.split("id=\"next\" href=\"").nth(1) else {
                break;
            };
            let next = next.split('"').next().unwrap().replace("&#38;", "&");
            query = next.strip_prefix("/admin/clients").unwrap().to_owned();
        }
        assert_eq!(seen.len(), 63);
        assert!(!seen.contains(&"latchkey-console".to_owned()));
        assert_eq!(
            seen[..2],
            ["native", "post"],
            "by name, which may be the id"
        );
        assert_eq!((&*seen[2], &*seen[3], &*seen[62]), ("app", "c59", "c00"));
        let found = get("?q=%C3%A4+app+0").await.text;
        assert_eq!(rows(&found), 10);
        assert!(get("?q=%C3%A4+app+9").await.text.contains("id=\"unknown\""));
        assert_eq!(rows(&get("?sort=created&order=desc").await.text), 50);
        let opened = get("?q=c07").await;
        assert!(opened.status == 303 && opened.header("location").ends_with("/admin/clients/c07"));
        for bad in [
            "?after=x",
            "?after=x%0A%27+OR+1%3D1+--",
            "?sort=created&after=c1%0A1%27+OR+1%3D1",
            "?sort=name;drop+table+clients",
            "?order=desc,id",
            "?q=%27%25_",
            "?sort=created&after=c1%0A99999999999999999999",
        ] {
            assert_eq!(get(bad).await.status, 200, "{bad}");
        }
        let console = get("?q=latchkey-console").await;
        assert_eq!(console.status, 200, "it is no page");
        for path in [
            "",
            "/edit",
            "/access",
            "/secret",
            "/disable",
            "/delete",
            "/preview",
            "/connect",
            "/users",
            "/consents",
        ] {
            let at = h.at(&format!("/admin/clients/latchkey-console{path}"));
            assert_eq!(browser.get(&at).await.status, 404, "{path}");
        }
    });
}

#[test]
fn every_id_has_pages_and_what_nothing_can_be_called_is_not_found() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let odd = "a b/c?d#e%2F&\"'<>";
        h.client(json!({ "client_id": odd, "redirect_uris": ["https://a.example/cb"] }))
            .await;
        let list = browser.get(&h.at("/admin/clients")).await.text;
        let at = "/admin/clients/a%20b%2Fc%3Fd%23e%252F%26%22%27%3C%3E";
        assert!(list.contains(at), "{list}");
        for path in ["", "/users", "/consents", "/edit", "/access", "/secret"] {
            let page = browser.get(&h.at(&format!("{at}{path}"))).await;
            assert_eq!(page.status, 200, "{path}");
        }
        let renamed = [
            ("client_name", "Odd"),
            ("redirect_uris", "https://a.example/cb"),
            ("grant_types.authorization_code", "on"),
        ];
        let saved = edit(&h, &browser, &format!("{at}/edit"), &renamed).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        assert_eq!(client(&h, odd).await.unwrap().name(), "Odd");
        for bad in ["%00", "a%00b", "%0A", "%EA%B0%80", "nobody", "%ff"] {
            let at = format!("/admin/clients/{bad}");
            assert_eq!(browser.get(&h.at(&at)).await.status, 404, "{bad}");
            let at = format!("/admin/clients/app/consents/{bad}/revoke");
            assert_eq!(browser.get(&h.at(&at)).await.status, 404, "{bad}");
        }
    });
}

#[test]
fn what_runs_elsewhere_is_text_on_every_page_of_a_client() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let claims = json!({ "x": { "value": SCRIPT } }).to_string();
        let uri = format!("https://a.example/{SCRIPT}");
        let form = [
            ("client_id", SCRIPT),
            ("client_name", SCRIPT),
            ("client_uri", uri.as_str()),
            ("logo_uri", &uri),
            ("policy_uri", &uri),
            ("tos_uri", &uri),
            ("contacts", SCRIPT),
            ("audience", SCRIPT),
            ("roles", SCRIPT),
            ("custom_claims", &claims),
            ("redirect_uris", "https://a.example/cb"),
            ("grant_types.authorization_code", "on"),
        ];
        let made = send(&h, &browser, "/admin/new-client?template=web", &form).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let at = browser.get(&h.at("/admin/clients")).await.text;
        let at = at
            .split("href=\"")
            .find(|link| link.starts_with("/admin/clients/%22"))
            .unwrap();
        let at = at.split('"').next().unwrap().to_owned();
        let limits = [("limited", "yes"), ("groups", SCRIPT), ("roles", SCRIPT)];
        let limited = edit(&h, &browser, &format!("{at}/access"), &limits).await;
        assert_eq!(limited.status, 303, "{}", limited.text);
        let query: String = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
        let mut paths = vec![
            "/admin/clients".to_owned(),
            format!("/admin/clients?q={query}x"),
            format!("/admin/clients?after={query}"),
            format!("/admin/clients?done={query}"),
            format!("/admin/new-client?template={query}"),
            "/admin/audit".to_owned(),
        ];
        for page in [
            "",
            "/users",
            "/consents",
            "/edit",
            "/access",
            "/secret",
            "/disable",
            "/delete",
        ] {
            paths.push(format!("{at}{page}"));
        }
        for path in paths {
            let page = browser.get(&h.at(&path)).await;
            assert_eq!(page.status, 200, "{path}");
            let runs = page.text.contains("<script") || page.text.contains("<img src=x");
            assert!(!runs, "{path} {}", page.text);
        }
        assert!(made.text.contains("id=\"client-secret\"") && !made.text.contains("<script"));
    });
}

#[test]
fn the_token_preview_says_what_a_user_would_get_and_why() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let get = async |query: &str| {
            let at = format!("/admin/clients/{query}");
            let page = browser.get(&h.at(&at)).await;
            assert_eq!(page.status, 200, "{query} {}", page.text);
            page.text
        };
        let form = get("app/preview").await;
        assert!(
            form.contains("value=\"openid profile email offline_access\"")
                && !form.contains("id=\"given\"")
        );
        let shown = get("app/preview?user=bob&scope=openid+email+unheard-of").await;
        for part in [
            "id=\"client-id-token\"",
            "bob@example.org",
            "The scope email was granted",
            "The scope profile was not asked for",
            "id=\"ignored\">unheard-of",
        ] {
            assert!(shown.contains(part), "{part} {shown}");
        }
        assert!(!shown.contains("eyJ"), "nothing is signed");
        assert!(
            get("app/preview?user=nobody")
                .await
                .contains("id=\"unknown\"")
        );
        assert!(
            get("native/preview?user=bob&scope=x")
                .await
                .contains("id=\"refused\"")
        );
        let alone = get("app/preview?alone=on").await;
        assert!(
            alone.contains("id=\"client-access-token\"")
                && !alone.contains("id=\"client-id-token\"")
        );
        let query: String = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
        let odd = get(&format!("app/preview?user={query}&scope={query}")).await;
        assert!(!odd.contains("<script"));
        give(&h, "alice", &["auditor"]).await;
        assert!(
            get("app/preview?user=bob&scope=openid")
                .await
                .contains("id=\"given\"")
        );
    });
}

#[test]
fn the_settings_of_the_usual_libraries_have_the_values_of_the_client() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        h.client(json!({ "client_id": "night\"ly", "grant_types": ["client_credentials"], "audience": ["https://api.example"] }))
            .await;
        h.client(json!({ "client_id": "api", "grant_types": [] }))
            .await;
        let get = async |id: &str| {
            let page = browser
                .get(&h.at(&format!("/admin/clients/{id}/connect")))
                .await;
            assert_eq!(page.status, 200, "{}", page.text);
            page.text
                .replace("&#34;", "\"")
                .replace("&#38;", "&")
                .replace("&#39;", "'")
        };
        let web = get("app").await;
        for part in [
            format!("oidc_issuer_url = \"{}\"", h.issuer),
            format!("redirect_uri: \"{CALLBACK}\""),
            "client_id = \"app\"".to_owned(),
            "https://app.example/login/oauth2/code/latchkey".to_owned(),
        ] {
            assert!(web.contains(&part), "{part} {web}");
        }
        assert!(!web.contains(SECRET));
        assert!(get("native").await.contains("AppAuth"));
        let machine = get("night%22ly").await;
        assert!(
            machine.contains("client_id='night\"ly'")
                && machine.contains("audience: \"https://api.example\"")
        );
        assert!(
            get("api")
                .await
                .contains(&format!("{}/introspect", h.issuer))
        );
    });
}

#[test]
fn an_auditor_reads_clients_and_changes_none() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let page = browser.get(&h.at("/admin/clients/app/delete")).await.text;
        let csrf = token(&page);
        give(&h, "alice", &["auditor"]).await;
        let shown = browser.get(&h.at("/admin/clients/app")).await;
        assert_eq!(shown.status, 200);
        for control in [
            "id=\"edit\"",
            "id=\"rotate\"",
            "id=\"delete\"",
            "id=\"disable\"",
        ] {
            assert!(!shown.text.contains(control), "{control}");
        }
        let at = h.at("/admin/clients/app/delete");
        assert_eq!(browser.submit(&at, &[("csrf", &csrf)]).await.status, 403);
        assert!(
            h.store
                .client(&ClientId::new("app"))
                .await
                .unwrap()
                .is_some()
        );
    });
}

#[test]
fn a_users_consents_lead_to_the_client_and_to_taking_them_back() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        h.tokens(&h.browser()).await;
        let user = format!("/admin/users/{}", h.alice);
        let page = browser.get(&h.at(&user)).await.text;
        let revoke = format!("/admin/clients/app/consents/{}/revoke", h.alice);
        assert!(
            page.contains("href=\"/admin/clients/app\"") && page.contains(&revoke),
            "{page}"
        );
        assert_eq!(send(&h, &browser, &revoke, &[]).await.status, 303);
        let page = browser.get(&h.at(&user)).await.text;
        assert!(!page.contains(&revoke));
    });
}

#[test]
fn a_form_of_a_client_comes_back_after_a_sign_in_and_nothing_was_done() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        h.pass(601);
        let at = "/admin/new-client";
        let page = browser
            .get(&h.at("/admin/new-client?template=native"))
            .await
            .text;
        let csrf = token(&page);
        let form = [
            ("csrf", csrf.as_str()),
            ("client_id", "later"),
            ("client_name", "Kept & shown"),
            ("redirect_uris", "https://later.example/cb"),
            ("grant_types.authorization_code", "on"),
            ("trusted", "on"),
        ];
        let sent = browser.submit(&h.at(at), &form).await;
        assert!(
            sent.status == 303 && sent.header("location").contains("max_age=600"),
            "{sent:?}"
        );
        let back = sign_in(&browser, sent).await;
        assert!(back.text.contains("id=\"back-again\"") && back.text.contains("Kept &#38; shown"));
        let trusted = back.text.split("id=\"trusted\"").nth(1).unwrap();
        assert!(trusted.split('>').next().unwrap().contains("checked"));
        assert!(client(&h, "later").await.is_none(), "nothing by itself");
        let csrf = token(&back.text);
        let form = [&[("csrf", csrf.as_str())], &form[1..]].concat();
        assert_eq!(browser.submit(&h.at(at), &form).await.status, 200);
        assert!(client(&h, "later").await.unwrap().metadata.trusted);
        for verb in ["disable", "delete", "secret", "access"] {
            h.pass(601);
            let at = format!("/admin/clients/later/{verb}");
            let page = open(&h, &browser, &at).await.text;
            let csrf = token(&page);
            h.pass(601);
            let sent = browser.submit(&h.at(&at), &[("csrf", &csrf)]).await;
            assert!(sent.header("location").contains("max_age=600"), "{verb}");
        }
        let later = client(&h, "later").await.unwrap();
        assert!(later.disabled_at.is_none() && later.metadata.access.is_none());
    });
}

#[test]
fn how_long_the_old_secret_lives_on_is_still_chosen_after_a_sign_in_that_the_form_waited_for() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = "/admin/clients/app/secret";
        h.pass(600);
        let page = open(&h, &browser, at).await.text;
        h.pass(601);
        let (csrf, version) = (token(&page), hidden(&page, "version"));
        let form = [
            ("csrf", &*csrf),
            ("version", &*version),
            ("keep_old", "none"),
        ];
        let sent = browser.submit(&h.at(at), &form).await;
        assert_eq!(sent.status, 303, "{sent:?}");
        let back = sign_in(&browser, sent).await;
        assert_eq!(back.status, 200);
        let kept = back
            .text
            .split("<option")
            .find(|option| option.contains("selected"));
        let kept = kept.or_else(|| {
            back.text
                .split("<input")
                .find(|input| input.contains("checked"))
        });
        assert!(
            kept.is_some_and(|kept| kept.contains("\"none\"")),
            "{}",
            back.text
        );
    });
}
