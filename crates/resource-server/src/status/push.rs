//! The task that hears of changes: it asks for the names of all lists, and the issuer answers when one has changed.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use serde::Deserialize;
use tokio::sync::watch;

use super::{Shared, sooner};
use crate::{
    discovery::Advert,
    http::{Client, FetchError, Fetched},
};

/// How long the issuer may wait before it answers, in seconds.
const WAIT: u64 = 25;

/// Whoever answers sooner, and has no news, has not waited, whatever it says.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// The shortest time between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// The time until the next question where the issuer does not wait, and lists are fetched by time.
const UNTIL_NEXT: Duration = Duration::from_secs(30);

/// The bounds of the time until the next question after one that failed.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// After so many failures the address may be another one, and so many seconds later again.
const DOUBTFUL: u32 = 5;
const DOUBTS_EVERY: Duration = Duration::from_secs(60);

/// The names of all lists (draft 9.3): only that there are some is of interest.
#[derive(Deserialize)]
struct Aggregation {
    #[serde(rename = "status_lists")]
    _lists: Vec<String>,
}

/// The answer before: what differs from it is news.
#[derive(Default)]
struct Listener {
    hasher: RandomState,
    known: Option<Known>,
    failures: u32,
    doubted: Option<Instant>,
}

struct Known {
    etag: Option<String>,
    digest: u64,
}

/// What came of one question.
struct Heard {
    is_news: bool,
    /// Whether the issuer answers as soon as something changes.
    waits: bool,
}

/// Why nothing came.
struct Silence {
    error: FetchError,
    /// There is no such address.
    is_absent: bool,
}

impl From<FetchError> for Silence {
    fn from(error: FetchError) -> Self {
        Self {
            error,
            is_absent: false,
        }
    }
}

/// Listens for as long as anybody verifies.
pub async fn listen(shared: Weak<Shared>, mut advert: watch::Receiver<Advert>) {
    let Some(mut count) = shared.upgrade().map(|shared| shared.count.subscribe()) else {
        return;
    };
    let mut listener = Listener::default();
    loop {
        let address = advert.borrow_and_update().address.clone();
        let Some(http) = shared.upgrade().map(|shared| shared.http.clone()) else {
            return;
        };
        let heard = tokio::select! {
            heard = listener.ask(&http, &mut count, address.as_deref()) => Some(heard),
            // An error: nobody is left.
            changed = advert.changed() => match changed {
                Ok(()) => None,
                Err(_) => return,
            },
        };
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let pause = match heard {
            Some(Ok(heard)) => {
                listener.failures = 0;
                strong.hear(&heard);
                if heard.waits { PAUSE } else { UNTIL_NEXT }
            }
            Some(Err(silence)) => listener.miss(&strong, &silence),
            None => {
                listener.known = None;
                strong.hear_no_more();
                PAUSE
            }
        };
        drop(strong);
        tokio::time::sleep(pause).await;
    }
}

impl Listener {
    /// Without an address there is nothing to ask, until another advert comes; and while no token names a list, nobody needs
    /// to hear of any.
    async fn ask(
        &mut self,
        http: &Client,
        count: &mut watch::Receiver<usize>,
        address: Option<&str>,
    ) -> Result<Heard, Silence> {
        let is_needed = count.wait_for(|count| *count > 0).await.is_ok();
        let Some(address) = address.filter(|_| is_needed) else {
            return std::future::pending().await;
        };
        let known = self.known.as_ref();
        let etag = known.and_then(|known| known.etag.as_deref());
        let asked = Instant::now();
        let (headers, is_news) = match http.next(address, etag, WAIT).await? {
            Fetched::Same { headers } => (headers, false),
            Fetched::Document { body, headers } => {
                serde_json::from_slice::<Aggregation>(&body)
                    .map_err(|_| FetchError::new(format!("{address}: this is no list of lists")))?;
                let is_news = self.note(&body, &headers);
                (headers, is_news)
            }
            Fetched::Absent => {
                return Err(Silence {
                    error: FetchError::new(format!("{address}: the answer is 404")),
                    is_absent: true,
                });
            }
        };
        // Without a tag nobody can wait for another one.
        let has_tag = self
            .known
            .as_ref()
            .is_some_and(|known| known.etag.is_some());
        let has_waited = is_news || asked.elapsed() >= LEAST_WAIT;
        Ok(Heard {
            is_news,
            waits: says_that_it_waits(&headers) && has_tag && has_waited,
        })
    }

    /// Whether it is another answer than the one before.
    fn note(&mut self, body: &[u8], headers: &HeaderMap) -> bool {
        let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let now = Known {
            etag: tag.map(str::to_owned),
            digest: self.hasher.hash_one(body),
        };
        let is_news = self.known.as_ref().is_none_or(|known| {
            let is_same = match (&known.etag, &now.etag) {
                (Some(one), Some(other)) => one == other,
                _ => known.digest == now.digest,
            };
            !is_same
        });
        self.known = Some(now);
        is_news
    }

    fn miss(&mut self, shared: &Shared, silence: &Silence) -> Duration {
        self.known = None;
        self.failures += 1;
        if self.failures == 1 {
            let error = &silence.error;
            tracing::warn!(%error, "changes of status lists are not heard of; they are fetched by time");
        }
        shared.hear_no_more();
        // The issuer may publish none any more, or somewhere else: that is looked for, and not at each failure.
        let is_due = self.doubted.is_none_or(|at| at.elapsed() >= DOUBTS_EVERY);
        if is_due && (silence.is_absent || self.failures >= DOUBTFUL) {
            self.doubted = Some(Instant::now());
            shared.keys.look_again();
        }
        let doubled = FIRST_RETRY.saturating_mul(1 << (self.failures - 1).min(10));
        sooner(doubled.min(LONGEST_RETRY), 50)
    }
}

/// RFC 7240 3.
fn says_that_it_waits(headers: &HeaderMap) -> bool {
    let applied = headers.get_all("preference-applied");
    applied
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().split('=').next() == Some("wait"))
}

impl Shared {
    fn hear(&self, heard: &Heard) {
        let was_pushed = self.is_pushed.swap(heard.waits, Ordering::AcqRel);
        if was_pushed != heard.waits {
            let are_pushed = heard.waits;
            tracing::info!(are_pushed, "whether changes of status lists are told");
        }
        // Who is not told any more goes by time from now on, and begins at once.
        if heard.is_news || was_pushed && !heard.waits {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    fn hear_no_more(&self) {
        if self.is_pushed.swap(false, Ordering::AcqRel) {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}
