//! Clients: register (RFC 7591), read, change, give another secret, delete.

use std::fmt;

use latchkey_protocol::{
    ClientId, Secret, SigningAlgorithm, Timestamp,
    audit::{TargetKind, changes},
    bulk_end::BulkEnd,
    client::{Client, Metadata},
    client_list::{ClientCursor, ClientList},
    console,
    field_error::{FieldError, FieldErrors},
    kind,
    page::Page,
    registration::{Registration, RegistrationRules},
    secret::new_id,
};
use serde_json::{Value, json};

use crate::{ClientSecrets, Operation, OperationError, Operations, Result, TRIES, client_keys};

/// A client, and its secret where it has got a new one: shown this once, kept as a digest.
pub struct RegisteredClient {
    /// The client as it is stored.
    pub client: Client,
    /// Its new secret; none where it keeps its own, or has none.
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

/// A change of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientChange<'a> {
    /// Merged into its metadata (RFC 7396): what is named replaces what was, null removes, the rest stays.
    pub metadata: &'a Value,
    /// What the installation allows beyond the specifications.
    pub rules: RegistrationRules,
    /// Gives it another secret as well, one that is made; the old one is worth nothing at once.
    pub new_secret: bool,
}

/// What a client registered, without its secret.
pub fn client_information(client: &Client) -> Value {
    let mut information = serde_json::to_value(&client.metadata).unwrap_or_default();
    // RFC 7591 has one method, and no word for either of two.
    let methods = client.metadata.auth_methods();
    information["token_endpoint_auth_methods"] = methods.iter().map(|m| m.name()).collect();
    information["client_id"] = client.id.as_str().into();
    information["client_id_issued_at"] = client.created_at.as_seconds().into();
    if let Some(former) = &client.former_secret {
        information["former_secret_expires_at"] = former.until.as_seconds().into();
    }
    if let Some(at) = client.disabled_at {
        information["disabled_at"] = at.as_seconds().into();
    }
    information
}

