//! Interactions: authorization requests that wait for a user.

use crate::{
    ScopeSet, SessionId, UserId, authorize::AuthorizationRequest, kind, secret::Digest,
    time::Timestamp,
};

/// How long a user has to sign in and to decide, in seconds.
pub const LIFETIME: i64 = 60 * 60;

/// How long the browser's former secret still counts after a new one was made, in seconds: what was under way in
/// another tab, or an answer that got lost, must not end a sign-in.
const RENEWAL: i64 = 5 * 60;

/// An authorization request waiting for a user.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// Digest of the secret in its address.
    pub digest: Digest<kind::Interaction>,
    /// Digest of the cookie of the browser that began it; another browser cannot go on with it.
    pub browser: Digest<kind::Browser>,
    /// Digest of the cookie before that, and when it was renewed.
    pub former_browser: Option<(Digest<kind::Browser>, Timestamp)>,
    /// What the client asks for.
    pub request: AuthorizationRequest,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is finished.
    pub expires_at: Timestamp,
    /// The session that a login made for this interaction.
    pub login_session: Option<SessionId>,
    /// The session that the user chose to go on with.
    pub selected_session: Option<SessionId>,
    /// What was allowed in this interaction, and by which user: it counts for nobody else.
    pub consented: Option<(UserId, ScopeSet)>,
    /// Whether the user said no.
    pub declined: bool,
}

impl Interaction {
    /// Whether the browser with this cookie may go on with it.
    pub fn is_of(&self, browser: &Digest<kind::Browser>, now: Timestamp) -> bool {
        let former = self
            .former_browser
            .as_ref()
            .filter(|(_, renewed)| (0..RENEWAL).contains(&(now - *renewed)));
        self.browser == *browser || former.is_some_and(|(digest, _)| digest == browser)
    }

    /// Whether this session belongs to it: made for it, or chosen in it.
    pub fn has_chosen(&self, session_id: &SessionId) -> bool {
        [&self.login_session, &self.selected_session]
            .into_iter()
            .flatten()
            .any(|id| id == session_id)
    }
}

/// Whether a browser came to show what it gets, by what it says of the request (Fetch Metadata). A picture, a script or
/// a frame shows no page of ours, so it begins no sign-in. Whoever says nothing is an older browser, or none.
pub fn is_visit(mode: Option<&str>, dest: Option<&str>) -> bool {
    mode.is_none_or(|mode| mode == "navigate") && dest.is_none_or(|dest| dest == "document")
}
