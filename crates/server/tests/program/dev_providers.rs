//! The providers beside `latchkey dev`: their buttons are on the login page, and lead to an app.

use super::dev::{Dev, Web, field, in_runtime, text_of};

/// Where the link with this id leads.
fn link(page: &str, id: &str) -> String {
    let link = page.split(&format!("id=\"{id}\"")).nth(1);
    let address = link.expect(id).split("href=\"").nth(1).unwrap();
    address.split('"').next().unwrap().replace("&amp;", "&")
}

/// From the consent page to the app, and who the app says that it is.
async fn allowed(web: &Web, (at, page): (String, String), app: &str) -> String {
    assert!(page.contains("id=\"allow\""), "{at}: {page}");
    let form = [("csrf", &*field(&page, "csrf")), ("decision", "allow")];
    let (at, page) = web.submit(&at, &form).await;
    assert_eq!(at, format!("{app}/"), "{page}");
    text_of(&page, "subject")
}

#[test]
fn users_of_both_providers_sign_in_to_the_demo_app_and_are_found_again() {
    let dev = Dev::start();
    let [first, second] = &dev.apps;
    in_runtime(async {
        for name in ["other", "kakao"] {
            let mut subjects = Vec::new();
            for app in [first, second] {
                let web = Web::new();
                let (at, login) = web.page(&format!("{app}/login")).await;
                let at = reqwest::Url::parse(&at).unwrap();
                let button = at.join(&link(&login, &format!("upstream-{name}"))).unwrap();
                let there = web.page(button.as_str()).await;
                let back = match name {
                    "other" => {
                        // Another host than that of the first one, whose cookies it would have else.
                        assert!(there.0.starts_with("http://localhost:"), "{}", there.0);
                        let csrf = field(&there.1, "csrf");
                        let form = [
                            ("csrf", &*csrf),
                            ("username", "carol"),
                            ("password", dev.password("carol")),
                        ];
                        web.submit(&there.0, &form).await
                    }
                    _ => {
                        let query = there
                            .1
                            .split("id=allow href=\"")
                            .nth(1)
                            .expect("the stand-in");
                        let query = query.split('"').next().unwrap().replace("&amp;", "&");
                        let at = reqwest::Url::parse(&there.0).unwrap();
                        web.page(at.join(&query).unwrap().as_str()).await
                    }
                };
                subjects.push(allowed(&web, back, app).await);
            }
            assert_eq!(subjects[0], subjects[1], "{name}");
        }
    });
}
