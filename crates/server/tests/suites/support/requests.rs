//! What a client sends to the endpoints, without a browser.

use base64::Engine;
use serde_json::Value;

use super::{Answer, Browser, CALLBACK, Harness, SECRET, VERIFIER, answer, plain};

impl Harness {
    /// The published keys.
    pub async fn jwks(&self) -> Vec<Value> {
        let set = answer(plain().get(self.at("/jwks.json"))).await;
        assert_eq!(set.status, 200);
        set.json["keys"].as_array().unwrap().clone()
    }

    pub async fn discovery(&self) -> Value {
        plain()
            .get(self.at("/.well-known/openid-configuration"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        answer(plain().post(self.at(path)).form(form)).await
    }

    /// As `app`, with Basic.
    pub async fn post_as_app(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        answer(
            plain()
                .post(self.at(path))
                .header("Authorization", basic("app", SECRET))
                .form(form),
        )
        .await
    }

    /// A code for `app`, after sign-in and consent.
    pub async fn code(&self, browser: &Browser, extra: &[(&str, &str)]) -> String {
        let back = browser.authorize(extra).await;
        back.get("code")
            .unwrap_or_else(|| panic!("{back:?}"))
            .clone()
    }

    pub async fn exchange(&self, code: &str) -> Answer {
        self.post_as_app(
            "/token",
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )
        .await
    }

    /// Tokens for `app` with every scope.
    pub async fn tokens(&self, browser: &Browser) -> Value {
        let code = self.code(browser, &[]).await;
        let answer = self.exchange(&code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.post_as_app(
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
        .await
    }

    pub async fn userinfo(&self, token: &str) -> Answer {
        answer(plain().get(self.at("/userinfo")).bearer_auth(token)).await
    }
}

pub fn basic(id: &str, secret: &str) -> String {
    use base64::engine::general_purpose::STANDARD;
    let enc = |t: &str| url::form_urlencoded::byte_serialize(t.as_bytes()).collect::<String>();
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", enc(id), enc(secret)))
    )
}
