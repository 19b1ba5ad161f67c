//! For tests alone: what every store promises, with racing callers, and a store that fails when a test says so.
//!
//! It knows the port [`latchkey_protocol::Store`] and nothing of what fills it. Whoever fills it says how to make an empty
//! store ([`Stores`]) and runs [`each_promise!`].
#![allow(clippy::unwrap_used)]

mod flaky;
mod list;
pub mod promises;
pub mod samples;
mod verbs;

pub use flaky::{Failure, Flaky};

use samples::Shared;

/// A way to make empty stores.
pub trait Stores {
    /// Tries a promise on an empty store, of each kind there is, one after the other.
    fn each(&self, promise: impl AsyncFn(Shared));
}
