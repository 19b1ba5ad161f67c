//! What a test of an app moves at `latchkey dev`: its clock and its answers.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Url, header};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    client,
    dev_seed::{SEED, Started, dev},
    reqwest_blocking,
};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const SHOP: (&str, &str) = ("shop", "a-secret-of-the-shop-0123456789abcdef");

/// The provider, and a test that moves it.
pub struct Test {
    pub dev: Started,
    pub http: Client,
}

/// Tokens, or a refusal.
pub type Answer = (u16, Value);

impl Test {
    pub fn run(work: impl AsyncFn(Self)) {
        let test = Self {
            dev: dev(SEED, &["--port", "0", "--no-demo"]),
            http: client().build().unwrap(),
        };
        reqwest_blocking().0.block_on(work(test));
    }

    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let address = format!("{}{path}", self.dev.issuer());
        self.http.request(method, address)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let sent = self.call(Method::POST, path).json(&body).send().await;
        let answer = sent.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn good(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.post(path, body).await;
        assert_eq!(status, 200, "{said}");
        said
    }

    /// As the app sends a browser to it.
    pub fn request(&self, more: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&format!("{}/authorize", self.dev.issuer())).unwrap();
        let usual = [
            ("client_id", "shop"),
            ("redirect_uri", "http://localhost/callback"),
            ("response_type", "code"),
            ("scope", "openid offline_access"),
            ("state", "of the app"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let chosen = usual
            .iter()
            .filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        url.query_pairs_mut()
            .extend_pairs(chosen)
            .extend_pairs(more);
        url.into()
    }

    /// Where the browser is sent to after a sign-in of alice.
    pub async fn redirect(&self, more: &[(&str, &str)]) -> Url {
        let asked = json!({ "username": "alice", "authorization_request": self.request(more) });
        let said = self.good("/dev/sign-in", asked).await;
        Url::parse(said["redirect_to"].as_str().unwrap()).unwrap()
    }

    pub async fn token(&self, form: &[(&str, &str)]) -> reqwest::Result<Answer> {
        let (id, secret) = SHOP;
        let sent = self
            .call(Method::POST, "/token")
            .basic_auth(id, Some(secret));
        let answer = sent.form(form).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    pub async fn exchange(&self, redirect: &Url) -> Answer {
        let code = param(redirect, "code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", "http://localhost/callback"),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await.unwrap()
    }

    /// The tokens of a whole sign-in.
    pub async fn tokens(&self) -> Value {
        let (status, tokens) = self.exchange(&self.redirect(&[]).await).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    pub async fn refresh(&self, tokens: &Value) -> reqwest::Result<Answer> {
        let token = tokens["refresh_token"].as_str().unwrap();
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    pub async fn userinfo(&self, tokens: &Value) -> u16 {
        let token = tokens["access_token"].as_str().unwrap();
        let asked = self.call(Method::GET, "/userinfo").bearer_auth(token);
        asked.send().await.unwrap().status().as_u16()
    }

    /// What comes of a request without a page in a browser with these cookies.
    pub async fn silently(&self, cookies: &Value) -> Url {
        let cookie = &cookies[0];
        let cookie = format!(
            "{}={}",
            cookie["name"].as_str().unwrap(),
            cookie["value"].as_str().unwrap()
        );
        let asked = self
            .http
            .get(self.request(&[("prompt", "none")]))
            .header(header::COOKIE, cookie);
        let answer = asked.send().await.unwrap();
        Url::parse(answer.headers()[header::LOCATION].to_str().unwrap()).unwrap()
    }
}

pub fn param(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned())
}

pub fn claims(token: &Value) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn the_clock_ends_codes_tokens_and_refresh_families() {
    Test::run(async |test| {
        let tokens = test.tokens().await;
        assert_eq!(test.userinfo(&tokens).await, 200);
        let moved = test.good("/dev/clock", json!({ "advance": "6m" })).await;
        assert_eq!(moved["ahead"], 360);
        assert_eq!(test.userinfo(&tokens).await, 401);
        let (status, renewed) = test.refresh(&tokens).await.unwrap();
        assert_eq!(status, 200, "{renewed}");
        assert_eq!(test.userinfo(&renewed).await, 200);
        assert!(claims(&renewed["access_token"])["exp"].as_i64() > moved["now"].as_i64());

        let redirect = test.redirect(&[]).await;
        test.good("/dev/clock", json!({ "advance": 61 })).await;
        let (status, refused) = test.exchange(&redirect).await;
        assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));

        // 14 days without a use, of 30 at most.
        test.good("/dev/clock", json!({ "advance": "13d" })).await;
        let (status, again) = test.refresh(&renewed).await.unwrap();
        assert_eq!(status, 200, "{again}");
        test.good("/dev/clock", json!({ "advance": "15d" })).await;
        assert_eq!(
            test.refresh(&again).await.unwrap().1["error"],
            "invalid_grant"
        );
        let reset = test.good("/dev/clock", json!({ "reset": true })).await;
        assert_eq!(reset["ahead"], 0);
        assert_eq!(test.userinfo(&test.tokens().await).await, 200);
    });
}

#[test]
fn the_clock_ends_sessions_and_brings_the_next_key() {
    Test::run(async |test| {
        test.redirect(&[]).await;
        let signed_in = test
            .good("/dev/sign-in", json!({ "username": "alice" }))
            .await;
        assert!(param(&test.silently(&signed_in["cookies"]).await, "code").is_some());
        test.good("/dev/clock", json!({ "advance": "13h" })).await;
        let refused = test.silently(&signed_in["cookies"]).await;
        assert_eq!(param(&refused, "error").unwrap(), "login_required");

        let keys = async || -> usize {
            let keys: Value = test
                .call(Method::GET, "/jwks.json")
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let rsa = keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|key| key["alg"] == "RS256");
            rsa.count()
        };
        assert_eq!(keys().await, 1);
        test.good("/dev/clock", json!({ "advance": "365d" })).await;
        let began = Instant::now();
        while keys().await < 2 {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no key is announced"
            );
            sleep(Duration::from_millis(50)).await;
        }
    });
}

