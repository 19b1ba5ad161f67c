//! The one task that fetches keys: by itself before they are old, and when somebody asks for a key that is not known.

use std::{
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use latchkey_jose::Jwk;
use tokio::sync::{Notify, watch};

use super::{AFTER_FAILURE, Round, Shared, set, set::KeySet};
use crate::{
    discovery::{Advert, Endpoint, Metadata, Published},
    http::{Client, FetchError, Fetched},
};

/// The bounds of what the issuer says of the time until the next fetch. Most say seconds, which is more often than keys change.
const SOONEST: Duration = Duration::from_secs(60);
/// Where it says nothing.
const USUAL: Duration = Duration::from_secs(300);
const LATEST: Duration = Duration::from_secs(3600);

const NONE_USABLE: &str = "the key set has no key that can be used";

/// The longest time until the next attempt while the issuer is away.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Where keys come from.
pub struct Source {
    http: Client,
    endpoint: Endpoint<Published>,
    etag: Option<String>,
    lists: watch::Sender<Advert>,
    /// Whether the owner said what `lists` says.
    lists_are_named: bool,
    /// Whether the owner said where the issuer is asked about tokens.
    is_asked_elsewhere: bool,
}

/// What one fetch brought.
struct Brought {
    /// None: the same as before. An error: there are none, and how it says so.
    keys: Result<Option<Vec<Jwk>>, &'static str>,
    /// Whether the issuer can be asked instead.
    can_be_asked: bool,
    max_age: Option<Duration>,
}

/// Fetches for as long as anybody verifies by the keys.
pub async fn keep(shared: Weak<Shared>, mut source: Source) {
    let Some(asked) = shared.upgrade().map(|shared| shared.asked.clone()) else {
        return;
    };
    let mut failures = 0;
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        if strong.looks_again.swap(false, Ordering::AcqRel) {
            source.forget();
        }
        drop(strong);
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
                let mut failure = strong
                    .failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *failure = Some(error.to_string());
                drop(failure);
                if failures == 0 {
                    tracing::warn!(%error, "the keys of the issuer cannot be fetched; those that are known go on for a while");
                }
                failures += 1;
                retry_after(failures)
            }
        };
        let earliest = strong.end_round(failures > 0);
        drop(strong);
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
            Err(why) => return self.take_none(why, brought.can_be_asked),
            Ok(None) if known.is_empty() => {
                return self.take_none(NONE_USABLE, brought.can_be_asked);
            }
            Ok(None) => {}
            Ok(Some(keys)) if !known.is_empty() && known.is_of(&keys) => {}
            Ok(Some(keys)) => {
                let set = KeySet::new(keys, known.generation + 1);
                if set.is_empty() {
                    return self.take_none(NONE_USABLE, brought.can_be_asked);
                }
                let generation = set.generation;
                *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                self.generation.store(generation, Ordering::Release);
                self.has_none.store(false, Ordering::Release);
            }
        }
        let now = self.clock.now().as_seconds();
        self.fetched_at.store(now, Ordering::Release);
        let said = brought.max_age.unwrap_or(USUAL).clamp(SOONEST, LATEST);
        // Twice before they are too old to be used.
        let stale_for = Duration::from_secs(self.pace.stale_for.unsigned_abs());
        Ok(self.pace.every.unwrap_or(said).min(stale_for / 2))
    }

    /// The issuer publishes no keys. Where it can be asked about each token that is enough, unless it had some: then it is a
    /// fault of the issuer's.
    fn take_none(&self, why: &str, can_be_asked: bool) -> Result<Duration, FetchError> {
        let nowhere = match can_be_asked || !self.may_lack {
            true => "",
            false => ", and no introspection endpoint either",
        };
        if !self.may_lack || !can_be_asked || !self.set().is_empty() {
            let why = format!("the issuer has no keys: {why}{nowhere}");
            return Err(FetchError::new(why));
        }
        if !self.has_none.swap(true, Ordering::AcqRel) {
            tracing::info!(why, "the issuer has no keys, and is asked about each token");
        }
        Ok(self.pace.every.unwrap_or(USUAL))
    }

    /// Wakes all who wait, and says until when no other fetch is made for them.
    fn end_round(&self, failed: bool) -> Instant {
        let ended = Instant::now();
        let round = Round {
            ended: Some(ended),
            failed,
        };
        self.rounds.send_replace(round);
        ended + round.pause(self.pace.pause).min(LATEST)
    }
}

