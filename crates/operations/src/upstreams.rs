//! Other providers that users sign in at: create, read, change, disable, delete.

use latchkey_jose::{Algorithm, MasterKey, SigningKey};
use latchkey_protocol::{
    audit::{TargetKind, changes},
    field_error::{FieldError, FieldErrors},
    store::{UpstreamEnd, UpstreamWrite},
    upstream::{
        PRESETS, Preset, Upstream, UpstreamClientAuth, UpstreamName, UpstreamProtocol,
        UpstreamSettings, check_secret, described, preset,
    },
};
use serde_json::{Value, json};

use crate::{Operation, OperationError, Operations, Result, TRIES, audit::Recording};

/// A provider that is to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewUpstream<'a> {
    /// Its name.
    pub name: &'a str,
    /// The preset that it is made from.
    pub preset: Option<&'a str>,
    /// What an administrator says of it: [`UpstreamSettings`] as JSON, without what the preset says.
    pub settings: &'a Value,
    /// Our secret there, or the private key that such a secret is signed with.
    pub secret: Option<&'a str>,
}

/// A change of a provider.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamChange<'a> {
    /// What is said anew of it; what is not named stays.
    pub settings: &'a Value,
    /// Another secret; none: it keeps its own.
    pub secret: Option<&'a str>,
}

impl Operations<'_> {
    /// All, in the order of their buttons.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn upstreams(&self) -> Result<Vec<Upstream>> {
        Ok(self.store.upstreams().await?)
    }

    /// The provider of this name.
    ///
    /// # Errors
    /// [`OperationError::UpstreamUnknown`].
    pub async fn upstream(&self, name: &str) -> Result<Upstream> {
        let unknown = || OperationError::UpstreamUnknown(name.to_owned());
        let parsed = UpstreamName::parse(name).map_err(|_| unknown())?;
        let found = self.store.upstream(&parsed).await?;
        found.ok_or_else(unknown)
    }

    /// How many identities are linked through it; of many, no more is counted than `most`.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn count_identities(&self, upstream: &UpstreamName, most: i64) -> Result<i64> {
        Ok(self.store.count_identities(upstream, most).await?)
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// Every fault of the settings; a secret that is missing or not wanted; [`OperationError::UpstreamNameTaken`],
    /// [`OperationError::UpstreamIssuerTaken`], [`OperationError::UpstreamsFull`].
    pub async fn create_upstream(
        &self,
        master: &MasterKey,
        new: NewUpstream<'_>,
    ) -> Result<Upstream> {
        let name = UpstreamName::parse(new.name).map_err(|problem| invalid("name", problem))?;
        let preset = new.preset.map(known_preset).transpose()?;
        let settings = described(preset, None, new.settings)?;
        let upstream = Upstream {
            sealed_secret: sealed(master, None, &settings, new.secret)?,
            name,
            settings,
            disabled_at: None,
            created_at: self.now,
            updated_at: self.now,
            version: self.first_version(),
        };
        let details = json!({ "new": upstream.settings });
        let recording = self.recording_upstream(Operation::UpstreamCreate, &upstream, details);
        let written = recording.store.create_upstream(&upstream).await?;
        unwritten(written, &upstream)?;
        recording.done();
        Ok(upstream)
    }

    /// Changes a provider; with `seen` only while it is at that version.
    ///
    /// # Errors
    /// As [`Operations::create_upstream`]; [`OperationError::UpstreamUnknown`], [`OperationError::UpstreamIssuerInUse`];
    /// [`OperationError::Contended`] where others change it all the time, or it is not as it was seen.
    pub async fn update_upstream(
        &self,
        master: &MasterKey,
        name: &str,
        change: UpstreamChange<'_>,
        seen: Option<i64>,
    ) -> Result<Upstream> {
        for _ in 0..TRIES {
            let before = self.upstream(name).await?;
            if seen.is_some_and(|seen| seen != before.version) {
                break;
            }
            let settings = described(None, Some(&before.settings), change.settings)?;
            let mut after = Upstream {
                sealed_secret: sealed(master, Some(&before), &settings, change.secret)?,
                settings,
                updated_at: self.now,
                ..before.clone()
            };
            let mut details =
                json!({ "changed": changes(&json!(before.settings), &json!(after.settings)) });
            if change.secret.is_some() {
                details["new_secret"] = true.into();
            }
            let recording = self.recording_upstream(Operation::UpstreamUpdate, &after, details);
            let written = recording.store.update_upstream(&after).await?;
            if written == UpstreamWrite::Changed {
                continue;
            }
            unwritten(written, &after)?;
            recording.done();
            after.version += 1;
            return Ok(after);
        }
        Err(OperationError::Contended(name.to_owned()))
    }

    /// Lets nobody sign in there any more, or lets users in again. Sessions that came from there go on.
    ///
    /// # Errors
    /// As [`Operations::update_upstream`], but for the change.
    pub async fn set_upstream_disabled(
        &self,
        name: &str,
        disabled: bool,
        seen: Option<i64>,
    ) -> Result<Upstream> {
        let before = self.upstream(name).await?;
        let operation = match disabled {
            true => Operation::UpstreamDisable,
            false => Operation::UpstreamEnable,
        };
        let recording = self.recording_upstream(operation, &before, Value::Null);
        let done = recording
            .store
            .set_upstream_disabled(&before.name, seen, disabled, self.now)
            .await?;
        if !done {
            return Err(OperationError::Contended(name.to_owned()));
        }
        recording.done();
        self.upstream(name).await
    }

    /// Removes a provider; with `with_identities` also where users are linked through it, who lose that way to sign in.
    ///
    /// # Errors
    /// [`OperationError::UpstreamUnknown`], [`OperationError::UpstreamInUse`]; [`OperationError::Contended`] where it is not as
    /// it was seen.
    pub async fn delete_upstream(
        &self,
        name: &str,
        with_identities: bool,
        seen: Option<i64>,
    ) -> Result<Upstream> {
        let before = self.upstream(name).await?;
        let mut details = json!({ "old": before.settings });
        if with_identities {
            details["forced"] = true.into();
        }
        let recording = self.recording_upstream(Operation::UpstreamDelete, &before, details);
        let store = &recording.store;
        let deleted = store.delete_upstream(&before.name, seen, with_identities);
        match deleted.await? {
            UpstreamEnd::Deleted(_) => recording.done(),
            UpstreamEnd::InUse(identities) => {
                let name = name.to_owned();
                return Err(OperationError::UpstreamInUse { name, identities });
            }
            UpstreamEnd::Unknown => return Err(OperationError::Contended(name.to_owned())),
        }
        Ok(before)
    }

    /// None that one of the same name had before: what was begun with that does not go on with this one.
    fn first_version(&self) -> i64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        // A program in JavaScript reads it as it is.
        i64::from_be_bytes(bytes) & 0xffff_ffff_ffff
    }

    fn recording_upstream<'b>(
        &'b self,
        operation: Operation,
        upstream: &'b Upstream,
        details: Value,
    ) -> Recording<'b> {
        let name = upstream.name.as_str();
        self.recording(operation, (TargetKind::Upstream, name, name), details)
    }
}

