//! Verifies access tokens: one function, in the order of RFC 9068 4.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use latchkey_protocol::{Clock, Timestamp};
use serde_json::Value;

use crate::{
    AccessToken, Builder, Challenge, Health, Refusal, Rejection, Rule, cache::SeenTokens,
    claims::Unverified, compact, introspection::Asker, keys::Keys, log::Log, metadata::Metadata,
    rules::Rules,
};

/// Verifies the access tokens of one issuer, for one API. Cheap to clone: all clones share keys and remembered tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    keys: Keys,
    asker: Option<Asker>,
    seen: SeenTokens,
    clock: Arc<dyn Clock>,
    log: Log,
    metadata: Option<Metadata>,
    publishes_metadata: AtomicBool,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.0.rules.issuer)
            .field("audience", &self.0.rules.audience)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// For the API that `issuer` calls `audience`, which is usually the API's address.
    ///
    /// ```no_run
    /// # use latchkey_resource_server::{StartError, Verifier};
    /// # async fn start() -> Result<(), StartError> {
    /// let api = Verifier::for_api("https://id.example.org", "https://api.example.org").start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_api(issuer: &str, audience: &str) -> Builder {
        Builder::new(issuer, audience)
    }

    pub(crate) fn new(
        rules: Rules,
        keys: Keys,
        asker: Option<Asker>,
        tokens_seen: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let metadata = Metadata::of(&rules.audience, &rules.issuer);
        Self(Arc::new(Inner {
            rules,
            keys,
            asker,
            seen: SeenTokens::new(tokens_seen),
            clock,
            log: Log::default(),
            metadata,
            publishes_metadata: AtomicBool::new(false),
        }))
    }

    /// Verifies a token: signature, type, algorithm, issuer, audience and times. What its bearer may do is for a [`Rule`]
    /// to say. A rejection is logged.
    ///
    /// # Errors
    /// [`Rejection::Refused`] for a token that is no good, [`Rejection::Unavailable`] where nobody can tell.
    pub async fn verify(&self, token: &str) -> Result<Arc<AccessToken>, Rejection> {
        if let Some(seen) = self.verify_seen(token) {
            return Ok(seen);
        }
        let judged = self.judge(token).await;
        if let Err(rejection) = &judged {
            self.0.log.rejected(rejection, token);
        }
        judged
    }

    /// As [`Verifier::verify`], without waiting, for a token that was verified before and still counts. None says nothing
    /// of the token: ask [`Verifier::verify`].
    pub fn verify_seen(&self, token: &str) -> Option<Arc<AccessToken>> {
        let Some(asker) = &self.0.asker else {
            return self.proven(token);
        };
        let now = self.now();
        if compact::is_jws(token) {
            let counts = !asker.asks_of_each() || asker.active(token, now).is_some();
            return self.proven(token).filter(|_| counts);
        }
        let active = asker.active(token, now)?;
        active.filter(|claims| self.0.rules.check_claims(claims, now).is_ok())
    }

    /// A token whose signature was verified by keys that still count, and that has not ended.
    fn proven(&self, token: &str) -> Option<Arc<AccessToken>> {
        let seen = self.0.seen.find(token)?;
        let counts = self.0.keys.still_prove(seen.generation)
            && self.0.rules.check_expiry(&seen.claims, self.now()).is_ok();
        if !counts {
            self.0.seen.forget(token);
            return None;
        }
        Some(seen.claims.clone())
    }

    /// Shape decides who judges: a token that could not be verified is not asked about.
    async fn judge(&self, token: &str) -> Result<Arc<AccessToken>, Rejection> {
        let Some(asker) = &self.0.asker else {
            return self.prove(token).await;
        };
        if !compact::is_jws(token) {
            if !asker.asks_of_opaque() {
                return Err(Refusal::Malformed.into());
            }
            let active = asker.ask(token, || self.now()).await?;
            let claims = active.ok_or(Refusal::Malformed)?;
            self.0.rules.check_claims(&claims, self.now())?;
            return Ok(claims);
        }
        let claims = match self.proven(token) {
            Some(claims) => claims,
            None => self.prove(token).await?,
        };
        if asker.asks_of_each() {
            asker.ask(token, || self.now()).await?;
        }
        Ok(claims)
    }

    async fn prove(&self, token: &str) -> Result<Arc<AccessToken>, Rejection> {
        // Steps 1 to 3: length, shape, a header without `crit`.
        let compact = compact::parse(token)?;
        // 4 to 6: `typ`, `alg` from the allow-list, `kid`.
        let (kid, algorithm) = self.0.rules.check_header(&compact.unverified_header)?;
        // 7 and 8: a published key of that algorithm, and its signature.
        let generation = self.0.keys.verify(&compact, kid, algorithm).await?;
        // 9 to 13: `iss`, `aud`, `exp`, `nbf` and `iat`, `cnf`. Keys may have been waited for: the time is read now.
        let Unverified(claims) = compact
            .unverified_claims()
            .map_err(|_| Refusal::Malformed)?;
        self.0.rules.check_claims(&claims, self.now())?;
        let claims = Arc::new(claims);
        self.0.seen.insert(token, &claims, generation);
        Ok(claims)
    }

    /// Whether `rule` lets the bearer of this token pass. A refusal is logged.
    ///
    /// # Errors
    /// [`Rejection::Refused`].
    pub fn check(&self, rule: &Rule, caller: &AccessToken) -> Result<(), Rejection> {
        rule.check(caller, self.now()).map_err(|refusal| {
            self.0.log.forbidden(&refusal, caller);
            refusal.into()
        })
    }

    /// What the caller hears of a rejection.
    pub fn challenge(&self, rejection: &Rejection) -> Challenge {
        let is_published = self.0.publishes_metadata.load(Ordering::Relaxed);
        let metadata = self.0.metadata.as_ref().filter(|_| is_published);
        Challenge::of(rejection, metadata.map(|metadata| &*metadata.address))
    }

    /// How it stands with the issuer's keys: for `/readyz`, and for alarms.
    pub fn health(&self) -> Health {
        self.0.keys.health()
    }

    /// The API's own metadata (RFC 9728 2) and the path where it is to be served. From now on refusals name its address.
    /// None where the audience is no address.
    pub fn publish_metadata(&self) -> Option<(&str, &Value)> {
        let metadata = self.0.metadata.as_ref()?;
        self.0.publishes_metadata.store(true, Ordering::Relaxed);
        Some((&metadata.path, &metadata.document))
    }

    /// Of a request whose headers bring no token.
    pub(crate) fn note_malformed(&self, refusal: &Refusal) {
        self.0.log.malformed(refusal);
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
