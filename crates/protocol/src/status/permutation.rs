//! Numbers that come in order become places that do not: from the place of one token nobody tells that of the next one.

use super::ENTRIES;
use crate::secret::Pepper;

/// A place has twice as many bits.
const HALF: u32 = 10;
const MASK: u32 = (1 << HALF) - 1;
const ROUNDS: usize = 8;

/// 16-bit numbers in one keyed digest.
const IN_A_DIGEST: usize = 16;

/// The order of the places of one list, which only the installation's key tells: a Feistel network, so that each number has a
/// place of its own.
pub struct Permutation([Vec<u16>; ROUNDS]);

impl Permutation {
    /// Of one list. `pepper` is made for this purpose alone.
    pub fn of(pepper: &Pepper, list: u32) -> Self {
        let list = list.to_string();
        Self(std::array::from_fn(|round| {
            let round = round.to_string();
            let digests = (0..=MASK as usize / IN_A_DIGEST)
                .map(|at| pepper.bytes(&[&list, &round, &at.to_string()]));
            let numbers = digests.flat_map(|digest| {
                let pairs = digest.as_chunks::<2>().0.to_vec();
                pairs.into_iter().map(u16::from_be_bytes)
            });
            numbers.collect()
        }))
    }

    /// The place of a number, both below [`ENTRIES`].
    pub fn place(&self, number: u32) -> u32 {
        let number = number % ENTRIES;
        let (mut left, mut right) = (number >> HALF, number & MASK);
        for round in &self.0 {
            let mixed = round.get(right as usize).copied().unwrap_or_default();
            (left, right) = (right, left ^ u32::from(mixed) & MASK);
        }
        left << HALF | right
    }
}
