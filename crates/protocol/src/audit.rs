//! Entries of the audit table: who did what to whom, from where, by which front end, with what outcome.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::{attempts::WINDOW, time::Timestamp};

/// A closed set whose members have names in the database.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$member_doc:meta])* $member:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[$member_doc])* $member,)+ }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$member,)+];

            /// As it is stored.
            pub fn name(self) -> &'static str {
                match self { $(Self::$member => $name,)+ }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$member),)+ _ => None }
            }
        }
    };
}

named! {
    /// What happens by itself, and what users and clients do or fail to do. What administrators do is named as the command is
    /// called that does it.
    Event {
        /// A user signed in.
        SignedIn = "signed in",
        /// With a wrong password, or under a name that nobody has.
        SignInFailed = "sign-in failed",
        /// There were too many attempts.
        SignInRefused = "sign-in refused",
        /// A session ended, whatever ended it.
        SessionEnded = "session ended",
        /// A code or a refresh token came a second time.
        Replay = "replay",
        /// A client gave back what it was allowed (RFC 7009).
        AuthorizationRevoked = "authorization revoked",
        /// With a wrong secret.
        ClientAuthenticationFailed = "client authentication failed",
        /// There were too many wrong secrets.
        ClientAuthenticationRefused = "client authentication refused",
        /// Somebody got an account at their first sign-in at another provider.
        UserRegistered = "user registered",
        /// An account at another provider was connected with the user's here.
        IdentityLinked = "identity linked",
        /// Too many logout tokens wait: those of one client are dead letters.
        DeliveriesGivenUp = "deliveries given up",
    }
}

named! {
    /// What kind of actor it was.
    ActorKind {
        /// A user, by `sub`.
        User = "user",
        /// A client, by `client_id`.
        Client = "client",
        /// Whoever called a command, as the operating system knows them.
        Command = "command",
        /// The server itself.
        Server = "server",
        /// Somebody who has not shown who they are.
        Stranger = "stranger",
    }
}

named! {
    /// Where it was done.
    FrontEnd {
        /// The program, called in a shell.
        Command = "command",
        /// A page of ours in a browser.
        Page = "page",
        /// A protocol endpoint.
        Endpoint = "endpoint",
        /// The server, unasked.
        Server = "server",
        /// The administration console.
        Console = "console",
        /// The administration API.
        Api = "api",
    }
}

named! {
    /// What it was done to.
    TargetKind {
        /// A user, by `sub`.
        User = "user",
        /// A client, by `client_id`.
        Client = "client",
        /// A signing key, by `kid`.
        Key = "key",
        /// A session, by `sid`.
        Session = "session",
        /// A custom claim, by its name.
        Claim = "claim",
        /// Another provider that users sign in at, by its name.
        Upstream = "upstream",
        /// An authorization, by its id.
        Authorization = "authorization",
        /// A consent: the user's `sub`; the client is in the details.
        Consent = "consent",
        /// A logout token, by the number of its delivery; `dead`: all that were given up.
        Delivery = "delivery",
    }
}

named! {
    /// What came of it.
    AuditOutcome {
        /// It is done.
        Done = "done",
        /// It was not done.
        Refused = "refused",
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditActor {
    /// What kind of name `id` is.
    pub kind: ActorKind,
    /// Of a command, as in `uid 1000`.
    pub id: Option<String>,
    /// What the id is called, where it has a name.
    pub name: Option<String>,
}

/// To whom or what it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditTarget {
    /// What kind of thing.
    pub kind: TargetKind,
    /// Which. None only in entries from before the table was there.
    pub id: Option<String>,
    /// What whoever did it called it then.
    pub name: Option<String>,
}

/// What happened. Secrets never stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, in seconds since the epoch.
    pub at: Timestamp,
    /// What, such as `user disable` or `session ended`.
    pub event: String,
    /// Who did it.
    pub actor: AuditActor,
    /// Where.
    pub front_end: FrontEnd,
    /// To whom.
    pub target: Option<AuditTarget>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// From where.
    pub address: Option<IpAddr>,
    /// The request's name in the log.
    pub request_id: Option<String>,
    /// More, such as old and new values.
    pub details: Map<String, Value>,
    /// Whether whoever writes it writes its line into the log of a server; otherwise a server does when it finds it.
    pub is_logged: bool,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAuditEntry {
    /// Sorts by when it came. There may be gaps.
    pub id: i64,
    /// Its place in the chain, without gaps, once it has one; nothing about it changes after that.
    pub position: Option<i64>,
    /// How often it happened.
    pub count: i64,
    /// What happened.
    pub entry: AuditEntry,
}

/// When what happens at `now` and is counted in one entry gets an entry of its own again.
pub fn closes_at(now: Timestamp) -> Timestamp {
    Timestamp::from_seconds((now.as_seconds().div_euclid(WINDOW) + 1) * WINDOW)
}

/// The members that differ, with their old and new values.
pub fn changes(old: &Value, new: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let old = old.as_object().unwrap_or(&empty);
    let new = new.as_object().unwrap_or(&empty);
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| old.get(**name) != new.get(**name);
    let change = |name: &String| {
        let value = |from: &Map<String, Value>| from.get(name).cloned().unwrap_or_default();
        let both = [("old", value(old)), ("new", value(new))];
        let both = both.into_iter().map(|(k, v)| (k.to_owned(), v));
        (name.clone(), Value::Object(both.collect()))
    };
    names
        .iter()
        .filter(differs)
        .map(|name| change(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_name_what_differs_and_nothing_else() {
        let old = json!({ "same": 1, "gone": [1], "other": "a" });
        let new = json!({ "same": 1, "came": null, "other": "b" });
        let expected = json!({ "gone": { "old": [1], "new": null }, "came": { "old": null, "new": null }, "other": { "old": "a", "new": "b" } });
        assert_eq!(Value::Object(changes(&old, &new)), expected);
    }

    #[test]
    fn windows_close_at_their_end() {
        let closes = |at| closes_at(Timestamp::from_seconds(at)).as_seconds();
        assert_eq!((closes(0), closes(599), closes(600)), (600, 600, 1200));
        assert_eq!(closes(-1), 0);
    }
}
