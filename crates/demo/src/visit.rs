//! What the demo app knows of a browser, and what it shows of each step.

use serde_json::Value;

/// A browser that has begun a sign-in.
#[derive(Clone, Default)]
pub struct Visit {
    /// State, nonce and PKCE verifier of the sign-in under way.
    pub pending: Option<(String, String, String)>,
    pub access: String,
    pub refresh: Option<String>,
    pub id_token: String,
    pub subject: String,
    pub steps: Vec<Step>,
}

/// A step of the flow, as the page shows it.
#[derive(Clone)]
pub struct Step {
    pub title: String,
    pub text: String,
    pub code: String,
}

pub fn step(title: &str, text: &str, code: String) -> Step {
    Step {
        title: title.to_owned(),
        text: text.to_owned(),
        code,
    }
}

/// The claims of a token, not verified.
pub fn decoded(token: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token
        .split('.')
        .nth(1)
        .and_then(|p| URL_SAFE_NO_PAD.decode(p).ok())
        .unwrap_or_default();
    serde_json::from_slice::<Value>(&part)
        .map(|v| format!("{v:#}"))
        .unwrap_or_default()
}
