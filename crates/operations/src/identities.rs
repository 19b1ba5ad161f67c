//! Who users are at other providers: list, link, unlink.

use latchkey_protocol::{
    field_error::{FieldError, FieldErrors},
    store::{LinkOutcome, UnlinkOutcome},
    upstream::{Brought, Identity, IdentityKey, LinkedBy, UpstreamProfile},
    user::User,
};
use serde_json::{Value, json};

use crate::{Operation, OperationError, Operations, Result, Whom};

/// Bytes of a subject.
const LONGEST_SUBJECT: usize = 255;

/// A user whose identity was unlinked.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlinkedIdentity {
    /// Which.
    pub identity: Identity,
    /// How many sessions that came from it ended.
    pub sessions: usize,
}

impl Operations<'_> {
    /// Who a user is at other providers, the oldest link first.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`].
    pub async fn identities<'w>(&self, whom: impl Into<Whom<'w>>) -> Result<(User, Vec<Identity>)> {
        let user = self.user(whom).await?;
        let identities = self.store.identities(&user.id).await?;
        Ok((user, identities))
    }

    /// Links an identity to a user, on the administrator's word. `issuer`: of a tenant, where the provider has many; without one
    /// the provider's own.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`], [`OperationError::UpstreamUnknown`], [`OperationError::IdentityTaken`],
    /// [`OperationError::IdentitiesFull`]; [`OperationError::Contended`] where user or provider are disabled or changed by others.
    pub async fn link_identity<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        upstream: &str,
        issuer: Option<&str>,
        subject: &str,
    ) -> Result<Identity> {
        let whom = whom.into();
        let upstream = self.upstream(upstream).await?;
        let issuer = issuer.unwrap_or_else(|| upstream.issuer()).to_owned();
        if !upstream.settings.protocol.issues_as(&issuer) {
            let problem = format!("{} has no users of {issuer}", upstream.name);
            return Err(invalid("issuer", problem));
        }
        let is_plain = !subject.chars().any(char::is_control);
        if !is_plain || !(1..=LONGEST_SUBJECT).contains(&subject.len()) {
            let problem = format!("a subject is a text of 1 to {LONGEST_SUBJECT} bytes");
            return Err(invalid("subject", problem));
        }
        let act = async |user: User, name: &str| {
            let identity = Identity {
                key: IdentityKey {
                    issuer: issuer.clone(),
                    subject: subject.to_owned(),
                },
                upstream: upstream.name.clone(),
                user_id: user.id.clone(),
                linked_at: self.now,
                linked_by: LinkedBy::Administrator,
                last_sign_in_at: None,
                profile: UpstreamProfile::default(),
                brought: Brought::default(),
            };
            let details = about(&identity);
            let recording = self.recording_user(Operation::UserLink, &user, name, details);
            let linked = (recording.store).link_identity(&identity, user.version, upstream.version);
            match linked.await? {
                LinkOutcome::Linked => recording.done(),
                LinkOutcome::IdentityTaken => {
                    return Err(OperationError::IdentityTaken(subject.to_owned()));
                }
                LinkOutcome::Full => return Err(OperationError::IdentitiesFull(name.to_owned())),
                LinkOutcome::Changed | LinkOutcome::Unwritten(_) => return Ok(None),
            }
            Ok(Some(identity))
        };
        self.as_they_are(whom, act).await
    }

    /// Unlinks the identity `subject` at a provider from a user, and ends the sessions that came from it. `last_may_go`: also
    /// where the user cannot sign in any more.
    ///
    /// # Errors
    /// [`OperationError::UserUnknown`], [`OperationError::IdentityUnknown`], [`OperationError::LastWayIn`].
    pub async fn unlink_identity<'w>(
        &self,
        whom: impl Into<Whom<'w>>,
        upstream: &str,
        subject: &str,
        last_may_go: bool,
    ) -> Result<UnlinkedIdentity> {
        let whom = whom.into();
        let (user, identities) = self.identities(whom).await?;
        let name = whom.name(&user);
        let unknown = || OperationError::IdentityUnknown {
            user: name.to_owned(),
            upstream: upstream.to_owned(),
        };
        let is_meant = |identity: &Identity| {
            identity.upstream.as_str() == upstream && identity.key.subject == subject
        };
        let identity = identities.into_iter().find(is_meant).ok_or_else(unknown)?;
        let mut details = about(&identity);
        if last_may_go {
            details["forced"] = true.into();
        }
        let recording = self.recording_user(Operation::UserUnlink, &user, name, details);
        let unlinked = recording
            .store
            .unlink_identity(&user.id, &identity.key, last_may_go, self.now)
            .await?;
        match unlinked {
            UnlinkOutcome::Unlinked(sessions) => {
                recording.done();
                Ok(UnlinkedIdentity { identity, sessions })
            }
            UnlinkOutcome::Unknown => Err(unknown()),
            UnlinkOutcome::LastWayIn => Err(OperationError::LastWayIn(name.to_owned())),
        }
    }
}

fn about(identity: &Identity) -> Value {
    json!({
        "upstream": identity.upstream, "issuer": identity.key.issuer, "subject": identity.key.subject,
    })
}

fn invalid(field: &str, problem: String) -> OperationError {
    FieldErrors::from(FieldError::new(field, problem).id("upstream-unfit")).into()
}
