//! Settings: one table, from which reading, checking, showing and the reference all come.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use latchkey_protocol::authorization::Lifetimes;
use toml::Value;

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// `90s`, `5m`, `12h`, `30d`.
    Duration,
    Number,
    /// CIDRs.
    Networks,
    OneOf(&'static [&'static str]),
}

/// One line of the table.
struct Setting {
    path: &'static str,
    kind: Kind,
    default: &'static str,
    secret: bool,
    help: &'static str,
}

const fn setting(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Setting {
    Setting { path, kind, default, secret: false, help }
}

const SETTINGS: &[Setting] = &[
    setting(
        "issuer",
        Kind::Text,
        "http://localhost:8080",
        "The public address, without a slash at its end. It stands in every token.",
    ),
    setting("listen", Kind::Text, "127.0.0.1:8080", "Address and port to listen on."),
    Setting {
        path: "database_url",
        kind: Kind::Text,
        default: "sqlite://data/latchkey.db",
        secret: true,
        help: "sqlite://PATH, or postgres://user:password@host/db.",
    },
    setting("database_pool", Kind::Number, "16", "Connections to PostgreSQL; SQLite does not need it."),
    setting("keys_dir", Kind::Text, "keys", "Folder of the master key. Nodes that share a database share this key."),
    setting("trusted_proxies", Kind::Networks, "", "CIDRs whose X-Forwarded-For or Forwarded counts."),
    setting("workers", Kind::Number, "0", "Threads that answer requests; 0: one per core."),
    setting("tls.certificate", Kind::Text, "", "PEM chain. Absent: plain HTTP (loopback, or behind a proxy)."),
    setting("tls.key", Kind::Text, "", "PEM private key. Both files are read again when they change."),
    setting("tokens.access_token_lifetime", Kind::Duration, "5m", "How long an access token is good."),
    setting("tokens.id_token_lifetime", Kind::Duration, "5m", "How long an ID token is good."),
    setting(
        "tokens.authorization_code_lifetime",
        Kind::Duration,
        "60s",
        "How long a code can be exchanged; 60s at most.",
    ),
    setting("tokens.refresh_token_lifetime", Kind::Duration, "30d", "Absolute, of the whole family."),
    setting("tokens.refresh_token_idle", Kind::Duration, "14d", "How long a refresh token may lie unused."),
    setting(
        "tokens.refresh_replay_window",
        Kind::Duration,
        "30s",
        "How long the parent of an unused successor gets the same successor again.",
    ),
    setting("tokens.format", Kind::OneOf(&["jwt"]), "jwt", "Format of access tokens (RFC 9068)."),
    setting("session.lifetime", Kind::Duration, "12h", "A browser session."),
    setting("session.remember_lifetime", Kind::Duration, "30d", "A browser session with 'keep me signed in'."),
    setting("keys.announce", Kind::Duration, "20s", "How long a new signing key is published before it signs."),
    setting("log.format", Kind::OneOf(&["text", "json"]), "text", "How log lines look."),
    setting(
        "log.level",
        Kind::OneOf(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "What is logged; debug has a line for each fetch of discovery and keys.",
    ),
];

/// A value in force and where it came from.
#[derive(Debug, Clone)]
struct Given {
    value: String,
    source: String,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    given: BTreeMap<&'static str, Given>,
    pub issuer: String,
    pub listen: String,
    pub database_url: String,
    pub database_pool: usize,
    pub keys_dir: PathBuf,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub workers: usize,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub lifetimes: Lifetimes,
    /// In seconds.
    pub announce: i64,
    pub log_json: bool,
    pub log_level: String,
}

impl Settings {
    /// Reads file and environment. `file`: as named by the caller, else `$LATCHKEY_CONFIG`, else
    /// `./latchkey.toml` where there is one.
    ///
    /// # Errors
    /// One error that names every fault.
    pub fn load(file: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut faults = Vec::new();
        let mut given = defaults();
        let named = file.map(Path::to_path_buf).or_else(|| env("LATCHKEY_CONFIG").map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from("latchkey.toml"));
        match std::fs::read_to_string(&path) {
            Ok(text) => read_file(&path, &text, &mut given, &mut faults),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => faults.push(format!("{}: cannot be read: {error}", path.display())),
        }
        read_environment(env, &mut given, &mut faults);
        for setting in SETTINGS {
            let value = &given[setting.path];
            if let Some(fault) = check(setting, &value.value) {
                faults.push(format!("{}: {} {fault}", value.source, setting.path));
            }
        }
        if faults.is_empty() {
            faults.extend(check_together(&given));
        }
        if !faults.is_empty() {
            bail!("{}", faults.join("\n          "));
        }
        Ok(build(given))
    }

    /// The values in force, secrets masked, and where each came from.
    pub fn show(&self) -> Vec<(String, String, String)> {
        let shown = |s: &Setting, g: &Given| if s.secret { mask(&g.value) } else { g.value.clone() };
        let line = |s: &Setting| {
            let given = &self.given[s.path];
            (s.path.to_owned(), shown(s, given), given.source.clone())
        };
        SETTINGS.iter().map(line).collect()
    }

    pub fn is_secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The path of the issuer, without a slash at its end.
    pub fn base(&self) -> String {
        url::Url::parse(&self.issuer).map(|u| u.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }

    pub fn is_loopback(&self) -> bool {
        url::Url::parse(&self.issuer).is_ok_and(|u| latchkey_protocol::uri::is_loopback(&u))
    }
}

/// The full reference, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\nGenerated by `latchkey config reference`. In `latchkey.toml` (`--config FILE`, else `$LATCHKEY_CONFIG`, else \
         `./latchkey.toml`), and each by environment, which wins. `..._FILE` names a file that holds the value.\n\n\
         | setting | default | environment | what it does |\n|---|---|---|---|\n",
    );
    for s in SETTINGS {
        text += &format!("| `{}` | `{}` | `{}` | {} |\n", s.path, s.default, variable(s.path), s.help);
    }
    text
}

