//! The `claims` parameter (OpenID Connect Core 5.5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ScopeSet, Subject, authentication::Acr, claims::scope_of, client::Client, error::Refusal, json,
    reason::Reason,
};

/// The longest `claims` parameter, in bytes.
const LONGEST: usize = 8 * 1024;
/// How deep its arrays and objects may nest. It is stored and read again, by readers that take so much and no more.
const DEEPEST: usize = 16;

/// Claims that say which answer will do and are in every ID token, whatever was granted.
const OF_THE_ANSWER: [&str; 2] = ["acr", "sub"];

/// How one claim is asked for (OpenID Connect Core 5.5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedClaim {
    /// Whether the client says that it needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// With one of these values alone; none: with any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// Claims by their names.
pub type RequestedClaims = BTreeMap<String, RequestedClaim>;

/// What a request asks for claim by claim (OpenID Connect Core 5.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// For UserInfo.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: RequestedClaims,
    /// For the ID token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: RequestedClaims,
}

impl RequestedClaim {
    /// Whether `value` is one that was asked for.
    pub fn takes(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }

    fn parse(name: &str, value: &Value) -> Result<Self, Refusal> {
        let malformed = |what: &str| malformed(format!("{name}: null, or an object; {what}"));
        let members = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(members) => members,
            _ => return Err(malformed("neither came")),
        };
        let essential = match members.get("essential") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(essential)) => *essential,
            Some(_) => return Err(malformed("essential is true or false")),
        };
        let mut values = match members.get("values") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(_) => return Err(malformed("values is an array")),
        };
        values.extend(
            members
                .get("value")
                .filter(|value| !value.is_null())
                .cloned(),
        );
        Ok(Self { essential, values })
    }
}

impl ClaimsRequest {
    /// Reads the parameter. What the client cannot have, and what is not known, is ignored (OpenID Connect Core 5.5).
    ///
    /// # Errors
    /// [`Reason::ParameterMalformed`], and [`Reason::AcrUnavailable`] for an essential `acr` that nobody here can have
    /// (5.5.1.1).
    pub fn parse(text: &str, client: &Client) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(malformed(format!("at most {LONGEST} bytes")));
        }
        let members = json::object(text.as_bytes()).map_err(malformed)?;
        if members.values().any(|value| is_deeper(value, DEEPEST - 1)) {
            return Err(malformed(format!("nested at most {DEEPEST} deep")));
        }
        let request = Self {
            userinfo: location(&members, "userinfo")?,
            id_token: location(&members, "id_token")?,
        };
        if !Acr::ATTAINABLE.iter().any(|acr| request.is_met_by(*acr)) {
            let attainable = Acr::ATTAINABLE.map(Acr::name).join(" or ");
            let received = "other values of an essential acr";
            return Err(Reason::AcrUnavailable.because(attainable, received));
        }
        Ok(request.within(client))
    }

    fn within(mut self, client: &Client) -> Self {
        for asked in [&mut self.userinfo, &mut self.id_token] {
            asked.retain(|name, claim| {
                let rules = OF_THE_ANSWER.contains(&name.as_str()) && !claim.values.is_empty();
                rules || scope_of(name, client).is_some_and(|scope| client.knows_scope(scope))
            });
        }
        self
    }

    /// Whether a sign-in of this class may be the answer: an essential `acr` has one of the values that were asked for
    /// (5.5.1.1).
    pub fn is_met_by(&self, acr: Acr) -> bool {
        let asked = self.id_token.get("acr").filter(|asked| asked.essential);
        asked.is_none_or(|asked| asked.takes(&acr.name().into()))
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// Whether this user may be the answer: a `sub` that is asked for with a value is this user's (5.5.1).
    pub fn is_for(&self, subject: &Subject) -> bool {
        let subject = Value::from(subject.clone());
        let asked = [&self.userinfo, &self.id_token]
            .into_iter()
            .filter_map(|claims| claims.get("sub"));
        asked.into_iter().all(|sub| sub.takes(&subject))
    }

    /// The claims that the scopes do not give anyway: they need a consent of their own.
    pub fn beyond(&self, scope: &ScopeSet, client: &Client) -> BTreeSet<String> {
        let names = self
            .userinfo
            .keys()
            .chain(self.id_token.keys())
            .filter(|name| !OF_THE_ANSWER.contains(&name.as_str()));
        names
            .filter(|name| scope_of(name, client).is_none_or(|s| !scope.contains(s)))
            .cloned()
            .collect()
    }
}

fn malformed(received: impl Into<String>) -> Refusal {
    Reason::ParameterMalformed.because("claims: JSON (OpenID Connect Core 5.5)", received)
}

/// Whether arrays and objects nest more than `levels` deep in it.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let within = levels.checked_sub(1);
    let beyond = |inner: &Value| within.is_none_or(|levels| is_deeper(inner, levels));
    match value {
        Value::Array(items) => within.is_none() || items.iter().any(beyond),
        Value::Object(members) => within.is_none() || members.values().any(beyond),
        _ => false,
    }
}

fn location(members: &Map<String, Value>, name: &str) -> Result<RequestedClaims, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(RequestedClaims::new()),
        Some(Value::Object(claims)) => claims
            .iter()
            .map(|(name, value)| Ok((name.clone(), RequestedClaim::parse(name, value)?)))
            .collect(),
        Some(_) => Err(malformed(format!("{name} is an object"))),
    }
}
