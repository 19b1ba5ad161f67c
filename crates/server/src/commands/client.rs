//! `latchkey client`.

mod access;
mod preview;

use std::path::Path;

use anyhow::{Result, bail};
use latchkey_operations::{
    ClientChange, ClientSecrets, ClientState, ClientWarning, OperationError, RegisteredClient,
    TokenTypes, client_information,
};
use latchkey_protocol::{
    ClientId, Issuer,
    client::Client,
    metadata::{UnknownMember, unknown_members},
    page::Page,
    registration::Registration,
};
use serde_json::{Value, json};

use super::{
    at::At,
    input::{input_name, read_json},
    print::{List, done, say, utc},
};
use crate::cli::ClientCommand;

pub async fn run(at: At, command: ClientCommand) -> Result<()> {
    match command {
        ClientCommand::Create { from } => create(&at, &from).await,
        ClientCommand::List { limit, json } => list(&at, limit, json).await,
        ClientCommand::Show { client_id, json } => {
            show(&at, &ClientId::new(&client_id), json).await
        }
        ClientCommand::Access {
            client_id,
            limit,
            json,
        } => access::list(&at, &client_id, limit, json).await,
        ClientCommand::Preview {
            client_id,
            username,
            scope,
            json,
        } => preview::show(&at, &client_id, username.as_deref(), &scope, json).await,
        ClientCommand::Update {
            client_id,
            from,
            new_secret,
        } => update(&at, &ClientId::new(&client_id), &from, new_secret).await,
        ClientCommand::Delete { client_id, json } => delete(&at, &client_id, json).await,
        ClientCommand::Disable { client_id, json } => {
            set_state(&at, &client_id, ClientState::Disabled, json).await
        }
        ClientCommand::Enable { client_id, json } => {
            set_state(&at, &client_id, ClientState::Enabled, json).await
        }
        ClientCommand::RotateSecret {
            client_id,
            keep_old,
            json,
        } => rotate_secret(&at, &client_id, keep_old, json).await,
    }
}

async fn create(at: &At, from: &Path) -> Result<()> {
    let refused = |error| refused(from, error);
    let registration = Registration::parse_under(&read(from)?, at.settings.registration)
        .map_err(|error| refused(error.into()))?;
    let (secrets, operations) = (ClientSecrets::new(&at.master), at.operations());
    let register = || operations.register_client(&secrets, registration.clone());
    say_registered(at, &with_key(at, register).await.map_err(refused)?).await
}

/// What is good but for a key of its algorithm gets one, and is done again.
async fn with_key<T, F>(at: &At, operation: impl Fn() -> F) -> Result<T, OperationError>
where
    F: Future<Output = Result<T, OperationError>>,
{
    match operation().await {
        Err(OperationError::KeyMissing(algorithm)) => {
            at.operations().ensure_key(&at.master, algorithm).await?;
            operation().await
        }
        done => done,
    }
}

async fn show(at: &At, id: &ClientId, json: bool) -> Result<()> {
    let shown = client_information(&at.operations().client(id).await?);
    if json {
        say!("{shown}")
    } else {
        say!("{shown:#}")
    }
    Ok(())
}

async fn update(at: &At, id: &ClientId, from: &Path, new_secret: bool) -> Result<()> {
    let metadata = read(from)?;
    let (secrets, operations) = (ClientSecrets::new(&at.master), at.operations());
    let change = ClientChange {
        metadata: &metadata,
        rules: at.settings.registration,
        new_secret,
    };
    let update = || operations.update_client(&secrets, id, change);
    let updated = with_key(at, update).await;
    say_registered(at, &updated.map_err(|error| refused(from, error))?).await
}

async fn delete(at: &At, id: &str, json: bool) -> Result<()> {
    at.operations().delete_client(&ClientId::new(id)).await?;
    let gone = json!({ "client_id": id });
    done(json, &gone, &format!("deleted {id}"));
    Ok(())
}

async fn set_state(at: &At, id: &str, state: ClientState, json: bool) -> Result<()> {
    let operations = at.operations();
    let name = ClientId::new(id);
    let (client, verb) = match state {
        ClientState::Disabled => (operations.disable_client(&name).await?, "disabled"),
        ClientState::Enabled => (operations.enable_client(&name).await?, "enabled"),
    };
    done(json, &client_information(&client), &format!("{verb} {id}"));
    Ok(())
}

async fn rotate_secret(at: &At, id: &str, keep_old: Option<i64>, json: bool) -> Result<()> {
    let secrets = ClientSecrets::new(&at.master);
    let registered = at
        .operations()
        .rotate_client_secret(&secrets, &ClientId::new(id), keep_old)
        .await?;
    let warning = ClientWarning::of_rotation(&registered.client);
    if json {
        let mut response = registered.response();
        if let Some(warning) = warning {
            let told = json!({ "field": warning.field(), "problem": warning.to_string() });
            response["warnings"] = json!([told]);
        }
        say!("{response}");
        return Ok(());
    }
    say_registered(at, &registered).await?;
    if let Some(warning) = warning {
        eprintln!("latchkey: {warning}");
    }
    Ok(())
}

/// What was registered, and on standard error what is to be known of it.
async fn say_registered(at: &At, registered: &RegisteredClient) -> Result<()> {
    say!("{:#}", registered.response());
    let (operations, settings) = (at.operations(), &at.settings);
    let types = TokenTypes {
        issuer: &Issuer::new(&settings.issuer),
        jwt_typ_audiences: &settings.jwt_typ_audiences,
    };
    // What is done is done, also when the store is away now.
    let warnings = operations.client_warnings(&registered.client, types).await;
    for warning in warnings.unwrap_or_default() {
        eprintln!("latchkey: {warning}");
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
        let why = match member.as_str() {
            "jwks_uri" => "not fetched: put the keys themselves into jwks",
            _ => "not known here and ignored",
        };
        eprintln!("latchkey: {name}: {member} is {why}");
    }
    Ok(json)
}

/// An error that is about what was read `from` somewhere names it.
fn refused(from: &Path, error: OperationError) -> anyhow::Error {
    let name = input_name(from);
    match error {
        OperationError::Metadata(error) => {
            anyhow::Error::new(error).context(format!("{name} is refused"))
        }
        OperationError::ClientIdDiffers(id) => {
            anyhow::anyhow!("{name} has another client_id than {id}: an id cannot change")
        }
        error => error.into(),
    }
}

async fn list(at: &At, limit: Option<i64>, json: bool) -> Result<()> {
    let list = List {
        head: &[
            "CLIENT",
            "NAME",
            "AUTHENTICATION",
            "GRANTS",
            "STATE",
            "CREATED",
        ],
        json,
        limit,
        shown: client_information,
        row,
    };
    let operations = at.operations();
    list.print(
        async |page: &Page<_>| Ok(operations.clients(page).await?),
        |client| client.id.clone().into_string(),
    )
    .await
}

fn row(client: &Client) -> Vec<String> {
    let metadata = &client.metadata;
    let methods: Vec<_> = metadata.auth_methods().iter().map(|m| m.name()).collect();
    let state = if client.disabled_at.is_some() {
        "disabled"
    } else {
        "enabled"
    };
    let grants: Vec<_> = metadata.grant_types.iter().map(|g| g.name()).collect();
    vec![
        client.id.clone().into_string(),
        client.name().to_owned(),
        methods.join(" or "),
        grants.join(","),
        state.to_owned(),
        utc(client.created_at),
    ]
}
