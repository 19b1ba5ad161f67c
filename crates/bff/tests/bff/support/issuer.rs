//! A provider without a socket: it rotates refresh tokens, knows what it has issued, and fails as a test wants it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use http::{Request, Response};
use latchkey_jose::{Signer, SigningKey};
use latchkey_protocol::{Clock, pkce};
use latchkey_resource_server::{Algorithm, Fetch, FetchError};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{ACCESS, At, CLIENT};

pub const ISSUER: &str = "https://id.example";
/// How long a refresh token that was rotated gives its successor again, in seconds.
const REPLAY: i64 = 30;

/// What the provider does instead of answering.
#[derive(Debug, Clone)]
pub enum Fault {
    /// No connection.
    Down,
    /// Takes the call and never answers.
    Silent,
    /// This status, with this body.
    Answer(u16, &'static str),
    /// Does its work, and its answer is lost on the way.
    LosesAnswer,
    /// The ID tokens that come with renewed tokens are this user's.
    RenewsFor(&'static str),
    /// The ID tokens that come with renewed tokens are signed with a key that is not published yet.
    RenewsByNewKey,
    /// Answers after a while.
    Slow(Duration),
}

#[derive(Clone)]
pub struct Issuer(Arc<Mutex<State>>, Arc<At>);

struct State {
    key: SigningKey,
    fault: Option<Fault>,
    count: u32,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    /// Access tokens, their users, and when they end.
    access: HashMap<String, (String, i64)>,
    refreshes: usize,
    redeemed: usize,
    revoked: Vec<String>,
    /// How far its clock is ahead of the BFF's, in seconds.
    ahead: i64,
}

struct Code {
    sub: String,
    nonce: String,
    challenge: String,
}

#[derive(Clone)]
struct Refresh {
    sub: String,
    client: String,
    /// What came after it, and when.
    successor: Option<(String, i64)>,
    ends_at: i64,
}

impl Issuer {
    pub fn new(clock: Arc<At>) -> Self {
        let key = SigningKey::generate_for(Algorithm::Es256, &mut StdRng::seed_from_u64(1));
        let state = State {
            key: key.unwrap(),
            fault: None,
            count: 0,
            codes: HashMap::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            refreshes: 0,
            redeemed: 0,
            revoked: Vec::new(),
            ahead: 0,
        };
        Self(Arc::new(Mutex::new(state)), clock)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn now(&self) -> i64 {
        self.1.now().as_seconds()
    }

    pub fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.state().fault = fault.into();
    }

    /// How many refreshes it was asked for.
    pub fn refreshes(&self) -> usize {
        self.state().refreshes
    }

    /// How many codes were presented to it.
    pub fn redeemed(&self) -> usize {
        self.state().redeemed
    }

    /// By its clock it is later than the BFF believes.
    pub fn goes_ahead(&self, seconds: i64) {
        self.state().ahead = seconds;
    }

    /// The refresh tokens that it was told to take back.
    pub fn revoked(&self) -> Vec<String> {
        self.state().revoked.clone()
    }

    /// What an API asks: whose token this is, if it is good.
    pub fn user_of(&self, access_token: &str) -> Option<String> {
        let state = self.state();
        let (sub, until) = state.access.get(access_token)?;
        (self.now() < *until).then(|| sub.clone())
    }

    pub fn revoke_access_tokens(&self) {
        self.state().access.clear();
    }

    pub fn revoke_refresh_tokens(&self) {
        self.state().refresh.clear();
    }

    /// They end now; what was issued by them goes on.
    pub fn expire_refresh_tokens(&self) {
        let now = self.now();
        for refresh in self.state().refresh.values_mut() {
            refresh.ends_at = now;
        }
    }

    /// They were issued to another client.
    pub fn give_refresh_tokens_to(&self, client: &str) {
        for refresh in self.state().refresh.values_mut() {
            refresh.client = client.into();
        }
    }

    /// The user has signed in: the answer's address, for the address that the browser was sent to.
    pub fn approve(&self, authorize: &str, sub: &str) -> String {
        let url = url::Url::parse(authorize).unwrap();
        assert!(authorize.starts_with(&format!("{ISSUER}/authorize?")));
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(
            (&*asked["client_id"], &*asked["response_type"]),
            (CLIENT, "code")
        );
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut state = self.state();
        state.count += 1;
        let code = format!("code-{}", state.count);
        let issued = Code {
            sub: sub.into(),
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
        };
        state.codes.insert(code.clone(), issued);
        let back = [
            ("code", &*code),
            ("state", &asked["state"]),
            ("iss", ISSUER),
        ];
        url::Url::parse_with_params(&asked["redirect_uri"], back)
            .unwrap()
            .into()
    }

    /// Signed with the provider's key.
    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        Signer::new(&self.state().key)
            .unwrap()
            .sign(typ, claims)
            .unwrap()
    }

    /// The claims of a logout token for this session.
    pub fn logout_claims(&self, jti: &str, sub: &str) -> Value {
        json!({
            "iss": ISSUER, "aud": CLIENT, "iat": self.now(), "exp": self.now() + 120, "jti": jti, "sub": sub, "sid": format!("sid-{sub}"),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    }

    fn token(&self, form: &HashMap<String, String>) -> Result<Value, &'static str> {
        match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => self.redeem(form),
            Some("refresh_token") => self.rotate(&form["refresh_token"]),
            _ => Err("unsupported_grant_type"),
        }
    }

    fn redeem(&self, form: &HashMap<String, String>) -> Result<Value, &'static str> {
        self.state().redeemed += 1;
        let code = self
            .state()
            .codes
            .remove(&form["code"])
            .ok_or("invalid_grant")?;
        if pkce::challenge(&form["code_verifier"]) != code.challenge {
            return Err("invalid_grant");
        }
        Ok(self.issue(&code.sub, Some(&code.nonce)))
    }

