//! What the console keeps: the link for the first administrator, and forms that wait for a sign-in.

use async_trait::async_trait;

use super::{Result, WriteOutcome};
use crate::{
    SessionId,
    console::{Draft, SetupLink},
    kind,
    secret::Digest,
    time::Timestamp,
    user::User,
};

/// What came of creating the first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupOutcome {
    /// They are created, and the link is spent.
    Created,
    /// Another link is in force, or none, or there is an administrator.
    LinkUnusable,
    /// The user cannot be written, and the link can be used again.
    Unwritten(WriteOutcome),
}

/// What the console keeps.
#[async_trait]
pub trait Console: Send + Sync {
    /// Whether an enabled user has the role [`crate::console::ADMIN`].
    async fn has_administrator(&self) -> Result<bool>;
    /// From now on this link and no other creates the first administrator.
    async fn offer_setup(&self, link: &SetupLink) -> Result<()>;
    /// Whether the link is in force, and there is no administrator.
    async fn is_setup_open(&self, link: &Digest<kind::SetupLink>, now: Timestamp) -> Result<bool>;
    /// Adds `user` as [`super::Users::create_user`] does and spends the link, if it is in force and there is no enabled
    /// administrator. Of racing callers one gets [`SetupOutcome::Created`].
    async fn set_up(
        &self,
        link: &Digest<kind::SetupLink>,
        user: &User,
        now: Timestamp,
    ) -> Result<SetupOutcome>;
    /// Keeps what was typed in a session, in place of what was kept before. It ends by itself, and goes with the session.
    /// `false` when that has ended.
    async fn keep_draft(&self, session: &SessionId, draft: &Draft) -> Result<bool>;
    /// The form that was kept for this page, if it has not ended. It stays: a page may be loaded twice.
    async fn draft(
        &self,
        session: &SessionId,
        page: &str,
        now: Timestamp,
    ) -> Result<Option<String>>;
    /// Forgets the form that was kept for this page.
    async fn forget_draft(&self, session: &SessionId, page: &str) -> Result<()>;
}
