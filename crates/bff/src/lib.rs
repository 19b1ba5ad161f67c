//! A backend-for-frontend (BFF): the browser holds an HttpOnly cookie and never a token.
//!
//! It signs users in at an OpenID Connect provider such as Latchkey, keeps their tokens in a store of its own, sealed, and
//! forwards the calls of the app's scripts below `/api` to the APIs that are configured, with the access token attached. An
//! access token that has ended is renewed on the way, once for all parallel calls, across instances too. A session that is over is
//! answered 401 with `Latchkey-Session: ended`, and its cookie is taken away.
//!
//! `latchkey bff --config FILE` runs one for a backend in any language; in an app on actix-web it is some routes:
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use actix_web::{App, HttpServer};
//! use latchkey_bff::{Bff, settings::ConfigFile, store::SqlStore};
//! # struct Random;
//! # impl latchkey_protocol::Entropy for Random { fn fill(&self, _bytes: &mut [u8]) {} }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let file = ConfigFile::load(Path::new("bff.toml"), &Random)?;
//!     let store = SqlStore::open(&file.store)?;
//!     let bff = Bff::start(file.settings, Arc::new(store), Arc::new(Random))?;
//!     let app = move || App::new().configure(bff.routes());
//!     Ok(HttpServer::new(app).bind(file.listen)?.run().await?)
//! }
//! ```

#![warn(missing_docs)]

mod answer;
mod bff;
mod cookies;
mod files;
mod forward;
mod guard;
mod pages;
mod places;
mod provider;
mod renew;
mod routes;
mod seal;
mod session;
pub mod settings;
pub mod store;

pub use bff::Bff;
pub use latchkey_protocol::received_logout::ReceivedLogout;
pub use seal::SealKeys;
