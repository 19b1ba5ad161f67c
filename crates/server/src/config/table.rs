//! The settings, each defined once: its name, its default, how its text becomes a value, and what it is for.
//! Reading, checking, showing and the reference all come from here.

use super::{
    Settings,
    parse::{
        address, announcement, code_lifetime, database, flag, list, list_lifetime, list_ttl,
        networks, number, one_of, one_or_more, path, patience, seconds, some_time, text,
    },
};

/// One line of the table.
pub struct Setting {
    pub path: &'static str,
    pub default: &'static str,
    /// Reads a text into its place, or says what is wrong with it.
    pub put: Put,
    pub secret: bool,
    pub help: &'static str,
}

pub type Put = fn(&mut Settings, &str) -> Result<(), String>;

const fn setting(
    path: &'static str,
    default: &'static str,
    put: Put,
    help: &'static str,
) -> Setting {
    Setting {
        path,
        default,
        put,
        secret: false,
        help,
    }
}

/// The place of a value in [`Settings`], and what parses it.
macro_rules! into {
    ($($place:ident).+ = $parse:expr) => {
        |settings, given| {
            settings.$($place).+ = $parse(given)?;
            Ok(())
        }
    };
}

pub const SETTINGS: &[Setting] = &[
    setting(
        "issuer",
        "http://localhost:8080",
        into!(issuer = text),
        "The public address, without a slash at its end. It stands in every token.",
    ),
    setting(
        "allow_insecure_issuer",
        "false",
        into!(allow_insecure_issuer = flag),
        "Whether the issuer may be plain http off this host. For laboratories: everyone on the way reads passwords and tokens.",
    ),
    setting(
        "listen",
        "127.0.0.1:8080",
        into!(listen = address),
        "Address and port to listen on; a host name stands for its first address.",
    ),
    Setting {
        secret: true,
        ..setting(
            "database_url",
            "sqlite://data/latchkey.db",
            into!(database_url = database),
            "sqlite://PATH, or postgres://user:password@host/db.",
        )
    },
    setting(
        "database_pool",
        "16",
        into!(database_pool = number),
        "The most connections to PostgreSQL, at least one; SQLite does not need it.",
    ),
    setting(
        "keys_dir",
        "keys",
        into!(keys_dir = path),
        "Folder of the master key. Nodes that share a database share this key.",
    ),
    setting(
        "trusted_proxies",
        "",
        into!(trusted_proxies = networks),
        "CIDRs whose forwarded_header counts.",
    ),
    setting(
        "forwarded_header",
        "X-Forwarded-For",
        into!(forwarded_header = |given| one_of(given, &["X-Forwarded-For", "Forwarded"])),
        "The one header in which the trusted proxies name the caller; the other is the caller's own, and not read.",
    ),
    setting(
        "require_pkce",
        "false",
        into!(require_pkce = flag),
        "Whether every client must send a code_challenge; public ones always must.",
    ),
    setting(
        "allow_private_http_redirects",
        "false",
        into!(registration.private_http_redirects = flag),
        "For laboratories: whether clients may register http:// redirect URIs with private addresses and names (10.0.0.5, app.test, a name without a dot).",
    ),
    setting(
        "workers",
        "0",
        into!(workers = number),
        "Threads that answer requests; 0: one per core.",
    ),
    setting(
        "limits.connections",
        "10000",
        into!(connections = one_or_more),
        "Connections in all; fewer where the limit of open descriptors leaves no room. When all are taken, the address that holds the most loses one to a newcomer.",
    ),
    setting(
        "limits.connections_per_address",
        "4000",
        into!(connections_per_address = one_or_more),
        "Connections of one address (IPv6: one /64). Trusted proxies have no such limit.",
    ),
    setting(
        "limits.head_timeout",
        "10s",
        into!(patience.head = patience),
        "How long the head of a request may take to arrive.",
    ),
    setting(
        "limits.body_timeout",
        "10s",
        into!(patience.body = patience),
        "How long the body of a request, at most 64 KiB, may take to arrive.",
    ),
    setting(
        "limits.idle_timeout",
        "75s",
        into!(patience.idle = patience),
        "How long a connection may lie unused.",
    ),
    setting(
        "limits.status_waiting",
        "256",
        into!(status_waiting = number),
        "APIs that may wait for a change of the status lists at a time, at most a quarter of limits.connections; others are answered at once and ask again every tokens.status_list_ttl.",
    ),
    setting(
        "tls.certificate",
        "",
        into!(tls.certificate = path),
        "PEM chain. Absent: plain HTTP (loopback, or behind a proxy).",
    ),
    setting(
        "tls.key",
        "",
        into!(tls.key = path),
        "PEM private key. Both files are read again when they change.",
    ),
    setting(
        "tokens.access_token_lifetime",
        "5m",
        into!(lifetimes.access_token = some_time),
        "How long an access token is good.",
    ),
    setting(
        "tokens.id_token_lifetime",
        "5m",
        into!(lifetimes.id_token = some_time),
        "How long an ID token is good.",
    ),
    setting(
        "tokens.authorization_code_lifetime",
        "60s",
        into!(lifetimes.authorization_code = code_lifetime),
        "How long a code can be exchanged; 60s at most.",
    ),
    setting(
        "tokens.refresh_token_lifetime",
        "30d",
        into!(lifetimes.refresh_token = some_time),
        "Absolute, of the whole family.",
    ),
    setting(
        "tokens.refresh_token_idle",
        "14d",
        into!(lifetimes.refresh_idle = seconds),
        "How long a refresh token may lie unused.",
    ),
    setting(
        "tokens.refresh_replay_window",
        "30s",
        into!(lifetimes.refresh_replay_window = seconds),
        "How long the parent of an unused successor gets the same successor again.",
    ),
    setting(
        "tokens.format",
        "jwt",
        |_, given| one_of(given, &["jwt"]).map(drop),
        "Format of access tokens (RFC 9068).",
    ),
    setting(
        "tokens.jwt_typ_audiences",
        "",
        into!(jwt_typ_audiences = list),
        "Audiences whose access tokens have the header typ JWT instead of at+jwt, for APIs whose library refuses the latter.",
    ),
    setting(
        "tokens.status_list",
        "true",
        into!(status_list = flag),
        "Whether access tokens have an entry in a status list, which APIs follow to hear at once of tokens that ended. See docs/status-lists.md before you turn it off.",
    ),
    setting(
        "tokens.status_list_ttl",
        "5s",
        into!(status_list_ttl = list_ttl),
        "How long an API that does not wait for changes keeps a status list before it asks again; between 1s and 1h.",
    ),
    setting(
        "tokens.status_list_lifetime",
        "60s",
        into!(status_list_lifetime = list_lifetime),
        "How long a status list counts where no newer one can be had; between 30s and 1d, and at least 20s more than tokens.status_list_ttl.",
    ),
    setting(
        "session.lifetime",
        "12h",
        into!(lifetimes.session = some_time),
        "A browser session.",
    ),
    setting(
        "session.remember_lifetime",
        "30d",
        into!(lifetimes.session_remember = seconds),
        "A browser session with 'keep me signed in'.",
    ),
    setting(
        "session.idle_lifetime",
        "4h",
        into!(lifetimes.session_idle = seconds),
        "How long a browser session may lie unused before it ends; 0s: as long as it lives.",
    ),
    setting(
        "session.remember_idle_lifetime",
        "14d",
        into!(lifetimes.session_remember_idle = seconds),
        "The same, with 'keep me signed in'.",
    ),
    setting(
        "admin.reauth",
        "10m",
        into!(admin_reauth = some_time),
        "How recent a sign-in has to be for a change in the console; whose is older signs in again first.",
    ),
    setting(
        "audit.keep",
        "365d",
        into!(audit_keep = seconds),
        "How long an entry of the audit table is kept; 0s: for ever. The last one always is.",
    ),
    setting(
        "keys.announce",
        "1h",
        into!(announce = announcement),
        "How long a new signing key is published before it signs; 60s at least. Verifiers keep the key set for longer than they are told.",
    ),
    setting(
        "keys.rotate_after",
        "90d",
        into!(rotate_after = seconds),
        "How long a signing key signs before the server makes the next one; 0s: only `latchkey key rotate` does.",
    ),
    setting(
        "outbound.allow",
        "",
        into!(outbound_allow = networks),
        "CIDRs that may be called though they are not public: where apps of your own network take what Latchkey sends them.",
    ),
    setting(
        "outbound.ca_file",
        "",
        into!(outbound_ca_file = path),
        "PEM certificates of authorities that calls out trust besides those of the public web. Read at start.",
    ),
    setting(
        "log.format",
        "text",
        into!(log_json = |given| Ok::<_, String>(one_of(given, &["text", "json"])? == "json")),
        "How log lines look.",
    ),
    setting(
        "log.level",
        "info",
        into!(log_level = |given| one_of(given, &["error", "warn", "info", "debug", "trace"])),
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
