//! Users: create, read, change, disable, delete; their passwords; their sessions.

use latchkey_protocol::{
    Timestamp, UserId,
    audit::{TargetKind, changes},
    field_error::{FieldError, FieldErrors},
    names::{Login, username},
    page::Page,
    passwords::check_new,
    profile::ProfileChange,
    secret::new_id,
    store::{LastAdministrator, UserEnd, WriteOutcome},
    user::User,
    user_list::{UserCursor, UserPage, UserQuery},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Hasher, Operation, OperationError, Operations, Result, TRIES, Whom, audit::Recording};

/// A user to be added. A seed has it with these members.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewUser {
    /// The user name as it was given.
    pub username: String,
    /// Their identifier, which nobody else may have, nor any client; without one it is made.
    #[serde(rename = "sub")]
    pub id: Option<UserId>,
    /// The email address.
    pub email: Option<String>,
    /// Nobody has proven yet that the address is theirs.
    pub email_unverified: bool,
    /// Display name.
    pub name: Option<String>,
    /// `roles` of the user's tokens.
    pub roles: Vec<String>,
    /// `groups` of the user's tokens.
    pub groups: Vec<String>,
    /// OpenID Connect standard claims (Core 5.1).
    pub claims: Map<String, Value>,
    /// What custom claims can be made of.
    pub attributes: Map<String, Value>,
    /// Without one the user cannot sign in.
    pub password: Option<String>,
}

impl NewUser {
    fn profile(&self) -> ProfileChange {
        ProfileChange {
            email: self.email.clone().map(Some),
            email_unverified: self.email_unverified,
            name: self.name.clone(),
            roles: Some(self.roles.clone()),
            groups: Some(self.groups.clone()),
            replace_claims: Some(self.claims.clone()),
            replace_attributes: Some(self.attributes.clone()),
            ..ProfileChange::default()
        }
    }
}

/// A user whose sessions were ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedSessions {
    /// As they are afterwards.
    pub user: User,
    /// How many sessions there were.
    pub sessions: usize,
}

