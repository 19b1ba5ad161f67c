//! Custom claims for all clients: list, set, remove.

use latchkey_protocol::claims::Mapping;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    answer::Answer,
    asked::Asked,
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

/// `PUT /claims/{name}`.
pub async fn set(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: CustomClaim = asked.input(&[])?;
    let written = serde_json::to_value(&given).map_err(broken)?;
    let wrong = |error: serde_json::Error| Problem::new(Kind::Invalid, error.to_string());
    let mapping: Mapping = serde_json::from_value(written).map_err(wrong)?;
    asked
        .operations()
        .set_custom_claim(asked.part("name"), &mapping)
        .await?;
    Answer::ok(&mapping)
}

/// `DELETE /claims/{name}`.
pub async fn remove(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked
        .operations()
        .remove_custom_claim(asked.part("name"))
        .await?;
    Ok(Answer::none())
}
