//! Clients: registered, changed, limited, stopped, deleted, and what they were allowed.

use latchkey_protocol::{client::Client, page::Page};
use serde_json::json;

use super::*;

/// What somebody could put into a field, that a page would run.
pub const SCRIPT: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

pub async fn client(h: &Harness, id: &str) -> Option<Client> {
    // Not the cached one: operations of the tests write by a store of their own.
    let found = h.store.clients(&Page::first(1000)).await.unwrap();
    found.into_iter().find(|client| client.id == id)
}

pub fn hidden(page: &str, name: &str) -> String {
    field(page, name).unwrap_or_else(|| panic!("{name} in {page}"))
}

/// The form as a page shows it, with these fields in place of what it has.
pub async fn edit(h: &Harness, browser: &Browser, at: &str, fields: &[(&str, &str)]) -> Answer {
    let page = open(h, browser, at).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let (csrf, version) = (token(&page.text), hidden(&page.text, "version"));
    let own = [("csrf", csrf.as_str()), ("version", version.as_str())];
    browser.submit(&h.at(at), &[&own, fields].concat()).await
}

pub const WEB: [(&str, &str); 5] = [
    ("client_name", "Shop & Co"),
    (
        "redirect_uris",
        "https://shop.example/cb\r\n https://shop.example/two \r\n",
    ),
    ("grant_types.authorization_code", "on"),
    ("grant_types.refresh_token", "on"),
    ("application_type", "web"),
];

/// What is wrong with a client: the field, and what was typed there.
pub const FAULTS: [(&str, &str); 24] = [
    ("redirect_uris", "javascript:alert(1)"),
    ("redirect_uris", "https://*.example/cb"),
    ("redirect_uris", ""),
    ("post_logout_redirect_uris", "http://app.example/"),
    ("client_uri", "javascript:alert(1)"),
    ("logo_uri", "data:image/svg+xml,<svg onload=alert(1)>"),
    ("policy_uri", "ftp://app.example"),
    ("tos_uri", "//app.example"),
    ("backchannel_logout_uri", "http://app.example/out"),
    ("frontchannel_logout_uri", "https://elsewhere.example/out"),
    ("default_max_age", "soon"),
    ("default_max_age", "-1"),
    ("custom_claims", "{"),
    ("custom_claims", "{\"iss\":{\"value\":1}}"),
    ("custom_claims", "[1]"),
    ("jwks", "{\"keys\":[{}]}"),
    ("scope", "a\"b"),
    ("implied_scope", "offline_access"),
    ("token_endpoint_auth_method", "tls_client_auth"),
    ("application_type", "spa"),
    ("id_token_signed_response_alg", "none"),
    ("id_token_signed_response_alg", "ES256"),
    ("client_id", "app"),
    ("client_id", "ünicode"),
];

#[test]
fn a_client_is_registered_from_a_template_and_its_secret_is_shown_once() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let templates = browser.get(&h.at("/admin/new-client")).await.text;
        for name in ["web", "bff", "native", "machine", "api"] {
            assert!(
                templates.contains(&format!("id=\"template-{name}\"")),
                "{name}"
            );
            let form = browser
                .get(&h.at(&format!("/admin/new-client?template={name}")))
                .await;
            assert!(form.status == 200 && form.text.contains("name=\"redirect_uris\""));
        }
        let at = "/admin/new-client?template=web";
        let page = browser.get(&h.at(at)).await.text;
        let (csrf, made) = (token(&page), hidden(&page, "made"));
        let own = [("csrf", csrf.as_str()), ("made", made.as_str())];
        let form = [&own, &WEB[..]].concat();
        let registered = browser.submit(&h.at(at), &form).await;
        assert_eq!(registered.status, 200, "{}", registered.text);
        assert_eq!(registered.header("cache-control"), "no-store");
        let secret = registered
            .text
            .split("id=\"client-secret\">")
            .nth(1)
            .unwrap();
        let secret = secret.split('<').next().unwrap().to_owned();
        let stored = client(&h, &made).await.unwrap();
        assert_eq!(
            stored.metadata.redirect_uris,
            ["https://shop.example/cb", "https://shop.example/two"]
        );
        assert_eq!(stored.metadata.client_name.as_deref(), Some("Shop & Co"));
        assert_eq!(stored.metadata.grant_types.len(), 2);
        let form_of_client = [
            ("grant_type", "client_credentials"),
            ("client_id", &*made),
            ("client_secret", &*secret),
        ];
        let heard = h.post("/token", &form_of_client).await;
        assert_eq!(heard.error(), "unauthorized_client", "the secret is good");
        // Sent again, as by a reload, it registers nothing.
        let again = browser.submit(&h.at(at), &form).await;
        assert!(
            again.status == 422 && again.text.contains("taken"),
            "{again:?}"
        );
        assert!(!again.text.contains(&secret));
        let shown = browser.get(&h.at(&format!("/admin/clients/{made}"))).await;
        assert!(shown.status == 200 && shown.text.contains("Shop &#38; Co"));
        assert!(!shown.text.contains(&secret), "nowhere else");
        let list = browser.get(&h.at("/admin/clients")).await.text;
        assert!(list.contains(&format!("/admin/clients/{made}\"")));
    });
}

