//! What `latchkey dev` adds to the provider: an app that signs users in and shows each step, and an API that it calls.
//! Both know the provider by its published documents alone, as anybody's would.

#![warn(missing_docs)]

mod api;
mod app;
mod tokens;
mod visit;

pub use api::start as start_api;
pub use app::start as start_app;
