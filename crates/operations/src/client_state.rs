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
        let secret = self.new_secret();
        for _ in 0..TRIES {
            let mut client = self.client(id).await?;
            if client.is_public() {
                return Err(OperationError::ClientPublic(id.to_owned()));
            }
            let readable = client.metadata.signs_with_secret();
            let new = secrets.store(id, &secret, readable)?;
            let former = keep_old.and_then(|seconds| {
                let (digest, until) = (client.secret.clone()?, self.now + seconds);
                Some(FormerSecret { digest, until })
            });
            let digest = new.digest.clone();
            (client.secret, client.sealed_secret) = (Some(new.digest), new.sealed);
            client.former_secret = former;
            let until = client.former_secret.as_ref().map(|former| former.until);
            let mut details = json!({ "new_secret": true });
            if let Some(until) = until {
                details["former_secret_expires_at"] = json!(until);
            }
            let target = (TargetKind::Client, &**id, &**id);
            let recording = self.recording(Operation::ClientRotateSecret, target, details);
            let (version, store) = (client.version, &recording.store);
            let (sealed, former) = (
                client.sealed_secret.as_deref(),
                client.former_secret.as_ref(),
            );
            let set = store.set_client_secret(id, version, &digest, sealed, former);
            if set.await? {
                recording.done();
                client.version += 1;
                let secret = Some(secret);
                return Ok(RegisteredClient { client, secret });
            }
        }
        Err(OperationError::Contended(id.to_owned().into_string()))
    }

    /// Stops a client: nobody signs in to it, and it gets, renews and asks about no tokens. What it was allowed stays, and
    /// is good again once it is enabled.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn disable_client(&self, id: &ClientId) -> Result<Client> {
        self.set_client_state(Operation::ClientDisable, id).await
    }

    /// Lets a client go on.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn enable_client(&self, id: &ClientId) -> Result<Client> {
        self.set_client_state(Operation::ClientEnable, id).await
    }

    async fn set_client_state(&self, operation: Operation, id: &ClientId) -> Result<Client> {
        let before = self.client(id).await?.disabled_at;
        let disabled_at = (operation == Operation::ClientDisable).then_some(self.now);
        let changed = json!({ "disabled_at": { "old": before, "new": disabled_at.and(before).or(disabled_at) } });
        let target = (TargetKind::Client, &**id, &**id);
        let recording = self.recording(operation, target, json!({ "changed": changed }));
        if !recording.store.set_client_disabled(id, disabled_at).await? {
            return Err(OperationError::ClientUnknown(id.to_owned()));
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
    Err(FieldErrors::from(FieldError::new("keep_old", problem)).into())
}