#[test]
fn what_is_wrong_with_a_client_is_said_at_its_field_and_what_was_typed_stays() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        for (name, value) in FAULTS {
            let mut form: Vec<_> = WEB.to_vec();
            form.retain(|(known, _)| *known != name);
            form.extend([(name, value), ("contacts", "kept as it was typed")]);
            let heard = send(&h, &browser, "/admin/new-client?template=web", &form).await;
            assert_eq!(heard.status, 422, "{name}={value}");
            let problem = format!("id=\"{name}-problem\"");
            assert!(
                heard.text.contains(&problem),
                "{name}={value} {}",
                heard.text
            );
            assert!(
                heard.text.contains("kept as it was typed") && heard.text.contains("Shop &#38; Co")
            );
        }
        assert_eq!(h.store.clients(&Page::first(100)).await.unwrap().len(), 3);
    });
}

#[test]
fn an_edit_changes_what_the_form_has_and_leaves_the_rest() {
    on_both(async |h| {
        h.client(json!({
            "client_id": "kept", "redirect_uris": ["https://a.example/cb"], "require_auth_time": true, "roles": ["batch"],
            "access": { "groups": ["blue"] }, "custom_claims": { "a": { "value": { "x": 1 } }, "b": { "attribute": "b" } },
        }))
        .await;
        let browser = administrator(&h).await;
        let at = "/admin/clients/kept/edit";
        let before = client(&h, "kept").await.unwrap();
        let form = [
            ("client_name", "Kept"),
            ("redirect_uris", "https://a.example/cb"),
            ("grant_types.authorization_code", "on"),
            ("custom_claims", "{\"a\":{\"claim\":\"email\"}}"),
            ("application_type", "web"),
            ("refresh", "offline_access"),
            ("id_token_claims", "minimal"),
            // Not of the form.
            ("client_secret", SECRET),
            ("client_id", "other"),
            ("id", "other"),
            ("disabled_at", "1"),
            ("access", "null"),
            ("sealed_secret", "x"),
        ];
        let saved = edit(&h, &browser, at, &form).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let after = client(&h, "kept").await.unwrap();
        assert_eq!((&after.secret, after.disabled_at), (&before.secret, None));
        assert_eq!(after.metadata.access, before.metadata.access);
        assert!(after.metadata.require_auth_time && after.metadata.roles.is_empty());
        let claims = serde_json::to_value(&after.metadata.custom_claims).unwrap();
        assert_eq!(claims["a"]["claim"], "email");
        assert_eq!(
            claims.as_object().unwrap().len(),
            1,
            "what is gone from the form is gone"
        );
        assert!(client(&h, "other").await.is_none());
    });
}

#[test]
fn of_two_administrators_the_second_is_told_and_sees_what_is_there_now() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = "/admin/clients/post/edit";
        let page = browser.get(&h.at(at)).await.text;
        let (csrf, version) = (token(&page), hidden(&page, "version"));
        let form = |name: &'static str| {
            [
                ("csrf", csrf.clone()),
                ("version", version.clone()),
                ("client_name", name.to_owned()),
                ("redirect_uris", CALLBACK.to_owned()),
                ("grant_types.authorization_code", "on".to_owned()),
                ("trusted", "on".to_owned()),
            ]
        };
        let send = async |form: &[(&str, String)]| {
            let form: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
            browser.submit(&h.at(at), &form).await
        };
        assert_eq!(send(&form("The first")).await.status, 303);
        let late = send(&form("The second")).await;
        assert_eq!(late.status, 422);
        let (above, below) = late
            .text
            .split_once("<form method=\"post\" class=\"client-form\"")
            .unwrap();
        assert!(
            above.contains("id=\"unsaved\"") && above.contains("The second"),
            "{above}"
        );
        assert!(below.contains("value=\"The first\"") && !below.contains("The second"));
        let current = client(&h, "post").await.unwrap();
        assert_eq!(current.name(), "The first");
        assert_eq!(hidden(below, "version"), current.version.to_string());
    });
}

#[test]
fn a_secret_is_replaced_while_the_old_one_lives_on_as_long_as_was_chosen() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let heard = async |secret: &str| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", "app"),
                ("client_secret", secret),
            ];
            h.post("/token", &form).await.status
        };
        let at = "/admin/clients/app/secret";
        let unknown = edit(&h, &browser, at, &[("keep_old", "99y")]).await;
        assert_eq!(unknown.status, 422);
        let page = browser.get(&h.at(at)).await.text;
        let (csrf, version) = (token(&page), hidden(&page, "version"));
        let form = [("csrf", &*csrf), ("version", &*version), ("keep_old", "1h")];
        let shown = browser.submit(&h.at(at), &form).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        let secret = shown.text.split("id=\"client-secret\">").nth(1).unwrap();
        let secret = secret.split('<').next().unwrap();
        assert_eq!((heard(secret).await, heard(SECRET).await), (200, 200));
        let page = browser.get(&h.at("/admin/clients/app")).await.text;
        assert!(page.contains("id=\"former\"") && !page.contains(secret));
        // Sent again, as by a reload, it makes none.
        let again = browser.submit(&h.at(at), &form).await;
        assert!(again.status == 422 && !again.text.contains("id=\"client-secret\""));
        let none = browser.get(&h.at("/admin/clients/native/secret")).await;
        assert!(!none.text.contains("name=\"keep_old\""), "it has no secret");
        h.pass(3600);
        assert_eq!((heard(secret).await, heard(SECRET).await), (200, 401));
    });
}

