use std::path::Path;

use anyhow::{Context, Result, bail};
use latchkey_protocol::{
    Secret, SecretKind, Store, Timestamp,
    client::Client,
    registration::Registration,
    secret::{Pepper, new_id},
};
use serde_json::{Value, json};

use super::{At, print_table, read_json, utc};
use crate::{
    cli::ClientCommand,
    wiring::{OsEntropy, client_pepper, open_keys},
};

/// Shorter secrets can be guessed.
const ADVISED_SECRET: usize = 32;

pub async fn run(at: At, command: ClientCommand) -> Result<()> {
    let store = &*at.store;
    match command {
        ClientCommand::Create { from } => {
            let registration = read(&at, &from)?;
            let (client, secret) = register(store, registration, &pepper(&at).await?, at.now).await?;
            println!("{:#}", response(&client, secret.as_deref()));
        }
        ClientCommand::List { json } => list(&store.clients().await?, json),
        ClientCommand::Show { client_id, json } => {
            let client = find(store, &client_id).await?;
            let shown = response(&client, None);
            if json { println!("{shown}") } else { println!("{shown:#}") }
        }
        ClientCommand::Update { client_id, from } => update(&at, &client_id, read(&at, &from)?).await?,
        ClientCommand::Delete { client_id } => {
            find(store, &client_id).await?;
            store.delete_client(&client_id).await?;
            println!("deleted {client_id}");
        }
        ClientCommand::RotateSecret { client_id } => {
            let secret = Secret::generate(SecretKind::ClientSecret, &OsEntropy).expose().to_owned();
            let digest = pepper(&at).await?.digest(&[&client_id, &secret]);
            let client = change(store, &client_id, async |client| {
                if client.is_public() {
                    bail!("{client_id} is a public client: it has no secret");
                }
                Ok(store.set_client_secret(&client.id, client.version, &digest).await?)
            });
            println!("{:#}", response(&client.await?, Some(&secret)));
        }
    }
    Ok(())
}

async fn pepper(at: &At) -> Result<Pepper> {
    let (master, _) = open_keys(&*at.store, &at.settings.keys_dir, at.now).await?;
    Ok(client_pepper(&master))
}

fn read(at: &At, from: &Path) -> Result<Registration> {
    Registration::parse_under(&read_json(from)?, at.settings.registration)
        .with_context(|| format!("{} is refused", from.display()))
}

/// Registers a client; returns it with its secret, which is shown this once.
///
/// # Errors
/// When the id is taken.
pub async fn register(
    store: &dyn Store,
    registration: Registration,
    pepper: &Pepper,
    now: Timestamp,
) -> Result<(Client, Option<String>)> {
    let id = registration.client_id.unwrap_or_else(|| new_id(now, &OsEntropy));
    let secret = (!registration.metadata.is_public()).then(|| {
        registration
            .client_secret
            .unwrap_or_else(|| Secret::generate(SecretKind::ClientSecret, &OsEntropy).expose().to_owned())
    });
    if secret.as_ref().is_some_and(|s| s.len() < ADVISED_SECRET) {
        eprintln!(
            "latchkey: the client_secret is shorter than {ADVISED_SECRET} characters and may be guessed; leave it out to get a good one"
        );
    }
    let digest = secret.as_ref().map(|s| pepper.digest(&[&id, s]));
    let client = Client { id, secret: digest, metadata: registration.metadata, created_at: now, version: 0 };
    if !store.create_client(&client).await? {
        bail!("the client_id {} is taken; change it with latchkey client update", client.id);
    }
    Ok((client, secret))
}

async fn update(at: &At, client_id: &str, registration: Registration) -> Result<()> {
    if registration.client_id.as_ref().is_some_and(|id| id != client_id) {
        bail!("the file has another client_id than {client_id}: an id cannot change");
    }
    let pepper = pepper(at).await?;
    let mut shown = None;
    let client = change(&*at.store, client_id, async |client| {
        client.metadata = registration.metadata.clone();
        shown = None;
        if client.is_public() {
            client.secret = None;
        } else if registration.client_secret.is_some() || client.secret.is_none() {
            let new = || Secret::generate(SecretKind::ClientSecret, &OsEntropy).expose().to_owned();
            let secret = registration.client_secret.clone().unwrap_or_else(new);
            client.secret = Some(pepper.digest(&[client_id, &secret]));
            shown = Some(secret);
        }
        Ok(at.store.update_client_metadata(client).await?)
    });
    let client = client.await?;
    println!("{:#}", response(&client, shown.as_deref()));
    Ok(())
}

/// Reads the client and lets `write` change it, on the condition that nobody else has done so in between; else again.
async fn change(
    store: &dyn Store,
    client_id: &str,
    mut write: impl AsyncFnMut(&mut Client) -> Result<bool>,
) -> Result<Client> {
    const TRIES: usize = 10;
    for _ in 0..TRIES {
        let mut client = find(store, client_id).await?;
        if write(&mut client).await? {
            return Ok(client);
        }
    }
    bail!("{client_id} is being changed by others all the time; try again")
}

async fn find(store: &dyn Store, client_id: &str) -> Result<Client> {
    match store.client(client_id).await? {
        Some(client) => Ok((*client).clone()),
        None => bail!("there is no client {client_id}; see latchkey client list"),
    }
}

/// The answer of RFC 7591 3.2.1.
fn response(client: &Client, secret: Option<&str>) -> Value {
    let mut answer = serde_json::to_value(&client.metadata).unwrap_or_default();
    // RFC 7591 has one method, and no word for either of two.
    answer["token_endpoint_auth_methods"] = client.metadata.auth_methods().iter().map(|m| m.name()).collect();
    answer["client_id"] = client.id.clone().into();
    answer["client_id_issued_at"] = client.created_at.into();
    if let Some(secret) = secret {
        answer["client_secret"] = secret.into();
        answer["client_secret_expires_at"] = json!(0);
    }
    answer
}

fn list(clients: &[Client], json: bool) {
    if json {
        println!("{}", clients.iter().map(|c| response(c, None)).collect::<Value>());
        return;
    }
    let row = |c: &Client| {
        let grants: Vec<_> = c.metadata.grant_types.iter().map(|g| g.name()).collect();
        vec![
            c.id.clone(),
            c.name().to_owned(),
            c.metadata.auth_methods().iter().map(|m| m.name()).collect::<Vec<_>>().join(" or "),
            grants.join(","),
            utc(c.created_at),
        ]
    };
    print_table(
        &["CLIENT", "NAME", "AUTHENTICATION", "GRANTS", "CREATED"],
        &clients.iter().map(row).collect::<Vec<_>>(),
    );
}
