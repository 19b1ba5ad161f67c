//! The OpenID Connect provider: where it is, and what it is asked for. Each call has its bounds.

mod id_token;
mod metadata;
mod tokens;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response, header};
use latchkey_protocol::{
    Clock,
    received_logout::{self, ReceivedLogout},
};
use latchkey_resource_server::{Fetch, Refusal, Rejection, Verifier};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use url::form_urlencoded;

use crate::settings::Settings;

pub use id_token::IdToken;
pub use metadata::Metadata;
pub use tokens::Tokens;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long metadata counts, where it can be fetched again.
const FRESH: Duration = Duration::from_secs(300);
/// The time between two attempts to fetch metadata.
const PAUSE: Duration = Duration::from_secs(1);
/// The most calls at the provider at once.
const CALLS: usize = 64;
/// The most sign-ins that are being finished at once.
const SIGN_INS: usize = 16;

/// Why the provider gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It has judged, and said no: `invalid_grant` (RFC 6749 5.2).
    #[error("the provider refuses the grant")]
    Refused,
    /// Nobody can tell: it is away, slow, overloaded, or says what makes no sense.
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    /// It has answered rightly, and by the clock here that cannot be: one of the two clocks is wrong.
    #[error("{0}")]
    Clock(String),
    /// It has answered with what must not be believed.
    #[error("the provider's answer must not be believed: {0}")]
    Wrong(String),
}

/// The provider, as this client knows it.
pub struct Provider {
    http: Arc<dyn Fetch>,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    issuer: String,
    client_id: String,
    authorization: String,
    redirect_uri: String,
    /// Held by whoever fetches.
    known: Mutex<Known>,
    metadata: RwLock<Option<Arc<Metadata>>>,
    seats: Semaphore,
    sign_ins: Arc<Semaphore>,
}

#[derive(Default)]
struct Known {
    fetched: Option<Instant>,
    tried: Option<Instant>,
    failure: String,
}

