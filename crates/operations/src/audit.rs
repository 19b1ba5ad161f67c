//! Audit events: who signed in and who failed to, what ended, what administrators did. The one place that writes lines of
//! the log's target `audit`.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use latchkey_protocol::{Reason, Timestamp, session::Cause};

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A command, called by this user of the operating system.
    Command { uid: u32 },
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
    UserCreate,
    UserUpdate,
    UserDisable,
    UserEnable,
    UserDelete,
    UserSetPassword,
    UserEndSessions,
    ClientCreate,
    ClientUpdate,
    ClientDelete,
    ClientRotateSecret,
    KeyCreate,
    KeyRotate,
    KeyRotateNow,
    KeyRetire,
    SessionEnd,
    ConsentRevoke,
    ClaimSet,
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
    SignedIn {
        user: &'a str,
        session: &'a str,
        client: &'a str,
        address: IpAddr,
    },
    /// With the password of a user wrong.
    SignInFailed {
        user: &'a str,
        client: &'a str,
        address: IpAddr,
    },
    /// Under a name that nobody has. It may be a password, typed one field too early: `typed` is a keyed digest, by which
    /// attempts at the same can be told to be the same.
    SignInUnknown {
        typed: &'a str,
        client: &'a str,
        address: IpAddr,
    },
    /// By the sign-in to the session `by`.
    SessionEnded {
        user: &'a str,
        session: &'a str,
        by: &'a str,
        cause: Cause,
        client: &'a str,
        address: IpAddr,
    },
    SignedOut {
        user: &'a str,
        session: &'a str,
        client: Option<&'a str>,
        address: IpAddr,
    },
    ReplayRevoked {
        authorization: &'a str,
        reason: Reason,
    },
    KeyAnnounced {
        kid: &'a str,
        activates_at: Timestamp,
    },
    Operation {
        at: Timestamp,
        operation: &'a str,
        target: &'a str,
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
            tracing::info!(target: "audit", kid, activates_at, "a new signing key is announced");
        }
        AuditEvent::Operation {
            at,
            operation,
            target,
            caller,
        } => tracing::info!(target: "audit", at, operation, on = target, caller, "command"),
    }
}
