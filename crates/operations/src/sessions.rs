//! Sessions: list, end.

use latchkey_protocol::{SessionId, Timestamp, audit::TargetKind, page::Page, session::Session};
use serde_json::Value;

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
    /// A piece of the live sessions, of the user whom `login` names or of all; a page goes on after a beginning and an id.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn sessions(
        &self,
        login: Option<&str>,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Vec<ListedSession>> {
        let owner = match login {
            Some(login) => Some(self.user(login).await?.id),
            None => None,
        };
        let listed = self.store.session_list(owner.as_ref(), page, self.now);
        let listed = listed.await?.into_iter();
        Ok(listed
            .map(|(session, username)| ListedSession { session, username })
            .collect())
    }

    /// Ends a session and everything that came of it.
    ///
    /// # Errors
    /// [`OperationError::SessionUnknown`].
    pub async fn end_session(&self, id: &SessionId) -> Result<()> {
        let target = (TargetKind::Session, &**id, &**id);
        let recording = self.recording(Operation::SessionEnd, target, Value::Null);
        if !recording.store.end_session(id, true, self.now).await? {
            return Err(OperationError::SessionUnknown(id.clone()));
        }
        recording.done();
        Ok(())
    }
}
