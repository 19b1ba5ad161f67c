//! Client registrations (RFC 7591): what is read of one, and what it must keep to.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    ScopeSet,
    authorize::ResponseTypes,
    client::{ApplicationType, GrantType, Metadata},
    client_keys::{self, CLIENT_ALGORITHMS},
    logout_uri,
    metadata::{faulty_member, merge},
    redirect_uri::{self, RedirectRules},
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

/// Shorter secrets can be guessed. Those that were registered before go on working.
pub const SHORTEST_SECRET: usize = 32;
/// The longest client id and secret, in characters.
const LONGEST: usize = 255;

/// Why a registration is refused (RFC 7591 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {sentence}")]
pub struct RegistrationError {
    /// `invalid_redirect_uri` or `invalid_client_metadata`.
    pub code: &'static str,
    /// The member that it is about, where it is one: a form says it there.
    pub field: Option<String>,
    /// What is wrong, and with which member.
    pub sentence: String,
}

/// Printable ASCII, at least one character of it.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

/// The first of `uris` that is not `known` already and breaks a rule, and which.
fn first_problem<'a>(
    uris: &'a [String],
    known: &[String],
    rules: RedirectRules,
) -> Option<(&'a str, String)> {
    uris.iter()
        .filter(|uri| !known.contains(uri))
        .find_map(|uri| {
            Some((
                uri.as_str(),
                redirect_uri::problem(uri, rules)?.into_owned(),
            ))
        })
}

fn redirect_error(sentence: impl Into<String>) -> RegistrationError {
    RegistrationError {
        code: "invalid_redirect_uri",
        field: Some("redirect_uris".into()),
        sentence: sentence.into(),
    }
}

/// The whole is no metadata.
fn no_metadata(sentence: impl Into<String>) -> RegistrationError {
    RegistrationError {
        code: "invalid_client_metadata",
        field: None,
        sentence: sentence.into(),
    }
}

fn metadata_error(field: &str, sentence: impl Into<String>) -> RegistrationError {
    RegistrationError {
        field: Some(field.to_owned()),
        ..no_metadata(sentence)
    }
}

