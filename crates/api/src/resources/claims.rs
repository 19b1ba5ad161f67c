//! Custom claims for all clients: list, set, remove.

use latchkey_operations::OperationError;
use latchkey_protocol::claims::Mapping;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    answer::Answer,
    asked::Asked,
    condition::as_read,
    problem::{Kind, Problem, broken},
};

/// A custom claim: one of `attribute`, `claim` and `value` says what it is made of.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomClaim {
    /// The user's attribute of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    /// A claim that Latchkey has of every user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    /// The same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// Where it is said: `id_token`, `userinfo`, `access_token`. Without it: `id_token` and `userinfo`.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    places: Option<Vec<String>>,
    /// It is said only where this scope was granted. Without it: `openid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// All custom claims for all clients.
#[derive(Serialize, JsonSchema)]
pub struct CustomClaims {
    /// By their names.
    claims: Map<String, Value>,
}

/// `GET /claims`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let found = asked.operations().custom_claims().await?;
    let claims = match serde_json::to_value(&found) {
        Ok(Value::Object(claims)) => claims,
        Ok(_) => Map::new(),
        Err(error) => return Err(broken(error)),
    };
    Answer::ok(&CustomClaims { claims })
}

/// Which one it is.
fn etag(mapping: &Mapping) -> String {
    format!("\"{}\"", mapping.fingerprint())
}

/// The claim as the caller has read it, if they say so.
///
/// # Errors
/// It is another one now, or gone.
async fn seen(asked: &Asked<'_>) -> Result<Option<Mapping>, Problem> {
    let mut claims = asked.operations().custom_claims().await?.0;
    match claims.remove(asked.part("name")) {
        None => asked.unmatched().map(|()| None),
        Some(now) => {
            let is_seen = asked.matched_if_sent(&etag(&now))?;
            Ok(is_seen.then_some(now))
        }
    }
}

/// `GET /claims/{name}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let name = asked.part("name");
    let mut claims = asked.operations().custom_claims().await?.0;
    let unknown = || OperationError::ClaimUnknown(name.to_owned());
    let mapping = claims.remove(name).ok_or_else(unknown)?;
    asked.matched_if_sent(&etag(&mapping))?;
    Ok(Answer::ok(&mapping)?.etag(etag(&mapping)))
}

/// `PUT /claims/{name}`.
pub async fn set(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: CustomClaim = asked.input(&[])?;
    let written = serde_json::to_value(&given).map_err(broken)?;
    let wrong = |error: serde_json::Error| Problem::new(Kind::Invalid, error.to_string());
    let mapping: Mapping = serde_json::from_value(written).map_err(wrong)?;
    as_read(async || {
        let (operations, seen) = (asked.operations(), seen(asked).await?);
        let set = operations.set_custom_claim(asked.part("name"), &mapping, seen.as_ref());
        set.await?;
        Ok(Answer::ok(&mapping)?.etag(etag(&mapping)))
    })
    .await
}

/// `DELETE /claims/{name}`.
pub async fn remove(asked: &Asked<'_>) -> Result<Answer, Problem> {
    as_read(async || {
        let (operations, seen) = (asked.operations(), seen(asked).await?);
        let removed = operations.remove_custom_claim(asked.part("name"), seen.as_ref());
        removed.await?;
        Ok(Answer::none())
    })
    .await
}
