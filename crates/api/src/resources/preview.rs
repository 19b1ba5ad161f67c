//! What a user would get of a client.

use latchkey_operations::TokenRules;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::users::whom;
use crate::{answer::Answer, asked::Asked, problem::Problem};

/// What a user, or the client for itself, would get. Nothing is issued.
#[derive(Serialize, JsonSchema)]
pub struct TokenPreview {
    /// The client.
    client_id: String,
    /// The user; null: the client for itself.
    username: Option<String>,
    /// Why they would get nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Map<String, Value>>,
    /// What would be granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// What was asked for and would be ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored_scope: Option<String>,
    /// Whether the user would be asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    asks_consent: Option<bool>,
    /// Whether there would be a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<bool>,
    /// Algorithm and claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<Map<String, Value>>,
    /// Claims, or why it would refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo: Option<Map<String, Value>>,
    /// Type and claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<Map<String, Value>>,
    /// Why each claim is there, or is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Vec<Map<String, Value>>>,
}

/// `GET /clients/{client_id}/preview`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let login = match asked.parameter("user") {
        None => None,
        Some(named) => Some(whom(asked, named).await?.username),
    };
    let scope = asked.parameter("scope").unwrap_or_default();
    let (operations, id) = (asked.operations(), asked.client_id());
    let rules = TokenRules::of(asked.call.realm);
    let preview = operations.preview_tokens(rules, &id, login.as_deref(), scope);
    Answer::ok(&preview.await?.to_json())
}
