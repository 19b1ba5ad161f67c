//! Settings: one table, from which reading, checking, showing and the reference all come.

mod advice;
mod check;
mod environment;
mod file;
mod issuer;
mod mask;
mod parse;
mod table;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use latchkey_protocol::{authorization::Lifetimes, registration::RegistrationRules};

use crate::connections::Patience;
use mask::mask;
use table::{SETTINGS, Setting};

pub use environment::unknown_variables;
pub(crate) use parse::{patience, seconds, some_time as duration};
pub use table::reference;

/// A value in force and where it came from.
#[derive(Debug, Clone)]
struct SettingValue {
    value: String,
    source: String,
}

type Values = BTreeMap<&'static str, SettingValue>;

/// The files of TLS; both are empty, or none is.
#[derive(Debug, Clone, Default)]
struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// Checked settings. What each is for stands in the table.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    given: Values,
    /// The settings file that was read.
    file: Option<PathBuf>,
    /// `issuer`: the public address, without a slash at its end.
    pub issuer: String,
    allow_insecure_issuer: bool,
    /// `listen`: address and port.
    pub listen: String,
    /// `database_url`: `sqlite://` or `postgres://`, with its password.
    pub database_url: String,
    /// `database_pool`: most connections to PostgreSQL.
    pub database_pool: usize,
    /// `keys_dir`: the folder of the master key.
    pub keys_dir: PathBuf,
    /// `trusted_proxies`: who is believed about the caller's address.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// `forwarded_header`: the one header that they say it in.
    pub forwarded_header: String,
    /// `require_pkce`: whether every client must send a code challenge.
    pub require_pkce: bool,
    /// What registrations may hold beyond the specifications.
    pub registration: RegistrationRules,
    /// `workers`: threads that answer; 0: one for each core.
    pub workers: usize,
    /// `limits.connections`: most open connections.
    pub connections: usize,
    /// `limits.connections_per_address`: most of them from one address.
    pub connections_per_address: usize,
    /// How long the server waits for a caller.
    pub patience: Patience,
    tls: TlsFiles,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// `tokens.status_list`: whether access tokens have entries in status lists.
    pub status_list: bool,
    /// `tokens.status_list_ttl`: how long a list may be kept, in seconds.
    pub status_list_ttl: i64,
    /// `tokens.status_list_lifetime`: from when on a list says nothing any more, in seconds.
    pub status_list_lifetime: i64,
    /// `limits.status_waiting`: how many may wait for a change of the lists at a time.
    pub status_waiting: usize,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: Vec<String>,
    /// Networks that may be called though they are not public.
    pub outbound_allow: Vec<ipnet::IpNet>,
    outbound_ca_file: PathBuf,
    /// How recent a sign-in has to be for a change in the console, in seconds.
    pub admin_reauth: i64,
    /// How long an entry of the audit table is kept, in seconds; 0: for ever.
    pub audit_keep: i64,
    /// In seconds.
    pub announce: i64,
    /// In seconds; 0: never.
    pub rotate_after: i64,
    /// Whether a log line is a JSON object.
    pub log_json: bool,
    /// The least severe level that is logged.
    pub log_level: String,
}

impl Settings {
    /// The settings file that was read, if one was.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

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
        let path = named.clone().unwrap_or_else(|| "latchkey.toml".into());
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
        let settings = Self {
            given,
            file: read,
            ..Self::default()
        };
        settings.filled(problems)
    }

    /// With each given text in its place.
    fn filled(mut self, mut problems: Vec<String>) -> Result<Self> {
        let mut found = Vec::new();
        for setting in SETTINGS {
            let given = self.given[setting.path].value.clone();
            let put = (setting.put)(&mut self, &given);
            found.extend(put.err().map(|problem| (setting.path, problem)));
        }
        if problems.is_empty() && found.is_empty() {
            found = check::together(&self);
        }
        let named = |(path, problem)| format!("{}: {path} {problem}", self.given[path].source);
        problems.extend(found.into_iter().map(named));
        if !problems.is_empty() {
            bail!("{}", problems.join("\n          "));
        }
        Ok(self)
    }

    /// Certificate and key, where this server speaks TLS by itself.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        let TlsFiles { certificate, key } = &self.tls;
        let given = !certificate.as_os_str().is_empty();
        given.then_some((certificate, key))
    }

    /// The certificate authorities that calls out trust besides those of the public web, where there are any.
    pub fn outbound_ca_file(&self) -> Option<&Path> {
        let file = self.outbound_ca_file.as_path();
        (!file.as_os_str().is_empty()).then_some(file)
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

    /// Whether the issuer is an address of this machine alone.
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
    fn a_problem_is_named_with_the_line_of_its_key_however_it_is_written() {
        let tables = "[tokens]\n'access_token_lifetime' = \"soon\"\n\
            [limits] # of \"connections\"\nhead_timeout = \"\"\"\nbody_timeout = 5s\"\"\"\nbody_timeout = \"never\"\n\
            [session]\nnested = { lifetime = 1 }\n";
        let dotted = "tokens . id_token_lifetime = \"0s\"\nlog = { level = \"loud\" }\n\
            trusted_proxies = [\n\"x\",\n]\n";
        let cases = [
            (tables, "2: tokens.access_token_lifetime is \"soon\""),
            (tables, "4: limits.head_timeout is"),
            (tables, "6: limits.body_timeout is \"never\""),
            (tables, "8: there is no setting session.nested.lifetime"),
            (
                dotted,
                "1: tokens.id_token_lifetime must be longer than nothing",
            ),
            (dotted, "2: log.level is \"loud\""),
            (dotted, "3: trusted_proxies is \"x\""),
        ];
        for (text, expected) in cases {
            let problems = load(text, &[]).unwrap_err().to_string();
            assert!(
                problems.contains(&format!("latchkey.toml:{expected}")),
                "{expected}: {problems}"
            );
        }
    }

    #[test]
    fn every_default_is_good_and_reaches_its_place() {
        let settings = load("", &[]).unwrap();
        assert_eq!(settings.lifetimes.session_remember, 30 * 86_400);
        assert_eq!(settings.patience.idle, std::time::Duration::from_secs(75));
        assert_eq!((settings.connections, settings.workers), (10_000, 0));
        assert!(settings.tls().is_none() && !settings.log_json);
        let tls = [("LATCHKEY_TLS__KEY", "key.pem")];
        let text = load("", &tls).unwrap_err().to_string();
        assert!(
            text.contains("tls.certificate and tls.key come together"),
            "{text}"
        );
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
