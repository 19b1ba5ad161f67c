//! A browser, and what it and other clients hear.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

pub fn plain() -> reqwest::Client {
    client().build().unwrap()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|v| v.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer {
        status,
        headers,
        text,
        json,
    }
}

/// The cookies that an answer sets, whole.
pub fn cookies(answer: &Answer) -> Vec<String> {
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

/// The claims of a token, unverified.
pub fn claims(token: &Value) -> Value {
    part(token, 1)
}

pub fn part(token: &Value, at: usize) -> Value {
    let token = token.as_str().expect("a token");
    serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(token.split('.').nth(at).unwrap())
            .unwrap(),
    )
    .unwrap()
}

pub fn s256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// A browser: cookies, forms, redirects within the issuer.
pub struct Browser {
    pub http: reqwest::Client,
    issuer: String,
    pub user: std::sync::Mutex<(String, String)>,
}

/// What a form post has to send: the fields of the page.
pub fn field(page: &str, name: &str) -> Option<String> {
    let at = page.find(&format!("name=\"{name}\""))?;
    let value = page[at..].split("value=\"").nth(1)?;
    Some(
        value
            .split('"')
            .next()?
            .replace("&#38;", "&")
            .replace("&amp;", "&")
            .replace("&#61;", "="),
    )
}

fn origin(address: &str) -> String {
    url::Url::parse(address)
        .unwrap()
        .origin()
        .ascii_serialization()
}

impl Browser {
    pub fn new(issuer: String, headers: reqwest::header::HeaderMap) -> Self {
        let http = client()
            .cookie_store(true)
            .default_headers(headers)
            .build()
            .unwrap();
        Self {
            http,
            issuer,
            user: std::sync::Mutex::new(("alice".into(), "alice password".into())),
        }
    }

    pub fn act_as(&self, user: &str, password: &str) {
        *self.user.lock().unwrap() = (user.into(), password.into());
    }

    pub fn request<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut params = vec![
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "st&te/ =%"),
            ("nonce", "n-1"),
            ("scope", "openid profile email phone address offline_access"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in extra {
            params.retain(|(known, _)| known != name);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        params
    }

    pub async fn get(&self, url: &str) -> Answer {
        answer(self.http.get(url)).await
    }

    pub async fn begin(&self, extra: &[(&str, &str)]) -> Answer {
        answer(
            self.http
                .get(format!("{}/authorize", self.issuer))
                .query(&Self::request(extra)),
        )
        .await
    }

    /// Absolute address of a redirect.
    pub fn location(&self, answer: &Answer) -> String {
        let to = answer.header("location");
        if to.starts_with('/') {
            format!("{}{to}", origin(&self.issuer))
        } else {
            to.to_owned()
        }
    }

    /// Goes through login and consent where they are shown; returns the parameters of the answer to the client.
    pub async fn authorize(&self, extra: &[(&str, &str)]) -> HashMap<String, String> {
        let first = self.begin(extra).await;
        self.follow(first).await
    }

    pub async fn follow(&self, mut answer: Answer) -> HashMap<String, String> {
        for _ in 0..12 {
            if answer.status != 303 {
                panic!(
                    "not an answer to the client: {} {}",
                    answer.status, answer.text
                );
            }
            let to = self.location(&answer);
            if !to.starts_with(&self.issuer) {
                return url::Url::parse(&to)
                    .unwrap()
                    .query_pairs()
                    .into_owned()
                    .collect();
            }
            answer = self.get(&to).await;
            if answer.status == 200 && to.contains("/login/") {
                answer = self.login(&to, &answer.text).await;
            } else if answer.status == 200 && to.contains("/consent/") {
                answer = self.decide(&to, &answer.text, "allow").await;
            }
        }
        panic!("no end");
    }

    /// Follows until a page is shown.
    pub async fn page(&self, mut answer: Answer) -> (String, Answer) {
        let mut at = String::new();
        while answer.status == 303 {
            at = self.location(&answer);
            assert!(at.starts_with(&self.issuer), "left for {at}");
            answer = self.get(&at).await;
        }
        (at, answer)
    }

    pub async fn login(&self, at: &str, page: &str) -> Answer {
        let (user, password) = self.user.lock().unwrap().clone();
        let csrf = field(page, "csrf").unwrap();
        self.submit(
            at,
            &[
                ("csrf", &csrf),
                ("username", &user),
                ("password", &password),
            ],
        )
        .await
    }

    pub async fn decide(&self, at: &str, page: &str, decision: &str) -> Answer {
        let csrf = field(page, "csrf").unwrap();
        self.submit(at, &[("csrf", &csrf), ("decision", decision)])
            .await
    }

    pub async fn submit(&self, at: &str, form: &[(&str, &str)]) -> Answer {
        answer(self.http.post(at).form(form)).await
    }
}

/// What a login page gives whoever sends its form byte by byte.
pub struct LoginForm {
    pub cookie: String,
    pub at: String,
    pub csrf: String,
}

impl Harness {
    /// The form of a sign-in that was begun without a browser.
    pub async fn login_form(&self) -> LoginForm {
        let begin = plain().get(self.at("/authorize"));
        let begun = answer(begin.query(&Browser::request(&[]))).await;
        let cookie = begun.header("set-cookie").split(';').next().unwrap();
        let at = begun
            .header("location")
            .replace(&self.issuer, &self.address);
        let cookie = cookie.to_owned();
        let page = answer(plain().get(&at).header("Cookie", &cookie)).await;
        let csrf = field(&page.text, "csrf").unwrap();
        LoginForm { cookie, at, csrf }
    }
}
