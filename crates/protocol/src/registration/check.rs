//! What a registration must keep to: every fault, at its member.

use super::{Registration, RegistrationRules};
use crate::{
    ScopeSet,
    access::Access,
    api,
    authorize::ResponseTypes,
    client::{ApplicationType, GrantType, Metadata},
    client_keys::{self, CLIENT_ALGORITHMS},
    field_error::FieldError,
    logout_uri,
    redirect_uri::{self, RedirectRules},
};

/// Shorter secrets can be guessed. Those that were registered before go on working.
const SHORTEST_SECRET: usize = 32;
/// The longest client id and secret, in characters.
const LONGEST: usize = 255;

/// Printable ASCII, at least one character of it, and no more than there is room for.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

impl Registration {
    /// All that is checked, in this order. `before`: what was registered already.
    pub(super) fn faults(
        &self,
        rules: RegistrationRules,
        before: Option<&Metadata>,
    ) -> Vec<FieldError> {
        let mut faults = Vec::new();
        faults.extend(self.id_fault());
        faults.extend(self.secret_fault());
        faults.extend(self.shared_secret_fault());
        faults.extend(self.redirect_faults(rules, before));
        faults.extend(logout_uri::check(
            &self.metadata,
            before,
            rules.private_http_redirects,
        ));
        faults.extend(self.page_faults());
        faults.extend(self.grant_faults());
        faults.extend(self.scope_faults());
        faults.extend(self.request_object_faults());
        let access = self.metadata.access.as_ref();
        faults.extend(access.map(Access::faults).unwrap_or_default());
        faults.extend(self.age_fault());
        faults
    }

    fn id_fault(&self) -> Option<FieldError> {
        let id = self.client_id.as_deref()?;
        let problem = format!("client_id holds 1 to {LONGEST} printable ASCII characters");
        (!is_visible(id)).then(|| FieldError::new("client_id", problem).id("client-id-unfit"))
    }

    fn secret_fault(&self) -> Option<FieldError> {
        let secret = self.client_secret.as_deref()?;
        let of = |id, problem: String| FieldError::new("client_secret", problem).id(id);
        if !is_visible(secret) {
            let problem = format!("client_secret holds 1 to {LONGEST} printable ASCII characters");
            return Some(of("client-secret-unfit", problem));
        }
        if secret.len() < SHORTEST_SECRET {
            let problem = format!(
                "client_secret has {SHORTEST_SECRET} characters or more, because shorter ones can be guessed"
            );
            let fault = of("client-secret-short", problem);
            return Some(fault.fix("leave it out to get a good one"));
        }
        let public = "a public client (token_endpoint_auth_method none) has no client_secret";
        let of_public = || of("client-secret-public", public.into());
        self.metadata.is_public().then(of_public)
    }

    /// Whoever has an ID token can try secrets on it for as long as they like: only one of 256 random bits withstands that
    /// (OpenID Connect Core 16.19, RFC 7518 3.2).
    fn shared_secret_fault(&self) -> Option<FieldError> {
        if !self.metadata.signs_with_secret() {
            return None;
        }
        if self.metadata.is_public() {
            let problem = "id_token_signed_response_alg: HS256 signs with the client's secret, and a public client has none";
            let fault = FieldError::new("id_token_signed_response_alg", problem);
            let fault = fault.id("shared-secret-public");
            return Some(fault.fix("take RS256, PS256, ES256 or EdDSA"));
        }
        let problem = "client_secret: HS256 (id_token_signed_response_alg) needs a secret of 256 random bits, which is made here";
        self.client_secret
            .as_ref()
            .map(|_| FieldError::new("client_secret", problem).id("shared-secret-given"))
            .map(|fault| fault.fix("leave client_secret out"))
    }

    /// Those that are new: what was registered before stays, but for an application of another type, which has other
    /// rules for all of them.
    fn redirect_faults(
        &self,
        rules: RegistrationRules,
        before: Option<&Metadata>,
    ) -> Vec<FieldError> {
        let m = &self.metadata;
        let rules = RedirectRules {
            native: m.application_type == ApplicationType::Native,
            private_http: rules.private_http_redirects,
        };
        let same_type = before.filter(|before| before.application_type == m.application_type);
        let known = same_type.map_or(&[][..], |before| &before.redirect_uris);
        let mut faults = uri_faults("redirect_uris", &m.redirect_uris, known, rules);
        let known = same_type.map_or(&[][..], |before| &before.post_logout_redirect_uris);
        let after_logout = &m.post_logout_redirect_uris;
        faults.extend(uri_faults(
            "post_logout_redirect_uris",
            after_logout,
            known,
            rules,
        ));
        faults
    }

    fn page_faults(&self) -> impl Iterator<Item = FieldError> {
        let m = &self.metadata;
        let pages = [
            ("client_uri", &m.client_uri),
            ("logo_uri", &m.logo_uri),
            ("policy_uri", &m.policy_uri),
            ("tos_uri", &m.tos_uri),
        ];
        let is_web = |page: &str| page.starts_with("https://") || page.starts_with("http://");
        pages.into_iter().filter_map(move |(name, page)| {
            let wrong = page.as_deref().is_some_and(|page| !is_web(page));
            let problem = || format!("{name} must be an http or https address");
            wrong.then(|| FieldError::new(name, problem()).id("page-address"))
        })
    }