impl Operations<'_> {
    /// Adds a user. With a password it takes as long as hashing one, where `hasher` says.
    ///
    /// # Errors
    /// When the name or the address is taken or unfit, a claim wrong, the password too weak; [`OperationError::Busy`].
    pub async fn create_user<'h>(
        &self,
        hasher: impl Into<Hasher<'h>>,
        new: NewUser,
    ) -> Result<User> {
        let user = self.new_user(hasher.into(), &new).await?;
        let details = json!({ "new": described(&user) });
        let recording = self.recording_user(Operation::UserCreate, &user, &user.username, details);
        match recording.store.create_user(&user).await? {
            WriteOutcome::Done => recording.done(),
            refused => return Err(OperationError::unwritten(refused, &user)),
        }
        Ok(user)
    }

    /// The new user, with a hash of the password.
    ///
    /// # Errors
    /// As [`Operations::create_user`].
    pub(crate) async fn new_user(&self, hasher: Hasher<'_>, new: &NewUser) -> Result<User> {
        let mut user = self.described_by(new)?;
        if let Some(password) = &new.password {
            user.password_hash = Some(hasher.hash(password, self.entropy).await?);
        }
        Ok(user)
    }

    /// The new user, without a password.
    ///
    /// # Errors
    /// All that is wrong with what describes them, and with the password.
    fn described_by(&self, new: &NewUser) -> Result<User> {
        let mut faults = Vec::new();
        let username = username(&new.username).unwrap_or_else(|problem| {
            faults.push(FieldError::new("username", problem).id("username-unfit"));
            String::new()
        });
        let made = || UserId::new(new_id(self.now, self.entropy));
        let bare = User {
            id: new.id.clone().unwrap_or_else(made),
            username,
            email: None,
            name: None,
            password_hash: None,
            roles: Vec::new(),
            groups: Vec::new(),
            claims: Map::new(),
            attributes: Map::new(),
            disabled_at: None,
            created_at: self.now,
            updated_at: self.now,
            version: 0,
        };
        let user = new.profile().apply(&bare, self.now);
        faults.extend(
            user.as_ref()
                .err()
                .into_iter()
                .flat_map(FieldErrors::iter)
                .cloned(),
        );
        let password = new.password.as_deref().map(check_password);
        faults.extend(password.and_then(std::result::Result::err));
        FieldErrors::check(faults)?;
        Ok(user?)
    }

    /// The user, by a user name or an email address, or by subject.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn user<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<User> {
        let (found, name) = match whom.into() {
            Whom::Login(login) => (self.store.user_by_login(&Login::new(login)).await?, login),
            Whom::Id(id) => (self.store.user(id).await?, id.as_str()),
            Whom::Seen(user) => return Ok(user.clone()),
        };
        found.ok_or_else(|| OperationError::UserUnknown(name.to_owned()))
    }

    /// When a user last signed in; none: never, as far as is known.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn last_sign_in(&self, id: &UserId) -> Result<Option<Timestamp>> {
        Ok(self.store.last_sign_in(id).await?)
    }

    /// A piece of the users in an order, or of those who are found by the beginning of a name, an address or a subject: see
    /// [`UserQuery`]. The next piece is asked for with [`UserPage::next`] and the same query.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn users(&self, query: &UserQuery, page: &Page<UserCursor>) -> Result<UserPage> {
        Ok(self.store.user_list(query, page).await?)
    }

    /// Does something to a user, decided on what they are when it is done: again where somebody else has changed them since
    /// they were read, but not to one who was seen. None from `act`: they are no longer as they were.
    ///
    /// # Errors
    /// Those of `act`; [`OperationError::UserUnknown`], [`OperationError::Deleted`], [`OperationError::Contended`].
    pub(crate) async fn as_they_are<T>(
        &self,
        whom: Whom<'_>,
        act: impl AsyncFn(User, &str) -> Result<Option<T>>,
    ) -> Result<T> {
        let mut user = self.user(whom).await?;
        let (id, name) = (user.id.clone(), whom.name(&user).to_owned());
        for _ in 0..TRIES {
            if let Some(done) = act(user, &name).await? {
                return Ok(done);
            }
            if let Whom::Seen(_) = whom {
                break;
            }
            let now = self.store.user(&id).await?;
            user = now.ok_or_else(|| OperationError::Deleted(name.clone()))?;
        }
        Err(OperationError::Contended(name))
    }

    /// Changes what describes a user.
    ///
    /// # Errors
    /// As [`Operations::create_user`]; [`OperationError::UserUnknown`], [`OperationError::Deleted`];
    /// [`OperationError::Contended`] where somebody else has changed a user who was seen, or changes them all the time;
    /// [`OperationError::LastAdministrator`] where they would lose the role, unless they may.
    pub async fn update_user<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        change: &ProfileChange,
        last: LastAdministrator,
    ) -> Result<User> {
        let act = async |before: User, name: &str| {
            let changed = self.changed(&before, name, change, last);
            changed.await
        };
        self.as_they_are(whom.into(), act).await
    }

    /// The user after the change; none where they are no longer as they were before.
    async fn changed(
        &self,
        before: &User,
        login: &str,
        change: &ProfileChange,
        last: LastAdministrator,
    ) -> Result<Option<User>> {
        let mut after = change.apply(before, self.now)?;
        let changed = changes(&described(before), &described(&after));
        let details = forced(json!({ "changed": changed }), last);
        let recording = self.recording_user(Operation::UserUpdate, before, login, details);
        let written = recording.store.update_user_profile(before, &after, last);
        match written.await? {
            WriteOutcome::Done => {
                after.version = before.version + 1;
                recording.done();
                Ok(Some(after))
            }
            WriteOutcome::Changed => Ok(None),
            refused => Err(OperationError::unwritten(refused, &after)),
        }
    }

    /// Ends everything that a user has, and lets them in no more.
    ///
    /// # Errors
    /// As [`Operations::update_user`], but for the change.
    pub async fn disable_user<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        last: LastAdministrator,
    ) -> Result<EndedSessions> {
        let act = async |mut user: User, name: &str| {
            let details = forced(disabled(&user, Some(self.now)), last);
            let recording = self.recording_user(Operation::UserDisable, &user, name, details);
            let at = Some(user.version);
            let end = (recording.store).disable_user(&user.id, at, last, self.now);
            let Some(sessions) = ended(end.await?, name)? else {
                return Ok(None);
            };
            recording.done();
            user.disabled_at = Some(self.now);
            let user = self.written(user);
            Ok(Some(EndedSessions { user, sessions }))
        };
        self.as_they_are(whom.into(), act).await
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// As [`Operations::update_user`], but for the change.
    pub async fn enable_user<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<User> {
        let act = async |mut user: User, name: &str| {
            let details = disabled(&user, None);
            let recording = self.recording_user(Operation::UserEnable, &user, name, details);
            let enabled = (recording.store).enable_user(&user.id, Some(user.version), self.now);
            if !enabled.await? {
                return Ok(None);
            }
            recording.done();
            user.disabled_at = None;
            Ok(Some(self.written(user)))
        };
        self.as_they_are(whom.into(), act).await
    }

    /// As the row is after a change of it.
    pub(crate) fn written(&self, user: User) -> User {
        User {
            updated_at: self.now,
            version: user.version + 1,
            ..user
        }
    }

    /// Removes a user with their sessions, consents and authorizations; returns who that was.
    ///
    /// # Errors
    /// As [`Operations::disable_user`].
    pub async fn delete_user<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        last: LastAdministrator,
    ) -> Result<User> {
        let act = async |user: User, name: &str| {
            let details = forced(json!({ "old": described(&user) }), last);
            let recording = self.recording_user(Operation::UserDelete, &user, name, details);
            let end = (recording.store).delete_user(&user.id, Some(user.version), last);
            if ended(end.await?, name)?.is_none() {
                return Ok(None);
            }
            recording.done();
            Ok(Some(user))
        };
        self.as_they_are(whom.into(), act).await
    }

    /// Ends all sessions and authorizations of a user, who may sign in again.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`]; [`OperationError::Contended`] where somebody else has changed a user who was seen.
    pub async fn end_sessions<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<EndedSessions> {
        let whom = whom.into();
        let user = self.user(whom).await?;
        let name = whom.name(&user);
        let recording = self.recording_user(Operation::UserEndSessions, &user, name, Value::Null);
        let sessions = match whom {
            Whom::Login(_) | Whom::Id(_) => recording.store.end_user(&user.id, self.now).await?,
            Whom::Seen(_) => {
                let ended = (recording.store).end_user_at(&user.id, user.version, self.now);
                let contended = || OperationError::Contended(name.to_owned());
                ended.await?.ok_or_else(contended)?
            }
        };
        recording.done();
        Ok(EndedSessions { user, sessions })
    }

    pub(crate) fn recording_user<'b>(
        &'b self,
        operation: Operation,
        user: &User,
        login: &'b str,
        details: Value,
    ) -> Recording<'b> {
        self.recording(operation, (TargetKind::User, &user.id, login), details)
    }
}

