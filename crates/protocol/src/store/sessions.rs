//! Sessions at browsers: begun by a sign-in, used, ended.

use async_trait::async_trait;

use super::Result;
use crate::{
    ClientId, SessionId, UserId,
    authorization::Lifetimes,
    kind,
    page::Page,
    secret::Digest,
    session::{ClientSessions, ListedSession, Session, SessionClient, SessionStart, Use},
    time::Timestamp,
    user::User,
};

/// Sessions at browsers: begun by a sign-in, used, ended.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Adds a session and stamps the interaction with it, if the user is enabled and `password_hash`, which the password
    /// was compared with, is still theirs. `None`, and nothing written, otherwise. Where `replaces` is a live session of
    /// the same user, that one gets the new secret, times and ends instead, and keeps its id; one of another user ends.
    /// Beyond [`crate::bounds::SESSIONS`] those of the user that were unused longest end.
    /// The user's row is held until the session is there: a change of password, a disable or a delete comes either
    /// before, and is seen here, or after, and then ends this session too.
    async fn sign_in(
        &self,
        session: &Session,
        password_hash: &str,
        replaces: Option<&Digest<kind::Session>>,
        interaction: Option<&Digest<kind::Interaction>>,
    ) -> Result<Option<SessionStart>>;
    /// Who is signed in: the session and its user, while the one has not expired and the other is enabled.
    async fn session(
        &self,
        digest: &Digest<kind::Session>,
        now: Timestamp,
    ) -> Result<Option<(Session, User)>>;
    /// The live session of `user_id` with this `sid`.
    async fn session_of(
        &self,
        sid: &SessionId,
        user_id: &UserId,
        now: Timestamp,
    ) -> Result<Option<Session>>;
    /// The session with this `sid` and its user, live or not, while its row is there.
    async fn session_by_id(&self, sid: &SessionId) -> Result<Option<(Session, User)>>;
    /// All clients that signed their user in within a session, whether they hear of its end or not, the first one first. For
    /// a while also of a session that has ended.
    async fn clients_of_session(&self, sid: &SessionId) -> Result<Vec<SessionClient>>;
    /// Notes that a session is used, if it still lives and nobody noted it since `noted_before`. Of racing callers one
    /// writes; an ended session stays ended.
    async fn use_session(&self, id: &SessionId, used: Use) -> Result<bool>;
    /// As [`Sessions::session`], for a browser that uses its session: that is noted, at most about once a minute.
    async fn session_in_use(
        &self,
        digest: &Digest<kind::Session>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Result<Option<(Session, User)>> {
        let found = self.session(digest, now).await?;
        if let Some((session, _)) = &found
            && let Some(used) = session.used(lifetimes, now)
        {
            self.use_session(&session.id, used).await?;
        }
        Ok(found)
    }
    /// Sessions that live at `now`, of `user_id` or of all, those that began first first; a page goes on after a beginning and
    /// an id. What an end of many sessions means is listed until it has come to it, and says so: a piece costs the same
    /// however many there are.
    async fn session_list(
        &self,
        user_id: Option<&UserId>,
        page: &Page<(Timestamp, String)>,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>>;
    /// As [`Sessions::session_list`], those of a user who signed in to a client in them. A user has
    /// [`crate::bounds::SESSIONS`] at most, and each is looked at.
    async fn user_client_sessions(
        &self,
        user_id: &UserId,
        client_id: &ClientId,
        page: &Page<(Timestamp, String)>,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>>;
    /// Sessions that live at `now` in which users signed in to a client, each once; a page goes on after what the one before
    /// named. A bounded number of authorizations is looked at for one.
    async fn client_sessions(
        &self,
        client_id: &ClientId,
        page: &Page<String>,
        now: Timestamp,
    ) -> Result<ClientSessions>;
    /// All sessions of a user, who has [`crate::bounds::SESSIONS`] at most, or of all: read piece by piece, expired ones too.
    async fn sessions(&self, user_id: Option<&UserId>) -> Result<Vec<Session>> {
        let (mut all, mut page) = (Vec::new(), Page::first(500));
        loop {
            let piece = self
                .session_list(user_id, &page, Timestamp::from_seconds(i64::MIN))
                .await?;
            let Some(ListedSession { session: last, .. }) = piece.last() else {
                return Ok(all);
            };
            page = Page::after((last.created_at, last.id.clone().into_string()), page.limit);
            all.extend(piece.into_iter().map(|listed| listed.session));
        }
    }
    /// Ends a session and what hangs on it; with `offline`, also what would outlive it. `false` when there is none.
    async fn end_session(&self, id: &SessionId, offline: bool, now: Timestamp) -> Result<bool>;
    /// As [`Sessions::end_session`], of the live session with this `sid`, of `user_id` or, without one, of whomever it is.
    /// Which session that was; `None` when it does not live.
    async fn end_session_of(
        &self,
        sid: &SessionId,
        user_id: Option<&UserId>,
        offline: bool,
        now: Timestamp,
    ) -> Result<Option<Session>>;
    /// Ends all sessions and all authorizations of a user. How many sessions there were.
    async fn end_user(&self, user_id: &UserId, now: Timestamp) -> Result<usize>;
    /// As [`Sessions::end_user`], only while the user is at `version`: whoever is changing them at this moment is waited for.
    /// None where they are not, or are gone; nothing ends then.
    async fn end_user_at(
        &self,
        user_id: &UserId,
        version: i64,
        now: Timestamp,
    ) -> Result<Option<usize>>;
}
