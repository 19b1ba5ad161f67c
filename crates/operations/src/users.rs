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
    store::WriteOutcome,
    user::User,
};
use serde_json::{Map, Value, json};

use crate::{Operation, OperationError, Operations, PasswordKey, Result, TRIES, audit::Recording};

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
    /// Adds a user. With a password it takes as long as hashing one, on the caller's thread.
    ///
    /// # Errors
    /// When the name or the address is taken or unfit, a claim wrong, the password too weak.
    pub async fn create_user(&self, key: &PasswordKey, new: NewUser) -> Result<User> {
        let user = self.new_user(key, &new)?;
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
    pub(crate) fn new_user(&self, key: &PasswordKey, new: &NewUser) -> Result<User> {
        let mut user = self.described_by(new)?;
        if let Some(password) = &new.password {
            user.password_hash = Some(key.hash(password, self.entropy)?);
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
            faults.push(FieldError::new("username", problem));
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

    /// The user whom `login` names: a user name or an email address.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn user(&self, login: &str) -> Result<User> {
        let found = self.store.user_by_login(&Login::new(login)).await?;
        found.ok_or_else(|| OperationError::UserUnknown(login.to_owned()))
    }

    /// A piece of the users, by name; a page goes on after a name.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn users(&self, page: &Page<String>) -> Result<Vec<User>> {
        Ok(self.store.users(page).await?)
    }

    /// Changes what describes a user, decided on what is there now; where somebody else changed it in between, again.
    ///
    /// # Errors
    /// As [`Operations::create_user`]; [`OperationError::Contended`].
    pub async fn update_user(&self, login: &str, change: &ProfileChange) -> Result<User> {
        for _ in 0..TRIES {
            let before = self.user(login).await?;
            if let Some(after) = self.changed(&before, login, change).await? {
                return Ok(after);
            }
        }
        Err(OperationError::Contended(login.to_owned()))
    }

    /// Changes what describes a user, only if the user still is as `seen`: for a form that shows all of it.
    ///
    /// # Errors
    /// As [`Operations::update_user`]; [`OperationError::Contended`] where somebody else has changed the user since.
    pub async fn update_user_as_seen(&self, seen: &User, change: &ProfileChange) -> Result<User> {
        let after = self.changed(seen, &seen.username, change).await?;
        after.ok_or_else(|| OperationError::Contended(seen.username.clone()))
    }

    /// The user after the change; none where they are no longer as they were before.
    async fn changed(
        &self,
        before: &User,
        login: &str,
        change: &ProfileChange,
    ) -> Result<Option<User>> {
        let mut after = change.apply(before, self.now)?;
        let changed = changes(&described(before), &described(&after));
        let details = json!({ "changed": changed });
        let recording = self.recording_user(Operation::UserUpdate, before, login, details);
        match recording.store.update_user_profile(before, &after).await? {
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
    /// [`OperationError::UserUnknown`], [`OperationError::Deleted`].
    pub async fn disable_user(&self, login: &str) -> Result<EndedSessions> {
        let mut user = self.user(login).await?;
        let recording = self.recording_user(
            Operation::UserDisable,
            &user,
            login,
            disabled(&user, Some(self.now)),
        );
        let ended = recording.store.disable_user(&user.id, self.now).await?;
        let sessions = ended.ok_or_else(|| deleted(login))?;
        (user.disabled_at, user.updated_at) = (Some(self.now), self.now);
        recording.done();
        Ok(EndedSessions { user, sessions })
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// As [`Operations::disable_user`].
    pub async fn enable_user(&self, login: &str) -> Result<User> {
        let mut user = self.user(login).await?;
        let recording =
            self.recording_user(Operation::UserEnable, &user, login, disabled(&user, None));
        if !recording.store.enable_user(&user.id, self.now).await? {
            return Err(deleted(login));
        }
        (user.disabled_at, user.updated_at) = (None, self.now);
        recording.done();
        Ok(user)
    }

    /// Removes a user with their sessions, consents and authorizations; returns who that was.
    ///
    /// # Errors
    /// As [`Operations::disable_user`].
    pub async fn delete_user(&self, login: &str) -> Result<User> {
        let user = self.user(login).await?;
        let recording = self.recording_user(
            Operation::UserDelete,
            &user,
            login,
            json!({ "old": described(&user) }),
        );
        if !recording.store.delete_user(&user.id).await? {
            return Err(deleted(login));
        }
        recording.done();
        Ok(user)
    }

    /// Sets a new password, and ends everything that the old one began. Takes as long as hashing one, on the caller's
    /// thread; only then is the user looked up, so that nothing is decided on what was true before.
    ///
    /// # Errors
    /// As [`Operations::disable_user`]; a password that is too weak.
    pub async fn set_password(
        &self,
        key: &PasswordKey,
        login: &str,
        password: &str,
    ) -> Result<EndedSessions> {
        check_password(password).map_err(FieldErrors::from)?;
        let hash = key.hash(password, self.entropy)?;
        let mut user = self.user(login).await?;
        let recording = self.recording_user(
            Operation::UserSetPassword,
            &user,
            login,
            json!({ "new_password": true }),
        );
        let ended = recording
            .store
            .set_password(&user.id, &hash, self.now)
            .await?;
        let sessions = ended.ok_or_else(|| deleted(login))?;
        (user.password_hash, user.updated_at) = (Some(hash), self.now);
        recording.done();
        Ok(EndedSessions { user, sessions })
    }

    /// Ends all sessions and authorizations of a user, who may sign in again.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn end_sessions(&self, login: &str) -> Result<EndedSessions> {
        let user = self.user(login).await?;
        let recording = self.recording_user(Operation::UserEndSessions, &user, login, Value::Null);
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
    check_new(password).map_err(|problem| FieldError::new("password", problem))
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

fn deleted(login: &str) -> OperationError {
    OperationError::Deleted(login.to_owned())
}
