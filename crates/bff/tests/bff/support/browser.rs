//! A browser: it keeps cookies, and sends what a script of the app would.

use std::{collections::BTreeMap, sync::Mutex};

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;

use super::Issuer;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// All of this name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// The whole of a cookie that it sets.
    pub fn cookie(&self, name: &str) -> &str {
        let start = format!("{name}=");
        let cookies = self.headers("set-cookie");
        let found = cookies.iter().find(|cookie| cookie.starts_with(&start));
        found.copied().unwrap_or_default()
    }

    /// It says that the session is over, and takes the cookie away.
    pub fn assert_ended(&self) {
        assert_eq!(self.status, 401, "{self:?}");
        assert_eq!(self.header("latchkey-session"), "ended");
        assert_eq!(self.json["error"], "login_required");
        // Taken away from whoever sent one, who has none at the next call.
        let taken = self.header("set-cookie");
        assert!(taken.is_empty() || taken.contains("Max-Age=0"), "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// Nobody could tell: the session stays.
    pub fn assert_away(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        assert_eq!(self.header("latchkey-session"), "");
        assert_eq!(self.header("set-cookie"), "");
        assert_ne!(self.header("retry-after"), "");
    }
}

pub struct Browser {
    http: Client,
    pub origin: String,
    pub cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    pub fn new(origin: &str) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none());
        Self {
            http: http.build().unwrap(),
            origin: origin.into(),
            cookies: Mutex::default(),
        }
    }

    pub fn cookie(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies["__Host-latchkey-bff"].clone()
    }

    /// With these cookies, and a connection of its own.
    pub fn with_cookie(&self, value: &str) -> Self {
        let browser = Self::new(&self.origin);
        let named = ("__Host-latchkey-bff".to_owned(), value.to_owned());
        browser.cookies.lock().unwrap().extend([named]);
        browser
    }

    /// With all cookies that there are now, and a connection of its own.
    pub fn with_cookies(&self) -> Self {
        let browser = Self::new(&self.origin);
        let cookies = self.cookies.lock().unwrap().clone();
        browser.cookies.lock().unwrap().extend(cookies);
        browser
    }

    /// A request with the cookies and nothing else.
    pub fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.cookies.lock().unwrap();
        let cookies: Vec<_> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let url = if path.starts_with('/') {
            format!("{}{path}", self.origin)
        } else {
            path.to_owned()
        };
        let request = self.http.request(method, url);
        if cookies.is_empty() {
            return request;
        }
        request.header("Cookie", cookies.join("; "))
    }

    /// As a script of the app sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .plain(method.clone(), path)
            .header("X-Latchkey-BFF", "1");
        let request = request.header("Sec-Fetch-Site", "same-origin");
        match method {
            Method::GET | Method::HEAD => request,
            _ => request.header("Origin", &self.origin),
        }
    }

    /// As [`Browser::request`], to another instance behind the same address.
    pub fn request_at(&self, instance: &str, path: &str) -> RequestBuilder {
        self.request(Method::GET, &format!("{instance}{path}"))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer {
            status,
            headers,
            text,
            json,
        };
        self.keep(&answer);
        answer
    }

    fn keep(&self, answer: &Answer) {
        let mut cookies = self.cookies.lock().unwrap();
        for cookie in answer.headers("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                let value = rest.split(';').next().unwrap();
                cookies.insert(name.into(), value.into());
            }
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &'static str) -> Answer {
        self.send(self.request(Method::POST, path).body(body)).await
    }

    /// Goes to a page of the BFF.
    pub async fn go(&self, path: &str) -> Answer {
        let request = self.plain(Method::GET, path);
        let request = request.header("Sec-Fetch-Mode", "navigate");
        self.send(request.header("Sec-Fetch-Dest", "document"))
            .await
    }

    /// Begins a sign-in; where the provider sends the browser back to when `sub` has signed in.
    pub async fn begin(&self, issuer: &Issuer, login: &str, sub: &str) -> String {
        let begun = self.go(login).await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let back = issuer.approve(begun.header("location"), sub);
        back.strip_prefix(&self.origin).unwrap().to_owned()
    }

    pub async fn sign_in(&self, issuer: &Issuer, sub: &str) -> Answer {
        self.sign_in_by(issuer, "/bff/login", sub).await
    }

    pub async fn sign_in_by(&self, issuer: &Issuer, login: &str, sub: &str) -> Answer {
        let back = self.begin(issuer, login, sub).await;
        let done = self.go(&back).await;
        assert_eq!(done.status, 303, "{done:?}");
        assert_eq!(self.cookie().len(), 43);
        done
    }
}