    fn rotate(&self, token: &str) -> Result<Value, &'static str> {
        self.state().refreshes += 1;
        let known = self
            .state()
            .refresh
            .get(token)
            .cloned()
            .ok_or("invalid_grant")?;
        if known.client != CLIENT || known.ends_at <= self.now() {
            return Err("invalid_grant");
        }
        let replayed = known.successor.as_ref();
        if replayed.is_some_and(|(_, at)| self.now() - at >= REPLAY) {
            // Its whole family ends.
            self.state()
                .refresh
                .retain(|_, refresh| refresh.sub != known.sub);
            return Err("invalid_grant");
        }
        let sub = match &self.state().fault {
            Some(Fault::RenewsFor(other)) => (*other).to_owned(),
            _ => known.sub.clone(),
        };
        let mut issued = self.issue(&sub, None);
        if matches!(self.state().fault, Some(Fault::RenewsByNewKey)) {
            let new = SigningKey::generate_for(Algorithm::Es256, &mut StdRng::seed_from_u64(2));
            let claims = json!({ "iss": ISSUER, "sub": sub, "aud": CLIENT, "iat": self.now(), "exp": self.now() + ACCESS });
            let signed = Signer::new(&new.unwrap()).unwrap().sign("JWT", &claims);
            issued["id_token"] = json!(signed.unwrap());
        }
        let now = self.now();
        let mut state = self.state();
        if let Some((successor, _)) = known.successor {
            let extra = issued["refresh_token"].as_str().unwrap().to_owned();
            state.refresh.remove(&extra);
            issued["refresh_token"] = json!(successor);
        } else if let Some(refresh) = state.refresh.get_mut(token) {
            refresh.successor = Some((issued["refresh_token"].as_str().unwrap().to_owned(), now));
        }
        Ok(issued)
    }

    fn issue(&self, sub: &str, nonce: Option<&str>) -> Value {
        let now = self.now();
        let at = now + self.state().ahead;
        let mut claims = json!({
            "iss": ISSUER, "sub": sub, "aud": CLIENT, "iat": at, "exp": at + ACCESS, "sid": format!("sid-{sub}"),
            "auth_time": now, "preferred_username": sub, "at_hash": "x",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        let id_token = self.sign("JWT", &claims);
        let mut state = self.state();
        state.count += 1;
        let (access, refresh) = (
            format!("access-{}", state.count),
            format!("refresh-{}", state.count),
        );
        state
            .access
            .insert(access.clone(), (sub.into(), now + ACCESS));
        let issued = Refresh {
            sub: sub.into(),
            client: CLIENT.into(),
            successor: None,
            ends_at: now + 30 * 86_400,
        };
        state.refresh.insert(refresh.clone(), issued);
        json!({ "access_token": access, "token_type": "Bearer", "expires_in": ACCESS, "refresh_token": refresh, "id_token": id_token })
    }

    fn answer(&self, request: &Request<Vec<u8>>) -> (u16, Value) {
        let form: HashMap<String, String> = url::form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        match request.uri().path() {
            "/.well-known/openid-configuration" => (200, metadata()),
            "/jwks" => (200, json!({ "keys": [self.state().key.public()] })),
            "/userinfo" => {
                let said = request.headers()["authorization"].to_str().unwrap();
                let sub = self.user_of(&said["Bearer ".len()..]);
                (
                    200,
                    json!({ "sub": sub, "name": "Alice Kim", "nonce": "not of the user" }),
                )
            }
            "/revoke" => {
                self.state().revoked.push(form["token"].clone());
                (200, json!({}))
            }
            "/token" => match self.token(&form) {
                Ok(tokens) => (200, tokens),
                Err(error) => (400, json!({ "error": error })),
            },
            _ => (404, json!({})),
        }
    }
}

fn metadata() -> Value {
    let at = |path: &str| format!("{ISSUER}{path}");
    json!({
        "issuer": ISSUER, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        "userinfo_endpoint": at("/userinfo"), "revocation_endpoint": at("/revoke"), "end_session_endpoint": at("/logout"),
        "authorization_response_iss_parameter_supported": true,
    })
}

#[async_trait]
impl Fetch for Issuer {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let fault = self.state().fault.clone();
        match fault {
            Some(Fault::Down) => return Err(FetchError::new("connection refused")),
            Some(Fault::Silent) => std::future::pending().await,
            Some(Fault::Answer(status, body)) => {
                return Ok(Response::builder()
                    .status(status)
                    .body(body.into())
                    .unwrap());
            }
            Some(Fault::LosesAnswer) => {
                self.answer(&request);
                return Err(FetchError::new("connection reset"));
            }
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::RenewsFor(_) | Fault::RenewsByNewKey) | None => {}
        }
        let (status, body) = self.answer(&request);
        Ok(Response::builder()
            .status(status)
            .body(body.to_string().into())
            .unwrap())
    }
}
