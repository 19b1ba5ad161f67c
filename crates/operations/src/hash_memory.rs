//! The memory that password hashes are made in.

use argon2::{
    Argon2, Block, Params,
    password_hash::{Output, Result, Salt},
};

/// What a thread keeps from one hash to the next: to get 19 MiB from the system anew, page by page, costs a tenth of a hash.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

/// What is kept at most, in blocks of 1 KiB; a stored hash that was made with more costs its own.
const KEPT: usize = 19 * 1024;

impl HashMemory {
    /// The hash of a password (RFC 9106 3.1).
    ///
    /// # Errors
    /// Salt or parameters are out of bounds.
    pub fn hash(&mut self, argon2: &Argon2<'_>, password: &[u8], salt: Salt<'_>) -> Result<Output> {
        let blocks = argon2.params().block_count();
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::default());
        }
        let mut decoded = [0; Salt::MAX_LENGTH];
        let salt = salt.decode_b64(&mut decoded)?;
        let length = argon2.params().output_len();
        let hash = Output::init_with(length.unwrap_or(Params::DEFAULT_OUTPUT_LEN), |out| {
            Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut self.0)?)
        });
        if blocks > KEPT {
            self.give_back();
        }
        hash
    }

    /// Back to the system.
    pub fn give_back(&mut self) {
        self.0 = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Version};

    use super::*;

    const SALT: &str = "bm9ib2R5IGhhcyB0aGlzLg";

    fn argon2(blocks: u32) -> Argon2<'static> {
        let params = Params::new(blocks, 1, 1, None).expect("params");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    #[test]
    fn what_another_hash_left_changes_nothing() {
        let (mut memory, salt) = (HashMemory::default(), Salt::from_b64(SALT).expect("salt"));
        for (blocks, password) in [(64, "one"), (8, "two"), (128, "one"), (8, "two")] {
            let argon2 = argon2(blocks);
            let mut alone = [0; Params::DEFAULT_OUTPUT_LEN];
            argon2
                .hash_password_into(password.as_bytes(), b"nobody has this.", &mut alone)
                .expect("hash");
            let hash = memory.hash(&argon2, password.as_bytes(), salt);
            assert_eq!(hash.expect("hash").as_bytes(), alone);
        }
    }

    #[test]
    fn a_stored_hash_of_more_memory_costs_it_once() {
        let (mut memory, salt) = (HashMemory::default(), Salt::from_b64(SALT).expect("salt"));
        memory.hash(&argon2(64), b"one", salt).expect("hash");
        assert_eq!(memory.0.len(), 64);
        memory
            .hash(&argon2(KEPT as u32 + 8), b"one", salt)
            .expect("hash");
        assert_eq!(memory.0.capacity(), 0);
    }
}