fn variable(path: &str) -> String {
    format!("LATCHKEY_{}", path.to_uppercase().replace('.', "__"))
}

fn defaults() -> BTreeMap<&'static str, Given> {
    SETTINGS.iter().map(|s| (s.path, Given { value: s.default.into(), source: "default".into() })).collect()
}

fn read_file(path: &Path, text: &str, given: &mut BTreeMap<&'static str, Given>, faults: &mut Vec<String>) {
    let name = path.display();
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |s| text[..s.start.min(text.len())].lines().count().max(1));
            faults.push(format!("{name}:{line}: {}", error.message()));
            return;
        }
    };
    let mut leaves = Vec::new();
    flatten("", &table, &mut leaves);
    for (key, value) in leaves {
        let source = format!("{name}:{}", line_of(text, &key));
        match SETTINGS.iter().find(|s| s.path == key) {
            Some(setting) => {
                given.insert(setting.path, Given { value: as_text(&value), source });
            }
            None => faults.push(format!("{source}: there is no setting {key}{}", suggestion(&key))),
        }
    }
}

fn flatten(prefix: &str, table: &toml::Table, leaves: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flatten(&path, inner, leaves),
            leaf => leaves.push((path, leaf.clone())),
        }
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The line on which a key of a file stands.
fn line_of(text: &str, path: &str) -> usize {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            current = header.trim().to_owned();
        } else if let Some((name, _)) = line.split_once('=') {
            let name = name.trim().trim_matches('"');
            if (current == section && name == key) || (current.is_empty() && name == path) {
                return number + 1;
            }
        }
    }
    1
}

/// The setting that was probably meant: same letters, mostly.
fn suggestion(key: &str) -> String {
    let distance = |a: &str| {
        let common = a.chars().zip(key.chars()).take_while(|(x, y)| x == y).count();
        a.len().max(key.len()) - common
    };
    let nearest = SETTINGS.iter().min_by_key(|s| distance(s.path));
    nearest.filter(|s| distance(s.path) <= 6).map(|s| format!("; did you mean {}?", s.path)).unwrap_or_default()
}

