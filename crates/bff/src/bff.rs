//! The backend-for-frontend as a whole: what all its routes share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_protocol::{Clock, Entropy, Timestamp};
use latchkey_resource_server::{Fetch, HttpClient, SystemClock};
use tokio::sync::Semaphore;

use crate::{
    pages::health::Readiness,
    places::Places,
    provider::Provider,
    renew::{Flights, Opened, Sessions},
    settings::Settings,
    store::SessionStore,
};

/// How often expired sessions are deleted.
const SWEEP: Duration = Duration::from_secs(60);
/// How long what has expired is kept, in seconds: one instance whose clock is ahead deletes what is good for the others. How far
/// ahead it may be is not bounded by this: a store of several hosts looks at its own clock too.
const KEPT: i64 = 6 * 3600;
/// By how many seconds a clock that runs is off after a sweep's pause, at the most.
const LEAP: u64 = 60;
/// The most of the app's files that are on their way at once, but for those of one piece.
pub(crate) const FILES: usize = 1000;
/// The most rows of one sweep.
const SWEPT: i64 = 1000;

/// A backend-for-frontend. Cheap to clone: all clones are the same one.
#[derive(Clone)]
pub struct Bff(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub settings: Settings,
    pub sessions: Sessions,
    /// Beside each upstream, the calls that it may still take.
    pub seats: Vec<Arc<Semaphore>>,
    /// Beside those of each session, the websockets and event streams that may still be opened.
    pub streams: Arc<Semaphore>,
    pub calls_of: Places,
    pub streams_of: Places,
    /// The app's files that may still be on their way.
    pub files: Arc<Semaphore>,
    pub readiness: Readiness,
}

impl Bff {
    /// Starts one, in a tokio runtime (that of actix-web is one). It waits for nobody: until the provider answers, sign-ins
    /// and renewals are answered 503.
    ///
    /// # Errors
    /// A sentence: a setting cannot be used.
    pub fn start(
        settings: Settings,
        store: Arc<dyn SessionStore>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, String> {
        let http = HttpClient::new().map_err(|error| error.to_string())?;
        Self::start_with(
            settings,
            store,
            entropy,
            Arc::new(SystemClock),
            Arc::new(http),
        )
    }

    /// As [`Bff::start`], with a clock and an HTTP client of your own; the latter must not follow redirects.
    ///
    /// # Errors
    /// A sentence: a setting cannot be used.
    pub fn start_with(
        settings: Settings,
        store: Arc<dyn SessionStore>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        http: Arc<dyn Fetch>,
    ) -> Result<Self, String> {
        let provider = Arc::new(Provider::new(&settings, http, clock.clone())?);
        let seats = |_: &_| Arc::new(Semaphore::new(settings.limits.calls));
        let inner = Arc::new(Inner {
            seats: settings.upstreams.iter().map(seats).collect(),
            streams: Arc::new(Semaphore::new(settings.limits.streams)),
            calls_of: Places::new(settings.limits.calls_of_user),
            streams_of: Places::new(settings.limits.streams_of_user),
            files: Arc::new(Semaphore::new(FILES)),
            readiness: Readiness::default(),
            sessions: Sessions {
                store,
                provider,
                clock,
                entropy,
                keys: settings.seal_keys.clone(),
                lifetimes: settings.lifetimes,
                flights: Flights::default(),
                opened: Opened::default(),
                most: settings.limits.sessions_of_user,
            },
            settings,
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }
}

/// Deletes what has expired, as long as there is somebody to do it for.
async fn sweep(bff: std::sync::Weak<Inner>) {
    let mut last: Option<(Instant, Timestamp)> = None;
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(bff) = bff.upgrade() else { return };
        let now = bff.sessions.clock.now();
        let before = last.replace((Instant::now(), now));
        if before.is_some_and(|(at, said)| has_leapt(now - said, at.elapsed())) {
            tracing::error!("the clock of this machine has leapt: nothing is deleted by it now");
        } else if before.is_some() {
            while sweep_some(&bff, now - KEPT).await {}
        }
    }
}

/// Whether so many seconds by the clock are others than those that have passed.
fn has_leapt(by_clock: i64, passed: Duration) -> bool {
    let passed = i64::try_from(passed.as_secs()).unwrap_or(i64::MAX);
    by_clock.saturating_sub(passed).unsigned_abs() > LEAP
}

/// Whether there may be more.
async fn sweep_some(bff: &Inner, until: Timestamp) -> bool {
    match bff.sessions.store.sweep(until, SWEPT).await {
        Ok(count) => i64::try_from(count).is_ok_and(|count| count >= SWEPT),
        Err(error) => {
            tracing::warn!(%error, "expired sessions could not be deleted");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_runs() {
        let minute = Duration::from_secs(60);
        for by_clock in [0, 60, 61, 120] {
            assert!(!has_leapt(by_clock, minute), "{by_clock}");
        }
        for by_clock in [86_460, 121, -1, -3540, i64::MIN, i64::MAX] {
            assert!(has_leapt(by_clock, minute), "{by_clock}");
        }
    }
}
