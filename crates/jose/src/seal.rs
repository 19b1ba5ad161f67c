//! The master key, and what is sealed under it (JWE, A256GCM).

use josekit::jwe::{self, Dir, JweHeader};

use crate::JoseError;

/// The installation's own secret: 32 bytes kept in a file beside the database, never in it.
/// Signing keys rest in the database sealed under it.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// From random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`JoseError::MasterKey`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, JoseError> {
        let text = text.trim().as_bytes();
        let mut key = [0; 32];
        if text.len() != 64 {
            return Err(JoseError::MasterKey);
        }
        for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| JoseError::MasterKey)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| JoseError::MasterKey)?;
        }
        Ok(Self(key))
    }

    /// As it stands in the file: 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes, for other keys to be derived from.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts `plain` as a compact JWE, `dir` with `A256GCM` (RFC 7516). The nonce is drawn by OpenSSL.
    ///
    /// # Errors
    /// [`JoseError::Sealed`] when the library fails.
    pub fn seal(&self, plain: &str) -> Result<String, JoseError> {
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        let encrypter = Dir
            .encrypter_from_bytes(self.0)
            .map_err(|_| JoseError::Sealed)?;
        jwe::serialize_compact(plain.as_bytes(), &header, &encrypter).map_err(|_| JoseError::Sealed)
    }

    /// Decrypts what [`MasterKey::seal`] made.
    ///
    /// # Errors
    /// [`JoseError::Sealed`] when it was sealed under another key or changed since.
    pub fn open(&self, sealed: &str) -> Result<String, JoseError> {
        let decrypter = Dir
            .decrypter_from_bytes(self.0)
            .map_err(|_| JoseError::Sealed)?;
        let (plain, _) =
            jwe::deserialize_compact(sealed, &decrypter).map_err(|_| JoseError::Sealed)?;
        String::from_utf8(plain).map_err(|_| JoseError::Sealed)
    }
}
