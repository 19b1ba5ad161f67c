//! OpenID Connect Back-Channel Logout 1.0, as a client: a session that ended at the other provider ends here.

use latchkey_jose::{Algorithm, Signer};
use latchkey_protocol::{
    audit_row::{AuditFilter, AuditRow},
    page::Page,
};
use serde_json::{Value, json};

use super::{
    super::{
        back_channel_logout::{self, is_delivered, until},
        support::*,
    },
    attacks::{back, honest, liar},
    liar::{Liar, key},
    second_latchkey::{back_from, second},
    *,
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn address(name: &str) -> String {
    format!("/login/upstream/{name}/backchannel-logout")
}

fn logout(liar: &Liar, named: Value) -> Value {
    let mut claims = json!({
        "iss": liar.issuer, "aud": "here", "iat": START, "exp": START + 120, "jti": "1", "events": { EVENT: {} },
    });
    for (name, value) in named.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn typed(liar: &Liar, typ: &str, claims: &Value) -> String {
    Signer::new(&liar.key).unwrap().sign(typ, claims).unwrap()
}

/// Signs eve in by the liar, whose session has a name. Her tokens.
async fn eve(h: &Harness, liar: &Liar, sid: &str) -> Value {
    let browser = h.visitor();
    let away = browser.led("liar", &[]).await;
    let mut claims = honest(liar, &away);
    claims["sid"] = sid.into();
    liar.gives(&liar.sign(&claims));
    let came = browser.get(&back(h, "liar", &away)).await;
    let code = browser.follow(came).await;
    h.exchange(&code["code"]).await.json
}

async fn lives(h: &Harness, tokens: &Value) -> bool {
    let token = tokens["access_token"].as_str().unwrap();
    h.userinfo(token).await.status == 200
}

async fn tell(h: &Harness, token: &str) -> Answer {
    h.post(&address("liar"), &[("logout_token", token)]).await
}

#[test]
fn who_signs_out_at_another_latchkey_is_signed_out_here() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let (here, there) = (h.visitor(), other.browser());
        there.act_as("carol", "carol password");
        let away = here.led(THERE, &[]).await;
        let came = back_from(&there, &away).await;
        let code = here.follow(here.get(&came).await).await;
        let tokens = h.exchange(&code["code"]).await.json;
        assert!(lives(&h, &tokens).await);
        let sending = back_channel_logout::node(&other);
        let sessions = other.store.sessions(None).await.unwrap();
        let carol = sessions.iter().find(|s| s.user_id != other.alice).unwrap();
        let now = other.moment();
        assert!(other.store.end_session(&carol.id, true, now).await.unwrap());
        until(&other, "here", is_delivered).await;
        assert!(!lives(&h, &tokens).await);
        let kept = h
            .store
            .audit_entries(&AuditFilter::default(), &Page::first(50))
            .await;
        let is_entry =
            |row: &AuditRow| row.details.contains("the other provider ended its session");
        assert!(kept.unwrap().iter().any(is_entry));
        sending.stop().await;
    });
}

#[test]
fn a_logout_token_ends_what_it_names_and_nothing_that_is_newer() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let (first, second) = (eve(&h, &liar, "1").await, eve(&h, &liar, "2").await);
        let of_first = typed(&liar, "logout+jwt", &logout(&liar, json!({"sid": "1"})));
        assert_eq!(tell(&h, &of_first).await.status, 200);
        assert_eq!(
            (lives(&h, &first).await, lives(&h, &second).await),
            (false, true)
        );
        // Most providers say `JWT`.
        let of_eve = typed(&liar, "JWT", &logout(&liar, json!({"sub": "eve"})));
        assert_eq!(tell(&h, &of_eve).await.status, 200);
        assert!(!lives(&h, &second).await);
        h.pass(60);
        let newer = eve(&h, &liar, "3").await;
        assert_eq!(tell(&h, &of_eve).await.status, 200);
        assert!(lives(&h, &newer).await, "an old message again");
        let unknown = typed(&liar, "JWT", &logout(&liar, json!({"sub": "mallory"})));
        assert_eq!(tell(&h, &unknown).await.status, 200);
    });
}

#[test]
fn a_logout_token_that_does_not_hold_ends_nothing() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let tokens = eve(&h, &liar, "1").await;
        let named = |claims: Value| typed(&liar, "logout+jwt", &logout(&liar, claims));
        let good = named(json!({"sid": "1"}));
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let stranger = key(Algorithm::Es256);
        let forged = Signer::new(&stranger).unwrap();
        let forged = forged.sign("logout+jwt", &logout(&liar, json!({"sid": "1"})));
        let bad = [
            String::new(),
            "a.b.c".into(),
            format!("{signed}."),
            format!("{signed}.{}", signature.to_ascii_lowercase()),
            forged.unwrap(),
            named(json!({})),
            named(json!({"sid": "1", "aud": "another"})),
            named(json!({"sid": "1", "iss": "https://evil.example"})),
            named(json!({"sid": "1", "nonce": "n"})),
            named(json!({"sid": "1", "events": {}})),
            named(json!({"sid": "1", "exp": START - 60, "iat": START - 120})),
            named(json!({"sid": "1", "iat": START + 600, "exp": START + 700})),
            // An access token, and an ID token of the sign-in.
            typed(&liar, "at+jwt", &logout(&liar, json!({"sid": "1"}))),
            liar.sign(&json!({
                "iss": liar.issuer, "aud": "here", "sub": "eve", "sid": "1", "iat": START, "exp": START + 300,
            })),
        ];
        for token in bad {
            let refused = tell(&h, &token).await;
            assert_eq!(refused.status, 400, "{token}: {refused:?}");
            assert_eq!(refused.json["error"], "invalid_request", "{token}");
            assert_eq!(refused.header("cache-control"), "no-store");
            assert!(lives(&h, &tokens).await, "{token}");
        }
        let twice = [("logout_token", &*good), ("logout_token", &*good)];
        assert_eq!(h.post(&address("liar"), &twice).await.status, 400);
        let form = [("logout_token", &*good)];
        assert!(h.post(&address("nobody"), &form).await.status >= 400);
        assert!(lives(&h, &tokens).await);
        assert_eq!(tell(&h, &good).await.status, 200);
        assert!(!lives(&h, &tokens).await);
    });
}
