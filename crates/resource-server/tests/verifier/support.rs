//! An issuer with keys, documents, and what can go wrong with them; tokens of every kind; a clock that is moved by hand.

mod lists;

pub use lists::*;

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{Request, Response};
use latchkey_jose::{Signer, SigningKey};
use latchkey_resource_server::{
    Algorithm, Builder, Clock, Fetch, FetchError, Refusal, Rejection, Timestamp, Verifier,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example";
pub const API: &str = "https://api.example";
pub const BEGIN: i64 = 1_800_000_000;

/// Read once: to check an RSA key takes long.
static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_pem(include_str!("../../../protocol/fuzz/key.pem")).unwrap());

pub fn rsa_key() -> SigningKey {
    RSA.clone()
}

pub fn ps_key() -> SigningKey {
    SigningKey::read(Algorithm::Ps256, RSA.pem()).unwrap()
}

/// Another one at each call.
pub fn ec_key() -> SigningKey {
    new_key(Algorithm::Es256)
}

pub fn new_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate_for(algorithm, &mut StdRng::seed_from_u64(1)).unwrap()
}

/// What an issuer answers instead of its documents.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// No connection.
    Down,
    /// Takes the call and never answers.
    Silent,
    /// Whoever calls it panics.
    Panics,
    /// Answers after a while.
    Slow(Duration),
    /// This status, with this body.
    Answer(u16, Vec<u8>),
}

/// An issuer. Clones are the same one.
#[derive(Clone)]
pub struct Issuer(Arc<Mutex<State>>);

struct State {
    name: String,
    keys: Vec<Value>,
    fault: Option<Fault>,
    fetches: usize,
    max_age: u64,
    lists: Lists,
}

impl Issuer {
    /// That publishes these keys.
    pub fn with(keys: &[&SigningKey]) -> Self {
        let issuer = Self(Arc::new(Mutex::new(State {
            name: ISSUER.into(),
            keys: Vec::new(),
            fault: None,
            fetches: 0,
            max_age: 300,
            lists: Lists::default(),
        })));
        issuer.publish(keys);
        issuer
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys = keys.iter().map(|key| json!(key.public())).collect();
        self.publish_raw(keys);
    }

    pub fn publish_raw(&self, keys: Vec<Value>) {
        self.0.lock().unwrap().keys = keys;
    }

    pub fn calls_itself(&self, name: &str) {
        self.0.lock().unwrap().name = name.into();
    }

    pub fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.0.lock().unwrap().fault = fault.into();
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> usize {
        self.0.lock().unwrap().fetches
    }

    pub fn verifier(&self) -> Builder {
        self.verifier_at(&At::begin())
    }

    pub fn verifier_at(&self, clock: &Arc<At>) -> Builder {
        Verifier::for_api(ISSUER, API)
            .http(self.clone())
            .clock(clock.clone())
    }

    pub async fn start(&self) -> Verifier {
        self.verifier().start().await.unwrap()
    }

    fn answer(&self, path: &str, etag: Option<&[u8]>) -> Response<Vec<u8>> {
        let mut state = self.0.lock().unwrap();
        if path == "/jwks" {
            state.fetches += 1;
        }
        let document = match path {
            "/.well-known/openid-configuration" => {
                let mut document = json!({ "issuer": state.name, "jwks_uri": format!("{ISSUER}/jwks"), "introspection_endpoint": format!("{ISSUER}/introspect") });
                state.lists.advertise(&mut document);
                document
            }
            "/jwks" => json!({ "keys": state.keys }),
            _ => return answer(404, Vec::new()),
        };
        let body = serde_json::to_vec(&document).unwrap();
        let own_tag = format!("\"{}\"", body.iter().map(|b| u64::from(*b)).sum::<u64>());
        let is_same = etag == Some(own_tag.as_bytes());
        Response::builder()
            .status(if is_same { 304 } else { 200 })
            .header("ETag", own_tag)
            .header(
                "Cache-Control",
                format!("public, max-age={}", state.max_age),
            )
            .body(if is_same { Vec::new() } else { body })
            .unwrap()
    }
}

pub fn answer(status: u16, body: Vec<u8>) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body).unwrap()
}

#[async_trait]
impl Fetch for Issuer {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let fault = {
            let state = self.0.lock().unwrap();
            let of_lists = state.lists.fault(request.uri().path());
            state.fault.clone().or(of_lists)
        };
        match fault {
            None => {}
            Some(Fault::Down) => return Err(FetchError::new("connection refused")),
            Some(Fault::Silent) => std::future::pending().await,
            Some(Fault::Panics) => panic!("as the test wants it"),
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::Answer(status, body)) => return Ok(answer(status, body)),
        }
        if request.uri().path().starts_with(LISTS) {
            return Ok(self.answer_of_lists(&request).await);
        }
        let etag = request.headers().get("If-None-Match").map(|v| v.as_bytes());
        Ok(self.answer(request.uri().path(), etag))
    }
}

/// A clock that is set.
pub struct At(AtomicI64);

impl At {
    pub fn begin() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(BEGIN)))
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The claims of a good token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": API, "exp": BEGIN + 300, "iat": BEGIN, "jti": "one", "client_id": "shop",
        "scope": "openid orders:read", "auth_time": BEGIN - 60, "acr": "urn:example:pwd", "roles": ["clerk"], "groups": ["sales"],
    })
}

/// Those with one of another value.
pub fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Signed as an access token.
pub fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_as(key, "at+jwt", claims)
}

/// `typ` may close its own quote, and so add members to the header.
pub fn sign_as(key: &SigningKey, typ: &str, claims: &Value) -> String {
    Signer::new(key).unwrap().sign(typ, claims).unwrap()
}

/// How it was judged.
pub async fn judge(api: &Verifier, token: &str) -> Result<String, Rejection> {
    api.verify(token).await.map(|claims| claims.sub.clone())
}

/// A token that must be refused, and why.
pub async fn assert_refused(api: &Verifier, token: &str, why: Refusal) {
    let judged = judge(api, token).await;
    let shown: String = token.chars().take(300).collect();
    assert_eq!(judged, Err(Rejection::Refused(why)), "{shown}");
}

/// Until it is so, or three seconds have passed.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}
