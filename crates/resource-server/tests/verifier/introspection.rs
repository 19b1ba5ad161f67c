//! RFC 7662: tokens that are no JWT, and tokens that were revoked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response};
use latchkey_resource_server::{
    Builder, Fetch, FetchError, Introspection, Refusal, Rejection, Unavailable, Verifier,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::support::{
    API, At, BEGIN, ISSUER, Issuer, assert_refused, claims, ec_key, eventually, judge, rsa_key,
    sign, sign_as, with,
};

/// An issuer that answers what it is told to say of each token.
#[derive(Clone)]
struct Desk(Arc<Mutex<State>>);

struct State {
    documents: Issuer,
    answers: HashMap<String, Value>,
    asked: Vec<String>,
    status: u16,
    delay: Duration,
}

impl Desk {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            documents: Issuer::with(&[&rsa_key()]),
            answers: HashMap::new(),
            asked: Vec::new(),
            status: 200,
            delay: Duration::ZERO,
        })))
    }

    fn says(&self, token: &str, answer: Value) {
        self.0.lock().unwrap().answers.insert(token.into(), answer);
    }

    fn answers_with(&self, status: u16) {
        self.0.lock().unwrap().status = status;
    }

    fn takes(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    fn builder(&self, clock: &Arc<At>, introspection: Introspection) -> Builder {
        Verifier::for_api(ISSUER, API)
            .http(self.clone())
            .clock(clock.clone())
            .introspection(introspection)
    }

    async fn start(&self, introspection: Introspection) -> (Verifier, Arc<At>) {
        let clock = At::begin();
        let api = self.builder(&clock, introspection).start().await;
        (api.unwrap(), clock)
    }

    fn answer(&self, request: &Request<Vec<u8>>) -> (u16, Value) {
        let header = request.headers()["Authorization"].to_str().unwrap();
        let expected = STANDARD.encode("https%3A%2F%2Fapi.example:s%3Acret");
        assert_eq!(header, format!("Basic {expected}"));
        let form: HashMap<_, _> = form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        assert_eq!(form["token_type_hint"], "access_token");
        let mut state = self.0.lock().unwrap();
        state.asked.push(form["token"].clone());
        let known = state.answers.get(&form["token"]).cloned();
        (state.status, known.unwrap_or(json!({ "active": false })))
    }
}

#[async_trait]
impl Fetch for Desk {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        if request.uri().path() != "/introspect" {
            let documents = self.0.lock().unwrap().documents.clone();
            return documents.fetch(request).await;
        }
        let (status, answer) = self.answer(&request);
        let delay = self.0.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let body = serde_json::to_vec(&answer).unwrap();
        Ok(Response::builder().status(status).body(body).unwrap())
    }
}

fn by_api() -> Introspection {
    Introspection::by(API, "s:cret")
}

