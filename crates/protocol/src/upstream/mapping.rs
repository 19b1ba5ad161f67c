//! What is read of another provider's claims, by declared rules: nothing else of them is looked at or kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::{console, error::Refusal, names, reason::Reason};

/// Bytes of a subject: as much as an ID token may have (OpenID Connect Core 2), and of identifiers that are longer nobody
/// has heard.
const LONGEST_SUBJECT: usize = 255;
/// Bytes of a name.
const LONGEST_NAME: usize = 200;
/// Bytes of the address of a picture.
const LONGEST_PICTURE: usize = 2048;
/// Bytes of a group or role.
const LONGEST_GROUP: usize = 200;
/// Groups, and roles, that one user gets from elsewhere.
const MOST_GROUPS: usize = 100;

/// Where each thing stands among the claims, as JSON pointers (RFC 6901), and which groups and roles are let in. What is left
/// out is where OpenID Connect has it; `null` is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimMapping {
    /// Who it is. A text, or a whole number.
    pub subject: String,
    /// What a new account's user name is made of.
    pub username: Option<String>,
    /// The display name: the first of these that is there.
    pub name: Vec<String>,
    /// The address.
    pub email: Option<String>,
    /// What has to be `true`, all of it, for the address to count as verified there. None: it never does.
    pub email_verified: Vec<String>,
    /// The address of a picture.
    pub picture: Option<String>,
    /// An array of groups, or one.
    pub groups: Option<String>,
    /// The groups that are let in. No others are; none: no group.
    pub allowed_groups: Vec<String>,
    /// An array of roles, or one.
    pub roles: Option<String>,
    /// The roles that are let in.
    pub allowed_roles: Vec<String>,
    /// Whether `allowed_roles` may name `admin` and `auditor`, which open the console here.
    pub grants_console: bool,
}

impl Default for ClaimMapping {
    fn default() -> Self {
        let at = |name: &str| Some(format!("/{name}"));
        Self {
            subject: "/sub".into(),
            username: at("preferred_username"),
            name: vec!["/name".into()],
            email: at("email"),
            email_verified: vec!["/email_verified".into()],
            picture: at("picture"),
            groups: None,
            allowed_groups: Vec::new(),
            roles: None,
            allowed_roles: Vec::new(),
            grants_console: false,
        }
    }
}

/// What was read of another provider's claims. Bounded, and in the forms that the house has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamProfile {
    /// A hint for a user name; it may be anybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the provider says that it has verified the address. Whether it is believed is another matter: see
    /// [`Trust`](super::Trust).
    pub email_verified: bool,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Groups that are let in.
    pub groups: Vec<String>,
    /// Roles that are let in.
    pub roles: Vec<String>,
}

/// Reads the subject and the rest. What is missing or unfit is left out; without a subject nobody signs in.
///
/// # Errors
/// [`Reason::UpstreamSubjectUnfit`].
pub fn mapped(
    mapping: &ClaimMapping,
    claims: &Map<String, Value>,
) -> Result<(String, UpstreamProfile), Refusal> {
    let at = |pointer: &str| find(claims, pointer);
    let text = |pointer: &Option<String>| at(pointer.as_deref()?)?.as_str();
    let subject = at(&mapping.subject).and_then(subject).ok_or_else(|| {
        let expected = format!("a text or a whole number at {}", mapping.subject);
        Reason::UpstreamSubjectUnfit.because(expected, "something else, or nothing")
    })?;
    let email = text(&mapping.email).and_then(|email| names::email(email).ok());
    let is_true = |pointer: &String| at(pointer).is_some_and(says_true);
    let email_verified = email.is_some()
        && !mapping.email_verified.is_empty()
        && mapping.email_verified.iter().all(is_true);
    let name = |pointer: &String| line(at(pointer)?.as_str()?, LONGEST_NAME);
    let may_open = |role: &str| mapping.grants_console || !console::opens_console(role);
    let profile = UpstreamProfile {
        username: text(&mapping.username).and_then(|name| line(name, LONGEST_NAME)),
        name: mapping.name.iter().find_map(name),
        email,
        email_verified,
        picture: text(&mapping.picture).and_then(picture),
        groups: several(mapping.groups.as_deref().and_then(at), |group| {
            is_listed(&mapping.allowed_groups, group)
        }),
        roles: several(mapping.roles.as_deref().and_then(at), |role| {
            is_listed(&mapping.allowed_roles, role) && may_open(role)
        }),
    };
    Ok((subject, profile))
}

fn is_listed(allowed: &[String], name: &str) -> bool {
    allowed.iter().any(|one| one == name)
}

/// As [`Value::pointer`], in an object.
fn find<'a>(claims: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (pointer.strip_prefix('/')?, None),
    };
    let value = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    match rest {
        Some(rest) => value.pointer(&format!("/{rest}")),
        None => Some(value),
    }
}

/// Byte for byte: no form is made of it, so that two are never taken for one.
fn subject(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
        _ => return None,
    };
    let fits = (1..=LONGEST_SUBJECT).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then_some(text)
}

/// Some providers write flags as texts (Apple).
fn says_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value == "true"
}

/// A text for people: composed, on one line, without characters that turn or hide others.
fn line(text: &str, longest: usize) -> Option<String> {
    let composed: String = text.trim().nfc().collect();
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let fits = (1..=longest).contains(&composed.len()) && !composed.chars().any(hides);
    fits.then_some(composed)
}

/// An address that a page may show.
fn picture(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let fits = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    (fits && url.as_str().len() <= LONGEST_PICTURE).then(|| url.into())
}

/// Each once, in the order of the provider.
fn several(value: Option<&Value>, is_allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let one = std::slice::from_ref;
    let values = match value {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => one(value),
        None => &[],
    };
    let mut found: Vec<String> = Vec::new();
    let texts = values.iter().filter_map(Value::as_str);
    let fits = |text: &&str| (1..=LONGEST_GROUP).contains(&text.len()) && is_allowed(text);
    for text in texts.filter(fits) {
        if found.len() < MOST_GROUPS && !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    }
    found
}
