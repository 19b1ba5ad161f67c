//! Who does something, from where, and by which front end.

use std::{fmt, net::IpAddr};

use latchkey_protocol::{
    ClientId, Timestamp, UserId,
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, FrontEnd},
};
use serde_json::Map;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A command, called by this user of the operating system.
    Command {
        /// The user's number.
        uid: u32,
    },
    /// The server itself.
    Server,
    /// A user who is signed in.
    User {
        /// The user's id.
        id: UserId,
        /// The user's name.
        name: String,
    },
    /// A client, with a token of its own.
    Client {
        /// Its `client_id`.
        id: ClientId,
    },
}

/// As it stands in the log.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { uid } => write!(f, "uid {uid}"),
            Self::Server => f.write_str("server"),
            Self::User { name, .. } => write!(f, "user {name}"),
            Self::Client { id } => write!(f, "client {id}"),
        }
    }
}

impl Actor {
    fn recorded(&self) -> AuditActor {
        let (kind, id) = match self {
            Self::Command { .. } => (ActorKind::Command, Some(self.to_string())),
            Self::Server => (ActorKind::Server, None),
            Self::User { id, .. } => (ActorKind::User, Some(id.as_str().to_owned())),
            Self::Client { id } => (ActorKind::Client, Some(id.as_str().to_owned())),
        };
        let name = match self {
            Self::User { name, .. } => Some(name.clone()),
            Self::Command { .. } | Self::Server | Self::Client { .. } => None,
        };
        AuditActor { kind, id, name }
    }
}

/// Who does something, from where, and by which front end: all that the audit table says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// By which front end.
    pub front_end: FrontEnd,
    /// From which address, past the trusted proxies; none where it is the machine itself.
    pub address: Option<IpAddr>,
    /// The request's name in the log.
    pub request_id: Option<String>,
}

impl Caller {
    /// A command, called by this user of the operating system.
    pub fn command(uid: u32) -> Self {
        Self::here(Actor::Command { uid }, FrontEnd::Command)
    }

    /// The server itself, unasked.
    pub fn server() -> Self {
        Self::here(Actor::Server, FrontEnd::Server)
    }

    fn here(actor: Actor, front_end: FrontEnd) -> Self {
        Self {
            actor,
            front_end,
            address: None,
            request_id: None,
        }
    }

    /// An entry about what they have done. A command writes no log of its own: a server that finds the entry does.
    pub(crate) fn entry(&self, event: &str, now: Timestamp) -> AuditEntry {
        AuditEntry {
            at: now,
            event: event.to_owned(),
            actor: self.actor.recorded(),
            front_end: self.front_end,
            target: None,
            outcome: AuditOutcome::Done,
            address: self.address,
            request_id: self.request_id.clone(),
            details: Map::new(),
            is_logged: self.front_end != FrontEnd::Command,
        }
    }
}
