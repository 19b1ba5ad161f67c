//! Audit events: who signed in and who failed to, what ended, what administrators did. The one place that writes lines of
//! the log's target `audit`.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use latchkey_protocol::{Reason, Timestamp, session::Cause};

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A command, called by this user of the operating system.
    Command {
        /// The user's number.
        uid: u32,
    },
    /// The server itself.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { uid } => write!(f, "uid {uid}"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// What an administrator can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A user was added.
    UserCreate,
    /// What describes a user was changed.
    UserUpdate,
    /// A user was locked out.
    UserDisable,
    /// A user was let in again.
    UserEnable,
    /// A user was removed, with all that was theirs.
    UserDelete,
    /// A user got a new password.
    UserSetPassword,
    /// A user was signed out everywhere.
    UserEndSessions,
    /// A client was registered.
    ClientCreate,
    /// A client's metadata was changed.
    ClientUpdate,
    /// A client was removed, with all that it was allowed.
    ClientDelete,
    /// A client got a new secret.
    ClientRotateSecret,
    /// The first key of an algorithm was made.
    KeyCreate,
    /// A key was announced.
    KeyRotate,
    /// A key was made that signs at once.
    KeyRotateNow,
    /// A key was taken out of the published set.
    KeyRetire,
    /// One session was ended.
    SessionEnd,
    /// What a user had allowed a client was taken back.
    ConsentRevoke,
    /// A custom claim was mapped for all clients.
    ClaimSet,
    /// A custom claim was taken away.
    ClaimRemove,
}

impl Operation {
    /// As the command is called that does it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserCreate => "user create",
            Self::UserUpdate => "user update",
            Self::UserDisable => "user disable",
            Self::UserEnable => "user enable",
            Self::UserDelete => "user delete",
            Self::UserSetPassword => "user set-password",
            Self::UserEndSessions => "user end-sessions",
            Self::ClientCreate => "client create",
            Self::ClientUpdate => "client update",
            Self::ClientDelete => "client delete",
            Self::ClientRotateSecret => "client rotate-secret",
            Self::KeyCreate => "key create",
            Self::KeyRotate => "key rotate",
            Self::KeyRotateNow => "key rotate --now",
            Self::KeyRetire => "key retire",
            Self::SessionEnd => "session end",
            Self::ConsentRevoke => "consent revoke",
            Self::ClaimSet => "claim set",
            Self::ClaimRemove => "claim remove",
        }
    }
}

/// Where operations are recorded.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Records an operation: after it is done, before anybody hears of it. What cannot be recorded is done all the same,
    /// so the journal itself says so.
    async fn record(&self, operation: Operation, target: &str, actor: &Actor, now: Timestamp);
}

/// The log of this process.
pub struct AuditLog;

#[async_trait]
impl Journal for AuditLog {
    async fn record(&self, operation: Operation, target: &str, actor: &Actor, now: Timestamp) {
        log(&AuditEvent::Operation {
            at: now,
            operation: operation.name(),
            target,
            caller: &actor.to_string(),
        });
    }
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum AuditEvent<'a> {
    /// A user signed in.
    SignedIn {
        /// The user's id.
        user: &'a str,
        /// The session's `sid`.
        session: &'a str,
        /// The client's id.
        client: &'a str,
        /// From where.
        address: IpAddr,
    },
    /// With the password of a user wrong.
    SignInFailed {
        /// The user's id.
        user: &'a str,
        /// The client's id.
        client: &'a str,
        /// From where.
        address: IpAddr,
    },
    /// Under a name that nobody has. It may be a password, typed one field too early: `typed` is a keyed digest, by which
    /// attempts at the same can be told to be the same.
    SignInUnknown {
        /// A keyed digest of what was typed.
        typed: &'a str,
        /// The client's id.
        client: &'a str,
        /// From where.
        address: IpAddr,
    },
    /// By the sign-in to the session `by`.
    SessionEnded {
        /// The user's id.
        user: &'a str,
        /// The session's `sid`.
        session: &'a str,
        /// The `sid` of the session that took its place.
        by: &'a str,
        /// Why.
        cause: Cause,
        /// The client's id.
        client: &'a str,
        /// From where.
        address: IpAddr,
    },
    /// A user signed out; `client`: whose request it was, if any's.
    SignedOut {
        /// The user's id.
        user: &'a str,
        /// The session's `sid`.
        session: &'a str,
        /// The client's id.
        client: Option<&'a str>,
        /// From where.
        address: IpAddr,
    },
    /// A code or a refresh token came a second time: all that came of its authorization has ended.
    ReplayRevoked {
        /// The authorization's id.
        authorization: &'a str,
        /// What was found.
        reason: Reason,
    },
    /// A key was made, by the server itself.
    KeyAnnounced {
        /// The key's id.
        kid: &'a str,
        /// When it begins to sign, in seconds since the epoch.
        activates_at: Timestamp,
    },
    /// An administrator did something.
    Operation {
        /// When, in seconds since the epoch.
        at: Timestamp,
        /// As the command is called.
        operation: &'a str,
        /// Whom or what it was done to.
        target: &'a str,
        /// Who did it.
        caller: &'a str,
    },
}

/// Writes the line of an event.
pub fn log(event: &AuditEvent<'_>) {
    match *event {
        AuditEvent::SignedIn {
            user,
            session,
            client,
            address,
        } => {
            tracing::info!(target: "audit", %user, %session, client, %address, "signed in");
        }
        AuditEvent::SignInFailed {
            user,
            client,
            address,
        } => tracing::info!(target: "audit", user, client, %address, "sign-in failed"),
        AuditEvent::SignInUnknown {
            typed,
            client,
            address,
        } => tracing::info!(target: "audit", typed, client, %address, "sign-in failed"),
        AuditEvent::SessionEnded {
            user,
            session,
            by,
            cause,
            client,
            address,
        } => {
            let cause = cause.text();
            tracing::info!(target: "audit", %user, %session, %by, cause, client, %address, "session ended");
        }
        AuditEvent::SignedOut {
            user,
            session,
            client,
            address,
        } => tracing::info!(target: "audit", user, session, client, %address, "signed out"),
        AuditEvent::ReplayRevoked {
            authorization,
            reason,
        } => {
            let reason = reason.name();
            tracing::warn!(target: "audit", %authorization, reason, "replay: authorization revoked");
        }
        AuditEvent::KeyAnnounced { kid, activates_at } => {
            tracing::info!(target: "audit", kid, activates_at = activates_at.as_seconds(), "a new signing key is announced");
        }
        AuditEvent::Operation {
            at,
            operation,
            target,
            caller,
        } => {
            tracing::info!(target: "audit", at = at.as_seconds(), operation, on = target, caller, "command")
        }
    }
}
