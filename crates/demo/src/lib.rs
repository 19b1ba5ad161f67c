//! What `latchkey dev` adds to the provider: apps that sign users in, show each step and hear of sign-outs, and an API that
//! they call. All know the provider by its published documents alone, as anybody's would.

#![warn(missing_docs)]

mod api;
mod app;
mod calls;
mod keys;
mod logout_token;
mod page;
mod sessions;
mod sign_in;
mod sign_out;
mod tokens;
mod visit;

pub use api::start as start_api;
pub use app::{DemoApp, start as start_app};
