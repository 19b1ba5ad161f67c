//! What the rules need kept. Every verb is atomic; no transaction is visible outside. A verb whose comment names
//! a condition checks it and writes in one step, so that of any number of racing callers one wins.

use async_trait::async_trait;

use crate::{
    Reason, SigningAlgorithm,
    attempts::{Allowance, Origin},
    authorization::{Authorization, Context, Lifetimes, RefreshFamily, Support},
    claims::{CustomClaims, Mapping},
    client::Client,
    consent::Consent,
    interaction::Interaction,
    names::Login,
    secret::Digest,
    session::{Session, SessionStart, Use},
    time::Timestamp,
    user::User,
};

/// Why the store could not answer. Never a refusal: it is ours, and is `server_error` outside.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    #[error("the database is busy: too much is waiting")]
    Busy,
    #[error("a row cannot be read: {table} {row}: {column}")]
    Corrupt {
        table: &'static str,
        row: String,
        column: &'static str,
    },
    #[error("the database refused: {0}")]
    Failed(String),
}

impl StoreError {
    /// What the outside hears of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Busy => Reason::Busy,
            Self::Unavailable(_) => Reason::DatabaseAway,
            Self::Corrupt { .. } | Self::Failed(_) => Reason::ServerFault,
        }
    }
}

pub use crate::consent::merged;

pub type Result<T> = std::result::Result<T, StoreError>;

/// A signing key at rest: its private part sealed under the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub kid: String,
    /// The one that it signs with.
    pub algorithm: SigningAlgorithm,
    /// None once it has retired: then nobody can sign with it again.
    pub sealed: Option<String>,
    pub created_at: Timestamp,
    pub activates_at: Timestamp,
    pub retires_at: Option<Timestamp>,
}

/// A refusal, kept for `latchkey why`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRefusal {
    pub reference: String,
    pub at: Timestamp,
    pub reason: String,
    pub endpoint: String,
    pub client_id: Option<String>,
    pub request_id: String,
    pub expected: String,
    pub received: String,
    /// Whose share of what is kept it takes: a registered client's, or the one that all others have.
    pub share: String,
    /// From where it came.
    pub neighbourhood: Option<Digest>,
}

/// What became of a sign-in that was to be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginOutcome {
    Begun,
    /// Its row would be larger than any may be.
    TooLarge,
    /// Its network has left too many unfinished.
    NetworkFull,
    /// All together have left many, and its neighbourhood more than its share of them.
    NeighbourhoodFull,
    /// All together have.
    Full,
}

/// What came of writing a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    Done,
    /// Somebody else has the name.
    NameTaken,
    /// The name is somebody else's address.
    NameIsAddress,
    /// Somebody else has the address.
    AddressTaken,
    /// The address is somebody else's name.
    AddressIsName,
    /// The row is gone, or not as it was read: read again.
    Changed,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEvent {
    /// Sorts by time.
    pub id: String,
    pub at: Timestamp,
    /// As it is called, such as `user disable`.
    pub operation: String,
    /// Whom or what it was done to.
    pub target: String,
    /// Who called it, as the operating system knows them.
    pub caller: String,
}

