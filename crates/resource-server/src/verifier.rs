//! Verifies access tokens: one function, in the order of RFC 9068 4.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use latchkey_protocol::{Clock, Timestamp};
use serde_json::Value;

use crate::{
    AccessToken, Builder, Challenge, Health, Refusal, Rejection, Rule,
    cache::{SeenToken, SeenTokens},
    claims::Unverified,
    compact,
    introspection::Asker,
    keys::Keys,
    log::Log,
    metadata::Metadata,
    rules::Rules,
    status::{Access, Lists, Standing},
};

/// Verifies the access tokens of one issuer, for one API. Cheap to clone: all clones share keys and remembered tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    keys: Keys,
    lists: Lists,
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
        (keys, lists): (Keys, Lists),
        asker: Option<Asker>,
        tokens_seen: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let metadata = Metadata::of(&rules.audience, &rules.issuer);
        Self(Arc::new(Inner {
            rules,
            keys,
            lists,
            asker,
            seen: SeenTokens::new(tokens_seen),
            clock,
            log: Log::default(),
            metadata,
            publishes_metadata: AtomicBool::new(false),
        }))
    }

    /// Verifies a token: signature, type, algorithm, issuer, audience and times, and that it was not revoked since, where
    /// the issuer publishes status lists. What its bearer may do is for a [`Rule`] to say. A rejection is logged.
    ///
    /// # Errors
    /// [`Rejection::Refused`] for a token that is no good, [`Rejection::Unavailable`] where nobody can tell.
    pub async fn verify(&self, token: &str) -> Result<Arc<AccessToken>, Rejection> {
        self.verify_for(token, Access::Change).await
    }

    /// As [`Verifier::verify`], for a request that changes nothing: while the status list is stale,
    /// [`WhenStale::AllowReads`](crate::WhenStale::AllowReads) lets it pass.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify_read(&self, token: &str) -> Result<Arc<AccessToken>, Rejection> {
        self.verify_for(token, Access::Read).await
    }

    pub(crate) async fn verify_for(
        &self,
        token: &str,
        access: Access,
    ) -> Result<Arc<AccessToken>, Rejection> {
        if let Some(seen) = self.verify_seen(token) {
            return Ok(seen);
        }
        let judged = self.judge(token, access).await;
        if let Err(rejection) = &judged {
            self.0.log.rejected(rejection, token);
        }
        judged
    }

    /// As [`Verifier::verify`], without waiting, for a token that was verified before and still counts. None says nothing
    /// of the token: ask [`Verifier::verify`].
    pub fn verify_seen(&self, token: &str) -> Option<Arc<AccessToken>> {
        let now = self.now();
        let Some(asker) = &self.0.asker else {
            return self.good(token, now);
        };
        if self.is_proven_by_keys(token) {
            let counts = !asker.asks_of_each() || asker.active(token, now).is_some();
            return self.good(token, now).filter(|_| counts);
        }
        let active = asker.active(token, now)?;
        active.filter(|claims| self.0.rules.check_claims(claims, now).is_ok())
    }

    /// A proven token that was not revoked, as far as is known without waiting.
    fn good(&self, token: &str, now: Timestamp) -> Option<Arc<AccessToken>> {
        let seen = self.proven(token, now)?;
        let is_good = self.0.lists.is_good(seen.standing.as_ref(), now);
        is_good.then(|| seen.claims.clone())
    }

    /// A token whose signature was verified by keys that still count, and that has not ended.
    fn proven(&self, token: &str, now: Timestamp) -> Option<Arc<SeenToken>> {
        let seen = self.0.seen.find(token)?;
        let counts = self.0.keys.still_prove(seen.generation)
            && self.0.rules.check_expiry(&seen.claims, now).is_ok()
            && seen.standing.as_ref().is_none_or(Standing::is_followed);
        if !counts {
            self.0.seen.forget(token);
            return None;
        }
        Some(seen)
    }

    /// Whether keys prove a token of this shape: not where the issuer has none.
    fn is_proven_by_keys(&self, token: &str) -> bool {
        compact::is_jws(token) && !self.0.keys.are_none()
    }

    /// Shape decides who judges: a token that could not be verified is not asked about.
    async fn judge(&self, token: &str, access: Access) -> Result<Arc<AccessToken>, Rejection> {
        let Some(asker) = &self.0.asker else {
            return self.prove(token, access).await;
        };
        if !self.is_proven_by_keys(token) {
            if !asker.asks_of_opaque() {
                return Err(Refusal::Malformed.into());
            }
            let active = asker.ask(token, false, || self.now()).await?;
            let claims = active.ok_or(Refusal::Malformed)?;
            self.0.rules.check_claims(&claims, self.now())?;
            return Ok(claims);
        }
        let claims = self.prove(token, access).await?;
        if asker.asks_of_each() {
            asker.ask(token, true, || self.now()).await?;
        }
        Ok(claims)
    }

    async fn prove(&self, token: &str, access: Access) -> Result<Arc<AccessToken>, Rejection> {
        let proven = match self.proven(token, self.now()) {
            Some(seen) => seen,
            None => self.prove_anew(token).await?,
        };
        // 14: the status. A list may have been waited for, and the token have ended meanwhile.
        let standing = proven.standing.as_ref();
        self.0.lists.check(standing, access).await?;
        self.0.rules.check_expiry(&proven.claims, self.now())?;
        Ok(proven.claims.clone())
    }

    async fn prove_anew(&self, token: &str) -> Result<Arc<SeenToken>, Rejection> {
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
        let standing = self.0.lists.standing(&claims)?;
        let seen = SeenToken::new(token, claims, generation, standing);
        self.0.seen.insert(&seen);
        Ok(seen)
    }

    /// The claims of another token that the issuer has signed, such as an ID token or a logout token: of one of these types,
    /// with an algorithm of the allow-list, by a published key. What they claim, times and audience included, is the
    /// caller's to check. A rejection is not logged.
    ///
    /// # Errors
    /// [`Rejection::Refused`], [`Rejection::Unavailable`].
    pub async fn signed_claims(&self, token: &str, types: &[&str]) -> Result<Value, Rejection> {
        let compact = compact::parse(token)?;
        let header = &compact.unverified_header;
        // RFC 8725 3.11: a token of another kind has a good signature too.
        let typ = header.typ.as_deref().unwrap_or_default();
        if !types.iter().any(|known| known.eq_ignore_ascii_case(typ)) {
            return Err(Refusal::Type.into());
        }
        let (kid, algorithm) = self.0.rules.check_key(header)?;
        self.0.keys.verify(&compact, kid, algorithm).await?;
        let claims = compact.unverified_claims();
        Ok(claims.map_err(|_| Refusal::Malformed)?)
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

    /// How it stands with the issuer's keys and status lists: for `/readyz`, and for alarms.
    pub fn health(&self) -> Health {
        Health {
            lists: self.0.lists.health(),
            ..self.0.keys.health()
        }
    }

    /// The API's own metadata (RFC 9728 2) and the path where it is to be served. From now on refusals name its address.
    /// None where the audience is no address.
    pub fn publish_metadata(&self) -> Option<(&str, &Value)> {
        let metadata = self.0.metadata.as_ref()?;
        self.0.publishes_metadata.store(true, Ordering::Relaxed);
        Some((&metadata.path, &metadata.document))
    }

    /// Of a request whose headers bring no token.
    #[cfg(any(feature = "actix", feature = "tower"))]
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
