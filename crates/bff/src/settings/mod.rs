//! Settings: what is needed, what may be said besides, and what both must be.

mod file;
mod reader;
mod value;

use std::{path::PathBuf, time::Duration};

use http::{HeaderName, Uri};

use crate::seal::SealKeys;

pub use value::{own_origin, upstream_address, upstream_path};

/// Checked settings of a backend-for-frontend. They hold secrets, and are not to be printed.
#[derive(Clone)]
pub struct Settings {
    /// What browsers see: scheme, host and port, without a slash at its end.
    pub origin: String,
    /// The OpenID Connect provider.
    pub issuer: String,
    /// What the provider calls this app.
    pub client_id: String,
    /// How this app proves to the provider that it is it.
    pub client_secret: String,
    /// What is asked for. `offline_access` gives the refresh token, without which a session ends with its access token.
    pub scope: String,
    /// Seals sessions and cookies. The same at all instances.
    pub seal_keys: SealKeys,
    /// Where calls go.
    pub upstreams: Vec<Upstream>,
    /// The folder of the app itself.
    pub static_files: Option<PathBuf>,
    /// The Content-Security-Policy of the app's files.
    pub content_security_policy: String,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// What a call may take.
    pub limits: Limits,
}

/// An API behind the backend-for-frontend.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Below `/api`, without a slash at its end. Calls to it and to all below it go to `to`.
    pub path: String,
    /// Scheme, host and port.
    pub to: Uri,
    /// What stands before the rest of the path, without a slash at its end.
    pub prefix: String,
    /// Headers of the browser that are passed on, beside the usual ones.
    pub request_headers: Vec<HeaderName>,
    /// Whether websockets are passed on.
    pub websockets: bool,
}

/// In seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// The longest that a session lives whose cookie ends with the browser.
    pub session: i64,
    /// The longest that a session lives that was to be kept.
    pub remembered: i64,
    /// The longest that a session lives without a call.
    pub idle: i64,
    /// The longest that a websocket is open, or an answer is on its way.
    pub stream: i64,
}

/// What a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body: u64,
    /// How long an upstream may take until the head of its answer is there.
    pub head: Duration,
    /// How long may pass between two pieces of a body.
    pub between: Duration,
    /// The slowest that a caller may send a long body, in bytes a second from its beginning on.
    pub rate: u64,
    /// How long a websocket may stay open on which neither side says anything.
    pub silence: Duration,
    /// The most sessions of one user. With one more, the one that was used longest ago ends.
    pub sessions_of_user: usize,
    /// The most calls at an upstream at once. Whoever comes then hears 503.
    pub calls: usize,
    /// The most calls of one user at once, in all sessions.
    pub calls_of_user: usize,
    /// The most websockets and event streams at once, of all users.
    pub streams: usize,
    /// Likewise, of one user.
    pub streams_of_user: usize,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            session: 12 * 3600,
            remembered: 30 * 86_400,
            idle: 8 * 3600,
            stream: 3600,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 10 * 1024 * 1024,
            head: Duration::from_secs(30),
            between: Duration::from_secs(60),
            rate: 4096,
            silence: Duration::from_secs(300),
            sessions_of_user: 50,
            calls: 500,
            calls_of_user: 64,
            streams: 1000,
            streams_of_user: 16,
        }
    }
}

impl Settings {
    /// The policy of the app's files where nothing else is said: what is loaded is of this origin, and nobody frames it.
    pub const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    /// Where the provider sends the browser back to: to be registered there.
    pub fn redirect_uri(&self) -> String {
        format!("{}/bff/callback", self.origin)
    }

    /// Where the browser is after a sign-out at the provider: to be registered there.
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}/", self.origin)
    }
}

/// What `latchkey bff` needs besides.
#[derive(Clone)]
pub struct ConfigFile {
    /// What the backend-for-frontend is.
    pub settings: Settings,
    /// Address and port.
    pub listen: String,
    /// `memory`, `sqlite://`, `postgres://`, `redis://`.
    pub store: String,
}
