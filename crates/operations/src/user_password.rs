//! A new password of a user, set by somebody else.

use latchkey_protocol::{field_error::FieldErrors, user::User};
use serde_json::json;

use crate::{EndedSessions, Hasher, Operation, Operations, Result, Whom, users::check_password};

/// The hash of a new password that is strong enough. Made once, however often it takes to write it.
pub struct HashedPassword(String);

impl Operations<'_> {
    /// Sets a new password, and ends everything that the old one began. Takes as long as hashing one, where `hasher` says;
    /// only then is the user looked up, so that nothing is decided on what was true before.
    ///
    /// # Errors
    /// As [`Operations::hash_password`] and [`Operations::set_hashed_password`].
    pub async fn set_password<'w, 'h>(
        &self,
        hasher: impl Into<Hasher<'h>>,
        whom: impl Into<Whom<'w>>,
        password: &str,
    ) -> Result<EndedSessions> {
        let hashed = self.hash_password(hasher, password).await?;
        self.set_hashed_password(whom, &hashed).await
    }

    /// Hashes a new password, where `hasher` says.
    ///
    /// # Errors
    /// A password that is too weak; [`crate::OperationError::Busy`].
    pub async fn hash_password<'h>(
        &self,
        hasher: impl Into<Hasher<'h>>,
        password: &str,
    ) -> Result<HashedPassword> {
        check_password(password).map_err(FieldErrors::from)?;
        let hash = hasher.into().hash(password, self.entropy).await?;
        Ok(HashedPassword(hash))
    }

    /// As [`Operations::set_password`], with a hash that was made before.
    ///
    /// # Errors
    /// As [`Operations::enable_user`].
    pub async fn set_hashed_password<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        hashed: &HashedPassword,
    ) -> Result<EndedSessions> {
        let act = async |mut user: User, name: &str| {
            let details = json!({ "new_password": true });
            let recording = self.recording_user(Operation::UserSetPassword, &user, name, details);
            let at = Some(user.version);
            let set = (recording.store).set_password(&user.id, at, &hashed.0, self.now);
            let Some(sessions) = set.await? else {
                return Ok(None);
            };
            recording.done();
            user.password_hash = Some(hashed.0.clone());
            let user = self.written(user);
            Ok(Some(EndedSessions { user, sessions }))
        };
        self.as_they_are(whom.into(), act).await
    }
}