fn read_environment(
    env: &dyn Fn(&str) -> Option<String>,
    given: &mut BTreeMap<&'static str, Given>,
    faults: &mut Vec<String>,
) {
    for setting in SETTINGS {
        let name = variable(setting.path);
        let file = format!("{name}_FILE");
        if let Some(value) = env(&name) {
            given.insert(setting.path, Given { value, source: name });
        } else if let Some(path) = env(&file) {
            match std::fs::read_to_string(&path) {
                Ok(value) => {
                    given.insert(setting.path, Given { value: value.trim().to_owned(), source: file });
                }
                Err(error) => faults.push(format!("{file}: {path} cannot be read: {error}")),
            }
        }
    }
}

/// Variables that look like ours and are none.
pub fn unknown_variables() -> Vec<String> {
    let known = |name: &str| {
        name == "LATCHKEY_CONFIG"
            || SETTINGS.iter().any(|s| variable(s.path) == name || format!("{}_FILE", variable(s.path)) == name)
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|n| n.starts_with("LATCHKEY_") && !known(n)).collect()
}

/// Seconds in `90s`, `5m`, `12h`, `30d`.
fn seconds(text: &str) -> Option<i64> {
    let (number, factor) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (
            number,
            match &text[number.len()..] {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => 86_400,
            },
        ),
        None => return None,
    };
    number.parse::<i64>().ok().filter(|n| (0..=100_000).contains(n)).map(|n| n * factor)
}

fn networks(text: &str) -> Option<Vec<ipnet::IpNet>> {
    let one = |part: &str| part.parse().ok().or_else(|| part.parse::<std::net::IpAddr>().ok().map(Into::into));
    text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(one).collect()
}

fn check(setting: &Setting, value: &str) -> Option<String> {
    match setting.kind {
        Kind::Text => None,
        Kind::Duration if seconds(value).is_none() => {
            Some(format!("is {value:?}; a duration looks like 90s, 5m, 12h or 30d"))
        }
        Kind::Number if value.parse::<u16>().is_err() => Some(format!("is {value:?}; it must be a whole number")),
        Kind::Networks if networks(value).is_none() => Some(format!("is {value:?}; CIDRs look like 10.0.0.0/8")),
        Kind::OneOf(words) if !words.contains(&value) => {
            Some(format!("is {value:?}; it must be one of {}", words.join(", ")))
        }
        Kind::Duration | Kind::Number | Kind::Networks | Kind::OneOf(_) => None,
    }
}

fn check_together(given: &BTreeMap<&'static str, Given>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, text: String| faults.push(format!("{}: {path} {text}", given[path].source));
    let issuer = given["issuer"].value.as_str();
    match url::Url::parse(issuer) {
        Ok(url) if !["http", "https"].contains(&url.scheme()) || !url.has_host() => {
            fault("issuer", format!("is {issuer:?}; it must start with https:// or http://"));
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() || issuer.ends_with('/') => {
            fault("issuer", format!("is {issuer:?}; it must have no query, no fragment and no slash at its end"));
        }
        Ok(_) => {}
        Err(error) => fault("issuer", format!("is {issuer:?}; that is no address: {error}")),
    }
    if given["listen"].value.parse::<std::net::SocketAddr>().is_err() {
        fault(
            "listen",
            format!("is {:?}; it must be an IP address and a port, such as 127.0.0.1:8080", given["listen"].value),
        );
    }
    let database = &given["database_url"].value;
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|s| database.starts_with(s)) {
        fault("database_url", "must start with sqlite:// or postgres://".into());
    }
    if given["tls.certificate"].value.is_empty() != given["tls.key"].value.is_empty() {
        fault("tls.certificate", "and tls.key come together".into());
    }
    if seconds(&given["tokens.authorization_code_lifetime"].value).is_none_or(|s| s == 0 || s > 60) {
        fault("tokens.authorization_code_lifetime", "must be between 1s and 60s".into());
    }
    for path in [
        "tokens.access_token_lifetime",
        "tokens.id_token_lifetime",
        "tokens.refresh_token_lifetime",
        "session.lifetime",
    ] {
        if seconds(&given[path].value) == Some(0) {
            fault(path, "must be longer than nothing".into());
        }
    }
    faults
}