#[test]
fn a_client_is_disabled_enabled_and_deleted_after_a_question() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let tokens = h.tokens(&h.browser()).await;
        let access = tokens["access_token"].as_str().unwrap();
        let at = |verb: &str| format!("/admin/clients/app/{verb}");
        for (verb, is_disabled) in [("disable", true), ("enable", false)] {
            let asked = browser.get(&h.at(&at(verb))).await;
            assert!(asked.text.contains("The App"), "{verb}");
            assert_eq!(
                client(&h, "app").await.unwrap().disabled_at.is_some(),
                !is_disabled
            );
            let done = send(&h, &browser, &at(verb), &[]).await;
            assert!(done.status == 303 && done.header("location").contains("?done=client-"));
            assert_eq!(
                client(&h, "app").await.unwrap().disabled_at.is_some(),
                is_disabled
            );
        }
        assert_eq!(h.userinfo(access).await.status, 200);
        assert_eq!(send(&h, &browser, &at("delete"), &[]).await.status, 303);
        assert!(client(&h, "app").await.is_none());
        assert_eq!(h.userinfo(access).await.status, 401);
        assert_eq!(browser.get(&h.at("/admin/clients/app")).await.status, 404);
    });
}

#[test]
fn a_client_is_limited_and_the_page_says_who_may_use_it_and_why() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = "/admin/clients/app/access";
        let unknown = [("limited", "yes"), ("users", "nobody\r\nbob")];
        let refused = edit(&h, &browser, at, &unknown).await;
        assert!(
            refused.status == 422 && refused.text.contains("id=\"users-problem\""),
            "{}",
            refused.text
        );
        assert!(client(&h, "app").await.unwrap().metadata.access.is_none());
        // Of all members only the limits are read.
        let form = [
            ("limited", "yes"),
            ("groups", "red"),
            ("users", "bob@example.org"),
            ("trusted", "on"),
            ("redirect_uris", "https://evil.example/cb"),
        ];
        let saved = edit(&h, &browser, at, &form).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let stored = client(&h, "app").await.unwrap().metadata;
        assert!(!stored.trusted && stored.redirect_uris[0] == CALLBACK);
        let access = stored.access.unwrap();
        assert_eq!(
            (&*access.groups, &*access.users),
            (&["red".to_owned()][..], &[bob(&h).await.id.to_string()][..])
        );
        let users = browser.get(&h.at("/admin/clients/app/users")).await.text;
        assert!(
            users.contains("<strong>bob name</strong>") && users.contains(">Named<"),
            "{users}"
        );
        assert!(
            !users.contains(&format!("/admin/users/{}", h.alice)),
            "{users}"
        );
        let form = browser.get(&h.at(at)).await.text;
        assert!(
            form.contains("\nbob\n"),
            "by the name that they sign in with"
        );
        // What was named stays who it was.
        let kept = [("limited", "yes"), ("users", "bob"), ("roles", "editor")];
        assert_eq!(edit(&h, &browser, at, &kept).await.status, 303);
        let access = client(&h, "app").await.unwrap().metadata.access.unwrap();
        assert!(access.groups.is_empty() && access.users == [bob(&h).await.id.to_string()]);
        assert_eq!(
            edit(&h, &browser, at, &[("limited", "no")]).await.status,
            303
        );
        assert!(client(&h, "app").await.unwrap().metadata.access.is_none());
    });
}

#[test]
fn consents_to_a_client_are_listed_and_one_is_taken_back() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let tokens = h.tokens(&h.browser()).await;
        let access = tokens["access_token"].as_str().unwrap();
        let page = browser.get(&h.at("/admin/clients/app/consents")).await.text;
        assert!(
            page.contains("<strong>alice</strong>") && page.contains("offline_access"),
            "{page}"
        );
        let overview = browser.get(&h.at("/admin/clients/app")).await.text;
        assert!(
            overview.contains("/admin/clients/app/consents\">1</a>"),
            "{overview}"
        );
        let revoke = page.split("class=\"revoke\" href=\"").nth(1).unwrap();
        let revoke = revoke.split('"').next().unwrap();
        assert_eq!(send(&h, &browser, revoke, &[]).await.status, 303);
        assert_eq!(h.userinfo(access).await.status, 401);
        let page = browser.get(&h.at("/admin/clients/app/consents")).await.text;
        assert!(!page.contains("class=\"revoke\""));
        let again = send(&h, &browser, revoke, &[]).await;
        assert!(
            again.status == 422 && again.text.contains("id=\"problem\""),
            "there is nothing to end"
        );
    });
}