impl Source {
    /// `fixed`: where the owner says that they are.
    pub fn new(http: Client, issuer: String, fixed: Option<String>) -> Self {
        let fixed = fixed.map(|jwks_uri| Published {
            jwks_uri: Some(jwks_uri),
            can_be_asked: true,
            lists: Advert::default(),
        });
        Self {
            http,
            endpoint: Endpoint::new(issuer, fixed, Metadata::published),
            etag: None,
            lists: watch::Sender::default(),
            lists_are_named: false,
            is_asked_elsewhere: false,
        }
    }

    /// The owner said where the issuer is asked about tokens.
    pub fn asked_elsewhere(&mut self, is_so: bool) {
        self.is_asked_elsewhere = is_so;
    }

    /// What is known of the issuer's status lists, now and later. `named`: where the owner says that they are.
    pub fn lists(&mut self, named: Option<String>) -> watch::Receiver<Advert> {
        self.lists_are_named = named.is_some();
        self.lists.send_replace(Advert {
            is_there: named.is_some(),
            address: named,
        });
        self.lists.subscribe()
    }

    fn tell_of_lists(&self, found: Advert) {
        self.lists.send_if_modified(|known| {
            let is_news = !self.lists_are_named && *known != found;
            if is_news {
                *known = found;
            }
            is_news
        });
    }

    async fn fetch(&mut self) -> Result<Brought, FetchError> {
        let (published, is_new) = self.endpoint.address(&self.http).await?;
        if is_new {
            self.etag = None;
            self.tell_of_lists(published.lists);
        }
        let can_be_asked = self.is_asked_elsewhere || published.can_be_asked;
        let brought = |keys, max_age| Brought {
            keys,
            can_be_asked,
            max_age,
        };
        let Some(address) = published.jwks_uri else {
            return Ok(brought(Err("its metadata names none (jwks_uri)"), None));
        };
        let etag = self.etag.as_deref();
        match self.http.get(&address, etag).await? {
            Fetched::Same { headers } => Ok(brought(Ok(None), max_age(&headers))),
            Fetched::Document { body, headers } => {
                let named = |why| FetchError::new(format!("{address}: {why}"));
                let keys = set::read(&body).map_err(named)?;
                self.etag = text(&headers, &header::ETAG).map(str::to_owned);
                Ok(brought(Ok(Some(keys)), max_age(&headers)))
            }
            Fetched::Absent => Err(FetchError::new(format!("{address}: the answer is 404"))),
        }
    }

    /// The next attempt begins with nothing in hand.
    fn forget(&mut self) {
        self.endpoint.forget();
        self.etag = None;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 9111 5.2: names in whatever case, values perhaps quoted, in one line or several. What must not be kept is fetched again soon.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL);
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
    let directives = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let mut most = None;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            let seconds = value.trim_matches('"').parse().ok();
            most = seconds.map(Duration::from_secs);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_an_answer_counts_is_read_as_others_write_it() {
        let said = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CACHE_CONTROL, line.parse().unwrap());
            }
            max_age(&headers).map(|time| time.as_secs())
        };
        for (lines, expected) in [
            (&["public, max-age=15"][..], Some(15)),
            (&["Max-Age=60"], Some(60)),
            (&["max-age=\"60\""], Some(60)),
            (&["public", "max-age=60"], Some(60)),
            (&["no-store"], Some(0)),
            (&["max-age=3600, No-Cache"], Some(0)),
            (&["no-cache=\"Set-Cookie\", max-age=9"], Some(0)),
            (&["max-age=soon"], None),
            (&["s-maxage=9"], None),
            (&[], None),
        ] {
            assert_eq!(said(lines), expected, "{lines:?}");
        }
    }
}
