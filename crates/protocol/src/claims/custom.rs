//! Custom claims: what an administrator lets tokens say besides, from attributes of users or the same for all.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{is_own_claim, own_claim};
use crate::{ScopeSet, field_error::FieldError, user::User};

/// Where a claim is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In ID tokens.
    IdToken,
    /// At UserInfo.
    Userinfo,
    /// In access tokens.
    AccessToken,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 3] = [Self::IdToken, Self::Userinfo, Self::AccessToken];

    /// As a mapping writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
            Self::AccessToken => "access_token",
        }
    }

    /// What a mapping names; none where it names no place.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

/// Where a claim's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The user's attribute of this name; users without it have no such claim.
    Attribute(String),
    /// One of the claims that Latchkey has of every user, under another name or in another place.
    Claim(String),
    /// The same for all.
    Value(Value),
}

/// One line of the table: what a claim says, where, and under which scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MappingText", into = "MappingText")]
pub struct Mapping {
    /// Where its value comes from.
    pub source: Source,
    /// Where it is said.
    pub places: Vec<Place>,
    /// Said only where this scope was granted.
    pub scope: String,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default = "default_places", rename = "in")]
    places: Vec<Place>,
    #[serde(default = "default_scope")]
    scope: String,
}

fn default_places() -> Vec<Place> {
    vec![Place::IdToken, Place::Userinfo]
}

fn default_scope() -> String {
    "openid".into()
}

impl TryFrom<MappingText> for Mapping {
    type Error = &'static str;

    fn try_from(w: MappingText) -> Result<Self, Self::Error> {
        let source = match (w.attribute, w.claim, w.value) {
            (Some(attribute), None, None) => Source::Attribute(attribute),
            (None, Some(claim), None) => Source::Claim(claim),
            (None, None, Some(value)) => Source::Value(value),
            _ => return Err("a custom claim has one of attribute, claim and value"),
        };
        Ok(Self {
            source,
            places: w.places,
            scope: w.scope,
        })
    }
}

impl From<Mapping> for MappingText {
    fn from(mapping: Mapping) -> Self {
        let Mapping {
            source,
            places,
            scope,
        } = mapping;
        let mut written = Self {
            attribute: None,
            claim: None,
            value: None,
            places,
            scope,
        };
        match source {
            Source::Attribute(attribute) => written.attribute = Some(attribute),
            Source::Claim(claim) => written.claim = Some(claim),
            Source::Value(value) => written.value = Some(value),
        }
        written
    }
}

/// The most mappings for all clients, and for each.
pub const MOST_MAPPINGS: usize = 50;
/// The longest claim or attribute name, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest constant, in bytes of JSON.
const LONGEST_VALUE: usize = 1024;
/// All attributes of a user, in bytes of JSON: they travel in tokens, and tokens in headers.
const LONGEST_ATTRIBUTES: usize = 8192;

/// Claims by which tokens are judged (RFC 7519 4.1, OpenID Connect Core 2, RFC 7800, RFC 8693, RFC 9068) and members of
/// an introspection answer (RFC 7662 2.2): never for an administrator to say.
const RESERVED: [&str; 35] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "client_id",
    "scope",
    "status",
    "cnf",
    "act",
    "may_act",
    "sub_jwk",
    "sub_id",
    "events",
    "htm",
    "htu",
    "ath",
    "authorization_details",
    "_claim_names",
    "_claim_sources",
    "active",
    "token_type",
    "username",
    "error",
];

/// Custom claims by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomClaims(pub BTreeMap<String, Mapping>);

impl CustomClaims {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The scopes that bring them; one may come more than once.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|mapping| mapping.scope.as_str())
    }

    /// What is wrong with these mappings, each under its name.
    pub fn check(&self) -> Vec<FieldError> {
        if self.0.len() > MOST_MAPPINGS {
            let most = format!("there are at most {MOST_MAPPINGS} custom claims");
            let fault = FieldError::new("", most).id("mapping-most");
            return vec![fault.with("most", MOST_MAPPINGS.to_string())];
        }
        let faults = self.0.iter();
        faults
            .filter_map(|(name, mapping)| mapping.check(name).err())
            .collect()
    }

    /// Adds what these mappings say in `place`, unless `unless` has one of the same name.
    fn say(
        &self,
        place: Place,
        scope: &ScopeSet,
        user: Option<&User>,
        unless: Option<&Self>,
        said: &mut Map<String, Value>,
    ) {
        for (name, mapping) in &self.0 {
            let replaced = unless.is_some_and(|own| own.0.contains_key(name));
            if replaced || !mapping.places.contains(&place) || !scope.contains(&mapping.scope) {
                continue;
            }
            if let Some(value) = mapping.value(user) {
                said.insert(name.clone(), value);
            }
        }
    }
}

