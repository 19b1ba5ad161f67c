//! A sign-in that was begun at another provider.

use super::UpstreamName;
use crate::{kind, secret::Digest, time::Timestamp};

/// How long a user may take at the other provider, in seconds.
pub const LIFETIME: i64 = 10 * 60;

/// A sign-in that was begun at another provider. It hangs on its interaction: that is bound to the browser, bounded in
/// number, and takes this along when it ends.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamLogin {
    /// Of `state`.
    pub state: Digest<kind::UpstreamState>,
    /// The interaction that it is for. Whoever comes back with the state has to be the interaction's browser.
    pub interaction: Digest<kind::Interaction>,
    /// Where.
    pub upstream: UpstreamName,
    /// The version of its settings that it was begun with.
    pub version: i64,
    /// Of `nonce`.
    pub nonce: Digest<kind::UpstreamNonce>,
    /// The PKCE verifier and the interaction's secret, sealed under the master key.
    pub sealed: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ends: [`LIFETIME`] later.
    pub expires_at: Timestamp,
}
