//! The settings file of `latchkey bff`.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use latchkey_jose::MasterKey;
use latchkey_protocol::Entropy;
use toml::de::{DeTable, DeValue};

use super::{
    ConfigFile, Lifetimes, Limits, Settings, Upstream,
    reader::{Reader, Section},
    value,
};
use crate::seal::SealKeys;

impl ConfigFile {
    /// Reads a settings file. The file of the sealing keys is made, with one key in it, where there is none.
    ///
    /// # Errors
    /// One text that names every problem, each with its line.
    pub fn load(path: &Path, entropy: &dyn Entropy) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut reader = Reader::new(path, &text);
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            reader.problem(at, error.message());
        }
        let read = errors
            .is_empty()
            .then(|| whole(&mut reader, Section::new("", 0, table.get_ref()), entropy));
        match (read.flatten(), reader.problems) {
            (Some(file), problems) if problems.is_empty() => Ok(file),
            (_, problems) => Err(problems.join("\n")),
        }
    }
}

fn whole(
    reader: &mut Reader<'_>,
    mut top: Section<'_>,
    entropy: &dyn Entropy,
) -> Option<ConfigFile> {
    let origin = reader.required(&mut top, "origin", value::own_origin);
    let issuer = reader.required(&mut top, "issuer", value::some);
    let client_id = reader.required(&mut top, "client_id", value::some);
    let client_secret = reader.secret(&mut top, "client_secret", value::some);
    let scope = reader.optional(&mut top, "scope", value::scope);
    let listen = reader.optional(&mut top, "listen", value::listen);
    let folder = reader.folder();
    let store = reader.secret(&mut top, "store", |given| value::store(given, &folder));
    // Instances that share a store share their keys too: none makes its own.
    let is_alone = !store
        .as_deref()
        .is_some_and(|store| store.starts_with("postgres") || store.starts_with("redis"));
    let seal_keys = seal_keys(reader, &mut top, is_alone.then_some(entropy));
    if let Some(store) = &store {
        reader.keep_secret(store.trim_start_matches("sqlite:").trim_start_matches("//"));
    }
    let static_files = static_files(reader, &mut top);
    let policy = reader.optional(&mut top, "content_security_policy", value::header_value);
    let lifetimes = lifetimes(reader, &mut top);
    let limits = limits(reader, &mut top);
    let upstreams = upstreams(reader, &mut top);
    reader.end(top);
    let settings = Settings {
        origin: origin?,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope: scope.unwrap_or_else(|| "openid profile offline_access".into()),
        seal_keys: seal_keys?,
        upstreams,
        static_files,
        content_security_policy: policy.unwrap_or_else(|| Settings::POLICY.into()),
        lifetimes,
        limits,
    };
    Some(ConfigFile {
        settings,
        listen: listen.unwrap_or_else(|| "127.0.0.1:8090".into()),
        store: store?,
    })
}

/// A table that may be left out.
fn inner<'a>(reader: &mut Reader<'_>, top: &mut Section<'a>, name: &str) -> Option<Section<'a>> {
    let (at, value) = top.take(name)?;
    match value {
        DeValue::Table(table) => Some(Section::new(name, at, table)),
        _ => {
            reader.problem(at, &format!("{name} must be a table: [{name}]"));
            None
        }
    }
}

fn lifetimes(reader: &mut Reader<'_>, top: &mut Section<'_>) -> Lifetimes {
    let mut lifetimes = Lifetimes::default();
    let Some(mut section) = inner(reader, top, "session") else {
        return lifetimes;
    };
    for (name, place) in [
        ("lifetime", &mut lifetimes.session),
        ("remembered_lifetime", &mut lifetimes.remembered),
        ("idle", &mut lifetimes.idle),
        ("stream_lifetime", &mut lifetimes.stream),
    ] {
        if let Some(given) = reader.optional(&mut section, name, value::seconds) {
            *place = given;
        }
    }
    reader.end(section);
    lifetimes
}

