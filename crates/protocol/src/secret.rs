//! Secrets and their digests, identifiers, and references of refusals.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::time::Timestamp;

/// Where randomness comes from. Rules never hold one: they take finished secrets.
pub trait Entropy: Send + Sync {
    /// Fills all bytes with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// What a secret is for. Its prefix lets scanners find leaks, and keeps one kind from passing as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A code, for the token endpoint.
    AuthorizationCode,
    /// The `jti` of a refresh token.
    RefreshToken,
    /// The session cookie.
    Session,
    /// The address of a page.
    Interaction,
    /// The cookie that holds a browser's forms together.
    Browser,
    /// The cookie of a browser where users have signed in.
    KnownBrowser,
    /// A client's, where we made it.
    ClientSecret,
}

impl SecretKind {
    /// What every secret of the kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "lk_code_",
            Self::RefreshToken => "lk_refresh_",
            Self::Session => "lk_session_",
            Self::Interaction => "lk_interaction_",
            Self::Browser => "lk_browser_",
            Self::KnownBrowser => "lk_known_",
            Self::ClientSecret => "lk_secret_",
        }
    }
}

/// A plain secret: made once, shown once, neither printed nor stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// 256 random bits with the prefix of `kind`.
    pub fn generate(kind: SecretKind, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(format!(
            "{}{}",
            kind.prefix(),
            URL_SAFE_NO_PAD.encode(bytes)
        ))
    }

    /// Takes what a caller presents; `None` when it has not the form of such a secret, so that storage is
    /// never asked about garbage.
    pub fn presented(kind: SecretKind, text: &str) -> Option<Self> {
        let body = text.strip_prefix(kind.prefix())?;
        let fits = body.len() == 43
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(text.to_owned()))
    }

    /// The next secret after this one: the same each time, and only computable from this one.
    /// A refresh token's successor is derived so that a lost answer can be given again.
    pub fn successor(&self, kind: SecretKind, context: &str) -> Self {
        let mut mac = keyed(self.0.as_bytes());
        mac.update(b"successor\0");
        mac.update(context.as_bytes());
        Self(format!(
            "{}{}",
            kind.prefix(),
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        ))
    }

    /// The text, for whoever it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What storage may have of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// SHA-256 of a secret with 256 random bits: the only form that reaches storage.
#[derive(Debug, Clone)]
pub struct Digest(Vec<u8>);

impl Digest {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).to_vec())
    }

    /// As it was stored.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// 32 bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Compares in constant time.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

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
    pub fn digest(&self, parts: &[&str]) -> Digest {
        let mut mac = keyed(&self.0);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Digest(mac.finalize().into_bytes().to_vec())
    }

    /// The keyed digest as unpadded base64url.
    pub fn text(&self, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.digest(parts).as_bytes())
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