impl Registration {
    /// Reads and checks client metadata. Unknown members are ignored (RFC 7591 2).
    ///
    /// # Errors
    /// [`RegistrationError`] with the RFC 7591 code and one sentence.
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
        let faulty = faulty_member(members, |alone| {
            Self::deserialize(alone)
                .err()
                .map(|error| error.to_string())
        });
        let registration: Self = serde_json::from_value(json).map_err(|error| {
            faulty.map_or_else(
                || no_metadata(error.to_string()),
                |(name, problem)| metadata_error(&name, format!("{name}: {problem}")),
            )
        })?;
        registration.check(rules, before)?;
        Ok(registration)
    }

    /// All that is checked, in this order.
    fn check(
        &self,
        rules: RegistrationRules,
        before: Option<&Metadata>,
    ) -> Result<(), RegistrationError> {
        self.check_id()?;
        self.check_secret()?;
        self.check_shared_secret()?;
        self.check_redirects(rules, before)?;
        logout_uri::check(&self.metadata, before, rules.private_http_redirects).map_err(
            |sentence| {
                // It begins with the member.
                let member = sentence.split(' ').next().unwrap_or_default().to_owned();
                metadata_error(&member, sentence)
            },
        )?;
        self.check_pages()?;
        self.check_grants()?;
        self.check_scopes()?;
        self.check_request_objects()?;
        self.check_ages()
    }

    fn check_id(&self) -> Result<(), RegistrationError> {
        match &self.client_id {
            Some(id) if !is_visible(id) || id.len() > LONGEST => Err(metadata_error(
                "client_id",
                format!("client_id holds 1 to {LONGEST} printable ASCII characters"),
            )),
            _ => Ok(()),
        }
    }

    fn check_secret(&self) -> Result<(), RegistrationError> {
        let Some(secret) = &self.client_secret else {
            return Ok(());
        };
        if !is_visible(secret) || secret.len() > LONGEST {
            return Err(metadata_error(
                "client_secret",
                format!("client_secret holds 1 to {LONGEST} printable ASCII characters"),
            ));
        }
        if secret.len() < SHORTEST_SECRET {
            return Err(metadata_error(
                "client_secret",
                format!(
                    "client_secret has {SHORTEST_SECRET} characters or more, because shorter ones can be guessed; leave it out to get a good one"
                ),
            ));
        }
        if self.metadata.is_public() {
            return Err(metadata_error(
                "client_secret",
                "a public client (token_endpoint_auth_method none) has no client_secret",
            ));
        }
        Ok(())
    }

    /// Whoever has an ID token can try secrets on it for as long as they like: only one of 256 random bits withstands that
    /// (OpenID Connect Core 16.19, RFC 7518 3.2).
    fn check_shared_secret(&self) -> Result<(), RegistrationError> {
        if !self.metadata.signs_with_secret() {
            return Ok(());
        }
        if self.metadata.is_public() {
            return Err(metadata_error(
                "id_token_signed_response_alg",
                "id_token_signed_response_alg: HS256 signs with the client's secret, and a public client has none; take RS256, PS256, ES256 or EdDSA",
            ));
        }
        if self.client_secret.is_some() {
            return Err(metadata_error(
                "client_secret",
                "client_secret: HS256 (id_token_signed_response_alg) needs a secret of 256 random bits, which is made here; leave client_secret out",
            ));
        }
        Ok(())
    }

    /// Those that are new: what was registered before stays, but for an application of another type, which has other
    /// rules for all of them.
    fn check_redirects(
        &self,
        rules: RegistrationRules,
        before: Option<&Metadata>,
    ) -> Result<(), RegistrationError> {
        let m = &self.metadata;
        let rules = RedirectRules {
            native: m.application_type == ApplicationType::Native,
            private_http: rules.private_http_redirects,
        };
        let before = before.filter(|before| before.application_type == m.application_type);
        let known = before.map_or(&[][..], |before| &before.redirect_uris);
        if let Some((uri, problem)) = first_problem(&m.redirect_uris, known, rules) {
            return Err(redirect_error(format!(
                "redirect_uris has {uri:?}: {problem}"
            )));
        }
        let known = before.map_or(&[][..], |before| &before.post_logout_redirect_uris);
        match first_problem(&m.post_logout_redirect_uris, known, rules) {
            Some((uri, problem)) => Err(metadata_error(
                "post_logout_redirect_uris",
                format!("post_logout_redirect_uris has {uri:?}: {problem}"),
            )),
            None => Ok(()),
        }
    }

    fn check_pages(&self) -> Result<(), RegistrationError> {
        let m = &self.metadata;
        let pages = [
            ("client_uri", &m.client_uri),
            ("logo_uri", &m.logo_uri),
            ("policy_uri", &m.policy_uri),
            ("tos_uri", &m.tos_uri),
        ];
        let is_web = |page: &str| page.starts_with("https://") || page.starts_with("http://");
        let wrong = pages
            .into_iter()
            .find(|(_, page)| page.as_deref().is_some_and(|page| !is_web(page)));
        wrong.map_or(Ok(()), |(name, _)| {
            Err(metadata_error(
                name,
                format!("{name} must be an http or https address"),
            ))
        })
    }

    fn check_grants(&self) -> Result<(), RegistrationError> {
        let m = &self.metadata;
        if m.grant_types.contains(&GrantType::AuthorizationCode) && m.redirect_uris.is_empty() {
            return Err(redirect_error(
                "redirect_uris is needed for the grant authorization_code",
            ));
        }
        if m.grant_types.contains(&GrantType::ClientCredentials) && m.is_public() {
            return Err(metadata_error(
                "grant_types",
                "a public client cannot have the grant client_credentials",
            ));
        }
        if let Some(other) = m.response_types.iter().find(|types| !types.is_supported()) {
            let supported = ResponseTypes::supported();
            return Err(metadata_error(
                "response_types",
                format!("the response type {other} is not supported, only {supported}"),
            ));
        }
        Ok(())
    }

    fn check_scopes(&self) -> Result<(), RegistrationError> {
        let m = &self.metadata;
        for (name, scopes) in [
            ("scope", m.scope.as_ref()),
            ("implied_scope", Some(&m.implied_scope)),
        ] {
            if scopes.is_some_and(|scopes| ScopeSet::parse(&scopes.to_string()).is_none()) {
                return Err(metadata_error(
                    name,
                    format!("{name} holds scopes, separated by spaces (RFC 6749 3.3)"),
                ));
            }
        }
        m.custom_claims.check().map_err(|problem| {
            metadata_error("custom_claims", format!("custom_claims: {problem}"))
        })?;
        if m.implied_scope.contains("offline_access") {
            return Err(metadata_error(
                "implied_scope",
                "implied_scope cannot have offline_access; use \"refresh\": \"always\"",
            ));
        }
        Ok(())
    }

    fn check_ages(&self) -> Result<(), RegistrationError> {
        if self.metadata.default_max_age.is_some_and(|age| age < 0) {
            return Err(metadata_error(
                "default_max_age",
                "default_max_age is a number of seconds, 0 or more",
            ));
        }
        Ok(())
    }

    /// Keys that verify, and an algorithm that is supported (OpenID Connect Registration 2, RFC 9101 10.5).
    fn check_request_objects(&self) -> Result<(), RegistrationError> {
        let m = &self.metadata;
        let algorithm = m.request_object_signing_alg.as_deref();
        if algorithm.is_some_and(|alg| !CLIENT_ALGORITHMS.contains(&alg)) {
            let sentence = format!(
                "request_object_signing_alg is one of {}",
                CLIENT_ALGORITHMS.join(", ")
            );
            return Err(metadata_error("request_object_signing_alg", sentence));
        }
        if let Some(Err(error)) = m.jwks.as_ref().map(client_keys::usable) {
            return Err(metadata_error(
                "jwks",
                format!("jwks: the key set cannot be used: {error}"),
            ));
        }
        if m.require_signed_request_object && m.jwks.is_none() {
            return Err(metadata_error(
                "require_signed_request_object",
                "require_signed_request_object needs jwks, the keys to verify with",
            ));
        }
        Ok(())
    }
}
