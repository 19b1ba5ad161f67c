//! Sessions for calls: found, opened, and renewed on the way when their access token has ended. Parallel calls make one
//! refresh, across instances too.

mod flight;
mod opened;
pub mod rule;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_protocol::{Clock, Entropy, Timestamp};

use crate::{
    cookies,
    provider::{IdToken, Provider, ProviderError, Tokens},
    seal::{Purpose, SealKeys},
    session::{BrowserSession, of_user},
    settings::Lifetimes,
    store::{Key, SessionStore, StoreError},
};

pub use flight::Flights;
pub use opened::Opened;
use rule::Step;

/// How long an instance has the right to renew, in seconds: less than the time in which the provider gives the same
/// successor again for a refresh token (30 s), so that one that has died is followed by another without harm.
const LEASE: i64 = 10;
/// How long a call waits for a renewal.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long what the provider gave is tried to be written: within the 30 s in which it gives the same again.
const KEEPS_TRYING: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at what another instance is doing.
const LOOKS: [Duration; 2] = [Duration::from_millis(15), Duration::from_millis(100)];
/// An access token that an API refuses is renewed no more often than this, in seconds.
const FORCED: i64 = 10;

/// What came of looking for a session.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With an access token that is good by its time.
    Ready(Arc<Ready>),
    /// There is none, or it has ended: the user has to sign in.
    Ended,
    /// Nobody can tell now: 503, and the session stays.
    Away,
}

/// A session that may be used.
#[derive(Debug)]
pub struct Ready {
    pub key: Key,
    pub version: i64,
    pub session: Arc<BrowserSession>,
    /// When it ends, if nobody uses it.
    pub expires_at: Timestamp,
}

/// All that a renewal needs. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pub store: Arc<dyn SessionStore>,
    pub provider: Arc<Provider>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub keys: SealKeys,
    pub lifetimes: Lifetimes,
    pub flights: Flights,
    pub opened: Opened,
    /// The most sessions of a user.
    pub most: usize,
}

/// What is known of a session's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Alive,
    Ended,
    /// The store does not say.
    Unknown,
}

impl Sessions {
    /// The session of this cookie, its access token good for the next seconds.
    pub async fn for_call(&self, key: Key) -> Outcome {
        let found = match self.find(key).await {
            Ok(Some(found)) => found,
            Ok(None) => return Outcome::Ended,
            Err(error) => return away(&error),
        };
        match self.step(&found.session) {
            Step::Forward => self.used(found).await,
            Step::Refresh => self.renewed(key, None).await,
            Step::SignIn => match self.store.end_version(&key, found.version).await {
                Ok(true) => Outcome::Ended,
                // It is another one now.
                Ok(false) => self.renewed(key, None).await,
                Err(error) => away(&error),
            },
        }
    }

    /// As it is now, without renewing it: for connections that last.
    pub async fn life(&self, key: Key) -> Life {
        match self.find(key).await {
            Ok(Some(found)) if self.step(&found.session) != Step::SignIn => Life::Alive,
            Ok(_) => Life::Ended,
            Err(_) => Life::Unknown,
        }
    }

    /// A session whose access token an API has refused: renewed, unless that was done a moment ago, and then none.
    pub async fn for_second_try(&self, refused: &Ready) -> Option<Outcome> {
        let since = self.clock.now() - refused.session.renewed_at;
        if refused.session.refresh_token.is_none() || (0..FORCED).contains(&since) {
            return None;
        }
        Some(self.renewed(refused.key, Some(refused.version)).await)
    }

    /// `refused`: a version whose access token is no good, whatever its time says.
    async fn renewed(&self, key: Key, refused: Option<i64>) -> Outcome {
        let sessions = self.clone();
        let renewal = move || async move { sessions.renew(key, refused).await };
        self.flights.join(key, renewal).await
    }

    async fn renew(&self, key: Key, refused: Option<i64>) -> Outcome {
        let (owner, begun) = (cookies::random(&*self.entropy), Instant::now());
        let mut pause = LOOKS[0];
        while begun.elapsed() < PATIENCE {
            match self.attempt(key, refused, &owner).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(error) => return away(&error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOKS[1]);
        }
        Outcome::Away
    }

    /// None while another instance is at it.
    async fn attempt(
        &self,
        key: Key,
        refused: Option<i64>,
        owner: &str,
    ) -> Result<Option<Outcome>, StoreError> {
        let Some(found) = self.find(key).await? else {
            return Ok(Some(Outcome::Ended));
        };
        let step = self.step(&found.session);
        let is_good = step == Step::Forward && refused != Some(found.version);
        if is_good {
            return Ok(Some(Outcome::Ready(Arc::new(found))));
        }
        let Some(token) = found.session.refresh_token.clone() else {
            return self.over(&found).await;
        };
        let now = self.clock.now();
        let lease = self
            .store
            .lease(&key, found.version, owner, now, now + LEASE);
        if !lease.await? {
            return Ok(None);
        }
        let answer = self.provider.refresh(&token, &found.session.sub).await;
        self.settle(found, answer, owner, refused.is_some()).await
    }

