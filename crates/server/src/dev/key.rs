//! The signing key of `latchkey dev`: to find the primes of a new one would take longer than all the rest.
//!
//! It is no secret, and is published with the program. What is signed with it proves nothing, and `serve` does not start on
//! a database that has it.

use std::path::Path;

use anyhow::Result;
use latchkey_jose::SigningKey;
use latchkey_protocol::{SigningAlgorithm, Store, Timestamp, rotation::StoredKey};

use crate::wiring::master_key;

/// The id of the key that everybody has.
pub const KNOWN_KEY: &str = "Rvhg-LAvL7he_HEHrxGzvwLKAwQ82J4CCjBayAhAfUM";

const PEM: &str = include_str!("known-key.pem");

/// The key is as old as this, in seconds, so that the clock can be set back as far.
pub const AGE: i64 = 12 * 3600;

/// The key itself.
///
/// # Errors
/// None: it is a key.
pub fn known() -> Result<SigningKey> {
    Ok(SigningKey::from_pem(PEM)?)
}

/// Makes it the signing key of a database that has none.
///
/// # Errors
/// Those of the master key's file and of the store.
pub async fn plant(store: &dyn Store, keys_dir: &Path, now: Timestamp) -> Result<()> {
    if !store.signing_keys().await?.is_empty() {
        return Ok(());
    }
    let master = master_key(keys_dir, true)?;
    let key = StoredKey {
        kid: KNOWN_KEY.to_owned(),
        algorithm: SigningAlgorithm::Rs256,
        sealed: Some(master.seal(PEM)?),
        created_at: now - AGE,
        activates_at: now - AGE,
        retires_at: None,
    };
    // Another process on the same folder may have been faster: then its key signs.
    store.add_first_key(&key).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_known_key_is_named_by_its_thumbprint() {
        let key = known().unwrap();
        assert_eq!(key.kid(), KNOWN_KEY);
    }
}
