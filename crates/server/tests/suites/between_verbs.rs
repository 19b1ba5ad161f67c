//! The database fails between two verbs of a flow, or is done and its answer is lost: whoever tries again comes to the
//! end, and nothing was half granted meanwhile.

use latchkey_conformance::Failure;

use crate::{
    sign_out::{BYE, access, get, hint, is_signed_in},
    support::*,
};

/// The verb that failed, and on which side of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    verb: &'static str,
    failure: Failure,
}

impl Cut {
    /// Done, and nobody heard of it.
    fn is_lost_answer_of(self, verb: &str) -> bool {
        self.failure == Failure::After && self.verb == verb
    }
}

/// Lets each verb of `act` fail in turn, before and after it is done, until `act` needs no more of them. `then` looks at
/// what is left and tries again. `decides` is a verb that must be among those that failed.
async fn at_each_verb<S>(
    h: &Harness,
    decides: &str,
    ready: impl AsyncFn() -> S,
    act: impl AsyncFn(&S) -> Answer,
    then: impl AsyncFn(S, Answer, Cut),
) {
    let mut cuts = Vec::new();
    for failure in Failure::ALL {
        for after in 0.. {
            // What was counted of sign-ins whose answer was lost is forgotten.
            h.pass(601);
            let state = ready().await;
            h.flaky.fail(after, failure);
            let answer = act(&state).await;
            let Some(verb) = h.flaky.calm() else {
                assert!(answer.status < 400, "nothing failed: {answer:?}");
                break;
            };
            eprintln!("{failure:?} {verb}: {}", answer.status);
            cuts.push(Cut { verb, failure });
            then(state, answer, Cut { verb, failure }).await;
        }
    }
    for failure in Failure::ALL {
        let decided = cuts
            .iter()
            .any(|cut| cut.verb == decides && cut.failure == failure);
        assert!(decided, "{decides} never failed: {cuts:?}");
    }
}

/// An honest answer that can be asked about, and says nothing of what went wrong inside.
fn is_clear(answer: &Answer, cut: Cut) {
    assert_eq!(answer.status, 503, "{cut:?}: {answer:?}");
    let reference = answer.header("x-request-id");
    assert!(!reference.is_empty(), "{cut:?}: {answer:?}");
    assert_eq!(answer.header("retry-after"), "2", "{cut:?}");
    let is_page = answer.text.contains("error-page") && answer.text.contains(reference);
    assert!(
        is_page || answer.error() == "temporarily_unavailable",
        "{cut:?}: {answer:?}"
    );
    assert!(!answer.text.contains(cut.verb), "{}", answer.text);
}

fn sets_a_session(answer: &Answer) -> bool {
    let is_session = |cookie: &String| cookie.contains("session=") && !cookie.contains("Max-Age=0");
    cookies(answer).iter().any(is_session)
}

#[test]
fn a_sign_in_that_fails_at_any_verb_signs_nobody_in_and_works_when_tried_again() {
    on_both(async |h| {
        let ready = async || {
            let browser = h.browser();
            let (at, page) = browser.page(browser.begin(&[]).await).await;
            (browser, at, page)
        };
        let act = async |(browser, at, page): &(Browser, String, Answer)| {
            browser.login(at, &page.text).await
        };
        let then = async |(browser, at, _): (Browser, String, Answer), answer: Answer, cut: Cut| {
            if answer.status == 303 {
                // What follows a sign-in does not undo it.
                let follows = ["give_back_attempts", "renew_browser"];
                assert!(follows.contains(&cut.verb), "{cut:?}");
                assert!(browser.follow(answer).await.contains_key("code"));
                return;
            }
            is_clear(&answer, cut);
            assert!(!sets_a_session(&answer), "{cut:?}: {answer:?}");
            assert!(!is_signed_in(&browser).await, "{cut:?}");
            let page = browser.get(&at).await;
            assert_eq!(page.status, 200, "{cut:?}: {page:?}");
            let signed_in = browser.login(&at, &page.text).await;
            let back = browser.follow(signed_in).await;
            assert!(back.contains_key("code"), "{cut:?}: {back:?}");
        };
        at_each_verb(&h, "sign_in", ready, act, then).await;
    });
}

