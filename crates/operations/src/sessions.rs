//! Sessions: list, end.

use std::collections::BTreeMap;

use latchkey_protocol::session::Session;

use crate::{Operation, OperationError, Operations, Result};

/// A session, and who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// The user's name.
    pub username: String,
}

impl Operations<'_> {
    /// The live sessions, of the user whom `login` names or of all.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn sessions(&self, login: Option<&str>) -> Result<Vec<ListedSession>> {
        let owner = match login {
            Some(login) => Some(self.user(login).await?.id),
            None => None,
        };
        let mut sessions = self.store.sessions(owner.as_deref()).await?;
        sessions.retain(|session| session.expires_at > self.now);
        let users = self.store.users().await?.into_iter();
        let names: BTreeMap<_, _> = users.map(|user| (user.id, user.username)).collect();
        let listed = |session: Session| ListedSession {
            username: names
                .get(&session.user_id)
                .unwrap_or(&session.user_id)
                .clone(),
            session,
        };
        Ok(sessions.into_iter().map(listed).collect())
    }

    /// Ends a session and everything that came of it.
    ///
    /// # Errors
    /// [`OperationError::SessionUnknown`].
    pub async fn end_session(&self, id: &str) -> Result<()> {
        if !self.store.end_session(id, true, self.now).await? {
            return Err(OperationError::SessionUnknown(id.to_owned()));
        }
        self.record(Operation::SessionEnd, id).await;
        Ok(())
    }
}
