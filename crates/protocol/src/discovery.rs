//! The metadata document (OpenID Connect Discovery, RFC 8414).

use serde_json::{Value, json};

use crate::{
    IdTokenAlgorithm, Issuer,
    authorize::ResponseTypes,
    claims::{CLAIMS, CustomClaims},
    client::{AuthMethod, GrantType},
    client_keys::CLIENT_ALGORITHMS,
    paths,
    scope::STANDARD,
};

/// The metadata document (OpenID Connect Discovery 3, RFC 8414 2): registered names only, and only what works.
/// `custom` are the claims for all clients.
pub fn metadata(issuer: &Issuer, custom: &CustomClaims) -> Value {
    let at = |path: &str| format!("{}{path}", issuer.trim_end_matches('/'));
    let methods: Vec<_> = AuthMethod::ALL.iter().map(|m| m.name()).collect();
    let confidential: Vec<_> = methods.iter().filter(|m| **m != "none").collect();
    let grants: Vec<_> = GrantType::ALL.iter().map(|g| g.name()).collect();
    let algorithms = IdTokenAlgorithm::ALL.map(IdTokenAlgorithm::name);
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(paths::AUTHORIZE),
        "token_endpoint": at(paths::TOKEN),
        "userinfo_endpoint": at(paths::USERINFO),
        "jwks_uri": at(paths::JWKS),
        "introspection_endpoint": at(paths::INTROSPECT),
        "revocation_endpoint": at(paths::REVOKE),
        "end_session_endpoint": at(paths::END_SESSION),
        "scopes_supported": with(&STANDARD, custom.scopes()),
        "claims_supported": with(&CLAIMS, custom.names()),
        "response_types_supported": ResponseTypes::SUPPORTED,
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": confidential,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en", "ko"],
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": CLIENT_ALGORITHMS,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    })
}

/// The document of an issuer that publishes status lists (Token Status List 9.1).
#[must_use]
pub fn with_status_lists(mut metadata: Value, issuer: &Issuer) -> Value {
    let issuer = issuer.trim_end_matches('/');
    metadata["status_list_aggregation_endpoint"] =
        format!("{issuer}{}", paths::STATUS_LISTS).into();
    metadata
}

/// Those that are always there, and what is new among the others, once each.
fn with<'a>(always: &[&'a str], others: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = always.to_vec();
    for other in others {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}
