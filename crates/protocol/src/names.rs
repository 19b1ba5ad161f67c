//! One form for each name and each address, so that what looks alike is alike: applied where one is given, and where one
//! is typed.

use email_address::{EmailAddress, Options};
use precis_profiles::{UsernameCaseMapped, precis_core::profile::Profile};
use unicode_normalization::UnicodeNormalization;

/// The longest user name and address, in bytes (RFC 5321 4.5.3.1.3 less its brackets).
const LONGEST_NAME: usize = 200;
const LONGEST_ADDRESS: usize = 254;

/// A user name as it is stored and compared: RFC 8265 3.3, UsernameCaseMapped. Full-width and half-width forms become the
/// usual ones, capitals small, accents composed.
///
/// # Errors
/// A sentence, for spaces, symbols, control characters, ligatures and other compatibility forms.
pub fn username(typed: &str) -> Result<String, String> {
    let fault = || {
        format!(
            "{typed:?} is no user name: 1 to {LONGEST_NAME} letters, digits or ASCII signs, without spaces"
        )
    };
    let trimmed = typed.trim();
    if trimmed.is_empty() || trimmed.len() > LONGEST_NAME {
        return Err(fault());
    }
    let name = UsernameCaseMapped::new()
        .enforce(trimmed)
        .map_err(|_| fault())?;
    if name.len() > LONGEST_NAME {
        Err(fault())
    } else {
        Ok(name.into_owned())
    }
}

/// Checks the syntax of an email address (RFC 5321 4.1.2: a dot-string at a domain) and returns it without white space
/// around it.
///
/// # Errors
/// A sentence.
pub fn email(typed: &str) -> Result<String, String> {
    let address = typed.trim();
    let options = Options::default()
        .without_display_text()
        .without_domain_literal();
    let fault = |why: String| format!("{typed:?} is no email address: {why}");
    if address.len() > LONGEST_ADDRESS {
        return Err(fault(format!("it is longer than {LONGEST_ADDRESS} bytes")));
    }
    if address.starts_with('"') || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(fault(
            "quotes, spaces and control characters have no place in it".into(),
        ));
    }
    let parsed = EmailAddress::parse_with_options(address, options)
        .map_err(|error| fault(error.to_string()))?;
    url::Host::parse(parsed.domain()).map_err(|_| fault("its domain is none".into()))?;
    Ok(address.to_owned())
}

/// The form in which addresses are compared: small letters, no compatibility forms, the domain in ASCII (RFC 5890).
/// `None` for what is no address.
pub fn email_key(address: &str) -> Option<String> {
    let address = email(address).ok()?;
    let (local, domain) = address.rsplit_once('@')?;
    let local = local
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .nfkc()
        .collect::<String>();
    let domain = url::Host::parse(domain).ok()?.to_string();
    Some(format!("{local}@{domain}"))
}

/// Each form of an address that may be somebody's name or address: as addresses are compared, with an international
/// domain in letters, and as a user name. None for what is no address.
pub fn address_forms(address: &str) -> Vec<String> {
    let Some(key) = email_key(address) else {
        return Vec::new();
    };
    let (local, domain) = key.rsplit_once('@').unwrap_or_default();
    let in_letters = format!("{local}@{}", idna::domain_to_unicode(domain).0);
    let mut forms: Vec<_> = [address, &key, &in_letters]
        .iter()
        .filter_map(|form| username(form).ok())
        .collect();
    forms.extend([key, in_letters]);
    forms.sort();
    forms.dedup();
    forms
}

/// What was typed where a user is named, in each form under which one may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// As names were stored before they had one form: such users sign in as ever.
    pub as_typed: String,
    /// As a user name, where it can be one.
    pub username: Option<String>,
    /// As the key of an address, where it can be one.
    pub email_key: Option<String>,
}

impl Login {
    /// From what was typed.
    pub fn new(typed: &str) -> Self {
        let bounded = typed
            .trim()
            .chars()
            .take(LONGEST_ADDRESS)
            .collect::<String>();
        Self {
            as_typed: bounded.to_lowercase(),
            username: username(typed).ok(),
            email_key: email_key(typed),
        }
    }

    /// One text for all ways of typing the same, to count attempts by.
    pub fn canonical(&self) -> &str {
        self.email_key
            .as_deref()
            .or(self.username.as_deref())
            .unwrap_or(&self.as_typed)
    }

    /// Which of those found is meant, the least first: a name goes before an address.
    pub fn rank(&self, username: &str) -> u8 {
        match username {
            name if name == self.as_typed => 0,
            name if self.username.as_deref() == Some(name) => 1,
            _ => 2,
        }
    }
}
