//! Clients: register (RFC 7591), read, change, give another secret, delete.

use std::fmt;

use latchkey_protocol::{
    Secret, SecretKind, SigningAlgorithm,
    client::{Client, Metadata},
    registration::{Registration, RegistrationError, RegistrationRules},
    secret::{Pepper, new_id},
};
use serde_json::{Value, json};

use crate::{Operation, OperationError, Operations, Result, TRIES, client_keys};

/// A client, and its secret where it has got a new one: shown this once, kept as a digest.
pub struct RegisteredClient {
    pub client: Client,
    pub secret: Option<String>,
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredClient")
            .field("id", &self.client.id)
            .field("has_new_secret", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl RegisteredClient {
    /// The client information response of RFC 7591 3.2.1.
    pub fn response(&self) -> Value {
        let mut response = client_information(&self.client);
        if let Some(secret) = &self.secret {
            response["client_secret"] = secret.as_str().into();
            response["client_secret_expires_at"] = json!(0);
        }
        response
    }
}

/// What a client registered, without its secret.
pub fn client_information(client: &Client) -> Value {
    let mut information = serde_json::to_value(&client.metadata).unwrap_or_default();
    // RFC 7591 has one method, and no word for either of two.
    let methods = client.metadata.auth_methods();
    information["token_endpoint_auth_methods"] = methods.iter().map(|m| m.name()).collect();
    information["client_id"] = client.id.clone().into();
    information["client_id_issued_at"] = client.created_at.into();
    information
}

impl Operations<'_> {
    /// Registers a client, with an id and, unless it is public, a secret where the registration has none. `pepper`:
    /// what secrets are digested under.
    ///
    /// # Errors
    /// [`OperationError::ClientIdTaken`]; [`OperationError::Metadata`] for keys that cannot verify;
    /// [`OperationError::KeyMissing`] unless [`Operations::ensure_key`] was called for its algorithm before.
    pub async fn register_client(
        &self,
        pepper: &Pepper,
        registration: Registration,
    ) -> Result<RegisteredClient> {
        check_keys(&registration.metadata)?;
        let id = registration
            .client_id
            .unwrap_or_else(|| new_id(self.now, self.entropy));
        if self.store.client(&id).await?.is_some() {
            return Err(OperationError::ClientIdTaken(id));
        }
        // Last of all: whoever is told that a key is missing has nothing else to correct.
        self.check_algorithm(&registration.metadata).await?;
        let secret = (!registration.metadata.is_public()).then(|| {
            registration
                .client_secret
                .unwrap_or_else(|| self.new_secret())
        });
        let client = Client {
            secret: secret.as_ref().map(|secret| pepper.digest(&[&id, secret])),
            id,
            metadata: registration.metadata,
            created_at: self.now,
            version: 0,
        };
        if !self.store.create_client(&client).await? {
            return Err(OperationError::ClientIdTaken(client.id));
        }
        self.record(Operation::ClientCreate, &client.id).await;
        Ok(RegisteredClient { client, secret })
    }

    /// The client with this id.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn client(&self, id: &str) -> Result<Client> {
        let found = self.store.client(id).await?;
        let client = found.ok_or_else(|| OperationError::ClientUnknown(id.to_owned()))?;
        Ok((*client).clone())
    }

    /// All clients.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn clients(&self) -> Result<Vec<Client>> {
        Ok(self.store.clients().await?)
    }

    /// Merges a change into a client's metadata: what it names replaces what was, null removes (RFC 7396), the rest stays.
    /// A client that is no longer public gets a secret.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`]; [`OperationError::Metadata`] and [`OperationError::ClientIdDiffers`] for what
    /// cannot be registered; [`OperationError::KeyMissing`] as in [`Operations::register_client`];
    /// [`OperationError::Contended`].
    pub async fn update_client(
        &self,
        pepper: &Pepper,
        rules: RegistrationRules,
        id: &str,
        change: &Value,
    ) -> Result<RegisteredClient> {
        let given_id = change.get("client_id").filter(|given| !given.is_null());
        if given_id.is_some_and(|given| given != id) {
            return Err(OperationError::ClientIdDiffers(id.to_owned()));
        }
        for _ in 0..TRIES {
            let mut client = self.client(id).await?;
            let changed = Registration::parse_change(&client.metadata, change, rules)?;
            check_keys(&changed.metadata)?;
            self.check_algorithm(&changed.metadata).await?;
            client.metadata = changed.metadata;
            let mut secret = None;
            if client.is_public() {
                client.secret = None;
            } else if changed.client_secret.is_some() || client.secret.is_none() {
                let new = changed.client_secret.unwrap_or_else(|| self.new_secret());
                client.secret = Some(pepper.digest(&[id, &new]));
                secret = Some(new);
            }
            if self.store.update_client_metadata(&client).await? {
                return Ok(self.changed(client, secret, Operation::ClientUpdate).await);
            }
        }
        Err(OperationError::Contended(id.to_owned()))
    }

    /// Gives a client another secret; the old one is worth nothing at once.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`], [`OperationError::ClientPublic`], [`OperationError::Contended`].
    pub async fn rotate_client_secret(
        &self,
        pepper: &Pepper,
        id: &str,
    ) -> Result<RegisteredClient> {
        let secret = self.new_secret();
        let digest = pepper.digest(&[id, &secret]);
        for _ in 0..TRIES {
            let mut client = self.client(id).await?;
            if client.is_public() {
                return Err(OperationError::ClientPublic(id.to_owned()));
            }
            let (at, new) = (client.version, &digest);
            if self.store.set_client_secret(id, at, new).await? {
                client.secret = Some(digest);
                let operation = Operation::ClientRotateSecret;
                return Ok(self.changed(client, Some(secret), operation).await);
            }
        }
        Err(OperationError::Contended(id.to_owned()))
    }

    /// Removes a client and all that was allowed to it.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn delete_client(&self, id: &str) -> Result<()> {
        if !self.store.delete_client(id).await? {
            return Err(OperationError::ClientUnknown(id.to_owned()));
        }
        self.record(Operation::ClientDelete, id).await;
        Ok(())
    }

    async fn changed(
        &self,
        mut client: Client,
        secret: Option<String>,
        operation: Operation,
    ) -> RegisteredClient {
        client.version += 1;
        self.record(operation, &client.id).await;
        RegisteredClient { client, secret }
    }

    /// There must be a key to sign its ID tokens with. The one for RS256 is made with the installation.
    async fn check_algorithm(&self, metadata: &Metadata) -> Result<()> {
        let algorithm = metadata.id_token_algorithm();
        if algorithm == SigningAlgorithm::Rs256 {
            return Ok(());
        }
        let keys = self.store.signing_keys().await?;
        if keys.iter().any(|key| key.algorithm == algorithm) {
            Ok(())
        } else {
            Err(OperationError::KeyMissing(algorithm))
        }
    }

    fn new_secret(&self) -> String {
        Secret::generate(SecretKind::ClientSecret, self.entropy)
            .expose()
            .to_owned()
    }
}

/// Only the library that verifies knows whether a point is on its curve.
fn check_keys(metadata: &Metadata) -> Result<()> {
    match metadata.jwks.as_ref().map(client_keys) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(OperationError::Metadata(RegistrationError {
            code: "invalid_client_metadata",
            sentence: format!("jwks: {error}"),
        })),
    }
}
