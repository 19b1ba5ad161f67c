//! What can go wrong with keys and signatures.

/// What can be wrong with a key or a signed token. Never carries key material.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum JoseError {
    #[error("the token is not three base64url parts with a JSON header (RFC 7515 7.1)")]
    Malformed,
    #[error("the token is signed with `{0}`, which is not accepted from whoever signed it")]
    Algorithm(String),
    #[error("the header asks for an extension that must be understood (`crit`)")]
    Critical,
    #[error("the token is of type `{0}`")]
    Type(String),
    #[error("the token was issued by `{0}`")]
    Issuer(String),
    #[error("no published key has the id `{0}`")]
    UnknownKey(String),
    #[error("the signature does not match")]
    Signature,
    #[error("the key is not a readable PKCS#8 PEM of a private key for its algorithm: {0}")]
    Key(String),
    #[error("the key set cannot be used: {0}")]
    ClientKeys(String),
    #[error("the key has {0} bits, and at least 2048 are needed")]
    TooSmall(usize),
    #[error("the master key must be 32 bytes, written as 64 hexadecimal digits")]
    MasterKey,
    #[error(
        "the sealed key cannot be opened: it was sealed under another master key, or is damaged"
    )]
    Sealed,
    #[error("there is no active key to sign with")]
    NoActiveKey,
    #[error("signing failed")]
    Signing,
}
