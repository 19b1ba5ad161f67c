//! What secrets and digests are of. Types without values: the compiler keeps one kind from passing as another.

/// What a secret is for. Its prefix lets scanners find leaks, and keeps one kind from passing as another on the wire.
pub trait SecretKind {
    /// What every secret of the kind begins with.
    const PREFIX: &'static str;
}

/// Of which a keyed digest is stored; see [`Pepper`](crate::secret::Pepper).
pub trait KeyedKind {}

/// A code, for the token endpoint.
pub enum AuthorizationCode {}

impl SecretKind for AuthorizationCode {
    const PREFIX: &'static str = "lk_code_";
}

/// The `jti` of a refresh token.
pub enum RefreshToken {}

impl SecretKind for RefreshToken {
    const PREFIX: &'static str = "lk_refresh_";
}

/// The session cookie.
pub enum Session {}

impl SecretKind for Session {
    const PREFIX: &'static str = "lk_session_";
}

/// The address of a page.
pub enum Interaction {}

impl SecretKind for Interaction {
    const PREFIX: &'static str = "lk_interaction_";
}

/// The cookie of a browser at the console.
pub enum Console {}

impl SecretKind for Console {
    const PREFIX: &'static str = "lk_console_";
}

/// The link with which the first administrator is created.
pub enum SetupLink {}

impl SecretKind for SetupLink {
    const PREFIX: &'static str = "lk_setup_";
}

/// The cookie that holds a browser's forms together.
pub enum Browser {}

impl SecretKind for Browser {
    const PREFIX: &'static str = "lk_browser_";
}

/// The cookie of a browser where users have signed in.
pub enum KnownBrowser {}

impl SecretKind for KnownBrowser {
    const PREFIX: &'static str = "lk_known_";
}

/// A client's, where we made it. What is stored of it is a [`KeyedClientSecret`].
pub enum ClientSecret {}

impl SecretKind for ClientSecret {
    const PREFIX: &'static str = "lk_secret_";
}

/// A client's secret as it is stored: keyed, because whoever registers a client may choose it.
pub enum KeyedClientSecret {}

impl KeyedKind for KeyedClientSecret {}

/// What failed attempts are counted by.
pub enum Attempts {}

impl KeyedKind for Attempts {}

/// The key of a call that is carried out once.
pub enum IdempotencyKey {}

impl KeyedKind for IdempotencyKey {}

/// What such a call asks for.
pub enum IdempotentRequest {}

impl KeyedKind for IdempotentRequest {}

/// The network that a sign-in began in.
pub enum Network {}

impl KeyedKind for Network {}

/// The networks around it.
pub enum Neighbourhood {}

impl KeyedKind for Neighbourhood {}

/// The `state` of a sign-in at another provider.
pub enum UpstreamState {}

impl SecretKind for UpstreamState {
    const PREFIX: &'static str = "lk_state_";
}

/// The `nonce` of a sign-in at another provider.
pub enum UpstreamNonce {}

impl SecretKind for UpstreamNonce {
    const PREFIX: &'static str = "lk_nonce_";
}
