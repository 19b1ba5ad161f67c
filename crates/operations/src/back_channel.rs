//! One attempt to tell a client that a session has ended (OpenID Connect Back-Channel Logout 1.0 2.5, 2.8).

use std::time::Duration;

use latchkey_protocol::{
    logout_token::{Delivery, delivery},
    outbound::{Outbound, OutboundAnswer, OutboundError, OutboundMethod, OutboundRequest},
};
use serde_json::Value;

/// How long an attempt may take. A client that ends its session and asks nobody else needs milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read where it failed, in bytes: it has an error code and a sentence at most.
const LONGEST_ANSWER: usize = 4096;
/// As much of a reason as is kept, in characters.
const LONGEST_REASON: usize = 200;

/// What came of an attempt, for its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What it amounts to.
    pub delivery: Delivery,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why it was not delivered, in printable ASCII: what the client says of it, or what went wrong on the way.
    pub reason: Option<String>,
}

/// Sends a signed logout token to a client's `backchannel_logout_uri`. None: no attempt was made, because too many calls
/// are under way; it is to be made again in a moment and counts for nothing.
pub async fn tell(outbound: &dyn Outbound, uri: &str, token: &str) -> Option<Attempt> {
    // A compact JWS has no character that a form encodes.
    let body = format!("logout_token={token}");
    let request = OutboundRequest {
        url: uri,
        method: OutboundMethod::Post {
            content_type: "application/x-www-form-urlencoded",
            body: &body,
        },
        authorization: None,
        deadline: DEADLINE,
        longest_answer: LONGEST_ANSWER,
        wants_success_body: false,
    };
    let answer = outbound.call(request).await;
    let delivery = delivery(answer.as_ref().map(|answer| answer.status))?;
    let failed = delivery != Delivery::Delivered;
    Some(Attempt {
        delivery,
        status: answer.as_ref().ok().map(|answer| answer.status),
        reason: failed.then(|| reason(&answer)).flatten(),
    })
}

/// `error` and `error_description` of the answer (RFC 6749 5.2, as 2.8 has it), else the failure itself.
fn reason(answer: &Result<OutboundAnswer, OutboundError>) -> Option<String> {
    let body = match answer {
        Err(error) => return Some(plain(&error.to_string())),
        Ok(answer) => answer.body.as_ref().ok()?,
    };
    let body: Value = serde_json::from_slice(body).ok()?;
    let said = |name: &str| body.get(name).and_then(Value::as_str);
    let said = match (said("error")?, said("error_description")) {
        (code, Some(sentence)) => format!("{code}: {sentence}"),
        (code, None) => code.to_owned(),
    };
    Some(plain(&said))
}

/// A stranger wrote it, and it is printed on terminals and pages.
fn plain(text: &str) -> String {
    let printable = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    text.chars().take(LONGEST_REASON).map(printable).collect()
}