    /// Writes down what the provider has said.
    async fn settle(
        &self,
        found: Ready,
        answer: Result<(Tokens, Option<IdToken>), ProviderError>,
        owner: &str,
        was_refused: bool,
    ) -> Result<Option<Outcome>, StoreError> {
        let now = self.clock.now();
        match answer {
            Ok((tokens, id_token)) => {
                let session = with_tokens(&found.session, tokens, id_token, now);
                self.put(&found, session).await
            }
            // The refresh token has ended before the access token: that one serves to its end.
            Err(ProviderError::Refused) if !was_refused && now < found.session.access_until => {
                let mut session = (*found.session).clone();
                session.refresh_token = None;
                self.put(&found, session).await
            }
            Err(error @ (ProviderError::Away(_) | ProviderError::Clock(_))) => {
                tracing::warn!(%error, "an access token could not be renewed");
                self.store.release(&found.key, owner).await?;
                Ok(Some(Outcome::Away))
            }
            Err(error @ (ProviderError::Refused | ProviderError::Wrong(_))) => {
                tracing::info!(%error, "a session has ended");
                self.over(&found).await
            }
        }
    }

    /// Ends what was judged; none where it is another one by now, which is judged anew.
    async fn over(&self, found: &Ready) -> Result<Option<Outcome>, StoreError> {
        let ended = self.store.end_version(&found.key, found.version).await?;
        Ok(ended.then_some(Outcome::Ended))
    }

    /// In the place of the one that was found. Where that is gone, as by a sign-out meanwhile, the tokens that have come for
    /// it are taken back.
    async fn put(
        &self,
        found: &Ready,
        session: BrowserSession,
    ) -> Result<Option<Outcome>, StoreError> {
        let sealed = self.seal(found.key, &session)?;
        let expires_at = self.expiry(&session);
        if self.replace(found, &sealed, expires_at).await? {
            return Ok(Some(Outcome::Ready(Arc::new(Ready {
                key: found.key,
                version: found.version + 1,
                session: Arc::new(session),
                expires_at,
            }))));
        }
        if self.find(found.key).await?.is_some() {
            // Somebody else has renewed it when the lease was over: the provider gave both the same tokens.
            return Ok(None);
        }
        if let Some(token) = &session.refresh_token {
            self.provider.revoke(token).await;
        }
        Ok(Some(Outcome::Ended))
    }

    /// The provider has rotated the token: what it gave must not get lost while the store fails for some seconds.
    /// Who waits for it hears 503 before.
    async fn replace(
        &self,
        found: &Ready,
        sealed: &str,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let put = || {
            let now = self.clock.now();
            self.store
                .replace(&found.key, found.version, sealed, expires_at, now)
        };
        let (begun, mut pause) = (Instant::now(), LOOKS[1]);
        while begun.elapsed() < KEEPS_TRYING {
            match put().await {
                Ok(done) => return Ok(done),
                Err(error) => tracing::warn!(%error, "a renewed session is written again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        put().await
    }

    async fn find(&self, key: Key) -> Result<Option<Ready>, StoreError> {
        let now = self.clock.now();
        let Some(row) = self.store.find(&key, now).await? else {
            return Ok(None);
        };
        let Some(session) = self.opened.open(&self.keys, key, &row) else {
            tracing::error!(
                "a session does not open: it was changed, or sealed with a key that is not here"
            );
            return Ok(None);
        };
        if session.ends_at <= now {
            return Ok(None);
        }
        Ok(Some(Ready {
            key,
            version: row.version,
            session,
            expires_at: row.expires_at,
        }))
    }

    /// # Errors
    /// When the library fails.
    pub fn seal(&self, key: Key, session: &BrowserSession) -> Result<String, StoreError> {
        let sealed = self.keys.seal(Purpose::Session(key), session);
        sealed.map_err(StoreError::new)
    }

    fn step(&self, session: &BrowserSession) -> Step {
        let has_refresh_token = session.refresh_token.is_some();
        rule::next(session.access_until, has_refresh_token, self.clock.now())
    }

    /// Lets it live on, if it was not used for a while: not a write for each call.
    async fn used(&self, found: Ready) -> Outcome {
        let until = self.expiry(&found.session);
        // One that nobody had used yet ends early: it gets all of a life that is short, too.
        let is_last = until == found.session.ends_at && found.expires_at < until;
        if (is_last || until - found.expires_at > self.lifetimes.idle / 16)
            && let Err(error) = self.store.extend(&found.key, until, self.clock.now()).await
        {
            return away(&error);
        }
        Outcome::Ready(Arc::new(found))
    }

    /// When it ends, if nobody uses it from now on. One that was to be kept is kept, used or not.
    pub fn expiry(&self, session: &BrowserSession) -> Timestamp {
        if session.remember {
            return session.ends_at;
        }
        session.ends_at.min(self.clock.now() + self.lifetimes.idle)
    }
}

fn with_tokens(
    before: &BrowserSession,
    tokens: Tokens,
    id_token: Option<IdToken>,
    now: Timestamp,
) -> BrowserSession {
    let mut session = before.clone();
    session.access_until = now + tokens.lasts();
    session.access_token = tokens.access_token;
    session.renewed_at = now;
    // RFC 6749 6: without a new one, the old one goes on.
    session.refresh_token = tokens.refresh_token.or(session.refresh_token);
    if let (Some(id_token), Some(text)) = (id_token, tokens.id_token) {
        session.claims.extend(of_user(&id_token.claims));
        session.id_token = text;
    }
    session
}

fn away(error: &StoreError) -> Outcome {
    tracing::error!(%error, "no session can be found or kept");
    Outcome::Away
}
