//! Signatures and keys: JWS (RFC 7515), JWK sets (RFC 7517), the ring of signing keys and its rotation.
//!
//! Knows no OAuth. josekit signs and verifies; the `rsa` crate only makes and reads RSA keys, because its
//! private-key operations leak time (RUSTSEC-2023-0071).

#![warn(missing_docs)]

mod algorithm;
mod client_keys;
mod error;
mod jwk;
mod jws;
mod key;
mod ring;
mod seal;
mod shared_secret;
mod signer;

pub use algorithm::Algorithm;
pub use client_keys::{ClientKey, ClientKeys};
pub use error::JoseError;
pub use jwk::{Jwk, JwkSet, PublicKey};
pub use jws::{Claims, Compact, Header, Verifier};
pub use key::{MINIMUM_BITS, SigningKey};
pub use ring::{KeyRing, KeyState, RingKey};
pub use seal::MasterKey;
pub use shared_secret::SharedSecret;
pub use signer::{DeterministicSigner, Signer};