impl Provider {
    /// # Errors
    /// A sentence: the issuer is no address that can be trusted.
    pub fn new(
        settings: &Settings,
        http: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let verifier = Verifier::for_api(&settings.issuer, &settings.client_id)
            .http(Shared(http.clone()))
            .clock(clock.clone())
            .start_without_issuer()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            http,
            verifier,
            clock,
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            authorization: basic(&settings.client_id, &settings.client_secret),
            redirect_uri: settings.redirect_uri(),
            known: Mutex::default(),
            metadata: RwLock::default(),
            seats: Semaphore::new(CALLS),
            sign_ins: Arc::new(Semaphore::new(SIGN_INS)),
        })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether its metadata and its keys are known.
    pub fn is_known(&self) -> bool {
        self.known_metadata().is_some() && self.verifier.health().is_ready
    }

    /// Asks it for its metadata, whatever is known.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn answers(&self) -> Result<(), String> {
        let metadata = self.fetch_metadata().await?;
        self.keep(metadata);
        Ok(())
    }

    fn known_metadata(&self) -> Option<Arc<Metadata>> {
        let known = self.metadata.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn keep(&self, metadata: Metadata) {
        let mut known = self
            .metadata
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(metadata));
    }

    /// As it was fetched last; fetched again after some minutes. Whoever comes meanwhile waits only where nothing is known.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = match (self.known.try_lock(), self.known_metadata()) {
            (Ok(known), _) => known,
            (Err(_), Some(metadata)) => return Ok(metadata),
            (Err(_), None) => self.known.lock().await,
        };
        let is_within = |at: Option<Instant>, time| at.is_some_and(|at| at.elapsed() < time);
        if !is_within(known.fetched, FRESH) && !is_within(known.tried, PAUSE) {
            match self.fetch_metadata().await {
                Ok(metadata) => {
                    self.keep(metadata);
                    known.fetched = Some(Instant::now());
                }
                Err(error) => {
                    tracing::warn!(issuer = self.issuer, %error, "the provider's metadata could not be fetched");
                    known.failure = error;
                }
            }
            known.tried = Some(Instant::now());
        }
        let found = self.known_metadata();
        found.ok_or_else(|| ProviderError::Away(known.failure.clone()))
    }

    async fn fetch_metadata(&self) -> Result<Metadata, String> {
        let address = Metadata::address(&self.issuer);
        let request = Request::get(&address).header(header::ACCEPT, "application/json");
        let request = request.body(Vec::new()).map_err(|e| e.to_string())?;
        let answer = self.send(request).await?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("{address}: the answer is {}", answer.status()));
        }
        Metadata::read(answer.body(), &self.issuer).map_err(|why| format!("{address}: {why}"))
    }

    /// A place among the sign-ins that are being finished. Strangers can begin them: their places are few, and not those of
    /// renewals. In turn, so that who takes many keeps nobody out.
    pub async fn sign_in_place(&self) -> Result<OwnedSemaphorePermit, ProviderError> {
        let place = self.sign_ins.clone().acquire_owned();
        let place = tokio::time::timeout(PATIENCE, place).await;
        let away = || ProviderError::Away("too many sign-ins at once".into());
        place.map_err(|_| away())?.map_err(|_| away())
    }

    /// Exchanges a code (RFC 6749 4.1.3, RFC 7636 4.5), and verifies the ID token that comes with the tokens.
    pub async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        nonce: &str,
    ) -> Result<(Tokens, IdToken), ProviderError> {
        let tokens = self
            .tokens(&[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &self.redirect_uri),
                ("code_verifier", verifier),
            ])
            .await?;
        let id_token = tokens.id_token.as_deref();
        let id_token = id_token.ok_or_else(|| wrong("there is no ID token"))?;
        let id_token = self.id_token(id_token, Some(nonce)).await?;
        if let Err(why) = id_token.check_time(self.clock.now()) {
            if let Some(refresh_token) = &tokens.refresh_token {
                self.revoke(refresh_token).await;
            }
            return Err(ProviderError::Clock(why));
        }
        Ok((tokens, id_token))
    }

    /// Exchanges a refresh token (RFC 6749 6). Where an ID token comes along, it must be of `sub` (OpenID Connect Core
    /// 12.2): else the new refresh token is taken back, and nothing of the answer is used. One that cannot be judged now,
    /// by a key that has not come here yet or a wrong clock, is as none: without its successor the refresh token would be a
    /// replay.
    pub async fn refresh(
        &self,
        refresh_token: &str,
        sub: &str,
    ) -> Result<(Tokens, Option<IdToken>), ProviderError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let tokens = self.tokens(&form).await?;
        let Some(id_token) = &tokens.id_token else {
            return Ok((tokens, None));
        };
        let judged = self.id_token(id_token, None).await;
        let judged = judged.and_then(|id_token| {
            let is_same = id_token.sub == sub;
            is_same
                .then_some(id_token)
                .ok_or_else(|| wrong("the ID token is of another user"))
        });
        match judged {
            Ok(id_token) => match id_token.check_time(self.clock.now()) {
                Ok(()) => Ok((tokens, Some(id_token))),
                Err(why) => {
                    tracing::error!(%why, "an ID token of a refresh is not of this time, and is not used");
                    Ok((tokens, None))
                }
            },
            Err(ProviderError::Away(why)) => {
                tracing::warn!(%why, "an ID token of a refresh cannot be judged now, and is not used");
                Ok((tokens, None))
            }
            Err(error) => {
                self.revoke(tokens.refresh_token.as_deref().unwrap_or(refresh_token))
                    .await;
                Err(error)
            }
        }
    }

    async fn tokens(&self, form: &[(&str, &str)]) -> Result<Tokens, ProviderError> {
        let metadata = self.metadata().await?;
        let answer = self.post(&metadata.token_endpoint, form).await?;
        Tokens::read(answer.status(), answer.body())
    }

    async fn id_token(&self, token: &str, nonce: Option<&str>) -> Result<IdToken, ProviderError> {
        let claims = self
            .signed(token, "JWT")
            .await
            .map_err(|error| match error {
                ProviderError::Wrong(why) => wrong(format!("the ID token: {why}")),
                other => other,
            })?;
        IdToken::read(claims, &self.issuer, &self.client_id, nonce).map_err(wrong)
    }

    /// The claims of what the provider has signed.
    async fn signed(&self, token: &str, typ: &str) -> Result<Value, ProviderError> {
        let claims = self.verifier.signed_claims(token, &[typ]).await;
        claims.map_err(|rejection| match rejection {
            // A new key of the provider may not have come here yet: that ends nobody's session.
            Rejection::Refused(why @ Refusal::UnknownKey) => ProviderError::Away(why.to_string()),
            Rejection::Refused(why) => wrong(why),
            Rejection::Unavailable(why) => ProviderError::Away(why.to_string()),
        })
    }

    /// What a logout token says (Back-Channel Logout 1.0 2.6).
    pub async fn logout_token(&self, token: &str) -> Result<ReceivedLogout, ProviderError> {
        let claims = self.signed(token, ReceivedLogout::TYPE).await?;
        let (now, iat) = (self.clock.now(), claims["iat"].as_i64().unwrap_or(0));
        if iat.saturating_sub(received_logout::MARGIN) > now.as_seconds() {
            let ahead = iat - now.as_seconds();
            // The provider sends it again.
            return Err(ProviderError::Clock(format!(
                "the provider issued a logout token {ahead} s in the future: set the clock of this machine, or the provider's"
            )));
        }
        ReceivedLogout::read(claims, &self.issuer, &self.client_id, now).map_err(wrong)
    }

    /// What the UserInfo endpoint says of the user, where there is one that takes this token. It must be of `sub`
    /// (OpenID Connect Core 5.3.2).
    pub async fn userinfo(
        &self,
        access_token: &str,
        sub: &str,
    ) -> Result<Map<String, Value>, ProviderError> {
        let metadata = self.metadata().await?;
        let Some(address) = &metadata.userinfo_endpoint else {
            return Ok(Map::new());
        };
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"));
        let request = request.body(Vec::new()).map_err(wrong)?;
        let answer = self.send(request).await.map_err(ProviderError::Away)?;
        if answer.status() != http::StatusCode::OK {
            // The token may be for an API alone.
            return Ok(Map::new());
        }
        let claims: Map<String, Value> = serde_json::from_slice(answer.body())
            .map_err(|_| wrong("UserInfo is no JSON object"))?;
        if claims.get("sub").and_then(Value::as_str) != Some(sub) {
            return Err(wrong("UserInfo is of another user"));
        }
        Ok(claims)
    }

    /// Takes a refresh token back (RFC 7009), as well as can be: whoever calls has ended what it was for.
    pub async fn revoke(&self, refresh_token: &str) {
        let Ok(metadata) = self.metadata().await else {
            return;
        };
        let Some(address) = &metadata.revocation_endpoint else {
            return;
        };
        let form = [
            ("token", refresh_token),
            ("token_type_hint", "refresh_token"),
        ];
        match self.post(address, &form).await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => {
                tracing::warn!(status = %answer.status(), "a refresh token was not revoked");
            }
            Err(error) => tracing::warn!(%error, "a refresh token was not revoked"),
        }
    }

    async fn post(
        &self,
        address: &str,
        form: &[(&str, &str)],
    ) -> Result<Response<Vec<u8>>, ProviderError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(address)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(form.into_bytes()).map_err(wrong)?;
        self.send(request).await.map_err(ProviderError::Away)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        let seat = tokio::time::timeout(PATIENCE, self.seats.acquire()).await;
        let Ok(Ok(_seat)) = seat else {
            return Err("too many requests wait for it".into());
        };
        let answer = tokio::time::timeout(PATIENCE, self.http.fetch(request)).await;
        let answer = answer.map_err(|_| "no whole answer within 5 s".to_owned())?;
        answer.map_err(|error| error.to_string())
    }
}

fn wrong(why: impl std::fmt::Display) -> ProviderError {
    ProviderError::Wrong(why.to_string())
}

/// RFC 6749 2.3.1.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// One client for documents, keys and tokens.
struct Shared(Arc<dyn Fetch>);

#[async_trait::async_trait]
impl Fetch for Shared {
    async fn fetch(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, latchkey_resource_server::FetchError> {
        self.0.fetch(request).await
    }
}