fn limits(reader: &mut Reader<'_>, top: &mut Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(mut section) = inner(reader, top, "limits") else {
        return limits;
    };
    fn number<T: std::str::FromStr>(given: &str) -> Result<T, String> {
        let number = given.parse();
        number.map_err(|_| format!("is {given:?}; it must be a whole number"))
    }
    for (name, place) in [
        ("head_timeout", &mut limits.head),
        ("idle_timeout", &mut limits.between),
        ("socket_idle_timeout", &mut limits.silence),
    ] {
        if let Some(given) = reader.optional(&mut section, name, value::patience) {
            *place = given;
        }
    }
    if let Some(given) = reader.optional(&mut section, "body", number) {
        limits.body = given;
    }
    if let Some(given) = reader.optional(&mut section, "upload_rate", number) {
        limits.rate = given;
    }
    for (name, place) in [
        ("calls", &mut limits.calls),
        ("calls_of_user", &mut limits.calls_of_user),
        ("streams", &mut limits.streams),
        ("streams_of_user", &mut limits.streams_of_user),
        ("sessions_of_user", &mut limits.sessions_of_user),
    ] {
        if let Some(given) = reader.optional(&mut section, name, number::<u16>) {
            *place = usize::from(given);
        }
    }
    reader.end(section);
    limits
}

fn upstreams(reader: &mut Reader<'_>, top: &mut Section<'_>) -> Vec<Upstream> {
    let Some((at, value)) = top.take("upstream") else {
        return Vec::new();
    };
    let DeValue::Array(items) = value else {
        reader.problem(at, "upstream must be a list of tables: [[upstream]]");
        return Vec::new();
    };
    let mut upstreams: Vec<Upstream> = Vec::new();
    for item in items.iter() {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            reader.problem(at, "upstream must be a list of tables: [[upstream]]");
            continue;
        };
        let mut section = Section::new("upstream", at, table);
        let Some(read) = upstream(reader, &mut section) else {
            continue;
        };
        reader.end(section);
        if upstreams.iter().any(|known| known.path == read.path) {
            reader.problem(at, &format!("two upstreams have the path {}", read.path));
        }
        upstreams.push(read);
    }
    upstreams
}

fn upstream(reader: &mut Reader<'_>, section: &mut Section<'_>) -> Option<Upstream> {
    let path = reader.required(section, "path", value::upstream_path);
    let to = reader.required(section, "to", value::upstream_address);
    let request_headers = reader.list(section, "request_headers", value::request_header);
    let websockets = reader.optional(section, "websockets", |given| {
        let flag = given.parse();
        flag.map_err(|_| "must be true or false".to_owned())
    });
    let (path, (to, prefix)) = (path?, to?);
    Some(Upstream {
        path,
        to,
        prefix,
        request_headers,
        websockets: websockets.unwrap_or(false),
    })
}

fn static_files(reader: &mut Reader<'_>, top: &mut Section<'_>) -> Option<std::path::PathBuf> {
    let (folder, secrets) = (reader.folder(), reader.secrets.clone());
    reader.optional(top, "static_files", |given| {
        let path = folder.join(given);
        let path = path.canonicalize().ok().filter(|path| path.is_dir());
        let path = path.ok_or_else(|| format!("is {given:?}, and there is no such folder"))?;
        match secrets.iter().find(|secret| secret.starts_with(&path)) {
            Some(secret) => Err(format!(
                "is {given:?}, where everybody could read {}: name a folder that holds the app alone",
                secret.display()
            )),
            None => Ok(path),
        }
    })
}

fn seal_keys(
    reader: &mut Reader<'_>,
    top: &mut Section<'_>,
    entropy: Option<&dyn Entropy>,
) -> Option<SealKeys> {
    let (folder, mut secret) = (reader.folder(), None);
    let keys = reader.required(top, "seal_keys_file", |given| {
        let path = folder.join(given);
        let named = |why: &dyn std::fmt::Display| format!("is {given:?}: {why}");
        secret.replace(path.clone());
        if let Some(entropy) = entropy {
            make_keys(&path, entropy).map_err(|error| named(&error))?;
        }
        let mode = fs::metadata(&path).map_err(|error| named(&error))?;
        let mode = mode.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let why = format!("others can read it (mode {mode:o}); run chmod 600 on it");
            return Err(named(&why));
        }
        let text = fs::read_to_string(&path).map_err(|error| named(&error))?;
        SealKeys::read(&text).map_err(|error| named(&error))
    });
    if let Some(secret) = secret {
        reader.keep_secret(secret);
    }
    keys
}

fn make_keys(path: &Path, entropy: &dyn Entropy) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            writeln!(file, "{}", MasterKey::from_bytes(bytes).to_hex())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