#[test]
fn a_consent_that_fails_at_any_verb_can_be_given_again() {
    on_both(async |h| {
        let ready = async || {
            let browser = h.browser();
            let (at, page) = browser
                .page(browser.begin(&[("prompt", "consent")]).await)
                .await;
            let (at, page) = browser.page(browser.login(&at, &page.text).await).await;
            assert!(at.contains("/consent/"), "{at}");
            (browser, at, page)
        };
        let act = async |(browser, at, page): &(Browser, String, Answer)| {
            browser.decide(at, &page.text, "allow").await
        };
        let then = async |(browser, at, _): (Browser, String, Answer), answer: Answer, cut: Cut| {
            is_clear(&answer, cut);
            let again = browser.get(&at).await;
            let decided = match again.status {
                200 => browser.decide(&at, &again.text, "allow").await,
                _ => again,
            };
            let back = browser.follow(decided).await;
            assert!(back.contains_key("code"), "{cut:?}: {back:?}");
        };
        at_each_verb(&h, "record_consent", ready, act, then).await;
    });
}

#[test]
fn an_approval_that_fails_at_any_verb_gives_one_code_when_tried_again() {
    on_both(async |h| {
        let ready = async || {
            let browser = h.browser();
            h.tokens(&browser).await;
            browser
        };
        let act = async |browser: &Browser| browser.begin(&[("prompt", "none")]).await;
        let then = async |browser: Browser, answer: Answer, cut: Cut| {
            let back = answer.header("location");
            assert!(!back.contains("code="), "{cut:?}: {answer:?}");
            if back.is_empty() {
                is_clear(&answer, cut);
            } else {
                // The app's address is proven: it hears of it (RFC 6749 4.1.2.1), and its state comes back.
                let error = "error=temporarily_unavailable";
                assert!(back.starts_with("https://app.example/"), "{cut:?}: {back}");
                assert!(back.contains(error) && back.contains("state="), "{back}");
            }
            let code = h.code(&browser, &[("prompt", "none")]).await;
            assert_eq!(h.exchange(&code).await.status, 200, "{cut:?}");
        };
        at_each_verb(&h, "issue_code", ready, act, then).await;
    });
}

#[test]
fn a_code_whose_exchange_fails_at_any_verb_is_spent_once_or_not_at_all() {
    on_both(async |h| {
        let ready = async || {
            let browser = h.browser();
            let code = h.code(&browser, &[]).await;
            (browser, code)
        };
        let act = async |(_, code): &(Browser, String)| h.exchange(code).await;
        let then = async |(browser, code): (Browser, String), answer: Answer, cut: Cut| {
            is_clear(&answer, cut);
            let again = h.exchange(&code).await;
            if cut.is_lost_answer_of("exchange_code") {
                // It may be another who asks: a code is good for one answer (RFC 6749 4.1.2).
                assert_eq!(again.error(), "invalid_grant", "{cut:?}: {again:?}");
                let tokens = h.tokens(&browser).await;
                assert_eq!(h.userinfo(access(&tokens)).await.status, 200);
                return;
            }
            assert_eq!(again.status, 200, "{cut:?}: {again:?}");
            assert_eq!(h.userinfo(access(&again.json)).await.status, 200);
        };
        at_each_verb(&h, "exchange_code", ready, act, then).await;
    });
}

