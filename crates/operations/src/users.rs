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
use serde_json::{Map, Value, json};

use crate::{Hasher, Operation, OperationError, Operations, Result, TRIES, Whom, audit::Recording};

/// A user to be added.
#[derive(Default)]
pub struct NewUser {
    /// The user name as it was given.
    pub username: String,
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
        let bare = User {
            id: UserId::new(new_id(self.now, self.entropy)),
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

    /// Changes what describes a user, decided on what is there now; where somebody else changed it in between, again.
    ///
    /// # Errors
    /// As [`Operations::create_user`]; [`OperationError::Contended`]; [`OperationError::LastAdministrator`] where they would
    /// lose the role, unless they may.
    pub async fn update_user<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        change: &ProfileChange,
        last: LastAdministrator,
    ) -> Result<User> {
        let whom = whom.into();
        let mut id = None;
        for _ in 0..TRIES {
            let before = match &id {
                None => self.user(whom).await?,
                Some(id) => self.user(id).await?,
            };
            let name = whom.name(&before);
            if let Some(after) = self.changed(&before, name, change, last).await? {
                return Ok(after);
            }
            id = Some(before.id);
        }
        let name = match whom {
            Whom::Login(login) => login,
            Whom::Id(id) => id,
        };
        Err(OperationError::Contended(name.to_owned()))
    }

    /// Changes what describes a user, only if the user still is as `seen`: for a form that shows all of it. The last
    /// administrator stays one.
    ///
    /// # Errors
    /// As [`Operations::update_user`]; [`OperationError::Contended`] where somebody else has changed the user since.
    pub async fn update_user_as_seen(&self, seen: &User, change: &ProfileChange) -> Result<User> {
        let last = LastAdministrator::Stays;
        let after = self.changed(seen, &seen.username, change, last).await?;
        after.ok_or_else(|| OperationError::Contended(seen.username.clone()))
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
    /// [`OperationError::UserUnknown`], [`OperationError::Deleted`]; [`OperationError::LastAdministrator`], unless they may go.
    pub async fn disable_user<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        last: LastAdministrator,
    ) -> Result<EndedSessions> {
        let whom = whom.into();
        let mut user = self.user(whom).await?;
        let details = forced(disabled(&user, Some(self.now)), last);
        let name = whom.name(&user);
        let recording = self.recording_user(Operation::UserDisable, &user, name, details);
        let end = recording.store.disable_user(&user.id, last, self.now);
        let sessions = ended(end.await?, name)?;
        recording.done();
        (user.disabled_at, user.updated_at) = (Some(self.now), self.now);
        Ok(EndedSessions { user, sessions })
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// As [`Operations::set_password`], but for the password.
    pub async fn enable_user<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<User> {
        let whom = whom.into();
        let mut user = self.user(whom).await?;
        let (name, details) = (whom.name(&user), disabled(&user, None));
        let recording = self.recording_user(Operation::UserEnable, &user, name, details);
        if !recording.store.enable_user(&user.id, self.now).await? {
            return Err(deleted(name));
        }
        recording.done();
        (user.disabled_at, user.updated_at) = (None, self.now);
        Ok(user)
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
        let whom = whom.into();
        let user = self.user(whom).await?;
        let details = forced(json!({ "old": described(&user) }), last);
        let name = whom.name(&user);
        let recording = self.recording_user(Operation::UserDelete, &user, name, details);
        ended(recording.store.delete_user(&user.id, last).await?, name)?;
        recording.done();
        Ok(user)
    }

    /// Sets a new password, and ends everything that the old one began. Takes as long as hashing one, where `hasher` says;
    /// only then is the user looked up, so that nothing is decided on what was true before.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`], [`OperationError::Deleted`]; a password that is too weak; [`OperationError::Busy`].
    pub async fn set_password<'w, 'h>(
        &self,
        hasher: impl Into<Hasher<'h>>,
        whom: impl Into<Whom<'w>>,
        password: &str,
    ) -> Result<EndedSessions> {
        let whom = whom.into();
        check_password(password).map_err(FieldErrors::from)?;
        let hash = hasher.into().hash(password, self.entropy).await?;
        let mut user = self.user(whom).await?;
        let (name, details) = (whom.name(&user), json!({ "new_password": true }));
        let recording = self.recording_user(Operation::UserSetPassword, &user, name, details);
        let set = recording.store.set_password(&user.id, &hash, self.now);
        let sessions = set.await?.ok_or_else(|| deleted(name))?;
        recording.done();
        (user.password_hash, user.updated_at) = (Some(hash), self.now);
        Ok(EndedSessions { user, sessions })
    }

    /// Ends all sessions and authorizations of a user, who may sign in again.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn end_sessions<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<EndedSessions> {
        let whom = whom.into();
        let user = self.user(whom).await?;
        let name = whom.name(&user);
        let recording = self.recording_user(Operation::UserEndSessions, &user, name, Value::Null);
        let sessions = recording.store.end_user(&user.id, self.now).await?;
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

fn check_password(password: &str) -> std::result::Result<(), FieldError> {
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

fn ended(end: UserEnd, name: &str) -> Result<usize> {
    match end {
        UserEnd::Ended(sessions) => Ok(sessions),
        UserEnd::Unknown => Err(deleted(name)),
        UserEnd::LastAdministrator => Err(OperationError::LastAdministrator(name.to_owned())),
    }
}

fn deleted(login: &str) -> OperationError {
    OperationError::Deleted(login.to_owned())
}
