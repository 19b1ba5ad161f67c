//! The authorization request that a browser is sent to another provider with.

use latchkey_protocol::{
    pkce,
    upstream::{UpstreamProtocol, UpstreamResponseMode, UpstreamSettings},
    uri,
};

/// What ties the answer to whoever asked.
pub struct Tied<'a> {
    /// Where the answer goes.
    pub redirect_uri: String,
    /// `state`.
    pub state: &'a str,
    /// `nonce`, for the ID token.
    pub nonce: &'a str,
    /// The PKCE verifier.
    pub verifier: &'a str,
}

/// OpenID Connect Core 3.1.2.1, RFC 7636 4.3; without what the settings add.
pub fn pairs(settings: &UpstreamSettings, tied: Tied<'_>) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("response_type", "code".to_owned()),
        ("client_id", settings.client_id.clone()),
        ("redirect_uri", tied.redirect_uri),
        ("state", tied.state.to_owned()),
    ];
    if settings.protocol.takes_challenge() {
        pairs.push(("code_challenge", pkce::challenge(tied.verifier)));
        pairs.push(("code_challenge_method", "S256".to_owned()));
    }
    if !settings.scopes.is_empty() {
        pairs.push(("scope", settings.scopes.join(" ")));
    }
    if settings.response_mode == UpstreamResponseMode::FormPost {
        pairs.push(("response_mode", "form_post".to_owned()));
    }
    if matches!(settings.protocol, UpstreamProtocol::Oidc { .. }) {
        pairs.push(("nonce", tied.nonce.to_owned()));
    }
    pairs
}

/// The address with the request, and with what the settings add to it: they change nothing of ours.
pub fn address(
    endpoint: &str,
    settings: &UpstreamSettings,
    ours: &[(&'static str, String)],
) -> String {
    let is_ours = |name: &str| ours.iter().any(|(own, _)| *own == name);
    let added = settings.parameters.iter();
    let added = added.filter(|(name, _)| !is_ours(name));
    let added = added.map(|(name, value)| (name.as_str(), value.as_str()));
    let ours = ours.iter().map(|(name, value)| (*name, value.as_str()));
    let pairs: Vec<_> = ours.chain(added).collect();
    uri::with_query(endpoint, &pairs)
}
