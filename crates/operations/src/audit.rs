//! Audit events: who signed in and who failed to, what ended, what administrators did. The one place that writes lines of
//! the log's target `audit`.

use std::{net::IpAddr, sync::Arc};

use latchkey_protocol::{
    ClientId, Reason, Store, Timestamp, UserId,
    audit::{AuditTarget, FrontEnd, StoredAuditEntry, TargetKind},
    audit_chain::Checkpoint,
    session::Cause,
};
use serde_json::Value;

use crate::{Caller, Operations};

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
    /// A client was stopped.
    ClientDisable,
    /// A client goes on.
    ClientEnable,
    /// The first key of an algorithm was made.
    KeyCreate,
    /// The server made the next key, which signs later.
    KeyAnnounce,
    /// A key was announced.
    KeyRotate,
    /// A key was made that signs at once.
    KeyRotateNow,
    /// A key was taken out of the published set.
    KeyRetire,
    /// One session was ended.
    SessionEnd,
    /// All sessions of a client were ended.
    SessionEndClient,
    /// All sessions were ended.
    SessionEndAll,
    /// Logout tokens were sent again.
    DeliveryRetry,
    /// What a user had allowed a client was taken back.
    ConsentRevoke,
    /// A custom claim was mapped for all clients.
    ClaimSet,
    /// A custom claim was taken away.
    ClaimRemove,
    /// An identity at another provider was linked to a user.
    UserLink,
    /// An identity was unlinked, and the sessions that came from it ended.
    UserUnlink,
    /// A provider that users sign in at was added.
    UpstreamCreate,
    /// A provider was changed.
    UpstreamUpdate,
    /// Nobody signs in at a provider any more.
    UpstreamDisable,
    /// Users sign in at a provider again.
    UpstreamEnable,
    /// A provider was removed.
    UpstreamDelete,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::UserCreate,
        Self::UserUpdate,
        Self::UserDisable,
        Self::UserEnable,
        Self::UserDelete,
        Self::UserSetPassword,
        Self::UserEndSessions,
        Self::ClientCreate,
        Self::ClientUpdate,
        Self::ClientDelete,
        Self::ClientRotateSecret,
        Self::ClientDisable,
        Self::ClientEnable,
        Self::KeyCreate,
        Self::KeyAnnounce,
        Self::KeyRotate,
        Self::KeyRotateNow,
        Self::KeyRetire,
        Self::SessionEnd,
        Self::SessionEndClient,
        Self::SessionEndAll,
        Self::DeliveryRetry,
        Self::ConsentRevoke,
        Self::ClaimSet,
        Self::ClaimRemove,
        Self::UserLink,
        Self::UserUnlink,
        Self::UpstreamCreate,
        Self::UpstreamUpdate,
        Self::UpstreamDisable,
        Self::UpstreamEnable,
        Self::UpstreamDelete,
    ];

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
            Self::ClientDisable => "client disable",
            Self::ClientEnable => "client enable",
            Self::KeyCreate => "key create",
            Self::KeyAnnounce => "key announce",
            Self::KeyRotate => "key rotate",
            Self::KeyRotateNow => "key rotate --now",
            Self::KeyRetire => "key retire",
            Self::SessionEnd => "session end",
            Self::SessionEndClient => "session end --client",
            Self::SessionEndAll => "session end --all",
            Self::DeliveryRetry => "delivery retry",
            Self::ConsentRevoke => "consent revoke",
            Self::ClaimSet => "claim set",
            Self::ClaimRemove => "claim remove",
            Self::UserLink => "user link",
            Self::UserUnlink => "user unlink",
            Self::UpstreamCreate => "upstream create",
            Self::UpstreamUpdate => "upstream update",
            Self::UpstreamDisable => "upstream disable",
            Self::UpstreamEnable => "upstream enable",
            Self::UpstreamDelete => "upstream delete",
        }
    }
}

/// An operation that is about to be done.
pub(crate) struct Recording<'a> {
    /// Its next verb writes the entry in the audit table in its own transaction.
    pub store: Arc<dyn Store>,
    operation: Operation,
    target: &'a str,
    caller: &'a Caller,
    now: Timestamp,
}

