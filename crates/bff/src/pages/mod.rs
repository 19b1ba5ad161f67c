//! What the BFF answers itself: sign-in, the user, sign-out, and whether it can serve.

pub mod back_channel;
pub mod callback;
pub mod health;
pub mod login;
pub mod logout;
pub mod user;

use latchkey_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Key;

/// A sign-in that has begun: kept by the browser itself, sealed, so that whoever begins many fills nothing here.
#[derive(Serialize, Deserialize)]
struct SignIn {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    remember: bool,
    until: Timestamp,
    /// The session that this browser had.
    former: Option<String>,
}

impl SignIn {
    fn former(&self) -> Option<Key> {
        Key::from_hex(self.former.as_deref()?)
    }
}

/// A sign-out that goes on at the provider.
#[derive(Serialize, Deserialize)]
struct SignOut {
    /// None where it is too long for a cookie.
    id_token: Option<String>,
    until: Timestamp,
}