fn active(claims: Value) -> Value {
    let mut answer = claims;
    answer["active"] = json!(true);
    let members = answer.as_object_mut().unwrap();
    members.entry("token_type").or_insert(json!("Bearer"));
    answer
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_asked_about_once_for_a_while() {
    let desk = Desk::new();
    desk.says("opaque", active(claims()));
    let (api, clock) = desk.start(by_api()).await;
    for _ in 0..3 {
        let token = api.verify("opaque").await.unwrap();
        assert!(token.sub == "alice" && token.has_scope("orders:read") && token.has_role("clerk"));
    }
    assert_eq!(desk.asked(), 1);
    assert!(api.verify_seen("opaque").is_some());
    clock.pass(30);
    assert!(api.verify_seen("opaque").is_none());
    desk.says("opaque", json!({ "active": false }));
    assert_refused(&api, "opaque", Refusal::Inactive).await;
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn what_is_said_of_a_token_is_checked_as_a_token_is() {
    let desk = Desk::new();
    let (api, _) = desk.start(by_api()).await;
    for (answer, why) in [
        (
            active(with("aud", json!("https://other.example"))),
            Refusal::Audience,
        ),
        (
            active(with("iss", json!("https://evil.example"))),
            Refusal::Issuer,
        ),
        (active(with("exp", json!(BEGIN))), Refusal::Expired),
        (active(with("nbf", json!(BEGIN + 100))), Refusal::NotYet),
        (
            active(with("cnf", json!({ "jkt": "x" }))),
            Refusal::SenderConstrained,
        ),
        // A refresh token is active too.
        (
            active(with("token_type", json!("refresh_token"))),
            Refusal::Inactive,
        ),
        (active(with("token_type", json!(7))), Refusal::Inactive),
        (
            active(with("token_use", json!("refresh_token"))),
            Refusal::Inactive,
        ),
        // Of what kind it is nobody says.
        (with("active", json!(true)), Refusal::Inactive),
        (with("active", json!("true")), Refusal::Inactive),
        (with("active", json!(1)), Refusal::Inactive),
        (claims(), Refusal::Inactive),
        (active(json!({})), Refusal::Malformed),
        (active(json!({ "sub": "alice" })), Refusal::Malformed),
    ] {
        let token = format!("t{}", desk.asked());
        desk.says(&token, answer);
        assert_refused(&api, &token, why.clone()).await;
        assert_refused(&api, &token, why).await;
    }
    // What an answer may leave out (RFC 7662 2.2).
    desk.says(
        "short",
        json!({ "active": true, "token_type": "bearer", "client_id": "shop", "aud": API }),
    );
    let short = api.verify("short").await.unwrap();
    assert!(short.sub == "shop" && short.is_of_client());
    desk.says("user", active(json!({ "sub": "alice", "aud": API })));
    assert!(!api.verify("user").await.unwrap().is_of_client());
    let by_use = json!({ "active": true, "token_use": "access_token", "sub": "alice", "aud": API });
    desk.says("by-use", by_use);
    assert!(api.verify("by-use").await.is_ok());
}

/// RFC 7662 2.2: `token_type` is optional.
#[tokio::test]
async fn an_answer_without_a_type_counts_where_the_owner_says_so() {
    let desk = Desk::new();
    desk.says("opaque", with("active", json!(true)));
    let (strict, _) = desk.start(by_api()).await;
    assert_refused(&strict, "opaque", Refusal::Inactive).await;
    let (api, _) = desk.start(by_api().accept_untyped()).await;
    assert!(api.verify("opaque").await.is_ok());
}

/// What anybody makes up must not stand before the tokens that were good a moment ago.
#[tokio::test]
async fn made_up_tokens_do_not_delay_those_that_were_good() {
    let desk = Desk::new();
    desk.says("opaque", active(claims()));
    let (api, clock) = desk.start(by_api()).await;
    assert!(judge(&api, "opaque").await.is_ok());
    clock.pass(30);
    desk.takes(Duration::from_secs(2));
    let mut strangers = tokio::task::JoinSet::new();
    for n in 0..1500 {
        let api = api.clone();
        strangers.spawn(async move { judge(&api, &format!("made-up-{n}")).await.is_ok() });
    }
    eventually("they are asked about", async || desk.asked() > 30).await;
    desk.takes(Duration::ZERO);
    assert!(judge(&api, "opaque").await.is_ok());
    while let Some(judged) = strangers.join_next().await {
        assert!(!judged.unwrap());
    }
}

/// Shape decides who judges a token: one that could not be verified is not asked about.
#[tokio::test]
async fn a_jwt_that_is_no_good_is_not_asked_about() {
    let desk = Desk::new();
    let (api, _) = desk.start(by_api()).await;
    let forged = sign(&ec_key(), &claims());
    desk.says(&forged, active(claims()));
    assert_refused(&api, &forged, Refusal::UnknownKey).await;
    let other = sign_as(&rsa_key(), "rt+jwt", &claims());
    desk.says(&other, active(claims()));
    assert_refused(&api, &other, Refusal::Type).await;
    for garbage in ["", "a b", "a\"b", "a\nb", "ü", "a&token=b"] {
        assert_refused(&api, garbage, Refusal::Malformed).await;
    }
    assert_refused(&api, &"x".repeat(17_000), Refusal::TooLong).await;
    assert_eq!(desk.asked(), 0);
}

#[tokio::test]
async fn without_introspection_a_token_that_is_no_jwt_is_refused() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    assert_refused(&api, "opaque", Refusal::Malformed).await;
}

/// The age-old wish: what was revoked is refused, within a time that the owner states.
#[tokio::test]
async fn a_revoked_token_is_refused_when_its_answer_is_forgotten() {
    let desk = Desk::new();
    let each = by_api()
        .of_each_token()
        .remember_for(Duration::from_secs(5));
    let (api, clock) = desk.start(each).await;
    let token = sign(&rsa_key(), &claims());
    desk.says(&token, active(claims()));
    assert!(judge(&api, &token).await.is_ok());
    assert!(api.verify_seen(&token).is_some());
    desk.says(&token, json!({ "active": false }));
    clock.pass(4);
    assert!(judge(&api, &token).await.is_ok());
    clock.pass(1);
    assert!(api.verify_seen(&token).is_none());
    assert_refused(&api, &token, Refusal::Inactive).await;
    assert_eq!(desk.asked(), 2);
    // Signatures and claims are checked all the same.
    let other = sign(&rsa_key(), &with("aud", json!("https://other.example")));
    desk.says(&other, active(claims()));
    assert_refused(&api, &other, Refusal::Audience).await;
    // What is no JWT is none of this issuer's: nobody can have it asked about.
    desk.says("opaque", active(claims()));
    assert_refused(&api, "opaque", Refusal::Malformed).await;
    assert_eq!(desk.asked(), 2);
    let both = by_api().of_each_token().and_of_opaque_ones();
    let (api, _) = desk.start(both).await;
    assert!(judge(&api, "opaque").await.is_ok());
}

#[tokio::test]
async fn those_who_ask_about_the_same_token_share_a_call() {
    let desk = Desk::new();
    desk.says("opaque", active(claims()));
    desk.takes(Duration::from_millis(100));
    let (api, _) = desk.start(by_api()).await;
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..100 {
        let api = api.clone();
        let token = if n % 2 == 0 { "opaque" } else { "unknown" };
        callers.spawn(async move { (n % 2 == 0, judge(&api, token).await.is_ok()) });
    }
    while let Some(judged) = callers.join_next().await {
        let (is_good, is_accepted) = judged.unwrap();
        assert_eq!(is_good, is_accepted);
    }
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn while_nobody_can_say_the_answer_is_503_and_then_it_recovers() {
    let away = Err(Rejection::Unavailable(Unavailable::Introspection));
    let desk = Desk::new();
    desk.says("opaque", active(claims()));
    let (api, _) = desk.start(by_api()).await;
    for status in [500, 401, 302, 404, 204] {
        desk.answers_with(status);
        assert_eq!(judge(&api, "opaque").await, away, "{status}");
    }
    desk.answers_with(200);
    desk.says("opaque", json!([true]));
    assert_eq!(judge(&api, "opaque").await, away);
    desk.takes(Duration::from_secs(60));
    let before = std::time::Instant::now();
    assert_eq!(judge(&api, "opaque").await, away);
    assert!(before.elapsed() < Duration::from_secs(20));
    desk.takes(Duration::ZERO);
    desk.says("opaque", active(claims()));
    eventually("it recovers by itself", async || {
        judge(&api, "opaque").await.is_ok()
    })
    .await;
}

#[test]
fn the_secret_is_not_printed() {
    let shown = format!("{:?}", Introspection::by("api", "hunter2"));
    assert!(!shown.contains("hunter2"));
}
