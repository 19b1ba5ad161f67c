//! The backend-for-frontend as a whole: what all its routes share.

use std::sync::Arc;

use latchkey_protocol::{Clock, Entropy};
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
const SWEEP: std::time::Duration = std::time::Duration::from_secs(60);
/// The most of the app's files that are on their way at once.
const FILES: usize = 1000;
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
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(bff) = bff.upgrade() else { return };
        while sweep_some(&bff).await {}
    }
}

/// Whether there may be more.
async fn sweep_some(bff: &Inner) -> bool {
    let now = bff.sessions.clock.now();
    match bff.sessions.store.sweep(now, SWEPT).await {
        Ok(count) => i64::try_from(count).is_ok_and(|count| count >= SWEPT),
        Err(error) => {
            tracing::warn!(%error, "expired sessions could not be deleted");
            false
        }
    }
}