#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a client. `false` when its id is taken; of racing callers one gets `true`.
    async fn create_client(&self, client: &Client) -> Result<bool>;
    /// May be up to a second behind what another process wrote.
    async fn client(&self, id: &str) -> Result<Option<std::sync::Arc<Client>>>;
    async fn clients(&self) -> Result<Vec<Client>>;
    /// Replaces metadata and secret, if the client is still at the version that `client` was read at. `false` when it is
    /// not, or is gone: of racing callers one wins, and the others read again.
    async fn update_client_metadata(&self, client: &Client) -> Result<bool>;
    /// Replaces the secret alone, if the client is still at `version`. `false` as above.
    async fn set_client_secret(&self, id: &str, version: i64, secret: &Digest) -> Result<bool>;
    /// Removes a client with all its authorizations and consents. `false` when there is none.
    async fn delete_client(&self, id: &str) -> Result<bool>;

    /// Adds a user, unless the name or the address is somebody else's, be it as a name or as an address.
    /// Of racing callers who want the same, one gets [`WriteOutcome::Done`].
    async fn create_user(&self, user: &User) -> Result<WriteOutcome>;
    async fn user(&self, id: &str) -> Result<Option<User>>;
    /// By user name alone, as it was stored.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>>;
    /// By what was typed: a name or an address. A name goes before an address.
    async fn user_by_login(&self, login: &Login) -> Result<Option<User>>;
    async fn users(&self) -> Result<Vec<User>>;
    /// Replaces what describes a user (address, display name, roles, groups, claims, attributes) and nothing that decides whether they
    /// may sign in, if the user is still at the version that `before` was read at. The address as in [`Store::create_user`].
    async fn update_user_profile(&self, before: &User, after: &User) -> Result<WriteOutcome>;
    /// Replaces the password hash, and ends all sessions and authorizations of the user in the same step: whoever knew
    /// the old password is out. How many sessions there were; `None` when there is no such user.
    async fn set_password(
        &self,
        user_id: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<usize>>;
    /// Replaces the password hash if it is still `old`; so a rehash at login never undoes a new password.
    async fn rehash_password(&self, user_id: &str, old: &str, new: &str) -> Result<bool>;
    /// Lets a user in no more, and ends all sessions and authorizations in the same step, so that enabling brings none
    /// back. How many sessions there were; `None` when there is no such user.
    async fn disable_user(&self, user_id: &str, now: Timestamp) -> Result<Option<usize>>;
    /// `false` when there is no such user.
    async fn enable_user(&self, user_id: &str, now: Timestamp) -> Result<bool>;
    /// Removes a user with sessions, consents and authorizations.
    async fn delete_user(&self, id: &str) -> Result<bool>;

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
        replaces: Option<&Digest>,
        interaction: Option<&Digest>,
    ) -> Result<Option<SessionStart>>;
    /// Who is signed in: the session and its user, while the one has not expired and the other is enabled.
    async fn session(&self, digest: &Digest, now: Timestamp) -> Result<Option<(Session, User)>>;
    /// The live session of `user_id` with this `sid`.
    async fn session_of(&self, sid: &str, user_id: &str, now: Timestamp)
    -> Result<Option<Session>>;
    /// Notes that a session is used, if it still lives and nobody noted it since `noted_before`. Of racing callers one
    /// writes; an ended session stays ended.
    async fn use_session(&self, id: &str, used: Use) -> Result<bool>;
    /// As [`Store::session`], for a browser that uses its session: that is noted, at most about once a minute.
    async fn session_in_use(
        &self,
        digest: &Digest,
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
    async fn sessions(&self, user_id: Option<&str>) -> Result<Vec<Session>>;
    /// Ends a session and what hangs on it; with `offline`, also what would outlive it. `false` when there is none.
    async fn end_session(&self, id: &str, offline: bool, now: Timestamp) -> Result<bool>;
    /// As [`Store::end_session`], of the live session with this `sid`, of `user_id` or, without one, of whomever it is.
    /// Which session that was; `None` when it does not live.
    async fn end_session_of(
        &self,
        sid: &str,
        user_id: Option<&str>,
        offline: bool,
        now: Timestamp,
    ) -> Result<Option<Session>>;
    /// Ends all sessions and all authorizations of a user. How many sessions there were.
    async fn end_user(&self, user_id: &str, now: Timestamp) -> Result<usize>;

    /// Adds an interaction within the bounds of [`crate::bounds`]: of its browser's the oldest makes room, its network
    /// is refused more. Racing callers may exceed a network's bound by as many as they are.
    async fn begin_interaction(
        &self,
        interaction: &Interaction,
        from: &Origin,
    ) -> Result<BeginOutcome>;
    async fn interaction(&self, digest: &Digest) -> Result<Option<Interaction>>;
    /// Binds all interactions of a browser to its new secret. `false` when it has none under the old one.
    async fn renew_browser(&self, old: &Digest, new: &Digest, now: Timestamp) -> Result<bool>;
    /// The user goes on with this session, if it is still there. `false`, and nothing written, when it or the
    /// interaction is gone.
    async fn select_account(&self, digest: &Digest, session_id: &str) -> Result<bool>;
    /// Stamps the interaction with what was allowed and by whom, and remembers it, added to what was allowed before, if
    /// `session_id` is still there and this user's. `false`, and nothing written, when it or the interaction is gone.
    async fn record_consent(
        &self,
        digest: &Digest,
        session_id: &str,
        consent: &Consent,
    ) -> Result<bool>;
    /// As [`Store::record_consent`], for a user who does not allow it.
    async fn decline(&self, digest: &Digest, session_id: &str) -> Result<bool>;
    async fn consent(&self, user_id: &str, client_id: &str) -> Result<Option<Consent>>;

    /// Adds the authorization, and removes the interaction where there was one. `false`, and nothing added, when the
    /// interaction or the session is gone: of racing callers one wins, and an ended session gives no more codes.
    /// Beyond the bounds of [`crate::bounds`], the session's oldest for the same client go.
    async fn issue_code(
        &self,
        interaction: Option<&Digest>,
        authorization: &Authorization,
    ) -> Result<bool>;
    /// Removes an interaction that was refused.
    async fn end_interaction(&self, digest: &Digest) -> Result<()>;
    async fn authorization_by_code(&self, code: &Digest) -> Result<Option<Context>>;
    async fn authorization(&self, id: &str) -> Result<Option<Context>>;
    /// What an access token of the authorization `id` hangs on, unless its `jti` has been revoked on its own.
    async fn support(&self, id: &str, jti: &str) -> Result<Option<Support>>;
    /// Marks the code used and starts the refresh family, if the code is unused and nothing was revoked.
    /// Of racing callers one gets `true`.
    async fn exchange_code(
        &self,
        id: &str,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
    ) -> Result<bool>;
    /// Replaces the current refresh token by its successor, if `expected` is still current and nothing was
    /// revoked. Of racing callers one gets `true`.
    async fn rotate_refresh_token(
        &self,
        id: &str,
        expected: &Digest,
        next: &RefreshFamily,
    ) -> Result<bool>;
    /// Ends an authorization; idempotent.
    async fn revoke_authorization(&self, id: &str, now: Timestamp) -> Result<()>;
    /// Ends one access token until it would have expired anyway; idempotent.
    async fn revoke_access_token(&self, jti: &str, expires_at: Timestamp) -> Result<()>;
    async fn is_access_token_revoked(&self, jti: &str) -> Result<bool>;

    /// The custom claims for all clients.
    async fn custom_claims(&self) -> Result<CustomClaims>;
    /// Adds a custom claim for all clients, or replaces the one of this name. `false`, and nothing written, when there are
    /// [`MOST_MAPPINGS`](crate::claims::MOST_MAPPINGS) others; of racing callers none gets past that.
    async fn set_custom_claim(&self, name: &str, mapping: &Mapping) -> Result<bool>;
    /// `false` when there is none of this name.
    async fn remove_custom_claim(&self, name: &str) -> Result<bool>;

    async fn signing_keys(&self) -> Result<Vec<StoredKey>>;
    /// Adds the first key of its algorithm. `false` when there is one already: another node was faster.
    async fn add_first_key(&self, key: &StoredKey) -> Result<bool>;
    /// Adds a key, and sets when those of its algorithm before it retire; one that would only have signed after it retires
    /// at once.
    async fn rotate_key(&self, key: &StoredKey, others_retire_at: Timestamp) -> Result<()>;
    /// As `rotate_key`, if `predecessor` is still the one key of the algorithm that no other has superseded; none: if
    /// there is no such key. Of racing callers one gets `true`, and nothing comes of the others' keys.
    async fn succeed_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        predecessor: Option<&str>,
    ) -> Result<bool>;
    /// Takes a key out of service and forgets its private half. `false` when there is none, or when it is the one that
    /// signs with its algorithm at `at`.
    async fn retire_key(&self, kid: &str, at: Timestamp) -> Result<bool>;

    /// Notes what a command did, for a server to log.
    async fn add_command_event(&self, event: &CommandEvent) -> Result<()>;
    /// At most `most` notes, the oldest first.
    async fn command_events(&self, most: i64) -> Result<Vec<CommandEvent>>;
    /// Forgets notes, once they are logged.
    async fn forget_command_events(&self, ids: &[String]) -> Result<()>;

    /// Counts one attempt against each of the allowances, unless one is used up: then none is counted, and its key is
    /// returned. Of racing callers, on any node, no more get through than are allowed.
    async fn reserve_attempts(
        &self,
        allowances: &[Allowance],
        now: Timestamp,
    ) -> Result<Option<Digest>>;
    /// Takes back one attempt of each key that was reserved at `reserved`; with `clear`, all of the first key.
    async fn give_back_attempts(
        &self,
        keys: &[Digest],
        clear: bool,
        reserved: Timestamp,
    ) -> Result<()>;

    async fn keep_refusal(&self, refusal: &KeptRefusal) -> Result<()>;
    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>>;

    /// Removes at most `most` expired rows of each kind, and what exceeds the bounds of [`crate::bounds`], of whoever
    /// has the most; forgets the private halves of keys that have retired. How many rows went.
    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize>;
    /// Whether the database answers and has every migration.
    async fn ready(&self) -> Result<bool>;
}
