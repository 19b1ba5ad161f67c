//! actix-web: routes that are closed unless their guard opens them.
//!
//! [`Routes`] is the way to add a route together with its guard. [`Protect`] puts the same check before what is there
//! already: a route, a scope, an app. [`Caller`] is who is calling.

mod answer;
mod caller;
mod closed;
mod protect;
mod routes;

pub use caller::Caller;
pub use protect::{Protect, ProtectService};
pub use routes::Routes;
