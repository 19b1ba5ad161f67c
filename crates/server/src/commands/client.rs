use std::path::Path;

use anyhow::{Result, bail};
use latchkey_operations::client_keys;
use latchkey_protocol::{
    Secret, SecretKind, Store, Timestamp,
    client::Client,
    metadata::{UnknownMember, unknown_members},
    registration::{Registration, RegistrationError},
    secret::{Pepper, new_id},
};
use serde_json::{Value, json};

use super::{At, input_name, print::say, print_table, read_json, utc};
use crate::{
    cli::ClientCommand,
    wiring::{OsEntropy, client_pepper},
};

pub async fn run(at: At, command: ClientCommand) -> Result<()> {
    let store = &*at.store;
    match command {
        ClientCommand::Create { from } => {
            let rules = at.settings.registration;
            let registration = Registration::parse_under(&read(&from)?, rules)
                .and_then(verifiable)
                .map_err(|error| refused(&from, error))?;
            let (client, secret) =
                register(store, registration, &client_pepper(&at.master), at.now).await?;
            at.note("client create", &client.id).await;
            say!("{:#}", response(&client, secret.as_deref()));
        }
        ClientCommand::List { json } => list(&store.clients().await?, json),
        ClientCommand::Show { client_id, json } => {
            let client = find(store, &client_id).await?;
            let shown = response(&client, None);
            if json {
                say!("{shown}")
            } else {
                say!("{shown:#}")
            }
        }
        ClientCommand::Update { client_id, from } => update(&at, &client_id, &from).await?,
        ClientCommand::Delete { client_id } => {
            if !store.delete_client(&client_id).await? {
                bail!("there is no client {client_id}; see latchkey client list");
            }
            at.note("client delete", &client_id).await;
            say!("deleted {client_id}");
        }
        ClientCommand::RotateSecret { client_id } => {
            let secret = Secret::generate(SecretKind::ClientSecret, &OsEntropy)
                .expose()
                .to_owned();
            let digest = client_pepper(&at.master).digest(&[&client_id, &secret]);
            let client = change(store, &client_id, async |client| {
                if client.is_public() {
                    bail!("{client_id} is a public client: it has no secret");
                }
                Ok(store
                    .set_client_secret(&client.id, client.version, &digest)
                    .await?)
            });
            let client = client.await?;
            at.note("client rotate-secret", &client_id).await;
            say!("{:#}", response(&client, Some(&secret)));
        }
    }
    Ok(())
}

/// Reads client metadata, and names what is misspelled in it.
fn read(from: &Path) -> Result<Value> {
    let json = read_json(from)?;
    let name = input_name(from);
    for UnknownMember {
        name: member,
        meant,
    } in json.as_object().map(unknown_members).unwrap_or_default()
    {
        if let Some(meant) = meant {
            bail!("{name}: there is no client metadata {member}; did you mean {meant}?");
        }
        eprintln!("latchkey: {name}: {member} is not known here and ignored");
    }
    Ok(json)
}

fn refused(from: &Path, error: RegistrationError) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("{} is refused", input_name(from)))
}

/// Refuses keys that no library can verify with, such as a point that is not on its curve.
fn verifiable(registration: Registration) -> std::result::Result<Registration, RegistrationError> {
    match registration.metadata.jwks.as_ref().map(client_keys) {
        Some(Err(error)) => Err(RegistrationError {
            code: "invalid_client_metadata",
            sentence: format!("jwks: {error}"),
        }),
        _ => Ok(registration),
    }
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
    let id = registration
        .client_id
        .unwrap_or_else(|| new_id(now, &OsEntropy));
    let secret = (!registration.metadata.is_public()).then(|| {
        registration.client_secret.unwrap_or_else(|| {
            Secret::generate(SecretKind::ClientSecret, &OsEntropy)
                .expose()
                .to_owned()
        })
    });
    let digest = secret.as_ref().map(|s| pepper.digest(&[&id, s]));
    let client = Client {
        id,
        secret: digest,
        metadata: registration.metadata,
        created_at: now,
        version: 0,
    };
    if !store.create_client(&client).await? {
        bail!(
            "the client_id {} is taken; change it with latchkey client update",
            client.id
        );
    }
    Ok((client, secret))
}

async fn update(at: &At, client_id: &str, from: &Path) -> Result<()> {
    let given = read(from)?;
    if given
        .get("client_id")
        .is_some_and(|id| !id.is_null() && id != client_id)
    {
        bail!(
            "{} has another client_id than {client_id}: an id cannot change",
            input_name(from)
        );
    }
    let pepper = client_pepper(&at.master);
    let mut shown = None;
    let client = change(&*at.store, client_id, async |client| {
        let changed =
            Registration::parse_change(&client.metadata, &given, at.settings.registration)
                .and_then(verifiable)
                .map_err(|error| refused(from, error))?;
        client.metadata = changed.metadata;
        shown = None;
        if client.is_public() {
            client.secret = None;
        } else if changed.client_secret.is_some() || client.secret.is_none() {
            let new = || {
                Secret::generate(SecretKind::ClientSecret, &OsEntropy)
                    .expose()
                    .to_owned()
            };
            let secret = changed.client_secret.unwrap_or_else(new);
            client.secret = Some(pepper.digest(&[client_id, &secret]));
            shown = Some(secret);
        }
        Ok(at.store.update_client_metadata(client).await?)
    });
    let client = client.await?;
    at.note("client update", client_id).await;
    say!("{:#}", response(&client, shown.as_deref()));
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
    answer["token_endpoint_auth_methods"] = client
        .metadata
        .auth_methods()
        .iter()
        .map(|m| m.name())
        .collect();
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
        say!(
            "{}",
            clients.iter().map(|c| response(c, None)).collect::<Value>()
        );
        return;
    }
    let row = |c: &Client| {
        let grants: Vec<_> = c.metadata.grant_types.iter().map(|g| g.name()).collect();
        vec![
            c.id.clone(),
            c.name().to_owned(),
            c.metadata
                .auth_methods()
                .iter()
                .map(|m| m.name())
                .collect::<Vec<_>>()
                .join(" or "),
            grants.join(","),
            utc(c.created_at),
        ]
    };
    print_table(
        &["CLIENT", "NAME", "AUTHENTICATION", "GRANTS", "CREATED"],
        &clients.iter().map(row).collect::<Vec<_>>(),
    );
}
