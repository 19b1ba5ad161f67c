//! Puts the seed of `latchkey dev` into its database.

use anyhow::{Context, Result};
use latchkey_jose::MasterKey;
use latchkey_operations::{
    ClientSecrets, NewUser, OperationError, Operations, PasswordKey, RegisteredClient,
};
use latchkey_protocol::{
    ClientId, UserId, field_error::FieldError, names, registration::Registration,
    store::LastAdministrator,
};
use serde_json::{Value, json};

use super::{
    demos::Demos,
    seed::{List, Seed, refuse},
};
use crate::wiring::password_key;

/// What was put in: who may sign in, and with which secrets clients authenticate.
pub struct Records {
    /// Names and passwords.
    pub users: Vec<(String, Option<String>)>,
    /// For programs.
    pub users_json: Vec<Value>,
    pub clients_json: Vec<Value>,
}

impl Records {
    /// Adds users and clients; those of the same names that are there from before are gone.
    ///
    /// # Errors
    /// Every fault of the seed; our own when the store fails.
    pub async fn add(
        operations: &Operations<'_>,
        master: &MasterKey,
        seed: Seed,
        demos: Option<&Demos>,
    ) -> Result<Self> {
        let demos = demos.map(Demos::registrations).transpose()?;
        let demos = demos.unwrap_or_default();
        remove(operations, &seed, &demos).await?;
        let mut records = Self {
            users: Vec::new(),
            users_json: Vec::new(),
            clients_json: Vec::new(),
        };
        let (mut faults, source) = (Vec::new(), seed.source);
        let mut note = |list, number, errors: Vec<FieldError>| {
            faults.extend(errors.iter().map(|error| source.fault(list, number, error)));
        };
        let clients = seed.clients.iter().chain(&demos);
        let clients: Vec<_> = clients.filter_map(|c| c.client_id.clone()).collect();
        // Their passwords stand in a file or on the screen: to make them hard to guess would only take time.
        let key = password_key(master).for_known_passwords();
        for (number, user) in seed.users.into_iter().enumerate() {
            if let Err(error) = records.add_user(operations, &key, user, &clients).await {
                note(List::Users, number, told(error)?);
            }
        }
        for (number, client) in seed.clients.into_iter().enumerate() {
            match register(operations, master, client).await {
                Ok(registered) => records.clients_json.push(described(&registered)),
                Err(error) => note(List::Clients, number, told(error)?),
            }
        }
        refuse(&faults)?;
        for demo in demos {
            let taken = "rename the client of the seed, or start with --no-demo";
            register(operations, master, demo).await.context(taken)?;
        }
        Ok(records)
    }

    async fn add_user(
        &mut self,
        operations: &Operations<'_>,
        key: &PasswordKey,
        new: NewUser,
        clients: &[String],
    ) -> Result<(), OperationError> {
        if let Some(id) = &new.id {
            check_free(operations, id, clients).await?;
        }
        let password = new.password.clone();
        let user = operations.create_user(key, new).await?;
        self.users_json.push(
            json!({ "username": user.username, "sub": user.id, "email": user.email, "password": password }),
        );
        self.users.push((user.username, password));
        Ok(())
    }
}

/// A subject is one user's, and no client's: their tokens could not be told apart (RFC 9068 5).
async fn check_free(
    operations: &Operations<'_>,
    id: &UserId,
    clients: &[String],
) -> Result<(), OperationError> {
    let (sub, store) = (id.as_str(), operations.store);
    let is_client = clients.iter().any(|client| client == sub)
        || store.client(&ClientId::new(sub)).await?.is_some();
    let problem = if is_client {
        format!("{sub} is the client_id of a client")
    } else if store.user(id).await?.is_some() {
        format!("there is already a user with the subject {sub}")
    } else {
        return Ok(());
    };
    let fault = FieldError::new("sub", problem).fix("choose another");
    Err(OperationError::Invalid(fault.into()))
}

/// What is wrong with an item of the seed; our own breakage is none of its faults.
fn told(error: OperationError) -> Result<Vec<FieldError>> {
    let errors = error.field_errors();
    if errors.is_empty() {
        return Err(error.into());
    }
    Ok(errors)
}

/// Takes away what a folder has of the names that are to be added.
async fn remove(operations: &Operations<'_>, seed: &Seed, demos: &[Registration]) -> Result<()> {
    let store = operations.store;
    for user in &seed.users {
        // A name that is none is nobody's.
        let Ok(name) = names::username(&user.username) else {
            continue;
        };
        if let Some(known) = store.user_by_name(&name).await? {
            let last = LastAdministrator::MayGo;
            store.delete_user(&known.id, None, last).await?;
        }
    }
    let clients = seed.clients.iter().chain(demos);
    for id in clients.filter_map(|client| client.client_id.as_ref()) {
        store.delete_client(&ClientId::new(id), None).await?;
    }
    Ok(())
}

/// Registers a client, with a key of its algorithm where there is none.
async fn register(
    operations: &Operations<'_>,
    master: &MasterKey,
    registration: Registration,
) -> Result<RegisteredClient, OperationError> {
    let secrets = ClientSecrets::new(master);
    let register = || operations.register_client(&secrets, registration.clone());
    match register().await {
        Err(OperationError::KeyMissing(algorithm)) => {
            operations.ensure_key(master, algorithm).await?;
            register().await
        }
        done => done,
    }
}

fn described(registered: &RegisteredClient) -> Value {
    json!({ "client_id": registered.client.id, "client_secret": registered.secret })
}
