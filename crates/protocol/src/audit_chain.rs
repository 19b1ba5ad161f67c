//! The chain of the audit table: each entry that has its place carries a hash over itself and the entry before, and a
//! seal, which only somebody with the installation's master key can make.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::{audit_row::AuditRow, secret::Pepper};

/// SHA-256 over an entry and the hash of the one before.
pub type Hash = [u8; 32];

/// Before the first entry.
pub const BEGINNING: Checkpoint = Checkpoint {
    position: 0,
    hash: [0; 32],
};
/// What is hashed begins with it, so that another form can follow one day.
const FORM: &[u8] = b"latchkey audit 1";

/// A place in the chain: whoever knows it knows all that stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many entries there have been.
    pub position: i64,
    /// The hash of the last of them.
    pub hash: Hash,
}

/// As `POSITION:HASH`, the hash in hexadecimal digits.
impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.position, hex(&self.hash))
    }
}

impl std::str::FromStr for Checkpoint {
    type Err = NoCheckpoint;

    fn from_str(text: &str) -> Result<Self, NoCheckpoint> {
        let (position, digits) = text.trim().split_once(':').ok_or(NoCheckpoint)?;
        let position = position.parse().map_err(|_| NoCheckpoint)?;
        let mut hash = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() || position < 1 {
            return Err(NoCheckpoint);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoCheckpoint)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoCheckpoint)?;
        }
        Ok(Self { position, hash })
    }
}

/// What was read is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint is POSITION:HASH, a number and 64 hexadecimal digits")]
pub struct NoCheckpoint;

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A run of entries that were removed: those that were old, and those beyond what the table may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedRun {
    /// The place of the first.
    pub first: i64,
    /// The place of the last.
    pub last: i64,
    /// The hash of the place before the first, on which they follow.
    pub before: Hash,
    /// The hash of the last, from which the chain goes on.
    pub hash: Hash,
    /// The first of them that did not fit the chain when it was removed.
    pub broken_at: Option<i64>,
}

/// What seals are made with. Derived from the master key, so that the database alone is not enough to make one.
#[derive(Debug, Clone)]
pub struct ChainKey(Pepper);

impl ChainKey {
    /// From the master key.
    pub fn derive(master: &[u8; 32]) -> Self {
        Self(Pepper::derive(master, "audit chain"))
    }

    /// The seal of an entry.
    pub fn seal(&self, at: &Checkpoint) -> Hash {
        self.0.bytes(&["entry", &at.to_string()])
    }

    /// The seal of the record that entries were removed.
    pub fn seal_removed(&self, run: &RemovedRun) -> Hash {
        let [first, last, broken_at] =
            [run.first, run.last, run.broken_at.unwrap_or_default()].map(|n| n.to_string());
        let (before, hash) = (hex(&run.before), hex(&run.hash));
        self.0
            .bytes(&["removed", &first, &last, &before, &hash, &broken_at])
    }

    /// Whether a seal is one of ours, in constant time.
    pub fn fits(expected: &Hash, stored: &[u8]) -> bool {
        expected.as_slice().ct_eq(stored).into()
    }
}

/// The hash of an entry at `position` after one whose hash is `previous`: SHA-256 over the form's name, `previous`, and each
/// field in its order. A number is 8 bytes, big-endian; a text a 1, its length in 8 bytes and itself; one that is
/// absent a 0. So no two entries have one form.
pub fn hash(previous: &Hash, position: i64, row: &AuditRow) -> Hash {
    let mut sha = Sha256::new();
    sha.update(FORM);
    sha.update(previous);
    for number in [position, row.id, row.at.as_seconds(), row.count] {
        sha.update(number.to_be_bytes());
    }
    for text in row.texts() {
        match text {
            None => sha.update([0]),
            Some(text) => {
                sha.update([1]);
                sha.update((text.len() as u64).to_be_bytes());
                sha.update(text.as_bytes());
            }
        }
    }
    sha.finalize().into()
}
