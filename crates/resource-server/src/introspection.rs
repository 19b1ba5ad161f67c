//! Asking the issuer about a token (RFC 7662): for those that are no JWT, or for each, where a revocation has to count at once.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use latchkey_protocol::Timestamp;
use quick_cache::sync::Cache;
use serde_json::{Map, Value, json};
use tokio::time::timeout_at;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{
    AccessToken, Refusal, Rejection, Unavailable,
    claims::Unverified,
    compact::MOST_BYTES,
    discovery::{self, Endpoint, Metadata},
    http::{Client, FetchError},
    lanes::{Flight, Flights, Lane},
    seat::Seat,
};

/// The longest that a request waits for an answer.
const WAIT: Duration = Duration::from_secs(3);

/// How many answers of each kind are remembered.
const MOST_ANSWERS: usize = 10_000;

/// How long it is remembered that a token is not active, in seconds.
const REFUSED_FOR: i64 = 5;

/// How an API asks the issuer about tokens; see [`Builder::introspection`](crate::Builder::introspection).
///
/// ```
/// use std::time::Duration;
/// use latchkey_resource_server::Introspection;
///
/// // Tokens that are no JWT.
/// let opaque = Introspection::by("https://api.example.org", "the secret of that client");
/// // Each token, after it was verified: a user who was signed out is refused five seconds later.
/// let each = Introspection::by("https://api.example.org", "the secret of that client")
///     .of_each_token()
///     .remember_for(Duration::from_secs(5));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Introspection {
    client_id: String,
    secret: String,
    endpoint: Option<String>,
    keep: Duration,
    each: bool,
    opaque: bool,
    untyped: bool,
}

/// Never with the secret.
impl std::fmt::Debug for Introspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspection")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Introspection {
    /// As this client of the issuer, with its secret (`client_secret_basic`). Latchkey tells a client of its own tokens and
    /// of those whose audience it is: so it is called as the API is.
    pub fn by(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secret: secret.into(),
            endpoint: None,
            keep: Duration::from_secs(30),
            each: false,
            opaque: true,
            untyped: false,
        }
    }

    /// The address to ask at, instead of the one in the issuer's metadata.
    pub fn at(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Asks about each token, after it was verified by the keys: what was revoked is refused as soon as an answer is no
    /// longer remembered. A token that is no JWT is then refused unasked, so that strangers cause no call. Without it, only
    /// tokens that are no JWT are asked about.
    pub fn of_each_token(mut self) -> Self {
        (self.each, self.opaque) = (true, false);
        self
    }

    /// After [`Introspection::of_each_token`]: about tokens that are no JWT as well. Each that anybody makes up is a call to the
    /// issuer then, 32 at a time.
    pub fn and_of_opaque_ones(mut self) -> Self {
        self.opaque = true;
        self
    }

    /// Believes that a token that is no JWT is an access token where the answer says neither `token_type` nor `token_use`. To
    /// be set for an issuer that says none, and whose refresh tokens are not active for this client.
    pub fn accept_untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// How long an answer that a token is good is remembered, from the question on, and never beyond the token's end. Without
    /// it: 30 seconds. At least one.
    pub fn remember_for(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(endpoint) = &self.endpoint {
            discovery::address(endpoint)
                .map_err(|why| format!("the introspection endpoint {why}"))?;
        }
        if self.keep < Duration::from_secs(1) {
            return Err("an answer about a token is remembered for less than a second".into());
        }
        Ok(())
    }
}

/// Asks, and remembers the answers.
pub struct Asker {
    with: Introspection,
    http: Client,
    issuer: String,
    endpoint: Endpoint,
    active: Cache<Box<str>, Kept>,
    refused: Cache<Box<str>, Timestamp>,
    /// For tokens that were good before, or whose signature is.
    known: Lane,
    /// For those that anybody may have made up: they never stand before the others.
    strange: Lane,
    /// One call for all who ask about the same token.
    flights: Flights,
    is_away: AtomicBool,
}

#[derive(Clone)]
struct Kept {
    until: Timestamp,
    claims: Option<Arc<AccessToken>>,
}

/// A token that the issuer knows.
pub type Active = Option<Arc<AccessToken>>;

impl Asker {
    pub fn new(with: Introspection, http: Client, issuer: String) -> Self {
        let named = with.endpoint.clone();
        Self {
            with,
            http,
            endpoint: Endpoint::new(issuer.clone(), named, Metadata::introspection_endpoint),
            issuer,
            active: Cache::new(MOST_ANSWERS),
            refused: Cache::new(MOST_ANSWERS),
            known: Lane::new(),
            strange: Lane::new(),
            flights: Mutex::default(),
            is_away: AtomicBool::new(false),
        }
    }

    pub fn asks_of_each(&self) -> bool {
        self.with.each
    }

    /// Whether the owner said where to ask.
    pub fn is_named(&self) -> bool {
        self.with.endpoint.is_some()
    }

    pub fn asks_of_opaque(&self) -> bool {
        self.with.opaque
    }

    /// What is remembered of a token that is active.
    pub fn active(&self, token: &str, now: Timestamp) -> Option<Active> {
        let kept = self.active.get(token)?;
        (now < kept.until).then_some(kept.claims)
    }

