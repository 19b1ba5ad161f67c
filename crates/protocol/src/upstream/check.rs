//! What the settings of an upstream must keep to.

use url::Url;

use super::{EmailTrust, TENANT, UpstreamClientAuth, UpstreamProtocol, UpstreamSettings};
use crate::{console, field_error::FieldError, uri::is_loopback};

/// Parameters of the authorization request that an administrator may add. What we say ourselves is none of them: it is what
/// a sign-in is held together by.
const PARAMETERS: [&str; 16] = [
    "access_type",
    "acr_values",
    "allow_signup",
    "audience",
    "auth_type",
    "claims",
    "display",
    "domain_hint",
    "hd",
    "include_granted_scopes",
    "kc_idp_hint",
    "login_hint",
    "max_age",
    "prompt",
    "resource",
    "ui_locales",
];

/// Bytes of each text.
const LONGEST: usize = 512;
/// Entries of each list.
const MOST: usize = 100;
/// Bytes of a secret or a private key.
const LONGEST_SECRET: usize = 8 * 1024;

/// Every fault of the settings, at its member.
pub fn check_settings(settings: &UpstreamSettings) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, problem: String| {
        faults.push(FieldError::new(field, problem).id("upstream-unfit"));
    };
    for (field, text) in [
        ("title", settings.title.as_str()),
        ("client_id", settings.client_id.as_str()),
    ] {
        if let Err(problem) = plain(text) {
            fault(field, format!("{field} {problem}"));
        }
    }
    if settings.title.chars().count() > 60 {
        fault(
            "title",
            "title has 60 characters at most: it stands on a button".into(),
        );
    }
    check_protocol(settings, &mut fault);
    check_lists(settings, &mut fault);
    check_client_auth(&settings.client_auth, &mut fault);
    check_mapping(settings, &mut fault);
    if settings.trust.email == EmailTrust::Domains && settings.domains.is_empty() {
        fault(
            "trust",
            "trust.email is domains, and domains has none".into(),
        );
    }
    faults
}

/// What is wrong with a secret.
///
/// # Errors
/// A sentence.
pub fn check_secret(secret: &str) -> Result<(), String> {
    if secret.is_empty() || secret.len() > LONGEST_SECRET {
        return Err(format!("the secret has 1 to {LONGEST_SECRET} bytes"));
    }
    let breaks = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
    if secret.chars().any(breaks) {
        return Err("the secret has control characters".into());
    }
    Ok(())
}

fn check_protocol(settings: &UpstreamSettings, fault: &mut impl FnMut(&str, String)) {
    let mut address = |member: &str, text: &str| {
        if let Err(problem) = address(text) {
            fault("protocol", format!("protocol.{member} {problem}"));
        }
    };
    match &settings.protocol {
        UpstreamProtocol::Oidc {
            issuer, tenants, ..
        } => {
            address("issuer", &issuer.replacen(TENANT, "tenant", 1));
            let is_of_many = issuer.contains(TENANT);
            if is_of_many == tenants.is_empty() {
                let problem = format!(
                    "protocol.tenants names tenants where protocol.issuer has {TENANT}, and nowhere else"
                );
                fault("protocol", problem);
            }
            if !settings.scopes.iter().any(|scope| scope == "openid") {
                fault(
                    "scopes",
                    "scopes has no openid, which OpenID Connect needs".into(),
                );
            }
        }
        UpstreamProtocol::Oauth2 {
            issuer,
            authorization_endpoint,
            token_endpoint,
            userinfo_endpoint,
            emails_endpoint,
            ..
        } => {
            address("issuer", issuer);
            address("authorization_endpoint", authorization_endpoint);
            address("token_endpoint", token_endpoint);
            address("userinfo_endpoint", userinfo_endpoint);
            if let Some(endpoint) = emails_endpoint {
                address("emails_endpoint", endpoint);
            }
        }
    }
}

