//! Secrets and their digests, identifiers, and references of refusals.

use std::marker::PhantomData;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    kind::{KeyedKind, SecretKind},
    time::Timestamp,
};

/// Where randomness comes from. Rules never hold one: they take finished secrets.
pub trait Entropy: Send + Sync {
    /// Fills all bytes with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// A plain secret of one kind: made once, shown once, neither printed nor stored.
pub struct Secret<K>(String, PhantomData<fn() -> K>);

impl<K> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

/// Compares in constant time.
impl<K> PartialEq for Secret<K> {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl<K> Eq for Secret<K> {}

impl<K> std::fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<K: SecretKind> Secret<K> {
    /// 256 random bits with the prefix of the kind.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self::of_bytes(bytes)
    }

    /// Takes what a caller presents; `None` when it has not the form of such a secret, so that storage is
    /// never asked about garbage.
    pub fn presented(text: &str) -> Option<Self> {
        let body = text.strip_prefix(K::PREFIX)?;
        let fits = body.len() == 43
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(text.to_owned(), PhantomData))
    }

    /// The next secret after this one: the same each time, and only computable from this one.
    /// A refresh token's successor is derived so that a lost answer can be given again.
    pub fn successor(&self, context: &str) -> Self {
        let mut mac = keyed(self.0.as_bytes());
        mac.update(b"successor\0");
        mac.update(context.as_bytes());
        Self::of_bytes(mac.finalize().into_bytes().into())
    }

    fn of_bytes(bytes: [u8; 32]) -> Self {
        let text = format!("{}{}", K::PREFIX, URL_SAFE_NO_PAD.encode(bytes));
        Self(text, PhantomData)
    }

    /// The text, for whoever it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What storage may have of it.
    pub fn digest(&self) -> Digest<K> {
        Digest::of(&self.0)
    }
}

/// SHA-256 of a secret of one kind, or a keyed digest (see [`Pepper`]): the only form that reaches storage.
///
/// The digest of one kind is none of another:
///
/// ```
/// use latchkey_protocol::{Digest, kind::RefreshToken};
///
/// fn rotate(expected: &Digest<RefreshToken>) {}
/// rotate(&Digest::<RefreshToken>::of("lk_refresh_"));
/// ```
///
/// ```compile_fail,E0308
/// use latchkey_protocol::{Digest, kind::{AuthorizationCode, RefreshToken}};
///
/// fn rotate(expected: &Digest<RefreshToken>) {}
/// rotate(&Digest::<AuthorizationCode>::of("lk_code_"));
/// ```
pub struct Digest<K>([u8; 32], PhantomData<fn() -> K>);

impl<K> Digest<K> {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into(), PhantomData)
    }

    /// As it was stored; `None` if it is none.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?, PhantomData))
    }

    /// 32 bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<K> Clone for Digest<K> {
    fn clone(&self) -> Self {
        Self(self.0, PhantomData)
    }
}

/// Says nothing of the bytes: those of a short secret could be guessed at.
impl<K> std::fmt::Debug for Digest<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Compares in constant time.
impl<K> PartialEq for Digest<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<K> Eq for Digest<K> {}

/// The keys that an installation derives from its master key, each for one purpose.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(..)")
    }
}

impl Pepper {
    /// From the master key, by HMAC-SHA-256.
    pub fn derive(master: &[u8; 32], purpose: &str) -> Self {
        let mut mac = keyed(master);
        mac.update(purpose.as_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// A keyed digest, for secrets that users may have chosen: the database alone is not enough to guess them.
    pub fn digest<K: KeyedKind>(&self, parts: &[&str]) -> Digest<K> {
        Digest(self.bytes(parts), PhantomData)
    }

    /// The keyed digest as unpadded base64url.
    pub fn text(&self, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(parts))
    }

    /// The keyed digest of what is stored nowhere, such as a key.
    pub fn bytes(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac = keyed(&self.0);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length (RFC 2104 2), so this cannot fail.
    <Hmac<Sha256> as Mac>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes any key length"))
}

/// Compares two texts in constant time.
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// A random identifier that sorts by time (UUID version 7, RFC 9562 5.7).
pub fn new_id(now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(
        u64::try_from(now.as_seconds()).unwrap_or(0) * 1000,
        &random,
    )
    .into_uuid()
    .to_string()
}

/// Eight letters and digits that are hard to mistake for one another, to read a refusal's reference aloud.
pub fn new_reference(entropy: &dyn Entropy) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b % 32)]))
        .collect()
}
