//! The task that keeps one list fresh: when the issuer says that something changed, when a request needs it, and by time.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use http::header;
use tokio::sync::watch;

use super::{
    Shared,
    list::Expected,
    slot::{Fresh, PAUSE, Slot},
    sooner,
};
use crate::http::{FetchError, Fetched};

/// A list that no token was looked up in for so long is not followed any more, in seconds.
const IDLE: i64 = 600;

/// The bounds of the time until the next fetch.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(3600);

/// The bounds of the time until the next attempt after one that failed.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The shortest time between two fetches that changes cause. After a change there is another one so long after the first:
/// that may have been answered by a node which had not heard of it.
const BETWEEN_CHANGES: Duration = Duration::from_millis(500);

/// What one list needs to be fetched again.
#[derive(Default)]
struct Progress {
    etag: Option<String>,
    /// How long the list that is known counts, and may be kept.
    life: Duration,
    ttl: Option<Duration>,
    failures: u32,
    /// How often in a row a list came that was older than the one that is known.
    older: u32,
}

/// Follows a list for as long as anybody verifies by it.
pub async fn follow(shared: Weak<Shared>, slot: Arc<Slot>) {
    let Some(mut changes) = shared.upgrade().map(|shared| shared.changes.subscribe()) else {
        return;
    };
    let mut progress = Progress::default();
    let mut again = false;
    loop {
        let began = Instant::now();
        let Some(next) = round(&shared, &slot, &mut progress).await else {
            return;
        };
        let next = if std::mem::take(&mut again) {
            next.min(BETWEEN_CHANGES)
        } else {
            next
        };
        again = wait(&slot, &mut changes, began, next).await == Woken::ByChange;
    }
}

#[derive(PartialEq, Eq)]
enum Woken {
    ByChange,
    Otherwise,
}

/// Until something is to be fetched, or nobody is left.
async fn wait(
    slot: &Slot,
    changes: &mut watch::Receiver<u64>,
    began: Instant,
    next: Duration,
) -> Woken {
    tokio::select! {
        () = tokio::time::sleep(next) => Woken::Otherwise,
        () = slot.asked() => {
            tokio::time::sleep(PAUSE.saturating_sub(began.elapsed())).await;
            Woken::Otherwise
        }
        _ = changes.changed() => {
            tokio::time::sleep(BETWEEN_CHANGES.saturating_sub(began.elapsed())).await;
            changes.borrow_and_update();
            Woken::ByChange
        }
    }
}

/// One attempt. Says when the next one is due; none when the list need not be followed any more.
async fn round(shared: &Weak<Shared>, slot: &Slot, progress: &mut Progress) -> Option<Duration> {
    let strong = shared.upgrade()?;
    if slot.is_gone() || strong.forget_if_idle(slot) {
        return None;
    }
    let (http, fetches) = (strong.http.clone(), strong.fetches.clone());
    // Without holding what nobody may need any more while the issuer answers.
    drop(strong);
    let _permit = fetches.acquire().await;
    let fetched = http.list(&slot.uri, progress.etag.as_deref()).await;
    let strong = shared.upgrade()?;
    let taken = match fetched {
        Ok(fetched) => strong.take(slot, progress, fetched).await,
        Err(error) => Err(error),
    };
    let failed = taken.is_err();
    let next = match taken {
        Ok(()) => {
            strong.note_success(slot, progress);
            progress.due(strong.is_pushed.load(Ordering::Acquire))
        }
        Err(error) => {
            strong.note_failure(slot, progress, &error);
            progress.retry()
        }
    };
    slot.end_round(failed);
    Some(next)
}

impl Shared {
    async fn take(
        &self,
        slot: &Slot,
        progress: &mut Progress,
        fetched: Fetched,
    ) -> Result<(), FetchError> {
        let bad = |why: &str| FetchError::new(format!("{}: {why}", slot.uri));
        let (body, headers) = match fetched {
            Fetched::Same { .. } if slot.is_fresh(self.now()) => return Ok(()),
            Fetched::Same { .. } => return Err(bad("the issuer says that an ended list is new")),
            Fetched::Absent => return Err(bad("the answer is 404")),
            Fetched::Document { body, headers } => (body, headers),
        };
        let expected = Expected {
            issuer: &self.issuer,
            uri: &slot.uri,
            algorithms: &self.algorithms,
            lacks_iss: self.settings.lacks_iss,
        };
        let fresh = expected.read(&body, &self.keys, || self.now()).await?;
        let (life, ttl) = (life(&fresh), fresh.ttl);
        if slot.take(fresh, self.now()) {
            let etag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
            (progress.life, progress.ttl) = (life, ttl);
            progress.etag = etag.map(str::to_owned);
            progress.older = 0;
        } else {
            progress.older += 1;
            tracing::debug!(uri = &*slot.uri, "an older status list came than is known");
        }
        Ok(())
    }

    fn note_success(&self, slot: &Slot, progress: &mut Progress) {
        progress.failures = 0;
        if slot.is_fresh(self.now()) && slot.say_stale(false) {
            tracing::info!(uri = &*slot.uri, "the status list is fresh again");
        }
    }

    fn note_failure(&self, slot: &Slot, progress: &mut Progress, error: &FetchError) {
        if progress.failures == 0 {
            tracing::warn!(%error, "a status list cannot be fetched");
        }
        progress.failures += 1;
        progress.etag = None;
        if !slot.is_fresh(self.now()) {
            self.say_stale(slot);
        }
    }

    fn forget_if_idle(&self, slot: &Slot) -> bool {
        let mut slots = self.slots();
        let is_idle = slot.unused_for(self.now()) >= IDLE;
        if is_idle {
            slots.remove(&slot.uri);
            slot.leave();
            self.count.send_replace(slots.len());
        }
        is_idle
    }
}

/// From its beginning to its end.
fn life(fresh: &Fresh) -> Duration {
    Duration::from_secs((fresh.until - fresh.iat).max(0).unsigned_abs())
}

impl Progress {
    /// While changes are pushed, three times in the life of a list; otherwise as often as it says. After an older list sooner:
    /// another node may know more.
    fn due(&self, is_pushed: bool) -> Duration {
        let third = self.life / 3;
        let due = match self.ttl {
            Some(ttl) if !is_pushed => third.min(ttl),
            _ => third,
        };
        let due = sooner(due.clamp(SOONEST, LATEST), 10);
        match self.older {
            0 => due,
            times => due.min(BETWEEN_CHANGES.saturating_mul(1 << (times - 1).min(10))),
        }
    }

    fn retry(&self) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        sooner(doubled.min(LONGEST_RETRY), 50)
    }
}