/// The mappings that hold for a client.
#[derive(Debug, Clone, Copy)]
pub struct Custom<'a> {
    /// Those for all clients.
    pub for_all: &'a CustomClaims,
    /// Its own, each in place of one for all of the same name.
    pub own: &'a CustomClaims,
}

impl Custom<'_> {
    /// Adds the custom claims of `place` that belong to the granted scopes.
    pub fn add(
        &self,
        place: Place,
        scope: &ScopeSet,
        user: Option<&User>,
        said: &mut Map<String, Value>,
    ) {
        self.for_all.say(place, scope, user, Some(self.own), said);
        self.own.say(place, scope, user, None, said);
    }
}

impl Mapping {
    /// Which one it is: another for every other mapping.
    pub fn fingerprint(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// # Errors
    /// What is wrong with it under this name.
    pub fn check(&self, name: &str) -> Result<(), FieldError> {
        let fault = |id, problem: String| Err(FieldError::new(name, problem).id(id));
        if let Err(problem) = check_name("a claim", name) {
            return fault("mapping-name", problem);
        }
        if RESERVED.contains(&name) {
            let problem = format!("{name} belongs to the protocol and cannot be mapped");
            return fault("mapping-reserved", problem);
        }
        if !is_scope(&self.scope) {
            let problem = format!("{name}: {:?} is no scope (RFC 6749 3.3)", self.scope);
            return fault("mapping-scope", problem);
        }
        if is_own_claim(name) && self.source != Source::Claim(name.into()) {
            let problem = format!(
                "{name} is a claim of every user: it can be mapped to other places, not to another value"
            );
            return fault("mapping-own", problem);
        }
        match &self.source {
            Source::Attribute(attribute) => check_name("an attribute", attribute)
                .or_else(|problem| fault("mapping-attribute", problem)),
            Source::Claim(claim) if is_own_claim(claim) => Ok(()),
            Source::Claim(claim) => {
                let problem = format!("{name}: {claim:?} is no claim of every user; use attribute");
                fault("mapping-claim", problem)
            }
            Source::Value(value) if value.to_string().len() > LONGEST_VALUE => {
                let problem = format!("{name}: a value has at most {LONGEST_VALUE} bytes");
                fault("mapping-value", problem)
            }
            Source::Value(_) => Ok(()),
        }
    }

    pub(super) fn value(&self, user: Option<&User>) -> Option<Value> {
        let value = match &self.source {
            Source::Attribute(attribute) => user?.attributes.get(attribute).cloned(),
            Source::Claim(claim) => own_claim(user?, claim),
            Source::Value(value) => Some(value.clone()),
        };
        value.filter(|value| !value.is_null())
    }
}

fn is_scope(text: &str) -> bool {
    ScopeSet::parse(text).is_some_and(|scopes| scopes.iter().eq([text]))
}

/// Registered names, URIs and private ones (RFC 7519 4): all of printable ASCII.
fn check_name(what: &str, name: &str) -> Result<(), String> {
    let visible = name
        .bytes()
        .all(|b| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\');
    if name.is_empty() || name.len() > LONGEST_NAME || !visible {
        return Err(format!(
            "{name:?} is no name of {what}: 1 to {LONGEST_NAME} visible ASCII characters"
        ));
    }
    Ok(())
}

/// Checks attributes that an administrator gives a user. The faults are of members of `attributes`.
pub fn check_attributes(attributes: &Map<String, Value>) -> Vec<FieldError> {
    let names = attributes.keys().filter_map(|name| {
        let problem = check_name("an attribute", name).err()?;
        let fault = FieldError::new(name, problem).id("attribute-name");
        Some(fault.within("attributes"))
    });
    let mut faults: Vec<_> = names.collect();
    let length = serde_json::to_string(attributes).map_or(usize::MAX, |text| text.len());
    if length > LONGEST_ATTRIBUTES {
        let problem = format!(
            "the attributes of a user have at most {LONGEST_ATTRIBUTES} bytes of JSON, not {length}"
        );
        faults.push(FieldError::new("attributes", problem).id("attributes-size"));
    }
    faults
}
