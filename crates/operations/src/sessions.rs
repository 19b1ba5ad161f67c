//! Sessions: list, end.

use std::collections::BTreeMap;

use latchkey_protocol::session::Session;

use crate::{Operation, OperationError, Operations, Result};

/// A session, and who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    pub session: Session,
    pub username: String,
}

/// A session that was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    pub id: String,
    /// It was named by a former session, which it carries on.
    pub carried_on: bool,
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

    /// Ends a session and everything that came of it. ID tokens and log lines still name it after a new sign-in has taken
    /// its place: then that one ends.
    ///
    /// # Errors
    /// [`OperationError::SessionUnknown`].
    pub async fn end_session(&self, id: &str) -> Result<EndedSession> {
        let ended = if self.store.end_session(id, true, self.now).await? {
            EndedSession {
                id: id.to_owned(),
                carried_on: false,
            }
        } else {
            let ended = self.store.end_session_of(id, None, true, self.now).await?;
            let session = ended.ok_or_else(|| OperationError::SessionUnknown(id.to_owned()))?;
            EndedSession {
                id: session.id,
                carried_on: true,
            }
        };
        self.record(Operation::SessionEnd, &ended.id).await;
        Ok(ended)
    }
}
