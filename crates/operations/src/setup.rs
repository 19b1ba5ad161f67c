//! The first administrator, whom whoever has the link of a start of the server creates.

use latchkey_protocol::{
    Secret,
    console::{self, SetupLink},
    kind,
    store::SetupOutcome,
    user::User,
};
use serde_json::json;

use crate::{Hasher, NewUser, Operation, OperationError, Operations, Result, users::described};

impl Operations<'_> {
    /// A link with which the first administrator is created, where there is none; the former link is worth nothing then.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn offer_setup(&self) -> Result<Option<Secret<kind::SetupLink>>> {
        if self.store.has_administrator().await? {
            return Ok(None);
        }
        let secret = Secret::generate(self.entropy);
        let link = SetupLink::new(&secret, self.now);
        self.store.offer_setup(&link).await?;
        Ok(Some(secret))
    }

    /// Creates the first administrator, whatever roles are asked for, and spends the link. Nobody where that cannot be used.
    ///
    /// # Errors
    /// As [`Operations::create_user`].
    pub async fn set_up<'h>(
        &self,
        hasher: impl Into<Hasher<'h>>,
        link: &Secret<kind::SetupLink>,
        mut new: NewUser,
    ) -> Result<Option<User>> {
        // Before a password is hashed for a stranger.
        let link = link.digest();
        if !self.store.is_setup_open(&link, self.now).await? {
            return Ok(None);
        }
        new.roles = vec![console::ADMIN.to_owned()];
        let user = self.new_user(hasher.into(), &new).await?;
        let details = json!({ "new": described(&user), "by": "set-up link" });
        let recording = self.recording_user(Operation::UserCreate, &user, &user.username, details);
        match recording.store.set_up(&link, &user, self.now).await? {
            SetupOutcome::Created => recording.done(),
            SetupOutcome::LinkUnusable => return Ok(None),
            SetupOutcome::Unwritten(refused) => {
                return Err(OperationError::unwritten(refused, &user));
            }
        }
        Ok(Some(user))
    }
}
