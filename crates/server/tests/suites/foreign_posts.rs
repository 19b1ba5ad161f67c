//! Authorization requests that another site posts (OpenID Connect Core 3.1.2.1): without `SameSite=Lax` cookies.

use crate::support::*;

/// Another site's form, as a browser sends it: with or without Fetch Metadata.
async fn foreign(h: &Harness, form: &[(&str, &str)], header: (&str, &str)) -> Answer {
    answer(
        plain()
            .post(h.at("/authorize"))
            .header(header.0, header.1)
            .form(form),
    )
    .await
}

const FOREIGN: [(&str, &str); 3] = [
    ("Sec-Fetch-Site", "cross-site"),
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
];

/// The fields of our own form.
fn fields(page: &str) -> Vec<(String, String)> {
    let form = page
        .split("<form")
        .nth(1)
        .unwrap()
        .split("</form>")
        .next()
        .unwrap();
    let names = form
        .split("name=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    names
        .map(|name| (name.to_owned(), field(form, name).unwrap()))
        .collect()
}

async fn sent_on(h: &Harness, http: &reqwest::Client, page: &Answer) -> Answer {
    let form = fields(&page.text);
    answer(
        http.post(h.at("/authorize"))
            .header("Sec-Fetch-Site", "same-origin")
            .form(&form),
    )
    .await
}

#[test]
fn a_long_post_from_another_site_comes_again_by_our_own_form_and_touches_no_cookie() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, tab) = browser.page(browser.begin(&[]).await).await;
        let hint = "x".repeat(9000);
        let long = Browser::request(&[("login_hint", &hint), ("scope", "openid")]);
        for header in FOREIGN {
            let page = foreign(&h, &long, header).await;
            assert_eq!(
                (page.status, page.header("set-cookie")),
                (200, ""),
                "{header:?}: {page:?}"
            );
            let policy = page.header("content-security-policy");
            assert!(
                policy.contains("script-src 'self'") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert!(
                !page.text.contains("<script>") && page.text.contains("<button"),
                "{page:?}"
            );
            assert_eq!(
                page.header("referrer-policy"),
                "same-origin",
                "else its Origin is null"
            );
            let (to, _) = browser.page(sent_on(&h, &browser.http, &page).await).await;
            assert!(to.contains("/login/"), "{to}");
            // A browser that hides where forms come from is not sent on for ever.
            let form = fields(&page.text);
            let form: Vec<_> = form
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let hidden = foreign(&h, &form, header).await;
            assert_eq!(
                (hidden.status, hidden.header("set-cookie")),
                (413, ""),
                "{hidden:?}"
            );
        }
        assert!(
            browser
                .follow(browser.login(&at, &tab.text).await)
                .await
                .contains_key("code"),
            "the first tab goes on"
        );
        let silent = [&long[..], &[("prompt", "none")]].concat();
        let page = foreign(&h, &silent, FOREIGN[0]).await;
        let back = browser
            .follow(sent_on(&h, &browser.http, &page).await)
            .await;
        assert!(
            back.contains_key("code"),
            "who is signed in is seen: {back:?}"
        );
        // Whoever comes for the first time gets the cookie from our own form.
        let newcomer = h.browser();
        let first = sent_on(&h, &newcomer.http, &foreign(&h, &long, FOREIGN[0]).await).await;
        assert!(
            cookies(&first)
                .iter()
                .any(|c| c.contains("latchkey-browser")),
            "{first:?}"
        );
        assert!(newcomer.follow(first).await.contains_key("code"));
    });
}

#[test]
fn what_fits_an_address_without_what_nobody_reads_comes_again_by_get() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[("scope", "openid")]).await;
        let (hint, junk) = ("x".repeat(6000), "y".repeat(40_000));
        let form = Browser::request(&[
            ("login_hint", &hint),
            ("junk", &junk),
            ("scope", "openid"),
            ("prompt", "none"),
        ]);
        let sent = foreign(&h, &form, FOREIGN[0]).await;
        assert_eq!(
            (sent.status, sent.header("set-cookie")),
            (303, ""),
            "{sent:?}"
        );
        let to = sent.header("location");
        assert!(
            to.starts_with(&h.at("/authorize?")) && !to.contains("junk") && to.len() < 7100,
            "{}",
            to.len()
        );
        let back = browser.follow(sent).await;
        assert!(
            back.contains_key("code") && back["state"] == "st&te/ =%",
            "{back:?}"
        );
    });
}
