//! What a refused caller hears: one table from what happened to the answer (RFC 6750 3, RFC 9470 3, RFC 9728 5.1).

use std::fmt::Write;

use crate::{Refusal, Rejection};

/// An answer to a request that is not let through, for whatever HTTP framework. Of why a token is no good it says nothing:
/// one answer for all.
///
/// ```no_run
/// # async fn one(api: latchkey_resource_server::Verifier, token: &str) -> Option<(u16, String)> {
/// let rejection = api.verify(token).await.err()?;
/// let answer = api.challenge(&rejection);
/// Some((answer.status, answer.www_authenticate?))
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// 400, 401, 403 or 503.
    pub status: u16,
    /// The header `WWW-Authenticate`.
    pub www_authenticate: Option<String>,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// A JSON object with the error code.
    pub body: &'static str,
}

impl Challenge {
    /// `metadata`: where the API's own metadata is found (RFC 9728 5.1), if it is published.
    pub(crate) fn of(rejection: &Rejection, metadata: Option<&str>) -> Self {
        match rejection {
            Rejection::Refused(refusal) => refused(refusal, metadata),
            Rejection::Unavailable(_) => Self {
                status: 503,
                www_authenticate: None,
                retry_after: Some(1),
                body: r#"{"error":"temporarily_unavailable"}"#,
            },
        }
    }
}

fn refused(refusal: &Refusal, metadata: Option<&str>) -> Challenge {
    let (status, error, body) = outside(refusal);
    let mut parameters = Vec::new();
    if let Some(error) = error {
        parameters.push(format!("error=\"{error}\""));
    }
    match refusal {
        Refusal::Scope { needed } => parameters.push(format!("scope=\"{}\"", quoted(needed))),
        Refusal::StepUp {
            acr_values,
            max_age,
        } => step_up(&mut parameters, acr_values, *max_age),
        _ => {}
    }
    if let Some(metadata) = metadata.filter(|_| status == 401) {
        parameters.push(format!("resource_metadata=\"{}\"", quoted(metadata)));
    }
    if parameters.is_empty() {
        // RFC 6750 3: one at least.
        parameters.push("realm=\"api\"".to_owned());
    }
    let mut header = "Bearer".to_owned();
    for (at, parameter) in parameters.iter().enumerate() {
        let _ = write!(header, "{}{parameter}", if at == 0 { " " } else { ", " });
    }
    Challenge {
        status,
        www_authenticate: Some(header),
        retry_after: None,
        body,
    }
}

/// Status, error code and body.
fn outside(refusal: &Refusal) -> (u16, Option<&'static str>, &'static str) {
    match refusal {
        // RFC 6750 3.1: who sent nothing gets no error code.
        Refusal::Missing => (401, None, "{}"),
        // RFC 6750 3.1: the token may be good, the request is not.
        Refusal::Twice => (
            400,
            Some("invalid_request"),
            r#"{"error":"invalid_request"}"#,
        ),
        Refusal::TooLong
        | Refusal::Malformed
        | Refusal::Critical
        | Refusal::Type
        | Refusal::Algorithm
        | Refusal::UnknownKey
        | Refusal::Signature
        | Refusal::Issuer
        | Refusal::Audience
        | Refusal::Expired
        | Refusal::NotYet
        | Refusal::SenderConstrained
        | Refusal::Inactive
        | Refusal::Revoked
        | Refusal::StatusMissing
        | Refusal::StatusUnreadable => (401, Some("invalid_token"), r#"{"error":"invalid_token"}"#),
        Refusal::Scope { .. }
        | Refusal::Role { .. }
        | Refusal::Group { .. }
        | Refusal::Forbidden(_) => (
            403,
            Some("insufficient_scope"),
            r#"{"error":"insufficient_scope"}"#,
        ),
        Refusal::StepUp { .. } => (
            401,
            Some("insufficient_user_authentication"),
            r#"{"error":"insufficient_user_authentication"}"#,
        ),
    }
}

/// RFC 9470 3.
fn step_up(parameters: &mut Vec<String>, acr_values: &[String], max_age: Option<u64>) {
    if !acr_values.is_empty() {
        let values = acr_values.join(" ");
        parameters.push(format!("acr_values=\"{}\"", quoted(&values)));
    }
    if let Some(seconds) = max_age {
        parameters.push(format!("max_age=\"{seconds}\""));
    }
}

/// What may stand in a quoted string without an escape (RFC 6750 3).
fn quoted(text: &str) -> String {
    let is_plain = |c: &char| (' '..='~').contains(c) && !matches!(c, '"' | '\\');
    text.chars().filter(is_plain).collect()
}
