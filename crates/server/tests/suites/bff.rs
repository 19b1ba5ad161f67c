//! A BFF in front of the provider itself: tokens that it really issued, rotated, revoked, and logout tokens that it sent.

mod renewal;
mod world;

use serde_json::json;

use crate::support::*;
use world::World;

#[test]
fn a_user_signs_in_through_the_bff_and_calls_an_api_with_a_cookie() {
    on_both(async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        let user = app.get("/bff/user").await;
        assert_eq!(
            (user.status, &user.json["name"]),
            (200, &json!("alice name")),
            "{user:?}"
        );
        assert!(!user.text.contains("eyJ"));
        let call = app.get("/api/me").await;
        assert_eq!(
            (call.status, &call.json["sub"]),
            (200, &user.json["sub"]),
            "{call:?}"
        );
    });
}

#[test]
fn a_sign_out_through_the_bff_ends_the_session_at_the_provider() {
    on_both(async |h| {
        let world = World::start(&h).await;
        let app = world.signed_in("alice").await;
        let left = app.post("/bff/logout").await;
        assert_eq!(left.status, 200, "{left:?}");
        let next = app.go("/bff/logout").await;
        let to = next.header("location").to_owned();
        assert!(to.starts_with(&h.at("/logout?id_token_hint=")), "{to}");
        let mut shown = app.provider.get(&to).await;
        while shown.status == 303 && app.provider.location(&shown).starts_with(&h.issuer) {
            shown = app.provider.get(&app.provider.location(&shown)).await;
        }
        let back = format!("{}/", world.address);
        assert_eq!(
            (shown.status, shown.header("location")),
            (303, &*back),
            "{shown:?}"
        );
        app.assert_ended("/bff/user").await;
        // The next sign-in asks for the password again.
        let begun = app.go("/bff/login").await;
        let (at, _) = app
            .provider
            .page(app.provider.get(begun.header("location")).await)
            .await;
        assert!(at.contains("/login/"), "{at}");
    });
}

#[test]
fn a_logout_token_of_the_provider_ends_the_session_of_the_bff() {
    on_both_with(&[("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.0/8")], async |h| {
        let world = World::start(&h).await;
        let (app, other) = (world.signed_in("alice").await, world.signed_in("bob").await);
        let sid = app.get("/bff/user").await.json["sid"]
            .as_str()
            .unwrap()
            .to_owned();
        let claims = json!({
            "iss": h.issuer, "aud": world::CLIENT, "iat": h.now(), "exp": h.now() + 120, "jti": "one", "sid": sid,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        let signer = h.app.provider.ui.only_realm.keys.ring();
        let signer = signer.signer(h.now()).unwrap();
        let told = |typ: &str| {
            let form = [("logout_token", signer.sign(typ, &claims).unwrap())];
            answer(
                plain()
                    .post(format!("{}/bff/backchannel-logout", world.address))
                    .form(&form),
            )
        };
        assert_eq!(told("JWT").await.status, 400);
        assert_eq!(app.get("/bff/user").await.status, 200);
        assert_eq!(told("logout+jwt").await.status, 200);
        app.assert_ended("/bff/user").await;
        assert_eq!(other.get("/api/me").await.status, 200);
    });
}