impl Operations<'_> {
    /// Registers a client, with an id and, unless it is public, a secret where the registration has none.
    ///
    /// # Errors
    /// [`OperationError::ClientIdTaken`]; [`OperationError::Metadata`] for keys that cannot verify;
    /// [`OperationError::KeyMissing`] unless [`Operations::ensure_key`] was called for its algorithm before.
    pub async fn register_client(
        &self,
        secrets: &ClientSecrets,
        registration: Registration,
    ) -> Result<RegisteredClient> {
        let mut metadata = registration.metadata;
        check_keys(&metadata)?;
        self.resolve_access(&mut metadata, None).await?;
        let id = registration
            .client_id
            .unwrap_or_else(|| new_id(self.now, self.entropy));
        let id = ClientId::new(id);
        if self.store.client_now(&id).await?.is_some() {
            return Err(OperationError::ClientIdTaken(id));
        }
        // Last of all: whoever is told that a key is missing has nothing else to correct.
        self.check_algorithm(&metadata).await?;
        let secret = (!metadata.is_public()).then(|| {
            registration
                .client_secret
                .unwrap_or_else(|| self.new_secret())
        });
        let mut client = Client {
            secret: None,
            sealed_secret: None,
            secret_since: None,
            former_secret: None,
            disabled_at: None,
            id,
            metadata,
            created_at: self.now,
            // One that is deleted and registered again does not come back to a version that somebody has read.
            version: self.now.as_seconds(),
        };
        give(&mut client, secrets, secret.as_deref(), self.now)?;
        let details = json!({ "new": client_information(&client) });
        let target = (TargetKind::Client, &*client.id, &*client.id);
        let recording = self.recording(Operation::ClientCreate, target, details);
        if !recording.store.create_client(&client).await? {
            return Err(OperationError::ClientIdTaken(client.id));
        }
        recording.done();
        Ok(RegisteredClient { client, secret })
    }

    /// The client with this id, as it is at this moment: a version that was read a second ago would be a wrong one to hold
    /// a change against.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn client(&self, id: &ClientId) -> Result<Client> {
        let found = self.store.client_now(id).await?;
        // Its row is there for what refers to it: it is no registration.
        let found = found.filter(|client| client.id != console::CLIENT_ID);
        found.ok_or_else(|| OperationError::ClientUnknown(id.to_owned()))
    }

    /// A piece of the clients, by id; a page goes on after an id.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn clients(&self, page: &Page<String>) -> Result<Vec<Client>> {
        Ok(self.store.clients(page).await?)
    }

    /// A piece of the clients in the order that is asked for; a page goes on after a [`ClientCursor`].
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn client_list(
        &self,
        asked: &ClientList,
        page: &Page<ClientCursor>,
    ) -> Result<Vec<Client>> {
        Ok(self.store.client_list(asked, page).await?)
    }

    /// Merges a change into a client's metadata. A client that is no longer public gets a secret.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`]; [`OperationError::Metadata`] and [`OperationError::ClientIdDiffers`] for what
    /// cannot be registered; [`OperationError::SecretUnreadable`] when its ID tokens are to be signed with a secret of which
    /// there is a digest alone; [`OperationError::ClientPublic`] when it is to have a secret and cannot;
    /// [`OperationError::SecretGiven`] when it is to have a new secret and the change has one;
    /// [`OperationError::KeyMissing`] as in [`Operations::register_client`]; [`OperationError::Contended`].
    pub async fn update_client(
        &self,
        secrets: &ClientSecrets,
        id: &ClientId,
        change: ClientChange<'_>,
    ) -> Result<RegisteredClient> {
        for _ in 0..TRIES {
            let before = self.client(id).await?;
            if let Some(updated) = self.updated(secrets, before, change).await? {
                return Ok(updated);
            }
        }
        Err(OperationError::Contended(id.to_string()))
    }

    /// As [`Operations::update_client`], only if the client still is as `seen`: for a form that shows all of it.
    ///
    /// # Errors
    /// As [`Operations::update_client`]; [`OperationError::Contended`] where somebody else has changed the client since.
    pub async fn update_client_as_seen(
        &self,
        secrets: &ClientSecrets,
        seen: &Client,
        change: ClientChange<'_>,
    ) -> Result<RegisteredClient> {
        let updated = self.updated(secrets, seen.clone(), change).await?;
        updated.ok_or_else(|| OperationError::Contended(seen.id.to_string()))
    }

    /// The client after the change; none where it is no longer as it was before.
    async fn updated(
        &self,
        secrets: &ClientSecrets,
        mut client: Client,
        change: ClientChange<'_>,
    ) -> Result<Option<RegisteredClient>> {
        let given_id = change.metadata.get("client_id");
        let given_id = given_id.filter(|given| !given.is_null());
        if given_id.is_some_and(|given| given != client.id.as_str()) {
            return Err(OperationError::ClientIdDiffers(client.id));
        }
        let before = client_information(&client);
        let mut changed =
            Registration::parse_change(&client.metadata, change.metadata, change.rules)?;
        check_keys(&changed.metadata)?;
        let known = client.metadata.access.as_ref();
        self.resolve_access(&mut changed.metadata, known).await?;
        client.metadata = changed.metadata;
        let secret = self.next_secret(&client, changed.client_secret, change.new_secret)?;
        // Last of all, as at registration.
        self.check_algorithm(&client.metadata).await?;
        give(&mut client, secrets, secret.as_deref(), self.now)?;
        let changed = changes(&before, &client_information(&client));
        let details = json!({ "changed": changed, "new_secret": secret.is_some() });
        let id = client.id.clone();
        let target = (TargetKind::Client, &*id, &*id);
        let recording = self.recording(Operation::ClientUpdate, target, details);
        if !recording.store.update_client_metadata(&client).await? {
            return Ok(None);
        }
        recording.done();
        client.version += 1;
        Ok(Some(RegisteredClient { client, secret }))
    }

    /// The secret that a change of metadata brings: the given one, or one that is made.
    fn next_secret(
        &self,
        client: &Client,
        given: Option<String>,
        new: bool,
    ) -> Result<Option<String>> {
        let unreadable = client.metadata.signs_with_secret() && client.sealed_secret.is_none();
        match (client.is_public(), given) {
            (true, _) if new => Err(OperationError::ClientPublic(client.id.clone())),
            (true, _) => Ok(None),
            // The given one may be the old one, which whoever asks for a new one wants to be worth nothing.
            (false, Some(_)) if new => Err(OperationError::SecretGiven(client.id.clone())),
            (false, Some(given)) => Ok(Some(given)),
            (false, None) if new || client.secret.is_none() => Ok(Some(self.new_secret())),
            (false, None) if unreadable => Err(OperationError::SecretUnreadable(client.id.clone())),
            (false, None) => Ok(None),
        }
    }

    /// Removes a client and all that was allowed to it.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`]; [`OperationError::SessionsEnding`].
    pub async fn delete_client(&self, id: &ClientId) -> Result<()> {
        let client = self.client(id).await?;
        match self.deleted(&client, None).await? {
            true => Ok(()),
            false => {
                self.sessions_stay(&client.id).await?;
                Err(OperationError::ClientUnknown(client.id))
            }
        }
    }

    /// As [`Operations::delete_client`], only if the client still is as `seen`.
    ///
    /// # Errors
    /// [`OperationError::Contended`] where somebody else has changed or deleted the client since;
    /// [`OperationError::SessionsEnding`].
    pub async fn delete_client_as_seen(&self, seen: &Client) -> Result<()> {
        match self.deleted(seen, Some(seen.version)).await? {
            true => Ok(()),
            false => {
                self.sessions_stay(&seen.id).await?;
                Err(OperationError::Contended(seen.id.to_string()))
            }
        }
    }

    /// Fails while an end of the client's sessions is under way.
    async fn sessions_stay(&self, id: &ClientId) -> Result<()> {
        let under_way = self.store.bulk_ends(self.now).await?;
        let is_theirs = |end: &BulkEnd| end.done_at.is_none() && end.client_id.as_ref() == Some(id);
        match under_way.iter().any(is_theirs) {
            true => Err(OperationError::SessionsEnding(id.clone())),
            false => Ok(()),
        }
    }

    async fn deleted(&self, client: &Client, version: Option<i64>) -> Result<bool> {
        let target = (TargetKind::Client, &*client.id, &*client.id);
        let details = json!({ "old": client_information(client) });
        let recording = self.recording(Operation::ClientDelete, target, details);
        let deleted = recording.store.delete_client(&client.id, version).await?;
        if deleted {
            recording.done();
        }
        Ok(deleted)
    }

    /// There must be a key to sign its ID tokens with. The one for RS256 is made with the installation.
    async fn check_algorithm(&self, metadata: &Metadata) -> Result<()> {
        let algorithm = match metadata.id_token_algorithm().of_key() {
            None | Some(SigningAlgorithm::Rs256) => return Ok(()),
            Some(algorithm) => algorithm,
        };
        let keys = self.store.signing_keys().await?;
        if keys.iter().any(|key| key.algorithm == algorithm) {
            Ok(())
        } else {
            Err(OperationError::KeyMissing(algorithm))
        }
    }

    pub(crate) fn new_secret(&self) -> String {
        Secret::<kind::ClientSecret>::generate(self.entropy)
            .expose()
            .to_owned()
    }
}

/// The client has this secret, or keeps the one that it has; a public one has none. It is readable only as long as its ID
/// tokens are signed with it.
fn give(
    client: &mut Client,
    secrets: &ClientSecrets,
    secret: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let readable = client.metadata.signs_with_secret();
    if let Some(secret) = secret {
        let stored = secrets.store(&client.id, secret, readable)?;
        (client.secret, client.sealed_secret) = (Some(stored.digest), stored.sealed);
        client.former_secret = None;
        client.secret_since = Some(now);
    }
    if client.is_public() {
        (client.secret, client.former_secret) = (None, None);
        client.secret_since = None;
    }
    if client.is_public() || !readable {
        client.sealed_secret = None;
    }
    Ok(())
}

/// Only the library that verifies knows whether a point is on its curve.
fn check_keys(metadata: &Metadata) -> Result<()> {
    match metadata.jwks.as_ref().map(client_keys) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => {
            let fault = FieldError::new("jwks", format!("jwks: {error}")).id("keys-unfit");
            Err(OperationError::Metadata(FieldErrors::from(fault).into()))
        }
    }
}