    fn grant_faults(&self) -> Vec<FieldError> {
        let m = &self.metadata;
        let mut faults = Vec::new();
        if m.grant_types.contains(&GrantType::AuthorizationCode) && m.redirect_uris.is_empty() {
            let problem = "redirect_uris is needed for the grant authorization_code";
            let fault = FieldError::new("redirect_uris", problem);
            faults.push(fault.id("redirect-uris-needed"));
        }
        if m.grant_types.contains(&GrantType::ClientCredentials) && m.is_public() {
            let problem = "a public client cannot have the grant client_credentials";
            faults.push(FieldError::new("grant_types", problem).id("machine-public"));
        }
        for other in m.response_types.iter().filter(|t| !t.is_supported()) {
            let supported = ResponseTypes::supported();
            let problem = format!("the response type {other} is not supported, only {supported}");
            faults.push(FieldError::new("response_types", problem).id("response-type"));
        }
        faults
    }

    fn scope_faults(&self) -> Vec<FieldError> {
        let m = &self.metadata;
        let mut faults = Vec::new();
        for (name, scopes) in [
            ("scope", m.scope.as_ref()),
            ("implied_scope", Some(&m.implied_scope)),
        ] {
            if scopes.is_some_and(|scopes| ScopeSet::parse(&scopes.to_string()).is_none()) {
                let problem = format!("{name} holds scopes, separated by spaces (RFC 6749 3.3)");
                faults.push(FieldError::new(name, problem).id("scope-unfit"));
            }
        }
        faults.extend(m.custom_claims.check().into_iter().map(|fault| {
            let problem = format!("custom_claims: {}", fault.problem);
            FieldError { problem, ..fault }.within("custom_claims")
        }));
        faults.extend(self.administration_faults());
        if m.implied_scope.contains("offline_access") {
            let problem = "implied_scope cannot have offline_access";
            let fault = FieldError::new("implied_scope", problem).id("implied-offline");
            faults.push(fault.fix("use \"refresh\": \"always\""));
        }
        faults
    }

    /// The scopes of the administration API are for a client itself, and are named by whoever registers it.
    fn administration_faults(&self) -> Vec<FieldError> {
        let m = &self.metadata;
        let mut faults = Vec::new();
        let asked = |scope: Option<&ScopeSet>| scope.is_some_and(|s| s.iter().any(api::is_scope));
        if asked(m.scope.as_ref()) && !m.grant_types.contains(&GrantType::ClientCredentials) {
            let problem = "scope: those of the administration API are for clients with the grant client_credentials";
            let fault = FieldError::new("scope", problem).id("administration-scope");
            faults.push(fault.fix("add client_credentials to grant_types"));
        }
        if asked(Some(&m.implied_scope)) {
            let problem = "implied_scope cannot have scopes of the administration API";
            let fault = FieldError::new("implied_scope", problem).id("administration-implied");
            faults.push(fault.fix("name them in scope"));
        }
        faults
    }

    fn age_fault(&self) -> Option<FieldError> {
        let problem = "default_max_age is a number of seconds, 0 or more";
        let wrong = self.metadata.default_max_age.is_some_and(|age| age < 0);
        wrong.then(|| FieldError::new("default_max_age", problem).id("age-unfit"))
    }

    /// Keys that verify, and an algorithm that is supported (OpenID Connect Registration 2, RFC 9101 10.5).
    fn request_object_faults(&self) -> Vec<FieldError> {
        let m = &self.metadata;
        let mut faults = Vec::new();
        let algorithm = m.request_object_signing_alg.as_deref();
        if algorithm.is_some_and(|alg| !CLIENT_ALGORITHMS.contains(&alg)) {
            let algorithms = CLIENT_ALGORITHMS.join(", ");
            let problem = format!("request_object_signing_alg is one of {algorithms}");
            let fault = FieldError::new("request_object_signing_alg", problem);
            faults.push(fault.id("request-algorithm").with("algorithms", algorithms));
        }
        if let Some(Err(error)) = m.jwks.as_ref().map(client_keys::usable) {
            let problem = format!("jwks: the key set cannot be used: {error}");
            faults.push(FieldError::new("jwks", problem).id("keys-unfit"));
        }
        if m.require_signed_request_object && m.jwks.is_none() {
            let problem = "require_signed_request_object needs jwks, the keys to verify with";
            let fault = FieldError::new("require_signed_request_object", problem);
            faults.push(fault.id("keys-needed"));
        }
        faults
    }
}

/// Of each of `uris` that is not `known` already and breaks a rule.
fn uri_faults(
    member: &str,
    uris: &[String],
    known: &[String],
    rules: RedirectRules,
) -> Vec<FieldError> {
    let new = uris.iter().filter(|uri| !known.contains(uri));
    let faults = new.filter_map(|uri| {
        let problem = redirect_uri::problem(uri, rules)?;
        Some(problem.at(member, uri, "has"))
    });
    faults.collect()
}
