//! What calls take behind the question mark.

use crate::route::{Parameter, Takes, text};

pub const OF_USERS: &[Parameter] = &[
    text(
        "login",
        "The one user with this user name or email address, or none.",
    ),
    text(
        "search",
        "Those whose user name, email address, display name or subject begins so.",
    ),
    Parameter {
        name: "sort",
        about: "The order: by user name, those added last first, or those who signed in last first.",
        takes: Takes::Word(&["name", "created", "last-sign-in"]),
    },
];
pub const OF_SESSION: &[Parameter] = &[
    text(
        "user",
        "Those of this user: a user name, an email address or a subject.",
    ),
    text(
        "client",
        "Those in which users signed in to this client, by its `client_id`; with `user`, those in which that user did. Without `user` a piece may be short, or empty, although more follow: go on while there is a `next`.",
    ),
];
pub const NEW_SECRET: &[Parameter] = &[Parameter {
    name: "new_secret",
    about: "The client gets another secret as well, one that is made; the old one is worth nothing at once.",
    takes: Takes::Word(&["true", "false"]),
}];
pub const OF_PREVIEW: &[Parameter] = &[
    text(
        "user",
        "Who signs in: a user name, an email address or a subject. Without one: the client for itself.",
    ),
    text("scope", "What the client asks for."),
];
const SINCE: Parameter = Parameter {
    name: "since",
    about: "At this moment or later, in seconds since 1970.",
    takes: Takes::Number(0, i64::MAX),
};
const UNTIL: Parameter = Parameter {
    name: "until",
    about: "Before this moment, in seconds since 1970.",
    takes: Takes::Number(0, i64::MAX),
};
pub const OF_REFUSAL: &[Parameter] = &[
    text("client_id", "Those of this client, as far as it said so."),
    text("reason", "Those for this reason, such as `CodeExpired`."),
    SINCE,
    UNTIL,
];
pub const OF_ENTRY: &[Parameter] = &[
    SINCE,
    UNTIL,
    text("event", "With this event, such as `user disable`."),
    text("actor", "By this actor: a subject, a `client_id`, `uid 0`."),
    text("target", "Of this target, by its id."),
    text(
        "user",
        "Those that concern this user: a user name, an email address or a subject.",
    ),
    Parameter {
        name: "outcome",
        about: "With this outcome.",
        takes: Takes::Word(&["done", "refused"]),
    },
];
pub const CHECKPOINT: &[Parameter] = &[text(
    "checkpoint",
    "A checkpoint that was kept elsewhere, as `POSITION:HASH`, to hold the chain against.",
)];
pub const OF_DELIVERY: &[Parameter] = &[
    text(
        "session",
        "Those of this session; with no other parameter but those of the piece.",
    ),
    Parameter {
        name: "state",
        about: "Those that stand like this; `dead`: nobody tries them any more.",
        takes: Takes::Word(&["waiting", "delivered", "dead"]),
    },
    text("client_id", "Those of this client."),
    text(
        "user",
        "Those of sessions of this user: a user name, an email address or a subject.",
    ),
];

pub const OF_OVERVIEW: &[Parameter] = &[Parameter {
    name: "period",
    about: "The last 24 hours, 7 days or 30 days. Without it: the last 24 hours.",
    takes: Takes::Word(&["day", "week", "month"]),
}];

pub const LAST_WAY_IN: &[Parameter] = &[Parameter {
    name: "force",
    about: "Also where the user cannot sign in any more.",
    takes: Takes::Word(&["true", "false"]),
}];
pub const WITH_IDENTITIES: &[Parameter] = &[Parameter {
    name: "force",
    about: "Also with the identities that are linked through it: users without a password cannot sign in then.",
    takes: Takes::Word(&["true", "false"]),
}];