fn known_preset(name: &str) -> Result<&'static Preset> {
    preset(name).ok_or_else(|| {
        let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        invalid(
            "preset",
            format!("there is no preset {name}; there are {}", known.join(", ")),
        )
    })
}

fn invalid(field: &str, problem: String) -> OperationError {
    FieldErrors::from(FieldError::new(field, problem).id("upstream-unfit")).into()
}

/// The secret as it is stored: sealed anew where one is given, and none where none is used. One that is kept goes nowhere but
/// where it went, and in the way that it did.
fn sealed(
    master: &MasterKey,
    before: Option<&Upstream>,
    settings: &UpstreamSettings,
    given: Option<&str>,
) -> Result<Option<String>> {
    if !settings.client_auth.needs_secret() {
        return match given {
            None => Ok(None),
            Some(_) => Err(invalid(
                "secret",
                "a secret is given, and client_auth.method is none".into(),
            )),
        };
    }
    let Some(secret) = given else {
        let missing = "there is no secret, which client_auth.method needs";
        let kept = before.and_then(|before| Some((before, before.sealed_secret.clone()?)));
        let (before, kept) = kept.ok_or_else(|| invalid("secret", missing.into()))?;
        if !sends_secret_alike(&before.settings, settings) {
            let moved = "the secret would go to another address, or in another way: give it again";
            return Err(invalid("secret", moved.into()));
        }
        return Ok(Some(kept));
    };
    check_secret(secret).map_err(|problem| invalid("secret", problem))?;
    if let UpstreamClientAuth::SignedSecret { .. } = settings.client_auth {
        SigningKey::read(Algorithm::Es256, secret).map_err(|_| {
            invalid(
                "secret",
                "the secret is no private key for ES256 (PEM)".into(),
            )
        })?;
    }
    Ok(Some(master.seal(secret)?))
}

/// Whether a secret goes to the same address in both, in the same way.
fn sends_secret_alike(before: &UpstreamSettings, after: &UpstreamSettings) -> bool {
    let token_endpoint = |settings: &UpstreamSettings| match &settings.protocol {
        UpstreamProtocol::Oidc { .. } => None,
        UpstreamProtocol::Oauth2 { token_endpoint, .. } => Some(token_endpoint.clone()),
    };
    let method = std::mem::discriminant::<UpstreamClientAuth>;
    before.protocol.issuer() == after.protocol.issuer()
        && token_endpoint(before) == token_endpoint(after)
        && method(&before.client_auth) == method(&after.client_auth)
}

fn unwritten(written: UpstreamWrite, upstream: &Upstream) -> Result<()> {
    let name = upstream.name.to_string();
    let issuer = upstream.issuer().to_owned();
    Err(match written {
        UpstreamWrite::Done => return Ok(()),
        UpstreamWrite::NameTaken => OperationError::UpstreamNameTaken(name),
        UpstreamWrite::IssuerTaken => OperationError::UpstreamIssuerTaken(issuer),
        UpstreamWrite::IssuerInUse => OperationError::UpstreamIssuerInUse(name),
        UpstreamWrite::Full => OperationError::UpstreamsFull,
        UpstreamWrite::Changed => OperationError::Contended(name),
    })
}
