//! Digests as columns.

use latchkey_protocol::Digest;

/// What a column keeps of a digest.
pub fn bytes<K>(digest: &Digest<K>) -> Vec<u8> {
    digest.as_bytes().to_vec()
}
