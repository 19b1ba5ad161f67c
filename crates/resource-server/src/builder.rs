//! A verifier is made of settings that have safe defaults, and starts with keys in hand.

use std::{sync::Arc, time::Duration};

use latchkey_jose::Algorithm;
use latchkey_protocol::Clock;

use crate::{
    Fetch, Introspection, StatusLists, SystemClock, Verifier, discovery,
    http::Client,
    introspection::Asker,
    keys::{Keys, Pace, Source},
    rules::Rules,
    status::Lists,
};

/// How long [`Builder::start`] waits for the issuer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shortest time that keys may count.
const LEAST_STALE: Duration = Duration::from_secs(60);

/// The longest leeway for `exp`.
const MOST_LEEWAY: Duration = Duration::from_secs(60);

/// Settings of a [`Verifier`]; see [`Verifier::for_api`].
#[must_use]
pub struct Builder {
    issuer: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    takes_plain_jwt: bool,
    leeway: Duration,
    tokens_seen: u64,
    jwks_uri: Option<String>,
    stale_for: Duration,
    pause: Duration,
    every: Option<Duration>,
    http: Option<Arc<dyn Fetch>>,
    introspection: Option<Introspection>,
    status_lists: StatusLists,
    clock: Arc<dyn Clock>,
}

/// Why there is no verifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used; says which, and why.
    #[error("{0}")]
    Setting(String),
    /// The issuer gave no keys within 30 seconds.
    #[error("the issuer {issuer} gave no keys within 30 seconds: {why}")]
    NoKeys {
        /// The issuer.
        issuer: String,
        /// What came of the last attempt.
        why: String,
    },
}

impl Builder {
    pub(crate) fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            algorithms: Algorithm::ALL.into(),
            takes_plain_jwt: false,
            leeway: Duration::ZERO,
            tokens_seen: 10_000,
            jwks_uri: None,
            stale_for: Duration::from_secs(24 * 3600),
            pause: Duration::from_secs(5),
            every: None,
            http: None,
            introspection: None,
            status_lists: StatusLists::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The algorithms that tokens may be signed with. Without it: RS256, PS256, ES256 and EdDSA (Ed25519). None with a
    /// shared secret can be named, nor `none`.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Takes tokens of the type `JWT` besides `at+jwt`, from issuers that know no other. An ID token still is none: it
    /// has no `client_id`.
    pub fn accept_plain_jwt(mut self) -> Self {
        self.takes_plain_jwt = true;
        self
    }

    /// How long a token counts after its `exp`, for clocks that differ. Without it: not at all. One minute at the most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How many verified tokens are remembered, so that their signature is checked once. Without it: 10,000. With 0: none.
    pub fn remember_tokens(mut self, most: u64) -> Self {
        self.tokens_seen = most;
        self
    }

    /// Where the keys are, instead of asking the issuer's metadata for it. Whether the issuer publishes status lists is not
    /// asked either then: say it by [`StatusLists::at`], so that tokens without a status are refused.
    pub fn jwks_uri(mut self, address: impl Into<String>) -> Self {
        self.jwks_uri = Some(address.into());
        self
    }

