//! Browser sessions: how they begin, how use prolongs them, and when they end.

use std::net::IpAddr;

use crate::{
    ClientId, SessionId, UserId, authentication::Amr, device::Device, kind, lifetimes::Lifetimes,
    secret::Digest, time::Timestamp,
};

/// A use is noted at most this often, in seconds.
const NOTED_EVERY: i64 = 60;

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// The name of its user.
    pub username: String,
    /// It counts as ended: an end of many sessions means it, and has not come to it yet.
    pub is_ended: bool,
}

/// A browser that is signed in, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public `sid` (OpenID Connect Front-Channel Logout 3). It stays the same while the session lives, whatever
    /// cookie names it: a new sign-in of the same user changes the secret, not the name.
    pub id: SessionId,
    /// Digest of the cookie's secret.
    pub digest: Digest<kind::Session>,
    /// Who is signed in.
    pub user_id: UserId,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Amr,
    /// Whether it outlives the browser.
    pub remember: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is used before: whoever asks whether it lives asks this, and needs to know no more.
    pub expires_at: Timestamp,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
    /// The last use that was noted; at most a minute old.
    pub last_used_at: Timestamp,
    /// The browser of the last sign-in, as it named itself.
    pub device: Device,
    /// From where that was, as far as it was recorded.
    pub address: Option<IpAddr>,
}

/// A client that signed its user in within a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionClient {
    /// Which.
    pub client_id: ClientId,
    /// When it first exchanged a code of the session.
    pub since: Timestamp,
}

/// A piece of the sessions in which users signed in to a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSessions {
    /// There may be fewer than asked for, or none, although more follow.
    pub sessions: Vec<ListedSession>,
    /// What the next piece goes on after; none at the end.
    pub next: Option<String>,
}

/// What became of the sessions at a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// The session that lives now: a new one, or the one that the same user had at this browser.
    pub session_id: SessionId,
    /// Those that ended for it.
    pub ended: Vec<EndedSession>,
}

/// A session that a sign-in ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// Its `sid`.
    pub id: SessionId,
    /// Whose it was.
    pub user_id: UserId,
    /// Why it ended.
    pub cause: Cause,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Another user signed in at this browser.
    AnotherUser,
    /// The user has more than [`crate::bounds::SESSIONS`], and this one was unused longest.
    TooMany,
    /// Its user, or a client for them, signed out.
    SignedOut,
    /// An administrator ended it.
    Forced,
    /// An administrator ended all sessions of the user.
    AllForced,
    /// An administrator ended all sessions of a client that the user was signed in to.
    ClientForced,
    /// An administrator ended all sessions.
    EveryoneForced,
    /// The user has a new password.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// The user was deleted.
    UserDeleted,
    /// The identity at another provider that it came from was unlinked.
    IdentityUnlinked,
    /// The session at the other provider that it came from has ended.
    EndedUpstream,
    /// Its time was over.
    Expired,
}

impl Cause {
    /// For the audit log.
    pub fn text(self) -> &'static str {
        match self {
            Self::AnotherUser => "another user signed in",
            Self::TooMany => "too many sessions of the user",
            Self::SignedOut => "signed out",
            Self::Forced => "ended by an administrator",
            Self::AllForced => "all sessions of the user were ended",
            Self::ClientForced => "all sessions of a client were ended",
            Self::EveryoneForced => "all sessions were ended",
            Self::PasswordChanged => "the password was changed",
            Self::UserDisabled => "the user was disabled",
            Self::UserDeleted => "the user was deleted",
            Self::IdentityUnlinked => "the identity was unlinked",
            Self::EndedUpstream => "the other provider ended its session",
            Self::Expired => "expired",
        }
    }
}

/// A use to note, if the row is still as old as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The sign-in that the session was read with: a later one has set other ends.
    pub auth_time: Timestamp,
    /// The last use known, or an earlier one.
    pub noted_before: Timestamp,
    /// When it was used.
    pub at: Timestamp,
    /// When the session ends now, unless it is used again.
    pub expires_at: Timestamp,
}

impl Session {
    /// A session that begins now. `id` and `digest` are of finished, random values.
    pub fn begin(
        id: SessionId,
        digest: Digest<kind::Session>,
        user_id: UserId,
        remember: bool,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        let ends_at = now
            + if remember {
                lifetimes.session_remember
            } else {
                lifetimes.session
            };
        let mut session = Self {
            id,
            digest,
            user_id,
            auth_time: now,
            amr: Amr::PASSWORD,
            remember,
            created_at: now,
            expires_at: ends_at,
            ends_at,
            last_used_at: now,
            device: Device::default(),
            address: None,
        };
        session.expires_at = session.idle_end(lifetimes, now);
        session
    }

    /// What is to be written because the session is used now; nothing when that was noted a moment ago.
    pub fn used(&self, lifetimes: &Lifetimes, now: Timestamp) -> Option<Use> {
        let idle = self.idle(lifetimes);
        let every = if idle == 0 {
            NOTED_EVERY
        } else {
            NOTED_EVERY.min(idle / 4)
        };
        let noted_before = now - every;
        let due = self.expires_at > now && self.last_used_at <= noted_before;
        due.then(|| Use {
            auth_time: self.auth_time,
            noted_before,
            at: now,
            expires_at: self.idle_end(lifetimes, now),
        })
    }

    fn idle(&self, lifetimes: &Lifetimes) -> i64 {
        if self.remember {
            lifetimes.session_remember_idle
        } else {
            lifetimes.session_idle
        }
    }

    fn idle_end(&self, lifetimes: &Lifetimes, now: Timestamp) -> Timestamp {
        match self.idle(lifetimes) {
            0 => self.ends_at,
            idle => self.ends_at.min(now + idle),
        }
    }
}

/// Names of our cookies. Under https they carry the `__Host-` prefix: this host alone, TLS alone.
pub fn cookie_name(secure: bool, name: Cookie) -> &'static str {
    match (secure, name) {
        (true, Cookie::Session) => "__Host-latchkey-session",
        (true, Cookie::Browser) => "__Host-latchkey-browser",
        (true, Cookie::Known) => "__Host-latchkey-known",
        (true, Cookie::Console) => "__Host-latchkey-console",
        (false, Cookie::Session) => "latchkey-session",
        (false, Cookie::Browser) => "latchkey-browser",
        (false, Cookie::Known) => "latchkey-known",
        (false, Cookie::Console) => "latchkey-console",
    }
}

/// The cookies there are: who is signed in, which browser this is, and who has signed in there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Who is signed in.
    Session,
    /// Which browser a form was given to.
    Browser,
    /// Who has signed in here before.
    Known,
    /// Which sign-ins to the console this browser began, and that one was finished.
    Console,
}
