//! Protects an API: verifies the access tokens (RFC 9068) of an OAuth 2.0 issuer such as Latchkey by the keys that it
//! publishes. No request causes a call: keys are fetched at the start and kept fresh in the background.
//!
//! With actix-web (feature `actix`), a route is made together with the guard that stands beside it, so none is left open
//! by mistake:
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use latchkey_resource_server::{Public, RequireScope, Verifier, actix::{Caller, Routes}};
//!
//! async fn home() -> &'static str { "hello" }
//! async fn orders(caller: Caller) -> String { format!("orders of {}", caller.sub) }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let api = Verifier::for_api("https://id.example.org", "https://api.example.org").start().await?;
//!     let app = move || App::new().configure(Routes::of(&api)
//!         .get("/", home, Public)
//!         .get("/orders", orders, RequireScope("orders:read"))
//!         .into_config());
//!     Ok(HttpServer::new(app).bind(("127.0.0.1", 9104))?.run().await?)
//! }
//! ```
//!
//! With axum (feature `axum`) it is the same, by [`Routes` of that module](crate::axum::Routes). For tonic and hyper there is a
//! layer of tower (feature `tower`).
//!
//! Anywhere else, [`bearer`] finds the token, [`Verifier::verify`] proves it, [`Verifier::check`] asks a guard, and
//! [`Verifier::challenge`] is the answer to whoever is refused.
//!
//! # What is checked
//!
//! In this order: length (16 KiB), shape, no `crit`; `typ` is `at+jwt`; `alg` is one of RS256, PS256, ES256 and EdDSA; a
//! published key has this `kid` and this algorithm; the signature; `iss`, byte for byte; `aud`; `exp`; `nbf` and `iat`; no
//! `cnf`, because a token that is bound to a key must not come as a mere Bearer token. Whoever is refused hears
//! `invalid_token` and nothing else; the log (target `latchkey_resource_server`) says why, in 50 lines of a kind a second at the most.
//!
//! # Keys
//!
//! A token whose key is not known makes one fetch for all who wait, and no other within 5 seconds. While the issuer cannot
//! be reached, known keys count for 24 hours ([`Builder::keys_stale_for`]); afterwards the answer is 503. Nothing is let
//! through because something failed, and nothing needs a restart. A key that the issuer takes back ends what it signed
//! with the next fetch, also for tokens that were verified before. A set without any key that can be used counts as a fault of
//! the issuer, not as the end of all keys.
//!
//! # Revocation
//!
//! Where the issuer publishes status lists (draft-ietf-oauth-status-list-21), a token that was revoked, or whose user was
//! signed out, is refused, also if it was verified before: the lists are followed in the background, and each use looks at a
//! bit in memory. It takes two seconds at the most where the issuer tells of changes (Latchkey does), and the list's own cache
//! time (`ttl`) and a second where it does not. A token without a status is refused then. While lists cannot be fetched, they count
//! until they end by themselves (Latchkey's: a minute after they were made); what passes then is for
//! [`StatusLists::when_stale`] to say: without it nothing.
//!
//! [`Introspection`] asks the issuer (RFC 7662): about each token, or about those that are no JWT.

#![warn(missing_docs)]

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
mod bearer;
mod builder;
mod cache;
mod challenge;
#[cfg(any(feature = "actix", feature = "tower"))]
mod check;
mod claims;
mod clock;
mod compact;
mod discovery;
mod guard;
mod http;
mod introspection;
mod keys;
mod lanes;
mod log;
mod metadata;
mod refusal;
mod rules;
mod seat;
mod status;
#[cfg(feature = "tower")]
pub mod tower;
mod verifier;

#[cfg(feature = "http-client")]
pub use self::http::HttpClient;
pub use self::http::{Fetch, FetchError};
pub use bearer::bearer;
pub use builder::{Builder, StartError};
pub use challenge::Challenge;
pub use claims::AccessToken;
pub use clock::SystemClock;
pub use compact::MOST_BYTES;
pub use guard::{
    Authenticated, Guard, Public, RequireGroup, RequireRole, RequireScope, Rule, StepUp,
};
pub use introspection::Introspection;
pub use keys::Health;
pub use latchkey_jose::Algorithm;
pub use latchkey_protocol::{Clock, Timestamp};
pub use refusal::{Refusal, Rejection, Unavailable};
pub use status::{ListsHealth, StatusLists, WhenStale};
pub use verifier::Verifier;
