//! `latchkey dev`: everything at once, for a first look.

mod api;
mod app;

use std::{net::ToSocketAddrs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use latchkey_operations::{Actor, AuditLog, NewUser, Operations};
use latchkey_protocol::{Clock, Entropy, registration::Registration};
use serde_json::json;

use crate::{
    config::Settings,
    log,
    runtime::block_on,
    serve::start,
    wiring::{OsEntropy, SystemClock},
};

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
    println!("latchkey dev: making a database, keys and users ...");
    settings.log_level = if settings.log_level == "info" {
        "warn".into()
    } else {
        settings.log_level
    };
    let _logging = log::start(&settings);
    let temporary = match &data {
        None => Some(tempfile::tempdir().context("cannot make a temporary folder")?),
        Some(_) => None,
    };
    if let Some(folder) = temporary.as_ref().map(|t| t.path().to_path_buf()).or(data) {
        settings.database_url = format!("sqlite://{}/latchkey.db", folder.display());
        settings.keys_dir = folder.join("keys");
    }
    block_on(async {
        let (server, provider) = start(&settings).await?;
        let app_address = format!("http://localhost:{app_port}");
        let api_address = format!("http://localhost:{api_port}");
        let store = &*provider.provider.store;
        let now = SystemClock.now();

        let secret = word(32);
        let demo = json!({
            "client_id": "demo-app", "client_secret": secret, "client_name": "Demo app",
            "redirect_uris": [format!("{app_address}/callback")], "post_logout_redirect_uris": [format!("{app_address}/")],
            "grant_types": ["authorization_code", "refresh_token"], "audience": [api_address],
            "implied_scope": "roles",
        });
        store.delete_client("demo-app").await?;
        let operations = Operations {
            store,
            entropy: &OsEntropy,
            journal: &AuditLog,
            actor: Actor::Server,
            now,
        };
        let pepper = &provider.provider.client_pepper;
        operations
            .register_client(pepper, Registration::parse(&demo)?)
            .await?;

        let mut users = Vec::new();
        for (username, name, role) in [
            ("admin", "Ada Admin", Some("admin")),
            ("alice", "Alice Kim", None),
            ("bob", "Bob Müller", None),
        ] {
            if let Some(known) = store.user_by_name(username).await? {
                store.delete_user(&known.id).await?;
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
            let key = provider.ui.sign_in.password_key();
            operations.create_user(key, new).await?;
            users.push((username, password));
        }
        let app = app::start(
            app_port,
            &settings.issuer,
            &app_address,
            &api_address,
            secret,
        )
        .await?;
        let api = api::start(api_port, &settings.issuer, &api_address)?;

        println!("\n  Demo app    {app_address}/   <- open this and sign in");
        println!("  Demo API    {api_address}/");
        println!("  Latchkey    {}\n", settings.issuer);
        for (username, password) in &users {
            println!("  {username:<8} password {password}");
        }
        println!("\nCtrl-C ends it.");
        let (provider, app, api) = tokio::join!(server, app, api);
        provider.and(app).and(api)?;
        Ok(ExitCode::SUCCESS)
    })
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
