//! What can be done with users, clients, keys and sessions, once, for every front end: no HTTP, no terminal.
//!
//! Passwords are hashed and checked here, and attempts at passwords and client secrets are limited here.

mod attempts;
mod client_guard;
mod client_keys;
mod hashing;
mod line;
mod password;

pub use attempts::{Attempt, Throttle};
pub use client_guard::ClientGuard;
pub use client_keys::{JoseSignatures, client_keys};
pub use hashing::{Busy, Caller};
pub use password::{PasswordCheck, PasswordFault, PasswordKey, Passwords};
