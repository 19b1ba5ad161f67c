//! `latchkey dev`: everything at once, for a first look.

use std::{
    net::{Ipv4Addr, Ipv6Addr, TcpListener, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use latchkey_demo::DemoApp;
use latchkey_operations::{Caller, ClientSecrets, NewUser, Operations, PasswordKey};
use latchkey_protocol::{
    ClientId, Clock, Entropy, registration::Registration, store::LastAdministrator,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    config::Settings,
    log,
    runtime::block_on,
    serve::start,
    wiring::{OsEntropy, SystemClock},
};

/// On which ports of this host the apps and the API listen.
pub struct Ports {
    /// Of the demo apps.
    pub apps: [u16; 2],
    /// Of the demo API.
    pub api: u16,
}

/// A demo app: its client, what it is called, and the option that chooses its port.
struct Known {
    client_id: &'static str,
    name: &'static str,
    option: &'static str,
}

const APPS: [Known; 2] = [
    Known {
        client_id: "demo-app",
        name: "Demo app",
        option: "--app-port",
    },
    Known {
        client_id: "second-demo-app",
        name: "Second demo app",
        option: "--second-app-port",
    },
];

/// The apps and the API, and what they listen on.
struct Demos {
    apps: Vec<(DemoApp, TcpListener)>,
    api: (String, TcpListener),
}

/// Runs provider, demo apps and demo API until they are interrupted.
///
/// # Errors
/// For an issuer that others can reach, a port that is taken, and all that `serve` refuses.
pub fn run(mut settings: Settings, data: Option<PathBuf>, ports: Ports) -> Result<ExitCode> {
    refuse_others(&settings)?;
    // Before anything is made, so that a port in use leaves nothing behind.
    let demos = Demos::listen(&settings.issuer, &ports)?;
    println!("latchkey dev: making a database, keys and users ...");
    if settings.log_level == "info" {
        settings.log_level = "warn".into();
    }
    let _logging = log::start(&settings);
    let _temporary = place(&mut settings, data)?;
    allow_loopback(&mut settings);
    block_on(async {
        let service = start(&settings).await?;
        let provider = service.app.clone();
        let operations = Operations {
            store: &*provider.provider.store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now: SystemClock.now(),
        };
        for (app, _) in &demos.apps {
            add_client(&operations, &provider.provider.client_secrets, app).await?;
        }
        let users = add_users(&operations, provider.ui.sign_in.password_key()).await?;
        let text = announcement(&settings.issuer, &demos, &users);
        let demos = demos.start(&settings.issuer)?;
        println!("{text}");
        let (provider, demos) = futures_util::future::join(service.run(), demos).await;
        provider?;
        demos?;
        Ok(ExitCode::SUCCESS)
    })
}

impl Demos {
    fn listen(issuer: &str, ports: &Ports) -> Result<Self> {
        let at = |port: u16| format!("http://localhost:{port}");
        let api = at(ports.api);
        let mut apps = Vec::new();
        for (number, (known, port)) in (1..).zip(APPS.iter().zip(ports.apps)) {
            let other_port = match number {
                1 => ports.apps[1],
                _ => ports.apps[0],
            };
            let app = DemoApp {
                client_id: known.client_id,
                secret: word(32),
                name: known.name,
                number,
                address: at(port),
                other: at(other_port),
                issuer: issuer.to_owned(),
                api: api.clone(),
            };
            apps.push((app, listen(port, known.option)?));
        }
        Ok(Self {
            apps,
            api: (api, listen(ports.api, "--api-port")?),
        })
    }

    /// What ends when all of them have ended.
    fn start(self, issuer: &str) -> Result<impl Future<Output = std::io::Result<Vec<()>>> + use<>> {
        let clock = Arc::new(SystemClock);
        let (address, listener) = self.api;
        let mut servers = vec![latchkey_demo::start_api(
            listener,
            issuer,
            &address,
            clock.clone(),
        )?];
        for (app, listener) in self.apps {
            servers.push(latchkey_demo::start_app(app, listener, clock.clone())?);
        }
        Ok(futures_util::future::try_join_all(servers))
    }
}

fn listen(port: u16, option: &str) -> Result<TcpListener> {
    let other = || format!("cannot listen on port {port}; choose another with {option}");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(other)
}

/// Its users are known and their passwords shown: it is for this machine alone.
fn refuse_others(settings: &Settings) -> Result<()> {
    if !settings.is_loopback() {
        bail!(
            "dev has known users and shows passwords: it runs on a loopback issuer only, not on {}",
            settings.issuer
        );
    }
    let mut listened = settings
        .listen
        .to_socket_addrs()
        .with_context(|| format!("listen is {:?}", settings.listen))?;
    if !listened.all(|address| address.ip().is_loopback()) {
        bail!(
            "dev listens on loopback addresses only, not on {}",
            settings.listen
        );
    }
    Ok(())
}

/// Puts database and keys into a folder: the given one, or one that is gone with what this returns.
fn place(settings: &mut Settings, data: Option<PathBuf>) -> Result<Option<TempDir>> {
    let temporary = match &data {
        None => Some(tempfile::tempdir().context("cannot make a temporary folder")?),
        Some(_) => None,
    };
    if let Some(folder) = temporary.as_ref().map(|t| t.path().to_path_buf()).or(data) {
        settings.database_url = format!("sqlite://{}/latchkey.db", folder.display());
        settings.keys_dir = folder.join("keys");
    }
    Ok(temporary)
}

/// The apps are on this machine too.
fn allow_loopback(settings: &mut Settings) {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let v6 = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
    let loopback = [IpNet::V4(v4), IpNet::V6(v6)];
    settings.outbound_allow.extend(loopback);
}

async fn add_client(
    operations: &Operations<'_>,
    secrets: &ClientSecrets,
    app: &DemoApp,
) -> Result<()> {
    let id = ClientId::new(app.client_id);
    operations.store.delete_client(&id, None).await?;
    let metadata = Registration::parse(&registration(app))?;
    operations.register_client(secrets, metadata).await?;
    Ok(())
}

/// One of them hears of a sign-out in a frame as well, so that both ways can be seen.
fn registration(app: &DemoApp) -> Value {
    let at = |path: &str| format!("{}{path}", app.address);
    let mut metadata = json!({
        "client_id": app.client_id, "client_secret": app.secret, "client_name": app.name,
        "redirect_uris": [at("/callback")], "post_logout_redirect_uris": [at("/")],
        "grant_types": ["authorization_code", "refresh_token"], "audience": [app.api], "implied_scope": "roles",
        "backchannel_logout_uri": at("/backchannel-logout"), "backchannel_logout_session_required": true,
    });
    if app.number == 2 {
        metadata["frontchannel_logout_uri"] = at("/frontchannel-logout").into();
        metadata["frontchannel_logout_session_required"] = true.into();
    }
    metadata
}

/// Adds the users anew, and returns their names and passwords.
async fn add_users(
    operations: &Operations<'_>,
    key: &PasswordKey,
) -> Result<Vec<(&'static str, String)>> {
    const USERS: [(&str, &str, Option<&str>); 3] = [
        ("admin", "Ada Admin", Some("admin")),
        ("alice", "Alice Kim", None),
        ("bob", "Bob Müller", None),
    ];
    let mut users = Vec::new();
    for (username, name, role) in USERS {
        if let Some(known) = operations.store.user_by_name(username).await? {
            let last = LastAdministrator::MayGo;
            operations.store.delete_user(&known.id, None, last).await?;
        }
        let password = word(10);
        let new = NewUser {
            username: username.into(),
            email: Some(format!("{username}@example.org")),
            name: Some(name.into()),
            roles: role.map(str::to_owned).into_iter().collect(),
            password: Some(password.clone()),
            ..NewUser::default()
        };
        operations.create_user(key, new).await?;
        users.push((username, password));
    }
    Ok(users)
}

/// Addresses and passwords.
fn announcement(issuer: &str, demos: &Demos, users: &[(&str, String)]) -> String {
    let notes = ["open this and sign in", "then this: without a password"];
    let mut text = String::new();
    for ((label, note), (app, _)) in ["Demo app", "Second app"]
        .iter()
        .zip(notes)
        .zip(&demos.apps)
    {
        text += &format!("\n  {label:<11} {}/   <- {note}", app.address);
    }
    text += &format!("\n  Demo API    {}/", demos.api.0);
    text += &format!("\n  Latchkey    {issuer}");
    text += &format!(
        "\n  Console     {issuer}/admin   <- sign in as admin, in a private window: end a session, and both apps say so\n"
    );
    for (username, password) in users {
        text += &format!("\n  {username:<8} password {password}");
    }
    text + "\n\nCtrl-C ends it."
}

/// A random word of letters and digits that are hard to mistake for one another.
fn word(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let mut bytes = vec![0; length];
    OsEntropy.fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_on_this_machine_may_be_called_and_nothing_else_of_the_network() {
        let mut settings = Settings::default();
        allow_loopback(&mut settings);
        let may = |address: &str| {
            let address = address.parse::<std::net::IpAddr>();
            address.is_ok_and(|a| settings.outbound_allow.iter().any(|n| n.contains(&a)))
        };
        assert!(may("127.0.0.1") && may("127.0.0.9") && may("::1"));
        assert!(!may("10.0.0.1") && !may("::2") && !may("192.168.0.1"));
    }
}