fn check_lists(settings: &UpstreamSettings, fault: &mut impl FnMut(&str, String)) {
    let is_scope = |scope: &str| {
        // RFC 6749 3.3.
        (scope.bytes()).all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    for scope in &settings.scopes {
        if plain(scope).is_err() || !is_scope(scope) {
            fault("scopes", format!("{scope:?} is no scope"));
        }
    }
    for (name, value) in &settings.parameters {
        if !PARAMETERS.contains(&name.as_str()) {
            let known = PARAMETERS.join(", ");
            fault(
                "parameters",
                format!("{name:?} cannot be sent; {known} can"),
            );
        } else if plain(value).is_err() {
            fault(
                "parameters",
                format!("parameters.{name} has no value that can be sent"),
            );
        }
    }
    for domain in &settings.domains {
        let read = url::Host::parse(domain).map(|host| host.to_string());
        if read.as_ref() != Ok(domain) || !domain.contains('.') {
            fault(
                "domains",
                format!("{domain:?} is no domain in small ASCII letters"),
            );
        }
    }
    for (field, length) in [
        ("scopes", settings.scopes.len()),
        ("domains", settings.domains.len()),
    ] {
        if length > MOST {
            fault(field, format!("{field} has {MOST} entries at most"));
        }
    }
}

fn check_client_auth(auth: &UpstreamClientAuth, fault: &mut impl FnMut(&str, String)) {
    let UpstreamClientAuth::SignedSecret {
        team_id,
        key_id,
        audience,
    } = auth
    else {
        return;
    };
    for (member, text) in [
        ("team_id", team_id),
        ("key_id", key_id),
        ("audience", audience),
    ] {
        if let Err(problem) = plain(text) {
            fault("client_auth", format!("client_auth.{member} {problem}"));
        }
    }
}

fn check_mapping(settings: &UpstreamSettings, fault: &mut impl FnMut(&str, String)) {
    let mapping = &settings.mapping;
    let is_oidc = matches!(settings.protocol, UpstreamProtocol::Oidc { .. });
    if is_oidc && mapping.subject != "/sub" {
        let problem =
            "mapping.subject is /sub for OpenID Connect: nothing else names a user for good";
        fault("mapping", problem.into());
    }
    let single = [
        &mapping.username,
        &mapping.email,
        &mapping.picture,
        &mapping.groups,
        &mapping.roles,
    ];
    let pointers = std::iter::once(&mapping.subject)
        .chain(single.into_iter().flatten())
        .chain(&mapping.name)
        .chain(&mapping.email_verified);
    for pointer in pointers {
        if !pointer.starts_with('/') || pointer.len() > LONGEST {
            let problem = format!("{pointer:?} is no JSON pointer: it begins with a slash");
            fault("mapping", problem);
        }
    }
    let opens_console = |role: &&String| console::opens_console(role);
    if let Some(role) = mapping.allowed_roles.iter().find(opens_console)
        && !mapping.grants_console
    {
        let problem = format!(
            "mapping.allowed_roles has {role}, which opens the console here: that takes mapping.grants_console"
        );
        fault("mapping", problem);
    }
    let lists = [&mapping.allowed_groups, &mapping.allowed_roles];
    if lists
        .iter()
        .any(|list| list.len() > MOST || list.iter().any(|one| plain(one).is_err()))
    {
        fault(
            "mapping",
            format!("allowed groups and roles are {MOST} texts at most"),
        );
    }
}

/// A text without surprises.
fn plain(text: &str) -> Result<(), String> {
    let is_plain = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if is_plain && text.len() <= LONGEST {
        Ok(())
    } else {
        Err(format!("is a text of 1 to {LONGEST} bytes"))
    }
}

/// An https address without a fragment, or an http one of this machine, for tests.
fn address(text: &str) -> Result<(), String> {
    let fits = |url: &Url| {
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        let is_bare = url.username().is_empty() && url.password().is_none();
        is_safe && is_bare && url.fragment().is_none() && url.has_host()
    };
    if text.len() <= LONGEST && Url::parse(text).is_ok_and(|url| fits(&url)) {
        Ok(())
    } else {
        Err("is no https address".into())
    }
}
