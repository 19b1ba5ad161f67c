//! What `latchkey dev` adds to the provider: apps that sign users in, show each step and hear of sign-outs, a single-page app
//! that holds no token, and two instances of an API that they call. All know the provider by its published documents alone, as
//! anybody's would.

#![warn(missing_docs)]

mod api;
mod app;
mod calls;
mod keys;
mod page;
mod sessions;
mod sign_in;
mod sign_out;
mod spa;
pub mod stand_in;
mod stopwatch;
mod tokens;
mod visit;

pub use app::{DemoApp, start as start_app};
pub use spa::{SinglePageApp, Surroundings, start as start_spa};
pub use stopwatch::{EndSession, Ending};
