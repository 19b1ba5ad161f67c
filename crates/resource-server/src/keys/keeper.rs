//! The one task that fetches keys: by itself before they are old, and when somebody asks for a key that is not known.

use std::{
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use latchkey_jose::Jwk;
use tokio::sync::Notify;

use super::{AFTER_FAILURE, Round, Shared, set, set::KeySet};
use crate::{
    discovery,
    http::{Client, FetchError, Fetched},
};

/// The bounds of what the issuer says of the time until the next fetch. Most say seconds, which is more often than keys change.
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(3600);

/// The longest time until the next attempt while the issuer is away.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Where keys come from.
pub struct Source {
    http: Client,
    issuer: String,
    /// Named by the owner: then no metadata is asked for.
    fixed: Option<String>,
    found: Option<(String, Instant)>,
    etag: Option<String>,
}

/// What one fetch brought.
struct Brought {
    /// None: the same as before.
    keys: Option<Vec<Jwk>>,
    max_age: Option<Duration>,
}

/// Fetches for as long as anybody verifies by the keys.
pub async fn keep(shared: Weak<Shared>, mut source: Source) {
    let Some(asked) = shared.upgrade().map(|shared| shared.asked.clone()) else {
        return;
    };
    let mut failures = 0;
    loop {
        let brought = source.fetch().await;
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let next = match brought.and_then(|brought| strong.take(brought)) {
            Ok(max_age) => {
                if failures > 0 {
                    tracing::info!(failures, "the keys of the issuer could be fetched again");
                }
                failures = 0;
                max_age
            }
            Err(error) => {
                source.forget();
                if failures == 0 {
                    tracing::warn!(%error, "the keys of the issuer cannot be fetched; those that are known go on for a while");
                }
                failures += 1;
                retry_after(failures)
            }
        };
        let pause = strong.end_round(failures > 0);
        drop(strong);
        let earliest = Instant::now() + pause.min(LATEST);
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = somebody_asks(&asked, earliest, &shared) => {}
        }
    }
}

/// Not sooner than `earliest`, except that nobody is left.
async fn somebody_asks(asked: &Notify, earliest: Instant, shared: &Weak<Shared>) {
    loop {
        asked.notified().await;
        if Instant::now() >= earliest || shared.strong_count() == 0 {
            return;
        }
    }
}

fn retry_after(failures: u32) -> Duration {
    let doubled = AFTER_FAILURE.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_RETRY)
}

impl Shared {
    /// Takes what was fetched, and says when to fetch again. A set without any usable key replaces none.
    fn take(&self, brought: Brought) -> Result<Duration, FetchError> {
        let known = self.set();
        match brought.keys {
            None => {}
            Some(keys) if known.is_of(&keys) => {}
            Some(keys) => {
                let set = KeySet::new(keys, known.generation + 1);
                if set.is_empty() {
                    return Err(FetchError::new("the key set has no key that can be used"));
                }
                let generation = set.generation;
                *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                self.generation.store(generation, Ordering::Release);
            }
        }
        let now = self.clock.now().as_seconds();
        self.fetched_at.store(now, Ordering::Release);
        let said = brought.max_age.unwrap_or(LATEST).clamp(SOONEST, LATEST);
        Ok(self.pace.every.unwrap_or(said))
    }

    /// Wakes all who wait, and says how long no other fetch is made for them.
    fn end_round(&self, failed: bool) -> Duration {
        let round = Round {
            ended: Some(Instant::now()),
            failed,
        };
        self.rounds.send_replace(round);
        round.pause(self.pace.pause)
    }
}

impl Source {
    pub fn new(http: Client, issuer: String, fixed: Option<String>) -> Self {
        Self {
            http,
            issuer,
            fixed,
            found: None,
            etag: None,
        }
    }

    async fn fetch(&mut self) -> Result<Brought, FetchError> {
        let address = self.address().await?;
        let etag = self.etag.as_deref();
        match self.http.get(&address, etag).await? {
            Fetched::Same { headers } => Ok(Brought {
                keys: None,
                max_age: max_age(&headers),
            }),
            Fetched::Document { body, headers } => {
                let named = |why| FetchError::new(format!("{address}: {why}"));
                let keys = set::read(&body).map_err(named)?;
                self.etag = text(&headers, &header::ETAG).map(str::to_owned);
                Ok(Brought {
                    keys: Some(keys),
                    max_age: max_age(&headers),
                })
            }
            Fetched::Absent => Err(FetchError::new(format!("{address}: the answer is 404"))),
        }
    }

    /// The metadata is read again each hour, and after whatever went wrong.
    async fn address(&mut self) -> Result<String, FetchError> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        if let Some((address, at)) = &self.found
            && at.elapsed() < LATEST
        {
            return Ok(address.clone());
        }
        let found = discovery::metadata(&self.http, &self.issuer).await?;
        let found = found.jwks_uri(&self.issuer)?;
        self.etag = None;
        self.found = Some((found.clone(), Instant::now()));
        Ok(found)
    }

    /// The next attempt begins with nothing in hand.
    fn forget(&mut self) {
        self.found = None;
        self.etag = None;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 9111 5.2.2.1.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut directives = text(headers, &header::CACHE_CONTROL)?.split(',');
    let seconds = directives.find_map(|one| one.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}
