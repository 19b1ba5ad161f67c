//! What a client may do at all: another secret, and whether it is enabled.

use latchkey_protocol::{
    ClientId,
    audit::TargetKind,
    client::{Client, FormerSecret, LONGEST_FORMER},
    field_error::{FieldError, FieldErrors},
};
use serde_json::json;

use crate::{
    ClientSecrets, Operation, OperationError, Operations, RegisteredClient, Result, TRIES,
};

/// Whether a client may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// It goes on.
    Enabled,
    /// It is stopped, and what it was allowed is kept.
    Disabled,
}

impl Operations<'_> {
    /// Gives a client another secret. The old one is worth nothing at once, or with `keep_old` after so many seconds; one
    /// that was replaced before that is worth nothing in any case. ID tokens that are signed with the secret (HS256) are
    /// signed with the new one from now on.
    ///
    /// # Errors
    /// [`OperationError::Invalid`] for a time beyond [`LONGEST_FORMER`]; [`OperationError::ClientUnknown`],
    /// [`OperationError::ClientPublic`], [`OperationError::Contended`].
    pub async fn rotate_client_secret(
        &self,
        secrets: &ClientSecrets,
        id: &ClientId,
        keep_old: Option<i64>,
    ) -> Result<RegisteredClient> {
        check_keep_old(keep_old)?;
        for _ in 0..TRIES {
            let client = self.client(id).await?;
            if let Some(rotated) = self.rotated(secrets, client, keep_old).await? {
                return Ok(rotated);
            }
        }
        Err(OperationError::Contended(id.to_owned().into_string()))
    }

    /// As [`Operations::rotate_client_secret`], only if the client still is as `seen`: a form that is sent twice gives one
    /// secret.
    ///
    /// # Errors
    /// As [`Operations::rotate_client_secret`]; [`OperationError::Contended`] where the client was changed since.
    pub async fn rotate_client_secret_as_seen(
        &self,
        secrets: &ClientSecrets,
        seen: &Client,
        keep_old: Option<i64>,
    ) -> Result<RegisteredClient> {
        check_keep_old(keep_old)?;
        let rotated = self.rotated(secrets, seen.clone(), keep_old).await?;
        rotated.ok_or_else(|| OperationError::Contended(seen.id.to_string()))
    }

    /// The client with another secret; none where it is no longer as it was before.
    async fn rotated(
        &self,
        secrets: &ClientSecrets,
        mut client: Client,
        keep_old: Option<i64>,
    ) -> Result<Option<RegisteredClient>> {
        if client.is_public() {
            return Err(OperationError::ClientPublic(client.id));
        }
        let id = client.id.clone();
        let secret = self.new_secret();
        let new = secrets.store(&id, &secret, client.metadata.signs_with_secret())?;
        let former = keep_old.and_then(|seconds| {
            let (digest, until) = (client.secret.clone()?, self.now + seconds);
            Some(FormerSecret { digest, until })
        });
        let digest = new.digest.clone();
        (client.secret, client.sealed_secret) = (Some(new.digest), new.sealed);
        client.former_secret = former;
        client.secret_since = Some(self.now);
        let former = client.former_secret.as_ref();
        let mut details = json!({ "new_secret": true });
        if let Some(former) = former {
            details["former_secret_expires_at"] = json!(former.until);
        }
        let target = (TargetKind::Client, &*id, &*id);
        let recording = self.recording(Operation::ClientRotateSecret, target, details);
        let sealed = client.sealed_secret.as_deref();
        let (store, version) = (&recording.store, client.version);
        let set = store.set_client_secret(&id, version, &digest, sealed, former, self.now);
        if !set.await? {
            return Ok(None);
        }
        recording.done();
        client.version += 1;
        let secret = Some(secret);
        Ok(Some(RegisteredClient { client, secret }))
    }

    /// Stops a client: nobody signs in to it, and it gets, renews and asks about no tokens. What it was allowed stays, and
    /// is good again once it is enabled.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn disable_client(&self, id: &ClientId) -> Result<Client> {
        self.set_client_state(id, None, ClientState::Disabled).await
    }

    /// Lets a client go on.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn enable_client(&self, id: &ClientId) -> Result<Client> {
        self.set_client_state(id, None, ClientState::Enabled).await
    }

    /// Lets a client go on, or stops it: with `version` only while it is at that.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`]; [`OperationError::Contended`] where somebody else has changed it since.
    pub async fn set_client_state(
        &self,
        id: &ClientId,
        version: Option<i64>,
        state: ClientState,
    ) -> Result<Client> {
        let before = self.client(id).await?.disabled_at;
        let (operation, disabled_at) = match state {
            ClientState::Disabled => (Operation::ClientDisable, Some(self.now)),
            ClientState::Enabled => (Operation::ClientEnable, None),
        };
        let changed = json!({ "disabled_at": { "old": before, "new": disabled_at.and(before).or(disabled_at) } });
        let target = (TargetKind::Client, &**id, &**id);
        let recording = self.recording(operation, target, json!({ "changed": changed }));
        let set = (recording.store).set_client_disabled(id, version, disabled_at);
        if !set.await? {
            return Err(match version {
                None => OperationError::ClientUnknown(id.to_owned()),
                Some(_) => OperationError::Contended(id.to_string()),
            });
        }
        recording.done();
        self.client(id).await
    }
}

fn check_keep_old(keep_old: Option<i64>) -> Result<()> {
    let possible = keep_old.is_none_or(|seconds| (1..=LONGEST_FORMER).contains(&seconds));
    if possible {
        return Ok(());
    }
    let problem = "the old secret can be kept for a second to 30 days";
    Err(FieldErrors::from(FieldError::new("keep_old", problem).id("former-secret")).into())
}
