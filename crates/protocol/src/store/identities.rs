//! Who users are at other providers.

use async_trait::async_trait;

use super::{Result, WriteOutcome};
use crate::{
    SessionId, UserId, kind,
    secret::Digest,
    session::{Session, SessionStart},
    time::Timestamp,
    upstream::{Identity, IdentityKey, PendingLink, UpstreamName, UpstreamSession},
    user::User,
};

/// What came of linking an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkOutcome {
    /// It is linked.
    Linked,
    /// It is somebody's already.
    IdentityTaken,
    /// The user cannot be written: for an account that is made.
    Unwritten(WriteOutcome),
    /// The user has [`crate::bounds::IDENTITIES`].
    Full,
    /// The user, the upstream or what waited to be linked is gone, disabled, or not as it was read.
    Changed,
}

/// What came of unlinking an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlinkOutcome {
    /// It is unlinked, and so many sessions that came from it ended.
    Unlinked(usize),
    /// The user has no such identity.
    Unknown,
    /// The user has neither a password nor another identity at an enabled upstream. Nothing was done.
    LastWayIn,
}

/// A sign-in at an upstream that is to become a session.
#[derive(Debug, Clone, Copy)]
pub struct IdentitySignIn<'a> {
    /// The session that begins.
    pub session: &'a Session,
    /// The identity as it is afterwards; where it was linked to this user through this upstream is the condition.
    pub identity: &'a Identity,
    /// The version of the upstream that it was begun with.
    pub upstream_version: i64,
    /// `sid` of the session there.
    pub sid: Option<&'a str>,
    /// The user as they were read, and as they are afterwards: the same where nothing was said anew of them.
    pub user: (&'a User, &'a User),
    /// The session that the browser has: the same user goes on in it, another one's ends.
    pub replaces: Option<&'a Digest<kind::Session>>,
    /// What the user signs in for.
    pub interaction: Option<&'a Digest<kind::Interaction>>,
}

/// A session at another provider that has ended there, or all of a user.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamSessionEnd<'a> {
    /// By which upstream users came.
    pub upstream: &'a UpstreamName,
    /// The issuer that ended it.
    pub issuer: &'a str,
    /// The user there.
    pub subject: Option<&'a str>,
    /// The session there; none: all of the user, who is named then.
    pub sid: Option<&'a str>,
    /// Of all of the user, only that ends to which they came until then: a sign-in that is newer than the message stays.
    pub until: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySignInOutcome {
    /// The session has begun.
    SignedIn(SessionStart),
    /// The user would lose the role `admin`, and is the last who has it. Nothing was written.
    LastAdministrator,
    /// User, identity or upstream are gone, disabled, or not as they were read. Nothing was written.
    Changed,
}

/// Who users are at other providers. A user takes their identities along.
#[async_trait]
pub trait Identities: Send + Sync {
    /// An identity and its user, disabled or not.
    async fn identity(&self, key: &IdentityKey) -> Result<Option<(Identity, User)>>;
    /// Those of a user, the oldest first; [`crate::bounds::IDENTITIES`] at most.
    async fn identities(&self, user_id: &UserId) -> Result<Vec<Identity>>;
    /// Adds a user with their identity, if the upstream is enabled and at `upstream_version`. Of racing callers with one
    /// identity, one makes a user, and the others hear [`LinkOutcome::IdentityTaken`].
    async fn create_user_of_identity(
        &self,
        user: &User,
        identity: &Identity,
        upstream_version: i64,
    ) -> Result<LinkOutcome>;
    /// Links an identity to its user, if they are enabled and at `user_version`, and the upstream enabled and at
    /// `upstream_version`. A change, a disable or a delete of the user comes either before, and is seen here, or after.
    async fn link_identity(
        &self,
        identity: &Identity,
        user_version: i64,
        upstream_version: i64,
    ) -> Result<LinkOutcome>;
    /// Unlinks an identity of a user, takes back the groups and roles that came by it (but for the role of the last
    /// administrator), and ends the sessions that came from it. Unless `last_may_go`, a way to sign in is left:
    /// of racing callers who unlink two that are the last, one is refused.
    async fn unlink_identity(
        &self,
        user_id: &UserId,
        key: &IdentityKey,
        last_may_go: bool,
        now: Timestamp,
    ) -> Result<UnlinkOutcome>;
    /// Keeps an identity that is to be linked in its interaction, in place of what waited there. `false` when that is gone.
    async fn keep_pending_link(&self, pending: &PendingLink) -> Result<bool>;
    /// What waits in an interaction to be linked.
    async fn pending_link(
        &self,
        interaction: &Digest<kind::Interaction>,
        now: Timestamp,
    ) -> Result<Option<PendingLink>>;
    /// Forgets what waits in an interaction to be linked.
    async fn forget_pending_link(&self, interaction: &Digest<kind::Interaction>) -> Result<()>;
    /// Links what waits in an interaction to the user of the session that was signed in to in it, here and not at another
    /// provider, after it began to wait, if that may be the user and the upstream is as it was then; what waited is spent. Of racing callers one links. None where
    /// nothing waits or nobody has signed in since; with it, the identity as it was linked.
    async fn finish_pending_link(
        &self,
        interaction: &Digest<kind::Interaction>,
        now: Timestamp,
    ) -> Result<Option<(LinkOutcome, Identity)>>;
    /// Adds a session as [`super::Sessions::sign_in`] does, if the user is enabled and at the version that they were read at,
    /// the identity linked to them through this upstream, and that enabled and at the version that is named. Writes what is
    /// said anew of user and identity in the same step.
    async fn sign_in_by_identity(&self, asked: IdentitySignIn<'_>)
    -> Result<IdentitySignInOutcome>;
    /// Ends the sessions that came from one that has ended at another provider, and what was allowed in them but what outlives
    /// a session (`offline_access`; Back-Channel Logout 1.0 2.7). How many. Of callers at once that name the same, each
    /// session is ended by one.
    async fn end_upstream_sessions(
        &self,
        end: UpstreamSessionEnd<'_>,
        now: Timestamp,
    ) -> Result<usize>;
    /// Where a session came from, if that was another provider.
    async fn upstream_of_session(&self, session: &SessionId) -> Result<Option<UpstreamSession>>;
    /// How many identities are linked through an upstream; of many, no more is counted than `most`.
    async fn count_identities(&self, upstream: &UpstreamName, most: i64) -> Result<i64>;
}
