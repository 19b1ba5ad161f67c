//! OpenID Connect Front-Channel Logout 1.0: the signed-out page shows each client of the session its address, and goes on.

use serde_json::json;

use super::support::*;

const BYE: &str = "https://app.example/bye?x=1";

async fn framed(h: &Harness, id: &str) {
    h.client(json!({
        "client_id": id, "redirect_uris": [CALLBACK], "trusted": true, "token_endpoint_auth_method": "none",
        "post_logout_redirect_uris": [BYE], "frontchannel_logout_uri": format!("https://app.example/out?of={id}"),
        "frontchannel_logout_session_required": true,
    }))
    .await;
}

/// The ID token of a sign-in to a client.
async fn visit(h: &Harness, browser: &Browser, client: &str) -> serde_json::Value {
    let asked = [("client_id", client), ("scope", "openid")];
    let code = h.code(browser, &asked).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", client),
    ];
    let answer = h.post("/token", &form).await;
    answer.json["id_token"].clone()
}

/// The addresses to which the frames of a page lead on, as they were written.
fn frames(page: &Answer) -> Vec<String> {
    let parts = page.text.split("<iframe srcdoc=\"").skip(1);
    let written = parts.map(|part| plain(part.split('"').next().unwrap()));
    let to = |first: String| {
        let begin = "<!doctype html><meta http-equiv=\"refresh\" content=\"1; url=";
        let to = first
            .strip_prefix(begin)
            .and_then(|to| to.strip_suffix("\">"));
        plain(to.unwrap())
    };
    written.map(to).collect()
}

/// Where a script sends the frames of a page, as it was written.
fn frames_of_script(page: &Answer) -> Vec<String> {
    let parts = page.text.split(" data-to=\"").skip(1);
    parts
        .map(|part| plain(part.split('"').next().unwrap()))
        .collect()
}

/// An attribute's value.
fn plain(attribute: &str) -> String {
    let quoted = attribute.replace("&#34;", "\"").replace("&#60;", "<");
    quoted.replace("&#62;", ">").replace("&#38;", "&")
}

/// 3, 4; RP-Initiated Logout 3: then on, with the state.
#[test]
fn the_signed_out_page_tells_the_clients_in_frames_and_goes_on_to_the_one_that_asked() {
    on_both(async |h| {
        for id in ["one", "two", "unvisited"] {
            framed(&h, id).await;
        }
        let browser = h.browser();
        let token = visit(&h, &browser, "one").await;
        visit(&h, &browser, "two").await;
        let sid = claims(&token)["sid"].as_str().unwrap().to_owned();
        let asked = [
            ("id_token_hint", token.as_str().unwrap()),
            ("post_logout_redirect_uri", BYE),
            ("state", "a\"b&c"),
        ];
        let page = answer(browser.http.get(h.at("/logout")).query(&asked)).await;
        assert_eq!(page.status, 200, "{page:?}");
        let issuer: String = url::form_urlencoded::byte_serialize(h.issuer.as_bytes()).collect();
        let frame = |id| format!("https://app.example/out?of={id}&iss={issuer}&sid={sid}");
        assert_eq!(frames(&page), [frame("one"), frame("two")]);
        assert_eq!(frames_of_script(&page), frames(&page));
        let policy = page.header("content-security-policy");
        assert!(
            policy.ends_with("; frame-src https://app.example"),
            "{policy}"
        );
        assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"));
        let to = "https://app.example/bye?x=1&#38;state=a%22b%26c";
        assert!(
            page.text
                .contains(&format!("id=\"continue\" href=\"{to}\""))
        );
        let refresh =
            format!("<noscript><meta http-equiv=\"refresh\" content=\"5; url={to}\"></noscript>");
        assert!(page.text.contains(&refresh));
        assert!(
            !page.text.contains("<iframe src="),
            "which the page would wait for"
        );
        // A frame cannot take the whole window elsewhere.
        assert!(
            page.text
                .contains("sandbox=\"allow-scripts allow-same-origin\"")
        );
        let back = browser
            .authorize(&[
                ("prompt", "none"),
                ("client_id", "one"),
                ("scope", "openid"),
            ])
            .await;
        assert_eq!(back["error"], "login_required");
    });
}

#[test]
fn a_confirmed_sign_out_shows_the_frames_and_stays() {
    on_both(async |h| {
        framed(&h, "one").await;
        let browser = h.browser();
        visit(&h, &browser, "one").await;
        let asks = browser.get(&h.at("/logout")).await;
        let csrf = field(&asks.text, "csrf").unwrap();
        let form = [("csrf", &*csrf), ("decision", "sign-out")];
        let page = browser.submit(&h.at("/logout/confirm"), &form).await;
        assert_eq!((page.status, frames(&page).len()), (200, 1), "{page:?}");
        assert!(page.text.contains("id=\"signed-out\"") && !page.text.contains("<meta http-equiv"));
        assert!(!page.text.contains("<script"));
    });
}

#[test]
fn nobody_gets_a_frame_onto_the_page_by_its_address() {
    on_both(async |h| {
        framed(&h, "one").await;
        let address = "/logout/done?frames=https://evil.example&next=https://evil.example&sid=s";
        let page = h.browser().get(&h.at(address)).await;
        assert!(frames(&page).is_empty() && !page.text.contains("evil.example"));
        assert!(!page.header("content-security-policy").contains("frame-src"));
    });
}

/// An ID token alone, in a browser that is not in the session, shows nobody which apps its user is signed in to.
#[test]
fn another_browser_sees_no_frames_of_the_session_that_an_id_token_names() {
    on_both(async |h| {
        framed(&h, "one").await;
        framed(&h, "two").await;
        let browser = h.browser();
        let token = visit(&h, &browser, "one").await;
        visit(&h, &browser, "two").await;
        let elsewhere = h.browser();
        let asked = [("id_token_hint", token.as_str().unwrap())];
        let asks = answer(elsewhere.http.get(h.at("/logout")).query(&asked)).await;
        let csrf = field(&asks.text, "csrf").unwrap();
        let named = field(&asks.text, "named").unwrap();
        let user = field(&asks.text, "named_user").unwrap();
        let form = [
            ("csrf", &*csrf),
            ("named", &*named),
            ("named_user", &*user),
            ("decision", "sign-out"),
        ];
        let page = elsewhere.submit(&h.at("/logout/confirm"), &form).await;
        assert!(page.status == 303 && frames(&page).is_empty(), "{page:?}");
        assert_eq!(
            browser.authorize(&[("prompt", "none")]).await["error"],
            "login_required",
            "it has ended"
        );
    });
}
