//! Issuers that publish no keys: their tokens are asked about (RFC 7662), whatever their shape.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use http::{Request, Response};
use latchkey_resource_server::{
    Builder, Fetch, FetchError, Introspection, Refusal, StartError, Verifier,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::support::{API, At, ISSUER, assert_refused, claims, eventually, rsa_key, sign};

/// Says what it is told to: its metadata, its key set, and that a token is active which is called "good", or begins like a JWT.
#[derive(Clone)]
struct Issuer(Arc<Mutex<Documents>>);

struct Documents {
    metadata: Value,
    keys: Value,
    asked: usize,
    /// What is said of a token that is active, beside its claims.
    kind: Value,
}

impl Issuer {
    fn new(keys: Option<Value>) -> Self {
        let mut metadata =
            json!({ "issuer": ISSUER, "introspection_endpoint": format!("{ISSUER}/introspect") });
        if keys.is_some() {
            metadata["jwks_uri"] = json!(format!("{ISSUER}/jwks"));
        }
        Self(Arc::new(Mutex::new(Documents {
            metadata,
            keys: keys.unwrap_or_default(),
            asked: 0,
            kind: json!("Bearer"),
        })))
    }

    fn builder(&self, introspection: Option<Introspection>) -> Builder {
        let builder = Verifier::for_api(ISSUER, API);
        let builder = builder.http(self.clone()).clock(At::begin());
        match introspection {
            Some(introspection) => builder.introspection(introspection),
            None => builder,
        }
    }

    fn introspect(&self, token: &str) -> Value {
        let mut documents = self.0.lock().unwrap();
        documents.asked += 1;
        if token != "good" && !token.starts_with("ey") {
            return json!({ "active": false });
        }
        let mut answer = claims();
        answer["active"] = json!(true);
        if !documents.kind.is_null() {
            answer["token_type"] = documents.kind.clone();
        }
        answer
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

#[async_trait]
impl Fetch for Issuer {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let document = match request.uri().path() {
            "/.well-known/openid-configuration" => self.0.lock().unwrap().metadata.clone(),
            "/jwks" => self.0.lock().unwrap().keys.clone(),
            "/introspect" => {
                let form: Vec<_> = form_urlencoded::parse(request.body()).collect();
                let (_, token) = form.iter().find(|(name, _)| name == "token").unwrap();
                self.introspect(token)
            }
            _ => return Ok(Response::builder().status(404).body(Vec::new()).unwrap()),
        };
        Ok(Response::new(serde_json::to_vec(&document).unwrap()))
    }
}

fn by_api() -> Introspection {
    Introspection::by(API, "secret")
}

/// No `jwks_uri`, and a set without keys.
fn keyless() -> [Issuer; 2] {
    [Issuer::new(None), Issuer::new(Some(json!({ "keys": [] })))]
}

#[tokio::test]
async fn an_issuer_without_keys_is_asked_about_each_token() {
    for issuer in keyless() {
        let api = issuer.builder(Some(by_api())).start().await.unwrap();
        assert!(api.health().is_ready);
        for _ in 0..2 {
            assert_eq!(api.verify("good").await.unwrap().sub, "alice");
        }
        assert_eq!(issuer.asked(), 1, "remembered");
        assert_refused(&api, "made-up", Refusal::Inactive).await;
        // One that looks like a JWT: nothing here could prove it, and the issuer knows it.
        let jwt = sign(&rsa_key(), &claims());
        for _ in 0..2 {
            assert_eq!(api.verify(&jwt).await.unwrap().sub, "alice");
        }
        assert!(api.verify_seen(&jwt).is_some());
        assert_eq!(issuer.asked(), 3);
        assert_refused(&api, "a.b.c", Refusal::Inactive).await;
    }
}

/// Its shape is no proof that it is an access token, as a signature by the issuer would be.
#[tokio::test]
async fn of_a_jwt_that_nobody_proved_the_answer_has_to_say_what_it_is() {
    for issuer in keyless() {
        issuer.0.lock().unwrap().kind = Value::Null;
        let api = issuer.builder(Some(by_api())).start().await.unwrap();
        let jwt = sign(&rsa_key(), &claims());
        assert_refused(&api, &jwt, Refusal::Inactive).await;
    }
}

/// What was asked about while there were no keys counts for nothing once there are.
#[tokio::test]
async fn keys_that_come_later_prove_what_looks_like_a_jwt() {
    let issuer = Issuer::new(Some(json!({ "keys": [] })));
    let often = issuer
        .builder(Some(by_api()))
        .refresh_every(Duration::from_millis(20));
    let api = often.start().await.unwrap();
    let foreign = sign(&super::support::ps_key(), &claims());
    assert!(api.verify(&foreign).await.is_ok(), "the issuer says so");
    issuer.0.lock().unwrap().keys = json!({ "keys": [rsa_key().public()] });
    eventually("keys", async || api.health().keys_fetched_at.is_some()).await;
    assert!(api.verify_seen(&foreign).is_none());
    assert!(api.verify(&foreign).await.is_err());
    assert!(api.verify(&sign(&rsa_key(), &claims())).await.is_ok());
    // They are gone again: a fault, and no reason to believe what is not proven.
    issuer.0.lock().unwrap().keys = json!({ "keys": [] });
    eventually("a fault", async || api.health().is_issuer_away).await;
    assert!(api.verify(&foreign).await.is_err());
}

#[tokio::test]
async fn where_neither_keys_nor_answers_can_be_had_the_start_says_so() {
    // An issuer that can be asked nowhere is none that goes without keys; who asks about each token after it was proven
    // cannot go without either.
    let silent = Issuer::new(None);
    silent.0.lock().unwrap().metadata = json!({ "issuer": ISSUER });
    let [unnamed, empty] = keyless();
    let start = async |issuer: &Issuer, introspection| {
        let error = issuer.builder(introspection).start().await.map(drop);
        let error = error.unwrap_err();
        assert!(matches!(error, StartError::NoKeys { .. }), "{error}");
        error.to_string()
    };
    // Each waits for half a minute: the issuer may be about to start.
    let (no, each, nowhere) = tokio::join!(
        start(&unnamed, None),
        start(&empty, Some(by_api().of_each_token())),
        start(&silent, Some(by_api())),
    );
    assert!(no.contains("its metadata names none (jwks_uri)"), "{no}");
    assert!(each.contains("no key that can be used"), "{each}");
    assert!(
        nowhere.contains("no introspection endpoint either"),
        "{nowhere}"
    );
}
