//! Subject identifiers (OpenID Connect Core 2, 5.3.2, 8).

use crate::support::*;

#[test]
fn a_user_has_one_subject_in_everything_that_a_client_gets() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        let subject = claims(&tokens["id_token"])["sub"].clone();
        assert_eq!(subject, h.alice.as_str());
        assert_eq!(claims(&tokens["access_token"])["sub"], subject);
        assert_eq!(h.userinfo(&access).await.json["sub"], subject);
        for token in [&access, &refresh] {
            let form = [("token", token.as_str())];
            let seen = h.post_as_app("/introspect", &form).await;
            assert_eq!(seen.json["sub"], subject, "{seen:?}");
        }
        let refreshed = h.refresh(&refresh).await.json;
        assert_eq!(claims(&refreshed["id_token"])["sub"], subject);

        // By it a client says which user it means.
        let asked = |sub: &str| format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
        let (same, other) = (asked(&h.alice), asked("somebody-else"));
        for (claims, answer) in [(&same, None), (&other, Some("login_required"))] {
            let request = [("prompt", "none"), ("claims", claims.as_str())];
            let back = browser.authorize(&request).await;
            assert_eq!(back.get("error").map(String::as_str), answer, "{back:?}");
        }
        let hint = tokens["id_token"].as_str().unwrap();
        let request = [("prompt", "none"), ("id_token_hint", hint)];
        assert!(browser.authorize(&request).await.contains_key("code"));
    });
}
