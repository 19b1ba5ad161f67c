//! The task that hears of changes: it asks for the names of all lists, and the issuer answers when one has changed.

use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

use http::HeaderMap;
use serde::Deserialize;
use tokio::sync::watch;

use super::Shared;
use crate::{
    discovery::Advert,
    http::{Client, FetchError, Fetched},
};

/// How long the issuer may wait before it answers, in seconds.
const WAIT: u64 = 25;

/// The shortest time between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// The time until the next question where the issuer does not wait, and lists are fetched by time.
const UNTIL_NEXT: Duration = Duration::from_secs(30);

/// The bounds of the time until the next question after one that failed.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The names of all lists (draft 9.3): only that there are some is of interest.
#[derive(Deserialize)]
struct Aggregation {
    #[serde(rename = "status_lists")]
    _lists: Vec<String>,
}

/// What came of one question.
struct Heard {
    etag: Option<String>,
    is_change: bool,
    /// Whether the issuer answers as soon as something changes.
    waits: bool,
}

/// Listens for as long as anybody verifies.
pub async fn listen(shared: Weak<Shared>, mut advert: watch::Receiver<Advert>) {
    let Some(mut count) = shared.upgrade().map(|shared| shared.count.subscribe()) else {
        return;
    };
    let (mut etag, mut failures) = (None, 0_u32);
    loop {
        let address = advert.borrow_and_update().address.clone();
        let Some(http) = shared.upgrade().map(|shared| shared.http.clone()) else {
            return;
        };
        let heard = tokio::select! {
            heard = question(&http, &mut count, address.as_deref(), etag.as_deref()) => heard,
            changed = advert.changed() => match changed {
                Ok(()) => {
                    etag = None;
                    continue;
                }
                // Nobody is left.
                Err(_) => return,
            }
        };
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let pause = match heard {
            Ok(heard) => {
                failures = 0;
                strong.hear(&heard, etag.is_some());
                etag = heard.etag;
                if heard.waits || etag.is_some() && heard.is_change {
                    PAUSE
                } else {
                    UNTIL_NEXT
                }
            }
            Err(error) => {
                etag = None;
                failures += 1;
                strong.hear_nothing(&error, failures);
                retry_after(failures)
            }
        };
        drop(strong);
        tokio::time::sleep(pause).await;
    }
}

/// Without an address there is nothing to ask, until another advert comes; and while no token names a list, nobody needs to
/// hear of any.
async fn question(
    http: &Client,
    count: &mut watch::Receiver<usize>,
    address: Option<&str>,
    etag: Option<&str>,
) -> Result<Heard, FetchError> {
    let is_needed = count.wait_for(|count| *count > 0).await.is_ok();
    let Some(address) = address.filter(|_| is_needed) else {
        return std::future::pending().await;
    };
    match http.next(address, etag, WAIT).await? {
        Fetched::Same { headers } => Ok(Heard {
            etag: etag.map(str::to_owned),
            is_change: false,
            waits: has_waited(&headers),
        }),
        Fetched::Document { body, headers } => {
            serde_json::from_slice::<Aggregation>(&body)
                .map_err(|_| FetchError::new(format!("{address}: this is no list of lists")))?;
            let tag = headers
                .get(http::header::ETAG)
                .and_then(|tag| tag.to_str().ok());
            Ok(Heard {
                etag: tag.map(str::to_owned),
                is_change: true,
                waits: has_waited(&headers),
            })
        }
        Fetched::Absent => Err(FetchError::new(format!("{address}: the answer is 404"))),
    }
}

/// RFC 7240 3.
fn has_waited(headers: &HeaderMap) -> bool {
    let applied = headers.get_all("preference-applied");
    applied
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().split('=').next() == Some("wait"))
}

fn retry_after(failures: u32) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_RETRY)
}

impl Shared {
    fn hear(&self, heard: &Heard, knew: bool) {
        // Of the first answer nobody knows whether the issuer waits: the next one tells.
        let was_pushed = if heard.waits || knew && !heard.is_change {
            self.is_pushed.swap(heard.waits, Ordering::AcqRel)
        } else {
            self.is_pushed.load(Ordering::Acquire)
        };
        let is_pushed = self.is_pushed.load(Ordering::Acquire);
        if was_pushed != is_pushed {
            tracing::info!(
                is_pushed,
                "whether changes of status lists are pushed has changed"
            );
        }
        // Who is not told any more goes by time from now on, and begins at once.
        if heard.is_change || was_pushed && !is_pushed {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    fn hear_nothing(&self, error: &FetchError, failures: u32) {
        if failures == 1 {
            tracing::warn!(%error, "changes of status lists are not heard of; they are fetched by time");
        }
        if self.is_pushed.swap(false, Ordering::AcqRel) {
            self.changes.send_modify(|count| *count += 1);
        }
        // It may publish none any more, or somewhere else.
        self.keys.look_again();
    }
}