#[test]
fn a_replay_whose_revocation_fails_is_revoked_when_it_comes_again() {
    on_both(async |h| {
        let ready = async || {
            let code = h.code(&h.browser(), &[]).await;
            let exchanged = h.exchange(&code).await;
            (code, exchanged.json)
        };
        let act = async |(code, _): &(String, serde_json::Value)| {
            let mut refused = h.exchange(code).await;
            // Where nothing fails a replay is refused, which is how it should end.
            if refused.error() == "invalid_grant" {
                refused.status = 303;
            }
            refused
        };
        let then = async |(code, tokens): (String, serde_json::Value), answer: Answer, cut: Cut| {
            is_clear(&answer, cut);
            assert_eq!(h.exchange(&code).await.error(), "invalid_grant", "{cut:?}");
            assert_eq!(h.userinfo(access(&tokens)).await.status, 401, "{cut:?}");
            let refreshed = h.refresh(tokens["refresh_token"].as_str().unwrap()).await;
            assert_eq!(refreshed.error(), "invalid_grant", "{cut:?}");
        };
        at_each_verb(&h, "revoke_authorization", ready, act, then).await;
    });
}

#[test]
fn a_refresh_that_fails_at_any_verb_gives_the_same_family_when_tried_again() {
    on_both(async |h| {
        let ready = async || {
            let tokens = h.tokens(&h.browser()).await;
            tokens["refresh_token"].as_str().unwrap().to_owned()
        };
        let act = async |token: &String| h.refresh(token).await;
        let then = async |token: String, answer: Answer, cut: Cut| {
            is_clear(&answer, cut);
            // Also where the token was rotated and nobody heard of its successor, which is made again.
            let again = h.refresh(&token).await;
            assert_eq!(again.status, 200, "{cut:?}: {again:?}");
            assert_eq!(h.userinfo(access(&again.json)).await.status, 200, "{cut:?}");
            let successor = again.json["refresh_token"].as_str().unwrap();
            let next = h.refresh(successor).await;
            assert_eq!(next.status, 200, "{cut:?}: the family lives: {next:?}");
        };
        at_each_verb(&h, "rotate_refresh_token", ready, act, then).await;
    });
}

#[test]
fn a_sign_out_that_fails_at_any_verb_is_not_called_done_and_works_when_tried_again() {
    on_both(async |h| {
        let ready = async || {
            let browser = h.browser();
            let tokens = h.tokens(&browser).await;
            (browser, tokens)
        };
        let out = async |(browser, tokens): &(Browser, serde_json::Value)| {
            let params = [
                ("id_token_hint", hint(tokens)),
                ("post_logout_redirect_uri", BYE),
            ];
            get(&h, browser, &params).await
        };
        let then = async |both: (Browser, serde_json::Value), answer: Answer, cut: Cut| {
            if answer.status == 303 {
                // What follows the end of a session does not undo it.
                assert_eq!(cut.verb, "renew_browser");
            } else {
                is_clear(&answer, cut);
                let again = out(&both).await;
                assert_eq!(again.header("location"), BYE, "{cut:?}: {again:?}");
            }
            let (browser, tokens) = &both;
            assert!(!is_signed_in(browser).await, "{cut:?}");
            assert_eq!(h.userinfo(access(tokens)).await.status, 401, "{cut:?}");
        };
        at_each_verb(&h, "end_session_of", ready, out, then).await;
    });
}

#[test]
fn a_revocation_that_fails_at_any_verb_is_not_called_done_and_works_when_tried_again() {
    on_both(async |h| {
        let ready = async || h.tokens(&h.browser()).await;
        let revoke = async |tokens: &serde_json::Value| {
            let token = tokens["refresh_token"].as_str().unwrap();
            h.post_as_app("/revoke", &[("token", token)]).await
        };
        let then = async |tokens: serde_json::Value, answer: Answer, cut: Cut| {
            is_clear(&answer, cut);
            assert_eq!(revoke(&tokens).await.status, 200, "{cut:?}");
            assert_eq!(h.userinfo(access(&tokens)).await.status, 401, "{cut:?}");
        };
        at_each_verb(&h, "revoke_authorization", ready, revoke, then).await;
    });
}