fn build(given: BTreeMap<&'static str, Given>) -> Settings {
    let text = |path: &str| given[path].value.clone();
    let duration = |path: &str| seconds(&given[path].value).unwrap_or_default();
    let number = |path: &str| given[path].value.parse().unwrap_or_default();
    let tls = (!text("tls.certificate").is_empty()).then(|| (text("tls.certificate").into(), text("tls.key").into()));
    Settings {
        issuer: text("issuer"),
        listen: text("listen"),
        database_url: text("database_url"),
        database_pool: number("database_pool"),
        keys_dir: text("keys_dir").into(),
        trusted_proxies: networks(&text("trusted_proxies")).unwrap_or_default(),
        workers: number("workers"),
        tls,
        lifetimes: Lifetimes {
            access_token: duration("tokens.access_token_lifetime"),
            id_token: duration("tokens.id_token_lifetime"),
            authorization_code: duration("tokens.authorization_code_lifetime"),
            refresh_token: duration("tokens.refresh_token_lifetime"),
            refresh_idle: duration("tokens.refresh_token_idle"),
            refresh_replay_window: duration("tokens.refresh_replay_window"),
            session: duration("session.lifetime"),
            session_remember: duration("session.remember_lifetime"),
        },
        announce: duration("keys.announce"),
        log_json: text("log.format") == "json",
        log_level: text("log.level"),
        given,
    }
}

/// Hides the password of a database address.
fn mask(value: &str) -> String {
    match url::Url::parse(value) {
        Ok(mut url) if url.password().is_some() => {
            // Cannot fail: an address with a password has a host.
            let _masked = url.set_password(Some("***"));
            url.to_string()
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("latchkey.toml");
        std::fs::write(&file, text).unwrap();
        let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Settings::load(Some(&file), &|name| env.get(name).cloned())
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_line() {
        let error = load(
            "listen = \"nowhere\"\nisuer = \"x\"\n[tokens]\naccess_token_lifetime = \"soon\"\n",
            &[("LATCHKEY_WORKERS", "many")],
        );
        let text = error.unwrap_err().to_string();
        assert!(text.contains("latchkey.toml:2: there is no setting isuer; did you mean issuer?"), "{text}");
        assert!(text.contains("latchkey.toml:4: tokens.access_token_lifetime is \"soon\""), "{text}");
        assert!(text.contains("LATCHKEY_WORKERS: workers is \"many\""), "{text}");
        let text = load("listen = \"nowhere\"\n", &[]).unwrap_err().to_string();
        assert!(text.contains("latchkey.toml:1: listen is \"nowhere\""), "{text}");
        let text = load("issuer = \"http://x\"\nlisten =\n", &[]).unwrap_err().to_string();
        assert!(text.contains("latchkey.toml:2:"), "{text}");
    }

    #[test]
    fn the_environment_wins_and_secrets_are_masked() {
        let settings = load(
            "issuer = \"https://id.example\"",
            &[
                ("LATCHKEY_ISSUER", "https://other.example"),
                ("LATCHKEY_DATABASE_URL", "postgres://u:hidden@h/db"),
                ("LATCHKEY_TOKENS__ACCESS_TOKEN_LIFETIME", "90s"),
            ],
        )
        .unwrap();
        assert_eq!(settings.issuer, "https://other.example");
        assert_eq!(settings.lifetimes.access_token, 90);
        let shown = settings.show();
        assert!(shown.iter().all(|(_, value, _)| !value.contains("hidden")));
        assert!(shown.contains(&("issuer".into(), "https://other.example".into(), "LATCHKEY_ISSUER".into())));
    }
}
