//! For tests alone: a store that fails when a test says so.
//!
//! It knows the port [`latchkey_protocol::Store`] and nothing of what fills it.

mod flaky;
mod verbs;

pub use flaky::{Failure, Flaky};
