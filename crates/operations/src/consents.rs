//! Consents: what a user allowed, what a client was allowed, and taking it back.

use latchkey_protocol::{
    ClientId,
    audit::TargetKind,
    consent::Consent,
    store::{ConsentEnd, ConsentsOf},
};
use serde_json::json;

use crate::{Operation, OperationError, Operations, Result};

impl Operations<'_> {
    /// At most `most` of what the user whom `login` names has allowed, from the client after `after` on.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn consents_of_user(
        &self,
        login: &str,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<Consent>> {
        let user = self.user(login).await?;
        let theirs = ConsentsOf::User(&user.id);
        Ok(self.store.consents(theirs, after, most).await?)
    }

    /// At most `most` of what a client was allowed, from the user after `after` on.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn consents_of_client(
        &self,
        id: &ClientId,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<Consent>> {
        let client = self.client(id).await?;
        let theirs = ConsentsOf::Client(&client.id);
        Ok(self.store.consents(theirs, after, most).await?)
    }

    /// As [`Operations::consents_of_client`], each with the name of its user.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn named_consents_of_client(
        &self,
        id: &ClientId,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<(Consent, String)>> {
        let client = self.client(id).await?;
        Ok(self.store.named_consents(&client.id, after, most).await?)
    }

    /// Takes back what a user allowed a client, and ends all that came of it, `offline_access` too: its tokens are refused
    /// at once, and the user is asked again at the next sign-in. Of a `trusted` client, which never asks, the tokens end.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`], [`OperationError::ClientUnknown`]; [`OperationError::ConsentUnknown`] when there is
    /// nothing to end.
    pub async fn revoke_consent(&self, login: &str, client_id: &ClientId) -> Result<ConsentEnd> {
        let (user, client) = (self.user(login).await?, self.client(client_id).await?);
        let called = format!("{} {}", user.username, client.id);
        let target = (TargetKind::Consent, &*user.id, &*called);
        let details = json!({ "client": client.id });
        let recording = self.recording(Operation::ConsentRevoke, target, details);
        let store = &recording.store;
        let ended = store.revoke_consent(&user.id, &client.id, self.now).await?;
        if ended == ConsentEnd::default() {
            return Err(OperationError::ConsentUnknown {
                user: user.username,
                client: client.id,
            });
        }
        recording.done();
        Ok(ended)
    }
}
