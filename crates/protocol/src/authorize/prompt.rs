//! The `prompt` parameter.

use serde::{Deserialize, Serialize};

use crate::{error::Refusal, reason::Reason};

/// The values of `prompt` (OpenID Connect Core 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// `none`: no page may be shown.
    pub none: bool,
    /// `login`: the user proves again who they are.
    pub login: bool,
    /// `consent`: the user is asked again.
    pub consent: bool,
    /// `select_account`: the user says who they are.
    pub select_account: bool,
}

impl Prompt {
    /// # Errors
    /// [`Reason::PromptMalformed`] for `none` with another value, and for values that nobody registered.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut prompt = Self::default();
        for value in text.split(' ').filter(|v| !v.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" | "create" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => {
                    return Err(Reason::PromptMalformed
                        .because("none, login, consent, select_account", value));
                }
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(Reason::PromptMalformed.because("none alone", text));
        }
        Ok(prompt)
    }
}
