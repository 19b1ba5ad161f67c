//! What every call keeps to.

use std::future::Future;

use crate::support::*;

async fn looks<T>(h: &Harness, call: impl Future<Output = T>) -> (u64, T) {
    let before = h.looks_at_the_clock();
    let answer = call.await;
    (h.looks_at_the_clock() - before, answer)
}

#[test]
fn a_call_is_judged_at_one_moment() {
    on_both(async |h| {
        let browser = h.browser();
        let (read, begun) = looks(&h, browser.begin(&[("prompt", "login")])).await;
        assert_eq!((read, begun.status), (1, 303), "authorization request");
        let at = browser.location(&begun);
        let (read, page) = looks(&h, browser.get(&at)).await;
        assert_eq!((read, page.status), (1, 200), "the login page");
        let (read, signed_in) = looks(&h, browser.login(&at, &page.text)).await;
        assert_eq!((read, signed_in.status), (1, 303), "sign-in");

        let tokens = h.tokens(&browser).await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));

        let (read, answer) = looks(&h, h.userinfo(&access)).await;
        assert_eq!((read, answer.status), (1, 200), "UserInfo");
        let form = [("token", access.as_str())];
        let (read, answer) = looks(&h, h.post_as_app("/introspect", &form)).await;
        assert_eq!((read, &answer.json["active"]), (1, &true.into()));
        let (read, answer) = looks(&h, h.refresh(&refresh)).await;
        assert_eq!((read, answer.status), (1, 200), "refresh");
        let (read, back) = looks(&h, browser.authorize(&[("prompt", "none")])).await;
        assert!(read == 1 && back.contains_key("code"), "{read} {back:?}");
        let (read, answer) = looks(&h, h.exchange(&back["code"])).await;
        assert_eq!((read, answer.status), (1, 200), "code");
        let (read, answer) = looks(&h, h.post_as_app("/revoke", &form)).await;
        assert_eq!((read, answer.status), (1, 200), "revocation");
        let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
        let signed_out = answer_of(&h, &browser, &hint);
        let (read, answer) = looks(&h, signed_out).await;
        assert_eq!((read, answer.status), (1, 303), "sign-out");
    });
}

async fn answer_of(h: &Harness, browser: &Browser, params: &[(&str, &str)]) -> Answer {
    answer(browser.http.get(h.at("/logout")).query(params)).await
}
