//! RFC 6749 2.3: how clients authenticate.

use crate::support::*;

#[test]
fn client_authentication_is_the_registered_method_alone() {
    on_both(async |h| {
        let grant = ("grant_type", "client_credentials");
        let header = |value: &str, form: &[(&str, &str)]| {
            answer(
                plain()
                    .post(h.at("/token"))
                    .header("Authorization", value)
                    .form(form),
            )
        };
        assert_eq!(header(&basic("app", SECRET), &[grant]).await.status, 200);
        let wrong = header(&basic("app", "wrong"), &[grant]).await;
        assert_eq!((wrong.status, wrong.error()), (401, "invalid_client"));
        assert!(wrong.header("www-authenticate").starts_with("Basic"));
        let unknown = header(&basic("nobody", SECRET), &[grant]).await;
        assert_eq!(
            (unknown.status, &unknown.json["error_description"]),
            (401, &wrong.json["error_description"])
        );
        for garbage in [
            "Basic",
            "Basic %%%",
            "Basic YQ==",
            "Digest x",
            "Basic \u{7f}",
        ] {
            if let Ok(value) = reqwest::header::HeaderValue::from_str(garbage) {
                let answer = answer(
                    plain()
                        .post(h.at("/token"))
                        .header("Authorization", value)
                        .form(&[grant]),
                )
                .await;
                assert_eq!(
                    (answer.status, answer.error()),
                    (401, "invalid_client"),
                    "{garbage:?}"
                );
            }
        }
        let two = header(
            &basic("app", SECRET),
            &[grant, ("client_id", "app"), ("client_secret", SECRET)],
        )
        .await;
        assert_eq!((two.status, two.error()), (400, "invalid_request"));
        for (named, as_basic, as_form) in [
            ("client_secret_basic", 200, 401),
            ("client_secret_post", 401, 200),
        ] {
            h.client(serde_json::json!({
                "client_id": named, "client_secret": SECRET, "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": named,
            }))
            .await;
            assert_eq!(
                header(&basic(named, SECRET), &[grant]).await.status,
                as_basic,
                "{named}"
            );
            let form = h
                .post(
                    "/token",
                    &[grant, ("client_id", named), ("client_secret", SECRET)],
                )
                .await;
            assert_eq!(form.status, as_form, "{named}");
        }
        let none = h.post("/token", &[grant]).await;
        assert_eq!((none.status, none.error()), (401, "invalid_client"));
        let public = h.post("/token", &[grant, ("client_id", "native")]).await;
        assert_eq!(public.error(), "unauthorized_client");
    });
}

#[test]
fn a_client_that_registered_no_method_sends_its_secret_in_header_or_form() {
    on_both(async |h| {
        let grant = ("grant_type", "client_credentials");
        assert_eq!(h.post_as_app("/token", &[grant]).await.status, 200);
        let id = ("client_id", "app");
        assert_eq!(
            h.post("/token", &[grant, id, ("client_secret", SECRET)])
                .await
                .status,
            200
        );
        for lacking in [
            h.post("/token", &[grant, id]),
            h.post("/token", &[grant, id, ("client_secret", "wrong")]),
        ] {
            let lacking = lacking.await;
            assert_eq!((lacking.status, lacking.error()), (401, "invalid_client"));
        }
        for path in ["/introspect", "/revoke"] {
            assert_eq!(
                h.post(path, &[("token", "x"), id, ("client_secret", SECRET)])
                    .await
                    .status,
                200,
                "{path}"
            );
        }
    });
}

/// RFC 6749 5.2. Some libraries show the challenge in place of our JSON.
#[test]
fn who_tried_basic_is_challenged_with_the_reference_and_nobody_else() {
    on_both(async |h| {
        let grant = ("grant_type", "client_credentials");
        let header = |value: &str| {
            answer(
                plain()
                    .post(h.at("/token"))
                    .header("Authorization", value)
                    .form(&[grant]),
            )
        };
        for tried in [
            &basic("app", "wrong"),
            &basic("nobody", SECRET),
            "basic %%%",
            "Basic",
        ] {
            let refused = header(tried).await;
            let (challenge, reference) = (
                refused.header("www-authenticate"),
                refused.json["error_ref"].as_str().unwrap(),
            );
            assert!(
                challenge.starts_with("Basic realm=\"latchkey\", error=\"invalid_client\""),
                "{challenge}"
            );
            assert!(
                challenge.ends_with(&format!("error_ref=\"{reference}\"")),
                "{challenge}"
            );
        }
        let id = ("client_id", "app");
        for form in [
            vec![grant],
            vec![grant, id],
            vec![grant, id, ("client_secret", "wrong")],
        ] {
            let refused = h.post("/token", &form).await;
            assert_eq!((refused.status, refused.error()), (401, "invalid_client"));
            assert_eq!(refused.header("www-authenticate"), "", "{form:?}");
            assert!(refused.json["error_ref"].is_string());
        }
        assert_eq!(header("Bearer x").await.header("www-authenticate"), "");
    });
}
