//! What can go wrong with keys and signatures.

/// What can be wrong with a key or a signed token. Never carries key material.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum JoseError {
    /// Not the compact form of a JWS.
    #[error("the token is not three base64url parts with a JSON header (RFC 7515 7.1)")]
    Malformed,
    /// The header names an algorithm that its signer may not use (RFC 8725 3.1).
    #[error("the token is signed with `{0}`, which is not accepted from whoever signed it")]
    Algorithm(String),
    /// The header has `crit` (RFC 7515 4.1.11).
    #[error("the header asks for an extension that must be understood (`crit`)")]
    Critical,
    /// The header's `typ` is that of another kind of token (RFC 8725 3.11).
    #[error("the token is of type `{0}`")]
    Type(String),
    /// Its `iss` is somebody else's.
    #[error("the token was issued by `{0}`")]
    Issuer(String),
    /// Its `aud` is another client than the one whose secret signed it.
    #[error("the token was issued to another client")]
    Audience,
    /// The header's `kid` names no published key.
    #[error("no published key has the id `{0}`")]
    UnknownKey(String),
    /// The signature was made over other bytes, or with another key.
    #[error("the signature does not match")]
    Signature,
    /// A key that its algorithm cannot be used with; says why.
    #[error("the key is not a readable PKCS#8 PEM of a private key for its algorithm: {0}")]
    Key(String),
    /// A client's key that the library refuses; says why.
    #[error("the key set cannot be used: {0}")]
    ClientKeys(String),
    /// An RSA key of so many bits, fewer than [`crate::MINIMUM_BITS`].
    #[error("the key has {0} bits, and at least 2048 are needed")]
    TooSmall(usize),
    /// No 64 hexadecimal digits.
    #[error("the master key must be 32 bytes, written as 64 hexadecimal digits")]
    MasterKey,
    /// What is sealed cannot be opened.
    #[error(
        "the sealed key cannot be opened: it was sealed under another master key, or is damaged"
    )]
    Sealed,
    /// No key of the ring signs at this moment.
    #[error("there is no active key to sign with")]
    NoActiveKey,
    /// The library could not sign.
    #[error("signing failed")]
    Signing,
}
