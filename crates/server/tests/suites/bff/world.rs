//! The BFF, an API on the crate for resource servers, and a browser that has cookies of both origins.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpServer};
use latchkey_bff::{
    Bff, SealKeys,
    settings::{Lifetimes, Limits, Settings, Upstream, upstream_address},
    store::{MemoryStore, SessionStore},
};
use latchkey_resource_server::{
    Authenticated, HttpClient, Verifier,
    actix::{Caller, Routes},
};
use latchkey_server::wiring::OsEntropy;
use reqwest::Method;
use serde_json::json;

use crate::support::*;

pub const CLIENT: &str = "shop";
const API: &str = "https://api.example";

pub struct World<'a> {
    h: &'a Harness,
    pub address: String,
    pub store: Arc<MemoryStore>,
}

impl<'a> World<'a> {
    pub async fn start(h: &'a Harness) -> Self {
        let (listener, address) = listen();
        h.client(json!({
            "client_id": CLIENT, "client_secret": SECRET, "trusted": true, "audience": [API, h.issuer],
            "redirect_uris": [format!("{address}/bff/callback")], "post_logout_redirect_uris": [format!("{address}/")],
            "grant_types": ["authorization_code", "refresh_token"],
        }))
        .await;
        let api = api(h).await;
        let store = Arc::new(MemoryStore::default());
        let (clock, sessions): (_, Arc<dyn SessionStore>) =
            (h.app.provider.clock.clone(), store.clone());
        let settings = settings(h, &address, &api);
        let http = Arc::new(HttpClient::new().unwrap());
        let bff = Bff::start_with(settings, sessions, Arc::new(OsEntropy), clock, http).unwrap();
        let routes = bff.routes();
        let server = HttpServer::new(move || App::new().configure(routes.clone()));
        let server = server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap();
        actix_web::rt::spawn(server.run());
        Self { h, address, store }
    }

    /// A browser in which a user has signed in.
    pub async fn signed_in(&self, user: &str) -> Visitor {
        let visitor = Visitor {
            origin: self.address.clone(),
            provider: self.h.browser(),
            cookies: Mutex::default(),
        };
        visitor.provider.act_as(user, &format!("{user} password"));
        let begun = visitor.go("/bff/login").await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let back = visitor.provider.get(begun.header("location")).await;
        let back = visitor.provider.follow(back).await;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&back)
            .finish();
        let done = visitor.go(&format!("/bff/callback?{query}")).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/"),
            "{done:?}"
        );
        visitor
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

async fn api(h: &Harness) -> String {
    let builder = Verifier::for_api(&h.issuer, API).clock(h.app.provider.clock.clone());
    let verifier = builder.start().await.unwrap();
    let (listener, address) = listen();
    let server = HttpServer::new(move || {
        let routes = Routes::of(&verifier).get("/me", me, Authenticated);
        App::new().configure(routes.into_config())
    });
    let server = server
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
    actix_web::rt::spawn(server.run());
    address
}

async fn me(caller: Caller) -> actix_web::HttpResponse {
    actix_web::HttpResponse::Ok().json(json!({ "sub": caller.sub, "jti": caller.jti }))
}

fn settings(h: &Harness, origin: &str, api: &str) -> Settings {
    let (to, prefix) = upstream_address(api).unwrap();
    Settings {
        origin: origin.into(),
        issuer: h.issuer.clone(),
        client_id: CLIENT.into(),
        client_secret: SECRET.into(),
        scope: "openid profile offline_access".into(),
        seal_keys: SealKeys::read(&"a".repeat(64)).unwrap(),
        upstreams: vec![Upstream {
            path: "/api".into(),
            to,
            prefix,
            request_headers: Vec::new(),
            websockets: false,
        }],
        static_files: None,
        content_security_policy: Settings::POLICY.into(),
        lifetimes: Lifetimes::default(),
        limits: Limits::default(),
    }
}

/// A browser at the app, and at the provider.
pub struct Visitor {
    origin: String,
    pub provider: Browser,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Visitor {
    pub fn cookie(&self) -> String {
        self.cookies.lock().unwrap()["__Host-latchkey-bff"].clone()
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let jar = self.cookies.lock().unwrap().clone();
        let jar: Vec<_> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = plain().request(method, format!("{}{path}", self.origin));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = answer(request.header("Cookie", jar.join("; "))).await;
        let mut jar = self.cookies.lock().unwrap();
        for cookie in cookies(&answer) {
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.into(), rest.split(';').next().unwrap().into());
            }
        }
        drop(jar);
        answer
    }

    pub async fn go(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("Sec-Fetch-Mode", "navigate")])
            .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("X-Latchkey-BFF", "1")])
            .await
    }

    pub async fn post(&self, path: &str) -> Answer {
        let headers = [("X-Latchkey-BFF", "1"), ("Origin", &*self.origin)];
        self.send(Method::POST, path, &headers).await
    }

    pub async fn assert_ended(&self, path: &str) {
        let answer = self.get(path).await;
        assert_eq!(
            (answer.status, answer.header("latchkey-session")),
            (401, "ended"),
            "{answer:?}"
        );
    }
}
