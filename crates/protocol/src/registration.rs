//! Client registrations (RFC 7591): what is read of one, and what it must keep to.

mod check;

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::Metadata,
    field_error::{FieldError, FieldErrors},
    metadata::{faulty_members, merge},
};

/// What an installation allows in registrations beyond the specifications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistrationRules {
    /// Redirect URIs with plain http to private addresses, for laboratories.
    pub private_http_redirects: bool,
}

/// A registration as it came: client metadata, and what an administrator may give besides.
#[derive(Debug, Clone, Deserialize)]
pub struct Registration {
    /// An id of the administrator's choice.
    #[serde(default)]
    pub client_id: Option<String>,
    /// A secret of the administrator's choice.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// The client metadata.
    #[serde(flatten)]
    pub metadata: Metadata,
}

/// Why a registration is refused (RFC 7591 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationError {
    /// `invalid_redirect_uri` or `invalid_client_metadata`: of the first fault, as there is one code for all.
    pub code: &'static str,
    /// Every fault, at its member.
    pub errors: FieldErrors,
}

impl RegistrationError {
    /// All that is wrong, in words.
    pub fn sentence(&self) -> String {
        self.errors.to_string()
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.errors)
    }
}

impl std::error::Error for RegistrationError {}

impl From<FieldErrors> for RegistrationError {
    fn from(errors: FieldErrors) -> Self {
        let first = errors.iter().next().map(FieldError::member);
        let code = match first {
            Some("redirect_uris") => "invalid_redirect_uri",
            _ => "invalid_client_metadata",
        };
        Self { code, errors }
    }
}

/// The whole is no metadata.
fn no_metadata(sentence: impl Into<String>) -> RegistrationError {
    FieldErrors::from(FieldError::new("", sentence)).into()
}

impl Registration {
    /// Reads and checks client metadata. Unknown members are ignored (RFC 7591 2).
    ///
    /// # Errors
    /// [`RegistrationError`] with the RFC 7591 code and every fault.
    pub fn parse(json: &Value) -> Result<Self, RegistrationError> {
        Self::parse_under(json, RegistrationRules::default())
    }

    /// As [`Registration::parse`], under the rules of an installation.
    ///
    /// # Errors
    /// As [`Registration::parse`].
    pub fn parse_under(json: &Value, rules: RegistrationRules) -> Result<Self, RegistrationError> {
        Self::read(json, rules, None)
    }

    /// Reads and checks a change of a client's metadata: what it names replaces what was, null removes (RFC 7396), the
    /// rest stays. Rules for redirect URIs grow stricter with time: those that were registered before stay too.
    ///
    /// # Errors
    /// As [`Registration::parse`], of what would come of it.
    pub fn parse_change(
        before: &Metadata,
        change: &Value,
        rules: RegistrationRules,
    ) -> Result<Self, RegistrationError> {
        if !change.is_object() {
            return Err(no_metadata("client metadata is a JSON object"));
        }
        let mut json = serde_json::to_value(before).map_err(|e| no_metadata(e.to_string()))?;
        merge(&mut json, change);
        Self::read(&json, rules, Some(before))
    }

    /// `before`: what was registered already.
    fn read(
        json: &Value,
        rules: RegistrationRules,
        before: Option<&Metadata>,
    ) -> Result<Self, RegistrationError> {
        // OpenID Connect Registration 2: null is as good as absent.
        let mut json = json.clone();
        let Some(members) = json.as_object_mut() else {
            return Err(no_metadata("client metadata is a JSON object"));
        };
        members.retain(|_, value| !value.is_null());
        // What cannot be read is said first: no rule can judge what is around it.
        let faulty = faulty_members(members, |alone| {
            let error = Self::deserialize(alone).err()?;
            Some(error.to_string())
        });
        FieldErrors::check(faulty)?;
        let registration: Self =
            serde_json::from_value(json).map_err(|error| no_metadata(error.to_string()))?;
        FieldErrors::check(registration.faults(rules, before))?;
        Ok(registration)
    }
}