    /// Asks, unless the answer is remembered. `is_proven`: the issuer has signed it, as an access token.
    pub async fn ask(
        &self,
        token: &str,
        is_proven: bool,
        now: impl Fn() -> Timestamp,
    ) -> Result<Active, Rejection> {
        check_form(token)?;
        if let Some(known) = self.remembered(token, now()) {
            return Ok(known?);
        }
        // What is no longer fresh is still there: none that was never good is.
        let is_known = is_proven || self.active.contains_key(token);
        let lane = if is_known { &self.known } else { &self.strange };
        let _seat = Seat::take(&lane.waiting)?;
        self.ask_once((token, is_proven), lane, now).await
    }

    fn remembered(&self, token: &str, now: Timestamp) -> Option<Result<Active, Refusal>> {
        if let Some(active) = self.active(token, now) {
            return Some(Ok(active));
        }
        let is_refused = self.refused.get(token).is_some_and(|until| now < until);
        is_refused.then_some(Err(Refusal::Inactive))
    }

    /// The second of two who ask about the same token finds what the first one brought.
    async fn ask_once(
        &self,
        (token, is_proven): (&str, bool),
        lane: &Lane,
        now: impl Fn() -> Timestamp,
    ) -> Result<Active, Rejection> {
        let deadline = tokio::time::Instant::now() + WAIT;
        // Who does not come to ask says nothing of the issuer.
        let late = |_| Unavailable::Introspection;
        let flight = Flight::join(&self.flights, token);
        let _turn = timeout_at(deadline, flight.turn()).await.map_err(late)?;
        if let Some(known) = self.remembered(token, now()) {
            return Ok(known?);
        }
        let acquired = timeout_at(deadline, lane.calls.acquire()).await;
        let _call = acquired.map_err(late)?;
        // An answer may be true of any moment since.
        let asked_at = now();
        let called = timeout_at(deadline, self.call(token)).await;
        match called.unwrap_or_else(|_| Err(FetchError::new("no answer within 3 s"))) {
            Ok(answer) => {
                self.is_away.store(false, Ordering::Relaxed);
                Ok(self.take((token, is_proven), answer, asked_at)?)
            }
            Err(error) => {
                self.endpoint.forget();
                if !self.is_away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the issuer cannot be asked about tokens");
                }
                Err(Unavailable::Introspection.into())
            }
        }
    }

    async fn call(&self, token: &str) -> Result<Map<String, Value>, FetchError> {
        let (address, _) = self.endpoint.address(&self.http).await?;
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        // RFC 6749 2.3.1: form-encoded, then joined.
        let (id, secret) = (encoded(&self.with.client_id), encoded(&self.with.secret));
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let body = self.http.post(&address, &basic, form(token)).await?;
        serde_json::from_slice(&body)
            .map_err(|_| FetchError::new(format!("{address}: the answer is no JSON object")))
    }

    /// RFC 7662 2.2. A refresh token may be active too, and is none that opens an API.
    fn take(
        &self,
        (token, is_proven): (&str, bool),
        answer: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Active, Refusal> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        // Of what kind it is an answer need not say; some say what it is for instead.
        let is_access = match (text("token_use"), answer.get("token_type")) {
            (Some(used), _) if used != "access_token" => false,
            (_, Some(kind)) => kind
                .as_str()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer")),
            (used, None) => used.is_some() || self.with.untyped || is_proven,
        };
        if answer.get("active") != Some(&Value::Bool(true)) || !is_access {
            self.refused.insert(token.into(), now + REFUSED_FOR);
            return Err(Refusal::Inactive);
        }
        let keep = i64::try_from(self.with.keep.as_secs()).unwrap_or(i64::MAX);
        let claims = claims(answer, &self.issuer, now, now + keep);
        let until = claims
            .as_ref()
            .map_or(now + keep, |claims| claims.exp.min(now + keep));
        let kept = Kept { until, claims };
        self.active.insert(token.into(), kept.clone());
        Ok(kept.claims)
    }
}

/// What an answer says as claims; it need not say all that a token would.
fn claims(
    mut answer: Map<String, Value>,
    issuer: &str,
    now: Timestamp,
    until: Timestamp,
) -> Active {
    answer.remove("active");
    answer.remove("token_type");
    // Not the other way round: a user is no client.
    let sub = answer.get("sub").or(answer.get("client_id")).cloned();
    for (name, value) in [
        ("iss", Some(json!(issuer))),
        ("sub", sub),
        ("client_id", Some(json!(""))),
        ("jti", Some(json!(""))),
        ("iat", Some(json!(now))),
        ("exp", Some(json!(until))),
    ] {
        if let Some(value) = value {
            answer.entry(name).or_insert(value);
        }
    }
    serde_json::from_value(Value::Object(answer))
        .ok()
        .map(|Unverified(claims)| Arc::new(claims))
}

/// RFC 7662 2.1.
fn form(token: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("token", token);
    form.append_pair("token_type_hint", "access_token");
    form.finish()
}

/// RFC 6750 2.1.
fn check_form(token: &str) -> Result<(), Refusal> {
    if token.len() > MOST_BYTES {
        return Err(Refusal::TooLong);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_plain) {
        return Err(Refusal::Malformed);
    }
    Ok(())
}