impl Recording<'_> {
    /// Writes the line of what is done. What a command does is logged by a server, which finds it in the table.
    pub fn done(&self) {
        if self.caller.front_end != FrontEnd::Command {
            log(&AuditEvent::Operation {
                at: self.now,
                operation: self.operation.name(),
                target: self.target,
                caller: &self.caller.actor.to_string(),
            });
        }
    }
}

/// A user or a thing of another kind, by its id, as whoever acts on it called it.
pub(crate) fn target(kind: TargetKind, id: &str, name: &str) -> AuditTarget {
    AuditTarget {
        kind,
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
    }
}

impl Operations<'_> {
    /// A store that records the operation. `details`: a JSON object without secrets. `called`: the target, for the log.
    pub(crate) fn recording<'b>(
        &'b self,
        operation: Operation,
        (kind, id, called): (TargetKind, &str, &'b str),
        details: Value,
    ) -> Recording<'b> {
        let mut entry = self.caller.entry(operation.name(), self.now);
        entry.target = Some(target(kind, id, called));
        if let Value::Object(details) = details {
            entry.details = details;
        }
        Recording {
            store: self.store.recording(entry),
            operation,
            target: called,
            caller: &self.caller,
            now: self.now,
        }
    }
}

/// Writes the lines of entries that no server has logged: what commands did.
pub fn log_entry(stored: &StoredAuditEntry) {
    let StoredAuditEntry { entry, .. } = stored;
    let target = entry.target.as_ref();
    let called = target.and_then(|target| target.name.as_deref().or(target.id.as_deref()));
    log(&AuditEvent::Operation {
        at: entry.at,
        operation: &entry.event,
        target: called.unwrap_or_default(),
        caller: entry.actor.id.as_deref().unwrap_or("server"),
    });
}

/// Writes the line that says where the chain of the audit table ends, for whoever keeps the log elsewhere.
pub fn log_checkpoint(end: &Checkpoint) {
    tracing::info!(target: "audit", checkpoint = %end, "checkpoint");
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum AuditEvent<'a> {
    /// A user signed in.
    SignedIn {
        /// The user's id.
        user: &'a UserId,
        /// The session's `sid`.
        session: &'a str,
        /// The client's id.
        client: &'a ClientId,
        /// From where.
        address: IpAddr,
    },
    /// With the password of a user wrong.
    SignInFailed {
        /// The user's id.
        user: &'a UserId,
        /// The client's id.
        client: &'a ClientId,
        /// From where.
        address: IpAddr,
    },
    /// Under a name that nobody has. It may be a password, typed one field too early: `typed` is a keyed digest, by which
    /// attempts at the same can be told to be the same.
    SignInUnknown {
        /// A keyed digest of what was typed.
        typed: &'a str,
        /// The client's id.
        client: &'a ClientId,
        /// From where.
        address: IpAddr,
    },
    /// By the sign-in to the session `by`.
    SessionEnded {
        /// The user's id.
        user: &'a UserId,
        /// The session's `sid`.
        session: &'a str,
        /// The `sid` of the session that took its place.
        by: &'a str,
        /// Why.
        cause: Cause,
        /// The client's id.
        client: &'a ClientId,
        /// From where.
        address: IpAddr,
    },
    /// A user signed out; `client`: whose request it was, if any's.
    SignedOut {
        /// The user's id.
        user: &'a UserId,
        /// The session's `sid`.
        session: &'a str,
        /// The client's id.
        client: Option<&'a ClientId>,
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
            tracing::info!(target: "audit", %user, %session, client = client.as_str(), %address, "signed in");
        }
        AuditEvent::SignInFailed {
            user,
            client,
            address,
        } => {
            tracing::info!(target: "audit", user = user.as_str(), client = client.as_str(), %address, "sign-in failed")
        }
        AuditEvent::SignInUnknown {
            typed,
            client,
            address,
        } => {
            tracing::info!(target: "audit", typed, client = client.as_str(), %address, "sign-in failed")
        }
        AuditEvent::SessionEnded {
            user,
            session,
            by,
            cause,
            client,
            address,
        } => {
            let cause = cause.text();
            tracing::info!(target: "audit", %user, %session, %by, cause, client = client.as_str(), %address, "session ended");
        }
        AuditEvent::SignedOut {
            user,
            session,
            client,
            address,
        } => {
            tracing::info!(target: "audit", user = user.as_str(), session, client = client.map(ClientId::as_str), %address, "signed out")
        }
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
