//! All that follows from one approval: its code, its refresh family, its end. What gets revoked.

use crate::{
    AuthorizationId, ClientId, ScopeSet, SessionId, UserId,
    access::JudgedVersions,
    authentication::Amr,
    authorize::{Approval, ClaimsRequest},
    bounds::KEPT_AFTER,
    entry_change::LiveEntries,
    kind,
    secret::{Digest, Secret},
    session::{Session, Use},
    time::Timestamp,
    user::User,
};

pub use crate::lifetimes::Lifetimes;

/// The refresh family: the current token and the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshFamily {
    /// Digest of the current token's secret.
    pub current: Digest<kind::RefreshToken>,
    /// When the current one was issued, when it ends, and the key that signed it: with the parent's secret,
    /// enough to make the very same token again.
    pub issued_at: Timestamp,
    /// Ends with this, unless it is used before.
    pub idle_expires_at: Timestamp,
    /// The key that signed the current token.
    pub kid: String,
    /// Digest of the one before it; none for the first.
    pub parent: Option<Digest<kind::RefreshToken>>,
    /// Absolute end.
    pub expires_at: Timestamp,
}

impl RefreshFamily {
    /// The first of a family: `secret` is a finished random value, `kid` the key that signs now.
    pub fn first(
        secret: &Secret<kind::RefreshToken>,
        kid: &str,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        Self {
            current: secret.digest(),
            issued_at: now,
            idle_expires_at: now + lifetimes.refresh_idle.min(lifetimes.refresh_token),
            kid: kid.to_owned(),
            parent: None,
            expires_at: now + lifetimes.refresh_token,
        }
    }

    /// What follows when the current token is used: `successor` is current, idle time begins anew, and the absolute end
    /// stays.
    #[must_use]
    pub fn next(
        &self,
        successor: &Secret<kind::RefreshToken>,
        kid: &str,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        Self {
            current: successor.digest(),
            issued_at: now,
            idle_expires_at: (now + lifetimes.refresh_idle).min(self.expires_at),
            kid: kid.to_owned(),
            parent: Some(self.current.clone()),
            expires_at: self.expires_at,
        }
    }
}

/// What one approval gave: to which client, for whom, how much, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Names it in its tokens, in revocations and in the log.
    pub id: AuthorizationId,
    /// The client that it was given to.
    pub client_id: ClientId,
    /// The user who approved.
    pub user_id: UserId,
    /// What was granted.
    pub scope: ScopeSet,
    /// When the user had proven who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Amr,
    /// How the client gets it.
    pub handover: Handover,
    /// When the code was issued.
    pub created_at: Timestamp,
    /// Its refresh tokens, where it has any.
    pub refresh: Option<RefreshFamily>,
    /// When it was ended before its time.
    pub revoked_at: Option<Timestamp>,
    /// After this nothing can come of it, and it is swept.
    pub expires_at: Timestamp,
    /// What was asked for besides, and ignored: the client cannot have it.
    pub ignored_scope: ScopeSet,
    /// What was asked for claim by claim.
    pub asked_claims: ClaimsRequest,
    /// Whether it can be issued only while the user's consent to the client is there. Not kept: whoever takes the consent
    /// back revokes what was issued, so a stored one says `false`.
    pub rests_on_consent: bool,
    /// The versions of user and client by which the user was admitted, where the client is limited to some: it is issued only
    /// while they are those. Not kept: afterwards each use asks again.
    pub access_judged_at: Option<JudgedVersions>,
    /// The entries of its access tokens in status lists. None when it is issued; afterwards its grants change them.
    pub live_entries: LiveEntries,
}

/// How what was approved reaches the client. All else about an authorization is the same however it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// By a code through the browser that the user is signed in at (RFC 6749 4.1).
    Code(CodeHandover),
}

/// A code, and what whoever exchanges it has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeHandover {
    /// Digest of the code.
    pub code: Digest<kind::AuthorizationCode>,
    /// When the code ends.
    pub expires_at: Timestamp,
    /// When the code was spent; it is spent once.
    pub exchanged_at: Option<Timestamp>,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// Whether the request named it: the token request must then name it too (RFC 6749 4.1.3).
    pub redirect_uri_sent: bool,
    /// What the verifier must hash to (RFC 7636 4.6).
    pub code_challenge: Option<String>,
    /// For the ID token (OpenID Connect Core 3.1.2.1).
    pub nonce: Option<String>,
    /// The browser session that it was approved in.
    pub session_id: SessionId,
}

impl Handover {
    /// The browser session that it hangs on, where it was approved in one.
    pub fn session_id(&self) -> Option<&SessionId> {
        match self {
            Self::Code(code) => Some(&code.session_id),
        }
    }

    /// Whether the client has had its tokens.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Code(code) => code.exchanged_at.is_some(),
        }
    }
}

