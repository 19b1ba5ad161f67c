//! Against a second Latchkey, over the network.

use latchkey_operations::NewUser;
use latchkey_server::wiring::OsEntropy;
use serde_json::json;

use super::{super::support::*, *};

/// A second Latchkey with the first one as its client, and the first with the second as its upstream.
pub async fn second(h: &Harness) -> Harness {
    let other = Harness::elsewhere().await;
    let client = json!({
        "client_id": "here", "client_secret": SECRET, "client_name": "Here", "redirect_uris": [h.callback(THERE)],
        "trusted": true, "backchannel_logout_uri": h.at("/login/upstream/other/backchannel-logout"),
    });
    other.client(client).await;
    let carol = NewUser {
        username: "carol".into(),
        name: Some("carol name".into()),
        password: Some("carol password".into()),
        ..NewUser::default()
    };
    let operations = operations(&*other.store, &OsEntropy);
    let key = other.app.ui.sign_in.password_key();
    operations.create_user(key, carol).await.unwrap();
    h.upstream(THERE, oidc(&other.issuer), Some(SECRET)).await;
    other
}

/// Signs in there as whoever the browser acts as, and brings the answer back here.
pub async fn back_from(there: &Browser, away: &str) -> String {
    let mut answer = there.get(away).await;
    for _ in 0..6 {
        let to = there.location(&answer);
        if to.contains("/callback?") {
            return to;
        }
        answer = there.get(&to).await;
        if answer.status == 200 {
            answer = there.login(&to, &answer.text).await;
        }
    }
    panic!("no end");
}

#[test]
fn a_user_of_another_provider_gets_an_account_and_keeps_it() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (here, there) = (h.visitor(), other.browser());
        let away = here.led(THERE, &[]).await;
        assert!(away.starts_with(&format!("{}/authorize?", other.issuer)));
        assert_eq!(said(&away, "redirect_uri"), Some(h.callback(THERE)));
        assert_eq!(
            said(&away, "code_challenge_method").as_deref(),
            Some("S256")
        );
        there.act_as("carol", "carol password");
        let came = back_from(&there, &away).await;
        let code = here.follow(here.get(&came).await).await;
        let first = h.exchange(&code["code"]).await.json;
        let claims = claims(&first["id_token"]);
        assert_eq!(claims["name"], "carol name");
        assert_eq!(claims["preferred_username"], "carol");
        assert_eq!(claims.get("email"), None);

        let again = h.visitor();
        let away = again.led(THERE, &[]).await;
        let came = back_from(&there, &away).await;
        let code = again.follow(again.get(&came).await).await;
        let second = h.exchange(&code["code"]).await.json;
        assert_eq!(
            super::super::support::claims(&second["id_token"])["sub"],
            claims["sub"]
        );
    });
}

#[test]
fn whoever_has_an_account_with_the_address_proves_it_and_says_yes() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (here, there) = (h.browser(), other.browser());
        let away = here.led(THERE, &[]).await;
        let came = back_from(&there, &away).await;
        // alice@example.org is verified there, and alice's here: nobody is signed in yet.
        let (login, page) = here.page(here.get(&came).await).await;
        assert!(login.ends_with("?notice=link") && page.text.contains("login-error"));
        let (link, page) = here.page(here.login(&login, &page.text).await).await;
        assert!(link.contains("/link/") && page.text.contains("alice@example.org"));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        let no_word = here.submit(&link, &[("decision", "yes")]).await;
        assert_eq!(no_word.status, 403);
        let linked = here.decide(&link, &page.text, "yes").await;
        here.follow(linked).await;

        let again = h.browser();
        let away = again.led(THERE, &[]).await;
        let came = back_from(&there, &away).await;
        let code = again.follow(again.get(&came).await).await;
        let tokens = h.exchange(&code["code"]).await.json;
        assert_eq!(claims(&tokens["id_token"])["sub"], h.alice.as_str());
    });
}

/// RFC 9700 4.5.
#[test]
fn a_code_of_another_sign_in_is_worth_nothing() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (attacker, victim, there) = (h.browser(), h.browser(), other.browser());
        there.act_as("carol", "carol password");
        let stolen = back_from(&there, &attacker.led(THERE, &[]).await).await;
        let away = victim.led(THERE, &[]).await;
        let state = |address: &str| said(address, "state").unwrap();
        let injected = stolen.replace(&state(&stolen), &state(&away));
        assert_eq!(
            attacks::refused(&h, &victim, &injected).await,
            "UpstreamRefused"
        );
    });
}

#[test]
fn whoever_says_no_is_signed_in_and_nothing_is_connected() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (here, there) = (h.browser(), other.browser());
        let came = back_from(&there, &here.led(THERE, &[]).await).await;
        let (login, page) = here.page(here.get(&came).await).await;
        let (link, page) = here.page(here.login(&login, &page.text).await).await;
        let said_no = here.decide(&link, &page.text, "no").await;
        here.follow(said_no).await;
        let again = h.browser();
        let came = back_from(&there, &again.led(THERE, &[]).await).await;
        let (login, _) = again.page(again.get(&came).await).await;
        assert!(login.ends_with("?notice=link"));
    });
}

/// OpenID Connect Core 3.1.2.1: `prompt=login`.
#[test]
fn a_sign_in_that_has_to_be_new_is_new_there_too() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (here, there) = (h.visitor(), other.browser());
        there.act_as("carol", "carol password");
        let came = back_from(&there, &here.led(THERE, &[]).await).await;
        here.follow(here.get(&came).await).await;
        h.pass(600);
        other.pass(600);
        // The other provider is asked for a new sign-in. Somebody at the browser takes that out of the address.
        let away = here.led(THERE, &[("prompt", "login")]).await;
        assert_eq!(said(&away, "prompt").as_deref(), Some("login"));
        let without = away
            .replace("prompt=login", "a=b")
            .replace("max_age=0", "c=d");
        let came = back_from(&there, &without).await;
        let refused = here.get(&came).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("back-to-login"));
        let away = here.led(THERE, &[("prompt", "login")]).await;
        let came = back_from(&there, &away).await;
        here.follow(here.get(&came).await).await;
    });
}
