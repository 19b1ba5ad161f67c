//! axum: routes that are closed unless their guard opens them.
//!
//! [`Routes`] is the way to add a route together with its guard, and [`Caller`] who is calling.
//! [`ProtectLayer`](crate::tower::ProtectLayer) puts the same check before what is there already.

mod caller;
mod routes;

pub use crate::tower::Caller;
pub use routes::Routes;
