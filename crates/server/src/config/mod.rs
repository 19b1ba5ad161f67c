//! Settings: one table, from which reading, checking, showing and the reference all come.

mod advice;
mod check;
mod environment;
mod file;
mod issuer;
mod mask;
mod table;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use latchkey_protocol::{authorization::Lifetimes, registration::RegistrationRules};

use crate::connections::Patience;
use check::{list, networks, seconds};
use mask::mask;
use table::{SETTINGS, Setting};

pub use environment::unknown_variables;
pub use table::reference;

/// A value in force and where it came from.
#[derive(Debug, Clone)]
struct SettingValue {
    value: String,
    source: String,
}

type Values = BTreeMap<&'static str, SettingValue>;

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    given: Values,
    /// The settings file that was read.
    file: Option<PathBuf>,
    pub issuer: String,
    pub listen: String,
    pub database_url: String,
    pub database_pool: usize,
    pub keys_dir: PathBuf,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub forwarded_header: String,
    pub require_pkce: bool,
    pub registration: RegistrationRules,
    pub workers: usize,
    pub connections: usize,
    pub connections_per_address: usize,
    pub patience: Patience,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub lifetimes: Lifetimes,
    pub jwt_typ_audiences: Vec<String>,
    /// In seconds.
    pub announce: i64,
    /// In seconds; 0: never.
    pub rotate_after: i64,
    pub log_json: bool,
    pub log_level: String,
}

impl Settings {
    /// Reads file and environment. `named`: the file as named by the caller, else `$LATCHKEY_CONFIG`, else
    /// `./latchkey.toml` where there is one.
    ///
    /// # Errors
    /// One error that names every problem.
    pub fn load(named: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut problems = Vec::new();
        let mut given = defaults();
        let named = named
            .map(Path::to_path_buf)
            .or_else(|| env("LATCHKEY_CONFIG").map(PathBuf::from));
        let path = named
            .clone()
            .unwrap_or_else(|| PathBuf::from("latchkey.toml"));
        let mut read = None;
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                file::read(&path, &text, &mut given, &mut problems);
                read = Some(path);
            }
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("{}: cannot be read: {error}", path.display())),
        }
        environment::read(env, &mut given, &mut problems);
        for setting in SETTINGS {
            let value = &given[setting.path];
            if let Some(problem) = check::value(setting, &value.value) {
                problems.push(format!("{}: {} {problem}", value.source, setting.path));
            }
        }
        if problems.is_empty() {
            problems.extend(check::together(&given));
        }
        if !problems.is_empty() {
            bail!("{}", problems.join("\n          "));
        }
        Ok(build(given, read))
    }

    /// The values in force, secrets masked, and where each came from.
    pub fn show(&self) -> Vec<(String, String, String)> {
        let shown = |s: &Setting, g: &SettingValue| {
            if s.secret {
                mask(&g.value)
            } else {
                g.value.clone()
            }
        };
        let line = |s: &Setting| {
            let given = &self.given[s.path];
            (s.path.to_owned(), shown(s, given), given.source.clone())
        };
        SETTINGS.iter().map(line).collect()
    }

    /// The address of the database, its password masked.
    pub fn database_shown(&self) -> String {
        mask(&self.database_url)
    }

    pub fn is_secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The path of the issuer, without a slash at its end.
    pub fn base(&self) -> String {
        url::Url::parse(&self.issuer)
            .map(|u| u.path().trim_end_matches('/').to_owned())
            .unwrap_or_default()
    }

    pub fn is_loopback(&self) -> bool {
        url::Url::parse(&self.issuer).is_ok_and(|u| latchkey_protocol::uri::is_loopback(&u))
    }
}

fn defaults() -> Values {
    SETTINGS
        .iter()
        .map(|s| {
            (
                s.path,
                SettingValue {
                    value: s.default.into(),
                    source: "default".into(),
                },
            )
        })
        .collect()
}

fn build(given: Values, file: Option<PathBuf>) -> Settings {
    let text = |path: &str| given[path].value.clone();
    let duration = |path: &str| seconds(&given[path].value).unwrap_or_default();
    let patience = |path: &str| {
        std::time::Duration::from_secs(u64::try_from(duration(path)).unwrap_or_default())
    };
    let number = |path: &str| given[path].value.parse().unwrap_or_default();
    let tls = (!text("tls.certificate").is_empty())
        .then(|| (text("tls.certificate").into(), text("tls.key").into()));
    Settings {
        issuer: text("issuer"),
        listen: text("listen"),
        database_url: text("database_url"),
        database_pool: number("database_pool"),
        keys_dir: text("keys_dir").into(),
        trusted_proxies: networks(&text("trusted_proxies")).unwrap_or_default(),
        forwarded_header: text("forwarded_header"),
        require_pkce: text("require_pkce") == "true",
        registration: RegistrationRules {
            private_http_redirects: text("allow_private_http_redirects") == "true",
        },
        workers: number("workers"),
        connections: number("limits.connections"),
        connections_per_address: number("limits.connections_per_address"),
        patience: Patience {
            head: patience("limits.head_timeout"),
            body: patience("limits.body_timeout"),
            idle: patience("limits.idle_timeout"),
        },
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
            session_idle: duration("session.idle_lifetime"),
            session_remember_idle: duration("session.remember_idle_lifetime"),
        },
        jwt_typ_audiences: list(&text("tokens.jwt_typ_audiences")),
        announce: duration("keys.announce"),
        rotate_after: duration("keys.rotate_after"),
        log_json: text("log.format") == "json",
        log_level: text("log.level"),
        given,
        file,
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
        let env: BTreeMap<String, String> = env
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        Settings::load(Some(&file), &|name| env.get(name).cloned())
    }

    #[test]
    fn every_problem_is_named_at_once_with_its_line() {
        let error = load(
            "listen = \"nowhere\"\nisuer = \"x\"\n[tokens]\naccess_token_lifetime = \"soon\"\n",
            &[("LATCHKEY_WORKERS", "many")],
        );
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("latchkey.toml:2: there is no setting isuer; did you mean issuer?"),
            "{text}"
        );
        assert!(
            text.contains("latchkey.toml:4: tokens.access_token_lifetime is \"soon\""),
            "{text}"
        );
        assert!(
            text.contains("LATCHKEY_WORKERS: workers is \"many\""),
            "{text}"
        );
        let text = load("listen = \"nowhere\"\n", &[]).unwrap_err().to_string();
        assert!(
            text.contains("latchkey.toml:1: listen is \"nowhere\""),
            "{text}"
        );
        let text = load("issuer = \"http://x\"\nlisten =\n", &[])
            .unwrap_err()
            .to_string();
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
        assert!(shown.contains(&(
            "issuer".into(),
            "https://other.example".into(),
            "LATCHKEY_ISSUER".into()
        )));
    }
}