/// APIs judge by clocks of their own: they see an old token when it was made while the provider's clock was behind.
#[test]
fn a_token_made_while_the_clock_is_behind_is_over_for_everybody() {
    Test::run(async |test| {
        let now = test.good("/dev/clock", json!({ "advance": 0 })).await["now"]
            .as_i64()
            .unwrap();
        test.good("/dev/clock", json!({ "back": "10m" })).await;
        let tokens = test.tokens().await;
        assert_eq!(test.userinfo(&tokens).await, 200);
        test.good("/dev/clock", json!({ "reset": true })).await;
        assert!(claims(&tokens["access_token"])["exp"].as_i64().unwrap() < now);
        assert_eq!(test.userinfo(&tokens).await, 401);
        let (status, said) = test.post("/dev/clock", json!({ "back": "12h" })).await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_request")));
    });
}

#[test]
fn the_next_answers_of_an_endpoint_fail_as_often_as_asked() {
    Test::run(async |test| {
        let tokens = test.tokens().await;
        let fault = json!({ "endpoint": "userinfo_endpoint", "fault": "status", "status": 503, "times": 2 });
        let said = test.good("/dev/faults", fault).await;
        assert_eq!(said["waiting"][0]["times"], 2);
        assert_eq!(
            test.refresh(&tokens).await.unwrap().0,
            200,
            "another endpoint"
        );
        for status in [503, 503, 200] {
            assert_eq!(test.userinfo(&tokens).await, status);
        }
        let slow = json!({ "endpoint": "/jwks.json", "fault": "slow", "ms": 400 });
        test.good("/dev/faults", slow.clone()).await;
        let began = Instant::now();
        let keys = test.call(Method::GET, "/jwks.json").send().await.unwrap();
        assert_eq!(keys.status(), 200);
        assert!(began.elapsed() >= Duration::from_millis(400));
        // What was not met is taken away.
        test.good("/dev/faults", slow).await;
        let cleared = test
            .call(Method::DELETE, "/dev/faults")
            .send()
            .await
            .unwrap();
        let cleared: Value = cleared.json().await.unwrap();
        assert_eq!(cleared, json!({ "waiting": [] }));
        let (status, said) = test
            .post(
                "/dev/faults",
                json!({ "endpoint": "/token", "fault": "lost", "ms": 1 }),
            )
            .await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_request")));
    });
}

/// RFC 6749 knows no answer that is lost: the same refresh token gets the very same successor.
#[test]
fn an_answer_that_is_lost_was_worked_for() {
    Test::run(async |test| {
        let tokens = test.tokens().await;
        let fault = json!({ "endpoint": "token_endpoint", "fault": "lost" });
        test.good("/dev/faults", fault.clone()).await;
        let lost = test.refresh(&tokens).await.unwrap_err();
        assert!(lost.status().is_none(), "{lost}");
        let (status, again) = test.refresh(&tokens).await.unwrap();
        assert_eq!(status, 200, "{again}");
        let (_, same) = test.refresh(&tokens).await.unwrap();
        assert_eq!(same["refresh_token"], again["refresh_token"]);
        // A code is spent, although nobody has seen its tokens.
        let redirect = test.redirect(&[]).await;
        test.good("/dev/faults", fault).await;
        let code = param(&redirect, "code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "http://localhost/callback"),
            ("code_verifier", VERIFIER),
        ];
        assert!(test.token(&form).await.is_err());
        let (status, refused) = test.token(&form).await.unwrap();
        assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    });
}