/// An authorization with the user and the session it hangs on, if they are still there.
#[derive(Debug, Clone)]
pub struct Context {
    /// The authorization.
    pub authorization: Authorization,
    /// Its user; none when deleted.
    pub user: Option<User>,
    /// Its session; none when it has ended.
    pub session: Option<Session>,
}

impl Authorization {
    /// From an approval, for the session and the user that it names. `id` and `code` are finished, random values.
    pub fn approve(
        id: AuthorizationId,
        code: Digest<kind::AuthorizationCode>,
        approval: &Approval<'_>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        let (request, session) = (approval.request(), approval.session());
        let (asked, route) = (&request.grant, &request.route);
        Self {
            id,
            client_id: request.client_id.clone(),
            user_id: session.user_id.clone(),
            scope: asked.scope.clone(),
            auth_time: session.auth_time,
            amr: session.amr,
            handover: Handover::Code(CodeHandover {
                code,
                expires_at: now + lifetimes.authorization_code,
                exchanged_at: None,
                redirect_uri: route.redirect_uri.clone(),
                redirect_uri_sent: route.redirect_uri_sent,
                code_challenge: route.code_challenge.clone(),
                nonce: route.nonce.clone(),
                session_id: session.id.clone(),
            }),
            created_at: now,
            refresh: None,
            revoked_at: None,
            // Past the code, so that a late replay is still seen for what it is.
            expires_at: now + lifetimes.authorization_code + KEPT_AFTER,
            ignored_scope: asked.ignored_scope.clone(),
            asked_claims: asked.claims.clone(),
            rests_on_consent: approval.rests_on_consent(),
            access_judged_at: approval.access_judged_at(),
            live_entries: LiveEntries::default(),
        }
    }

    /// Whether it outlives the session (OpenID Connect Core 11).
    pub fn is_offline(&self) -> bool {
        self.scope.contains("offline_access")
    }
}

impl Context {
    /// Until when the row is kept once its code is exchanged: past the end of the `family`, or of the access token where
    /// there is none, so that a late replay is still seen for what it is; and past the session, since an end of all
    /// sessions of a client finds them by it. Of a session that is renewed, the store keeps it for longer.
    pub fn kept_until(
        &self,
        family: Option<&RefreshFamily>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Timestamp {
        let tokens = family.map_or(now + lifetimes.access_token, |family| family.expires_at);
        let session = self.session.as_ref().map(|session| session.ends_at);
        session.map_or(tokens, |ends_at| tokens.max(ends_at)) + KEPT_AFTER
    }

    /// The user, while what was allowed still stands: not revoked, the user enabled, and the session there
    /// unless access is offline.
    pub fn standing(&self, now: Timestamp) -> Option<&User> {
        let a = &self.authorization;
        self.user
            .as_ref()
            .filter(|u| stands(u, a.revoked_at, a.is_offline() || self.session_lives(now)))
    }

    /// The use of a browser session that a refresh within it is, and that session's id. What outlives the session leaves
    /// it alone; nothing either when a use was noted a moment ago.
    pub fn session_use(&self, lifetimes: &Lifetimes, now: Timestamp) -> Option<(&SessionId, Use)> {
        let session = self
            .session
            .as_ref()
            .filter(|_| !self.authorization.is_offline())?;
        Some((&session.id, session.used(lifetimes, now)?))
    }

    /// Whether the session is there and has not expired.
    pub fn session_lives(&self, now: Timestamp) -> bool {
        self.session.as_ref().is_some_and(|s| s.expires_at > now)
    }
}

/// What decides whether an access token is still good, and no more: the busiest read of all.
#[derive(Debug, Clone)]
pub struct Support {
    /// The user it was given by.
    pub user: User,
    /// When it was ended before its time.
    pub revoked_at: Option<Timestamp>,
    /// Whether it outlives the session (OpenID Connect Core 11).
    pub offline: bool,
    /// When its session ends; none when that has gone.
    pub session_expires_at: Option<Timestamp>,
    /// What was asked for claim by claim.
    pub asked_claims: ClaimsRequest,
}

impl Support {
    /// Whether it still stands, under the rule of [`Context::standing`]. A token issued `within_session` ends with the
    /// session, even where refresh goes on offline.
    pub fn stands(&self, within_session: bool, now: Timestamp) -> bool {
        let session_lives = self.session_expires_at.is_some_and(|end| end > now);
        stands(
            &self.user,
            self.revoked_at,
            session_lives || (self.offline && !within_session),
        )
    }
}

fn stands(user: &User, revoked_at: Option<Timestamp>, session_lives_or_need_not: bool) -> bool {
    user.disabled_at.is_none() && revoked_at.is_none() && session_lives_or_need_not
}
