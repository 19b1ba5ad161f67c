//! Calls to another provider: JSON comes back, within a bounded time and length, or the reason why not.

use std::time::Duration;

use latchkey_protocol::outbound::{
    Authorization, Outbound, OutboundAnswer, OutboundError, OutboundMethod, OutboundRequest,
};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes. Discovery documents and key sets have a few thousand.
const LONGEST_ANSWER: usize = 256 * 1024;
/// As much of what the other side says as is kept, in characters.
const LONGEST_REASON: usize = 200;

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Too many calls are under way here.
    #[error("too many calls to it are under way")]
    Busy,
    /// It could not be called, or said nothing in time.
    #[error("{0}")]
    Unreachable(OutboundError),
    /// It answered with a failure of its own, or that it is asked too much.
    #[error("it answered with the status {0}")]
    Failing(u16),
    /// It refused, in the words of OAuth or its own.
    #[error("it refused: {0}")]
    Refused(String),
    /// What it answered is not what was asked for.
    #[error("its answer cannot be used: {0}")]
    Garbled(String),
}

impl From<OutboundError> for Trouble {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Busy => Self::Busy,
            OutboundError::TooLong | OutboundError::Garbled => Self::Garbled(error.to_string()),
            other => Self::Unreachable(other),
        }
    }
}

/// A JSON object, and what its head says of its age.
#[derive(Debug)]
pub struct Answered {
    /// The object.
    pub object: Map<String, Value>,
    /// `Cache-Control`, where it was sent.
    pub cache_control: Option<String>,
    /// `Date`, where it was sent.
    pub date: Option<String>,
}

/// Asks for a JSON object, with an access token where one is needed (RFC 6750 2.1).
///
/// # Errors
/// [`Trouble`].
pub async fn get(
    outbound: &dyn Outbound,
    url: &str,
    access_token: Option<&str>,
) -> Result<Answered, Trouble> {
    let answer = call(outbound, url, OutboundMethod::Get, bearer(access_token)?).await?;
    let (cache_control, date) = (answer.cache_control.clone(), answer.date.clone());
    let Value::Object(object) = read(answer)? else {
        return Err(Trouble::Garbled("no JSON object".into()));
    };
    Ok(Answered {
        object,
        cache_control,
        date,
    })
}

/// As [`get`], for a list.
///
/// # Errors
/// [`Trouble`].
pub async fn get_list(
    outbound: &dyn Outbound,
    url: &str,
    access_token: &str,
) -> Result<Vec<Value>, Trouble> {
    let credentials = bearer(Some(access_token))?;
    let answer = call(outbound, url, OutboundMethod::Get, credentials).await?;
    match read(answer)? {
        Value::Array(list) => Ok(list),
        _ => Err(Trouble::Garbled("no JSON list".into())),
    }
}

/// Posts a form, and reads the JSON object that comes back.
///
/// # Errors
/// [`Trouble`].
pub async fn post(
    outbound: &dyn Outbound,
    url: &str,
    form: &[(&str, &str)],
    authorization: Option<&str>,
) -> Result<Map<String, Value>, Trouble> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let method = OutboundMethod::Post {
        content_type: "application/x-www-form-urlencoded",
        body: &body,
    };
    let credentials = authorization.map(str::to_owned);
    match read(call(outbound, url, method, credentials).await?)? {
        Value::Object(object) => Ok(object),
        _ => Err(Trouble::Garbled("no JSON object".into())),
    }
}

/// How an address answers, whatever it is: the head, for the body is not read as anything.
///
/// # Errors
/// [`Trouble`], where there is no answer.
pub async fn look(outbound: &dyn Outbound, url: &str) -> Result<OutboundAnswer, Trouble> {
    call(outbound, url, OutboundMethod::Get, None).await
}

fn bearer(access_token: Option<&str>) -> Result<Option<String>, Trouble> {
    let is_token = |token: &str| token.bytes().all(|byte| byte.is_ascii_graphic());
    match access_token {
        Some(token) if !is_token(token) => {
            Err(Trouble::Garbled("an access token in no ASCII".into()))
        }
        token => Ok(token.map(|token| format!("Bearer {token}"))),
    }
}

async fn call(
    outbound: &dyn Outbound,
    url: &str,
    method: OutboundMethod<'_>,
    authorization: Option<String>,
) -> Result<OutboundAnswer, Trouble> {
    let request = OutboundRequest {
        url,
        method,
        authorization: authorization.as_deref().map(Authorization),
        deadline: DEADLINE,
        longest_answer: LONGEST_ANSWER,
        wants_success_body: true,
    };
    Ok(outbound.call(request).await?)
}

/// The JSON of an answer that says that all went well. Some providers refuse with the status 200: an object with the
/// member `error` is a refusal whatever its status.
fn read(answer: OutboundAnswer) -> Result<Value, Trouble> {
    let status = answer.status;
    if status == 429 || status >= 500 {
        return Err(Trouble::Failing(status));
    }
    let json = match answer.body {
        Ok(body) => serde_json::from_slice::<Value>(&body).ok(),
        Err(error) => return Err(error.into()),
    };
    if let Some(said) = json.as_ref().and_then(refusal) {
        return Err(Trouble::Refused(said));
    }
    match json {
        Some(value) if (200..300).contains(&status) => Ok(value),
        None if (200..300).contains(&status) => Err(Trouble::Garbled("no JSON".into())),
        _ => Err(Trouble::Failing(status)),
    }
}

/// `error` and `error_description` (RFC 6749 5.2), in printable ASCII.
fn refusal(json: &Value) -> Option<String> {
    let error = json.get("error")?;
    let code = error
        .as_str()
        .map_or_else(|| error.to_string(), str::to_owned);
    let description = json.get("error_description").and_then(Value::as_str);
    Some(plain(&match description {
        Some(description) => format!("{code}: {description}"),
        None => code,
    }))
}

/// What another side says, as it may stand in a log: printable ASCII, and not much of it.
pub fn plain(text: &str) -> String {
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    text.chars().take(LONGEST_REASON).map(printable).collect()
}