pub(crate) fn check_password(password: &str) -> std::result::Result<(), FieldError> {
    let fault = |problem| FieldError::new("password", problem).id("password-unfit");
    check_new(password).map_err(fault)
}

/// What describes a user and may be changed: for the audit table, which holds old and new values.
pub(crate) fn described(user: &User) -> Value {
    json!({
        "username": user.username, "email": user.email, "name": user.name, "roles": user.roles, "groups": user.groups,
        "claims": user.claims, "attributes": user.attributes,
    })
}

/// When they were locked out, before and after.
fn disabled(user: &User, at: Option<Timestamp>) -> Value {
    json!({ "changed": { "disabled_at": { "old": user.disabled_at, "new": at } } })
}

/// With the word that the last administrator might go.
fn forced(mut details: Value, last: LastAdministrator) -> Value {
    if last == LastAdministrator::MayGo {
        details["forced"] = true.into();
    }
    details
}

/// How many sessions ended; none where the user is gone, or no longer as they were read.
fn ended(end: UserEnd, name: &str) -> Result<Option<usize>> {
    match end {
        UserEnd::Ended(sessions) => Ok(Some(sessions)),
        UserEnd::Unknown => Ok(None),
        UserEnd::LastAdministrator => Err(OperationError::LastAdministrator(name.to_owned())),
    }
}
