//! `latchkey dev`: everything at once, for a first look.

use std::{
    net::{Ipv4Addr, Ipv6Addr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use latchkey_operations::{Caller, ClientSecrets, NewUser, Operations, PasswordKey};
use latchkey_protocol::{
    ClientId, Clock, Entropy, registration::Registration, store::LastAdministrator,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    config::Settings,
    log,
    runtime::block_on,
    serve::start,
    wiring::{OsEntropy, SystemClock},
};

/// Where the demo app and the demo API are found.
struct Demo {
    app: String,
    api: String,
    secret: String,
}

/// Runs provider, demo app and demo API until they are interrupted.
///
/// # Errors
/// For an issuer that others can reach, and all that `serve` refuses.
pub fn run(
    mut settings: Settings,
    data: Option<PathBuf>,
    app_port: u16,
    api_port: u16,
) -> Result<ExitCode> {
    refuse_others(&settings)?;
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
        let demo = Demo {
            app: format!("http://localhost:{app_port}"),
            api: format!("http://localhost:{api_port}"),
            secret: word(32),
        };
        let operations = Operations {
            store: &*provider.provider.store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now: SystemClock.now(),
        };
        add_client(&operations, &provider.provider.client_secrets, &demo).await?;
        let users = add_users(&operations, provider.ui.sign_in.password_key()).await?;

        let issuer = &settings.issuer;
        let clock = Arc::new(SystemClock);
        let app =
            latchkey_demo::start_app(app_port, issuer, &demo.app, &demo.api, demo.secret.clone())?;
        let api = latchkey_demo::start_api(api_port, issuer, &demo.api, clock)?;
        announce(issuer, &demo, &users);
        let (provider, app, api) = tokio::join!(service.run(), app, api);
        provider.and(app).and(api)?;
        Ok(ExitCode::SUCCESS)
    })
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
    demo: &Demo,
) -> Result<()> {
    let metadata = json!({
        "client_id": "demo-app", "client_secret": demo.secret, "client_name": "Demo app",
        "redirect_uris": [format!("{}/callback", demo.app)], "post_logout_redirect_uris": [format!("{}/", demo.app)],
        "grant_types": ["authorization_code", "refresh_token"], "audience": [demo.api],
        "implied_scope": "roles",
    });
    operations
        .store
        .delete_client(&ClientId::new("demo-app"), None)
        .await?;
    operations
        .register_client(secrets, Registration::parse(&metadata)?)
        .await?;
    Ok(())
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
            operations.store.delete_user(&known.id, last).await?;
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

fn announce(issuer: &str, demo: &Demo, users: &[(&str, String)]) {
    println!("\n  Demo app    {}/   <- open this and sign in", demo.app);
    println!("  Demo API    {}/", demo.api);
    println!("  Latchkey    {issuer}");
    println!("  Console     {issuer}/admin   <- sign in as admin\n");
    for (username, password) in users {
        println!("  {username:<8} password {password}");
    }
    println!("\nCtrl-C ends it.");
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
