//! Sessions: list, end.

use latchkey_protocol::{
    ClientId, SessionId, Timestamp, UserId,
    audit::{Event, TargetKind},
    audit_row::{AuditFilter, AuditRow},
    deliveries::{Receipt, ReceiptsOf},
    page::Page,
    session::{ListedSession, Session, SessionClient},
    user::User,
};
use serde_json::Value;

use crate::{Operation, OperationError, Operations, Result};

/// All that is known of a session, live or not.
#[derive(Debug, Clone)]
pub struct SessionTrace {
    /// The session, while it lives.
    pub session: Option<Session>,
    /// Who is or was signed in, while they are there.
    pub user: Option<User>,
    /// The clients that it signed its user in to.
    pub clients: Vec<SessionClient>,
    /// What these heard of its end.
    pub receipts: Vec<Receipt>,
    /// What the audit table says of it, the newest first.
    pub entries: Vec<AuditRow>,
}

impl SessionTrace {
    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.session.is_none()
            && self.clients.is_empty()
            && self.receipts.is_empty()
            && self.entries.is_empty()
    }

    /// From where its user signed in, as far as that was recorded.
    pub fn address(&self) -> Option<String> {
        let live = self.session.as_ref().and_then(|session| session.address);
        let signed_in = |entry: &&AuditRow| entry.event == Event::SignedIn.name();
        let noted = || self.entries.iter().find(signed_in)?.address.clone();
        live.map(|address| address.to_string()).or_else(noted)
    }
}

/// As much of the audit table as is shown with a session.
const ENTRIES: i64 = 20;

impl Operations<'_> {
    /// What is known of a session, for as long as something is kept of it.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn session_trace(&self, id: &SessionId) -> Result<SessionTrace> {
        let store = self.store;
        let of_session = AuditFilter {
            target: Some(id.as_str().to_owned()),
            ..AuditFilter::default()
        };
        let (few, all) = (Page::first(ENTRIES), Page::first(i64::MAX));
        let entries = store.audit_entries(&of_session, &few).await?;
        // A session has a delivery for each client at most.
        let receipts = store.receipts(ReceiptsOf::Session(id), &all).await?;
        let (session, user) = match store.session_by_id(id).await? {
            Some((session, user)) => (Some(session), Some(user)),
            None => {
                // Of other entries it is who did something to the session.
                let of_user = |e: &&AuditRow| {
                    let event = Event::from_name(&e.event);
                    matches!(event, Some(Event::SignedIn | Event::SessionEnded))
                };
                let named = entries.iter().filter(of_user);
                let named = named.filter_map(|e| e.user_id.as_deref()).next();
                let told = receipts.first().map(|r| r.end.user_id.clone());
                let user = match told.or(named.map(UserId::new)) {
                    Some(id) => store.user(&id).await?,
                    None => None,
                };
                (None, user)
            }
        };
        let now = self.now;
        Ok(SessionTrace {
            session: session.filter(|session| session.expires_at > now),
            user,
            clients: store.clients_of_session(id).await?,
            receipts,
            entries,
        })
    }

    /// A piece of the live sessions, and of those that an end of many has not come to yet, of the user whom `login` names or of all; a page goes on after a beginning and an id.
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
        Ok(listed.await?)
    }

    /// As [`Operations::sessions`], those of a user who signed in to this client in them.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`], [`OperationError::ClientUnknown`].
    pub async fn user_client_sessions(
        &self,
        login: &str,
        client: &ClientId,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Vec<ListedSession>> {
        let (user, client) = (self.user(login).await?, self.client(client).await?);
        let listed = self
            .store
            .user_client_sessions(&user.id, &client.id, page, self.now);
        Ok(listed.await?)
    }

    /// A piece of the live sessions in which users signed in to this client.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn client_sessions(
        &self,
        id: &ClientId,
        page: &Page<String>,
    ) -> Result<(Vec<ListedSession>, Option<String>)> {
        let client = self.client(id).await?;
        let found = self.store.client_sessions(&client.id, page, self.now);
        let found = found.await?;
        Ok((found.sessions, found.next))
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
