//! One table, from which reading, checking, showing and the reference all come.

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// `90s`, `5m`, `12h`, `30d`.
    Duration,
    Number,
    /// CIDRs.
    Networks,
    /// Texts, in a file as an array, in the environment with commas between them.
    List,
    OneOf(&'static [&'static str]),
}

/// One line of the table.
pub struct Setting {
    pub path: &'static str,
    pub kind: Kind,
    pub default: &'static str,
    pub secret: bool,
    pub help: &'static str,
}

const fn setting(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        path,
        kind,
        default,
        secret: false,
        help,
    }
}

const FLAG: &[&str] = &["true", "false"];

pub const SETTINGS: &[Setting] = &[
    setting(
        "issuer",
        Kind::Text,
        "http://localhost:8080",
        "The public address, without a slash at its end. It stands in every token.",
    ),
    setting(
        "allow_insecure_issuer",
        Kind::OneOf(FLAG),
        "false",
        "Whether the issuer may be plain http off this host. For laboratories: everyone on the way reads passwords and tokens.",
    ),
    setting(
        "listen",
        Kind::Text,
        "127.0.0.1:8080",
        "Address and port to listen on; a host name stands for its first address.",
    ),
    Setting {
        path: "database_url",
        kind: Kind::Text,
        default: "sqlite://data/latchkey.db",
        secret: true,
        help: "sqlite://PATH, or postgres://user:password@host/db.",
    },
    setting(
        "database_pool",
        Kind::Number,
        "16",
        "Connections to PostgreSQL; SQLite does not need it.",
    ),
    setting(
        "keys_dir",
        Kind::Text,
        "keys",
        "Folder of the master key. Nodes that share a database share this key.",
    ),
    setting(
        "trusted_proxies",
        Kind::Networks,
        "",
        "CIDRs whose forwarded_header counts.",
    ),
    setting(
        "forwarded_header",
        Kind::OneOf(&["X-Forwarded-For", "Forwarded"]),
        "X-Forwarded-For",
        "The one header in which the trusted proxies name the caller; the other is the caller's own, and not read.",
    ),
    setting(
        "require_pkce",
        Kind::OneOf(FLAG),
        "false",
        "Whether every client must send a code_challenge; public ones always must.",
    ),
    setting(
        "allow_private_http_redirects",
        Kind::OneOf(FLAG),
        "false",
        "For laboratories: whether clients may register http:// redirect URIs with private addresses and names (10.0.0.5, app.test, a name without a dot).",
    ),
    setting(
        "workers",
        Kind::Number,
        "0",
        "Threads that answer requests; 0: one per core.",
    ),
    setting(
        "limits.connections",
        Kind::Number,
        "10000",
        "Connections in all; fewer where the limit of open descriptors leaves no room. When all are taken, the address that holds the most loses one to a newcomer.",
    ),
    setting(
        "limits.connections_per_address",
        Kind::Number,
        "4000",
        "Connections of one address (IPv6: one /64). Trusted proxies have no such limit.",
    ),
    setting(
        "limits.head_timeout",
        Kind::Duration,
        "10s",
        "How long the head of a request may take to arrive.",
    ),
    setting(
        "limits.body_timeout",
        Kind::Duration,
        "10s",
        "How long the body of a request, at most 64 KiB, may take to arrive.",
    ),
    setting(
        "limits.idle_timeout",
        Kind::Duration,
        "75s",
        "How long a connection may lie unused.",
    ),
    setting(
        "tls.certificate",
        Kind::Text,
        "",
        "PEM chain. Absent: plain HTTP (loopback, or behind a proxy).",
    ),
    setting(
        "tls.key",
        Kind::Text,
        "",
        "PEM private key. Both files are read again when they change.",
    ),
    setting(
        "tokens.access_token_lifetime",
        Kind::Duration,
        "5m",
        "How long an access token is good.",
    ),
    setting(
        "tokens.id_token_lifetime",
        Kind::Duration,
        "5m",
        "How long an ID token is good.",
    ),
    setting(
        "tokens.authorization_code_lifetime",
        Kind::Duration,
        "60s",
        "How long a code can be exchanged; 60s at most.",
    ),
    setting(
        "tokens.refresh_token_lifetime",
        Kind::Duration,
        "30d",
        "Absolute, of the whole family.",
    ),
    setting(
        "tokens.refresh_token_idle",
        Kind::Duration,
        "14d",
        "How long a refresh token may lie unused.",
    ),
    setting(
        "tokens.refresh_replay_window",
        Kind::Duration,
        "30s",
        "How long the parent of an unused successor gets the same successor again.",
    ),
    setting(
        "tokens.format",
        Kind::OneOf(&["jwt"]),
        "jwt",
        "Format of access tokens (RFC 9068).",
    ),
    setting(
        "tokens.jwt_typ_audiences",
        Kind::List,
        "",
        "Audiences whose access tokens have the header typ JWT instead of at+jwt, for APIs whose library refuses the latter.",
    ),
    setting(
        "session.lifetime",
        Kind::Duration,
        "12h",
        "A browser session.",
    ),
    setting(
        "session.remember_lifetime",
        Kind::Duration,
        "30d",
        "A browser session with 'keep me signed in'.",
    ),
    setting(
        "session.idle_lifetime",
        Kind::Duration,
        "4h",
        "How long a browser session may lie unused before it ends; 0s: as long as it lives.",
    ),
    setting(
        "session.remember_idle_lifetime",
        Kind::Duration,
        "14d",
        "The same, with 'keep me signed in'.",
    ),
    setting(
        "keys.announce",
        Kind::Duration,
        "1h",
        "How long a new signing key is published before it signs; 60s at least. Verifiers keep the key set for longer than they are told.",
    ),
    setting(
        "keys.rotate_after",
        Kind::Duration,
        "90d",
        "How long a signing key signs before the server makes the next one; 0s: only `latchkey key rotate` does.",
    ),
    setting(
        "log.format",
        Kind::OneOf(&["text", "json"]),
        "text",
        "How log lines look.",
    ),
    setting(
        "log.level",
        Kind::OneOf(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "What is logged; debug has a line for each fetch of discovery and keys.",
    ),
];

/// The full reference, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\nGenerated by `latchkey config reference`. In `latchkey.toml` (`--config FILE`, else `$LATCHKEY_CONFIG`, else \
         `./latchkey.toml`), and each by environment, which wins. `..._FILE` names a file that holds the value.\n\n\
         | setting | default | environment | what it does |\n|---|---|---|---|\n",
    );
    for s in SETTINGS {
        text += &format!(
            "| `{}` | `{}` | `{}` | {} |\n",
            s.path,
            s.default,
            variable(s.path),
            s.help
        );
    }
    text
}

/// The environment variable of a setting.
pub fn variable(path: &str) -> String {
    format!("LATCHKEY_{}", path.to_uppercase().replace('.', "__"))
}