    /// How long known keys count while the issuer cannot be reached, at least a minute. Without it: 24 hours. Afterwards every token is
    /// answered 503, until there are keys again.
    pub fn keys_stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }

    /// The time between two fetches of the keys. Without it: as the `max-age` of their answer says, between one minute and
    /// one hour, and five minutes where it says nothing. Never more than half of [`Builder::keys_stale_for`].
    pub fn refresh_every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// The shortest time between two fetches that tokens with unknown keys cause. Without it: 5 seconds.
    pub fn refetch_pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// Asks the issuer about tokens that are no JWT, or about each: see [`Introspection`]. An issuer that is asked about tokens
    /// that are no JWT need not publish keys: without any, it is asked about each token.
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    /// How the status lists of the issuer are followed, which say what was revoked: see [`StatusLists`].
    pub fn status_lists(mut self, lists: StatusLists) -> Self {
        self.status_lists = lists;
        self
    }

    /// What calls the issuer. Without it: [`HttpClient`](crate::HttpClient).
    pub fn http(mut self, http: impl Fetch + 'static) -> Self {
        self.http = Some(Arc::new(http));
        self
    }

    /// Where time comes from. Without it: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts, and waits for the keys. To be called in a tokio runtime (that of actix-web is one) which lives as long as
    /// the verifier: a task in it keeps the keys fresh, and ends with the last clone of the verifier.
    ///
    /// # Errors
    /// [`StartError`]: a setting cannot be used, or the issuer gave no keys within 30 seconds.
    pub async fn start(self) -> Result<Verifier, StartError> {
        let issuer = self.issuer.clone();
        let verifier = self.start_without_issuer()?;
        if verifier.keys().ready(PATIENCE).await {
            Ok(verifier)
        } else {
            let why = verifier.keys().failure();
            Err(StartError::NoKeys {
                issuer,
                why: why.unwrap_or_else(|| "it has not answered".into()),
            })
        }
    }

    /// Starts at once. Until the issuer has given its keys, every token is answered 503.
    ///
    /// # Errors
    /// [`StartError::Setting`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start_without_issuer(self) -> Result<Verifier, StartError> {
        self.check().map_err(StartError::Setting)?;
        let http = match self.http {
            Some(http) => http,
            None => usual_http()?,
        };
        let pace = Pace {
            stale_for: i64::try_from(self.stale_for.as_secs()).unwrap_or(i64::MAX),
            pause: self.pause,
            every: self.every,
        };
        let (http, issuer) = (Client(http), self.issuer.clone());
        let asker = self
            .introspection
            .map(|introspection| Asker::new(introspection, http.clone(), issuer.clone()));
        let mut source = Source::new(http.clone(), issuer.clone(), self.jwks_uri);
        let advert = source.lists(self.status_lists.aggregation.clone());
        let may_lack = asker.as_ref().is_some_and(Asker::asks_of_opaque);
        source.asked_elsewhere(asker.as_ref().is_some_and(Asker::is_named));
        let keys = Keys::new(source, pace, may_lack, self.clock.clone());
        let lists = Lists::new(
            self.status_lists,
            (issuer, self.algorithms.clone()),
            http,
            keys.clone(),
            self.clock.clone(),
            advert,
        );
        let rules = Rules {
            issuer: self.issuer,
            audience: self.audience,
            algorithms: self.algorithms,
            takes_plain_jwt: self.takes_plain_jwt,
            leeway: i64::try_from(self.leeway.as_secs()).unwrap_or_default(),
        };
        Ok(Verifier::new(
            rules,
            (keys, lists),
            asker,
            self.tokens_seen,
            self.clock,
        ))
    }

    fn check(&self) -> Result<(), String> {
        discovery::address(&self.issuer).map_err(|why| format!("the issuer {why}"))?;
        if let Some(keys) = &self.jwks_uri {
            discovery::address(keys).map_err(|why| format!("the address of the keys {why}"))?;
        }
        if let Some(introspection) = &self.introspection {
            introspection.check()?;
        }
        self.status_lists.check()?;
        if self.audience.is_empty() {
            return Err("the audience is empty: any token of the issuer would open the API".into());
        }
        if self.algorithms.is_empty() {
            return Err("no algorithm is allowed".into());
        }
        if self.stale_for < LEAST_STALE {
            return Err(
                "keys count for less than a minute: then nothing counts while one fetch fails"
                    .into(),
            );
        }
        if self.every.is_some_and(|time| time.is_zero()) {
            return Err("between two fetches of the keys there is no time at all".into());
        }
        if self.leeway > MOST_LEEWAY {
            return Err("the leeway is longer than a minute".into());
        }
        Ok(())
    }
}

#[cfg(feature = "http-client")]
fn usual_http() -> Result<Arc<dyn Fetch>, StartError> {
    let client = crate::HttpClient::new();
    client
        .map(|client| Arc::new(client) as Arc<dyn Fetch>)
        .map_err(|error| StartError::Setting(error.to_string()))
}

#[cfg(not(feature = "http-client"))]
fn usual_http() -> Result<Arc<dyn Fetch>, StartError> {
    let why = "there is no HTTP client: name one by Builder::http, or switch the feature `http-client` on";
    Err(StartError::Setting(why.into()))
}
