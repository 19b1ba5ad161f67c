//! Answers of `latchkey dev` that fail, are slow, or get lost, because a test asked for it.

use std::{
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::{Bytes, Data},
};
use latchkey_protocol::Issuer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many faults may wait.
const WAITING: usize = 100;
/// How often one fault may happen.
const TIMES: u32 = 100;
/// How long an answer may be held back, in milliseconds.
const SLOWEST: u64 = 60_000;

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Another status; the endpoint does nothing.
    Status,
    /// It comes later; the endpoint does its work at once.
    Slow,
    /// It never comes; the endpoint does its work, then the connection is closed.
    Lost,
}

/// A fault as it is asked for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A member of the discovery document, such as `token_endpoint`, or a path below the issuer.
    endpoint: String,
    fault: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(default = "once")]
    times: u32,
    /// The path that is meant.
    #[serde(skip)]
    path: String,
}

fn once() -> u32 {
    1
}

/// What is to be done with one answer.
enum Action {
    Status(StatusCode),
    Slow(Duration),
    Lost,
}

/// The faults that wait for their answers, in the order in which they were asked for.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one; answers all that wait.
    ///
    /// # Errors
    /// A sentence: what cannot be asked for, and what can.
    pub fn add(
        &self,
        mut fault: Fault,
        issuer: &Issuer,
        discovery: &Value,
    ) -> Result<Value, String> {
        fault.path = path_of(&fault.endpoint, issuer, discovery)?;
        fault.check()?;
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING {
            return Err(format!(
                "{WAITING} faults wait already; DELETE takes all of them away"
            ));
        }
        waiting.push(fault);
        Ok(json!({ "waiting": *waiting }))
    }

    /// Takes all of them away.
    pub fn clear(&self) -> Value {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.clear();
        json!({ "waiting": [] })
    }

    /// What happens to this answer of the path.
    fn take(&self, path: &str) -> Option<Action> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|fault| fault.path == path)?;
        let fault = waiting.get_mut(at)?;
        let action = fault.action();
        fault.times -= 1;
        if fault.times == 0 {
            waiting.remove(at);
        }
        Some(action)
    }
}

impl Fault {
    fn check(&self) -> Result<(), String> {
        if !(1..=TIMES).contains(&self.times) {
            return Err(format!("times is {}; it is 1 to {TIMES}", self.times));
        }
        match (self.fault, self.status, self.ms) {
            (Kind::Status, Some(400..=599), None)
            | (Kind::Slow, None, Some(1..=SLOWEST))
            | (Kind::Lost, None, None) => Ok(()),
            (Kind::Status, ..) => {
                Err("fault status needs a status of 400 to 599, and nothing else".to_owned())
            }
            (Kind::Slow, ..) => Err(format!(
                "fault slow needs ms, of 1 to {SLOWEST}, and nothing else"
            )),
            (Kind::Lost, ..) => Err("fault lost has neither status nor ms".to_owned()),
        }
    }

    fn action(&self) -> Action {
        match self.fault {
            Kind::Status => {
                let status = self.status.and_then(|code| StatusCode::from_u16(code).ok());
                Action::Status(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
            }
            Kind::Slow => Action::Slow(Duration::from_millis(self.ms.unwrap_or_default())),
            Kind::Lost => Action::Lost,
        }
    }
}

/// The path of an endpoint, as requests have it.
fn path_of(endpoint: &str, issuer: &Issuer, discovery: &Value) -> Result<String, String> {
    if endpoint.starts_with('/') {
        let path = format!("{}{endpoint}", issuer.base());
        let odd = endpoint.contains(['?', '#']) || endpoint.starts_with("/dev/");
        return match odd {
            true => Err(format!(
                "endpoint {endpoint:?} is no path of the provider's own, without a query"
            )),
            false => Ok(path),
        };
    }
    let address = discovery.get(endpoint).and_then(Value::as_str);
    let path = address.and_then(|address| address.strip_prefix(issuer.as_str()));
    let path = path.filter(|path| path.starts_with('/')).ok_or_else(|| {
        format!(
            "endpoint {endpoint:?} is no address of the discovery document, such as token_endpoint or jwks_uri, and no path \
             that begins with a slash"
        )
    })?;
    Ok(format!("{}{path}", issuer.base()))
}

/// Stands before all endpoints.
///
/// # Errors
/// Those of the endpoint.
pub async fn apply(
    faults: Data<Faults>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    // What a browser asks before it calls is not the answer that is meant.
    let action = match request.method() {
        &Method::OPTIONS => None,
        _ => faults.take(request.path()),
    };
    Ok(match action {
        None => next.call(request).await?.map_into_left_body(),
        Some(Action::Status(status)) => request.into_response(failed(status)).map_into_right_body(),
        Some(Action::Slow(time)) => {
            let answer = next.call(request).await?;
            actix_web::rt::time::sleep(time).await;
            answer.map_into_left_body()
        }
        Some(Action::Lost) => {
            let answer = next.call(request).await?;
            answer.map_body(|_, _| EitherBody::right(BoxBody::new(Lost)))
        }
    })
}

fn failed(status: StatusCode) -> HttpResponse {
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        _ => "server_error",
    };
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "error": code, "error_description": "POST /dev/faults asked for this" }))
}

/// A body that breaks off before anything was sent: the connection is closed without a byte.
struct Lost;

impl MessageBody for Lost {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::other(
            "POST /dev/faults asked for this",
        ))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn add(faults: &Faults, asked: Value) -> Result<Value, String> {
        let fault: Fault = serde_json::from_value(asked).map_err(|error| error.to_string())?;
        let issuer = Issuer::new("http://localhost:1/id");
        let discovery = json!({ "issuer": issuer, "token_endpoint": issuer.at("/token"), "other": "http://other/x" });
        faults.add(fault, &issuer, &discovery)
    }

    #[test]
    fn each_fault_happens_as_often_as_it_was_asked_for_and_to_its_endpoint_alone() {
        let faults = Faults::default();
        add(
            &faults,
            json!({ "endpoint": "token_endpoint", "fault": "status", "status": 503, "times": 2 }),
        )
        .unwrap();
        let waiting = add(&faults, json!({ "endpoint": "/token", "fault": "lost" })).unwrap();
        assert_eq!(waiting["waiting"].as_array().unwrap().len(), 2);
        assert!(faults.take("/token").is_none() && faults.take("/id/userinfo").is_none());
        for _ in 0..2 {
            assert!(matches!(
                faults.take("/id/token"),
                Some(Action::Status(StatusCode::SERVICE_UNAVAILABLE))
            ));
        }
        assert!(matches!(faults.take("/id/token"), Some(Action::Lost)));
        assert!(faults.take("/id/token").is_none());
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused() {
        let faults = Faults::default();
        for (asked, says) in [
            (
                json!({ "endpoint": "tokens", "fault": "lost" }),
                "no address of the discovery document",
            ),
            (
                json!({ "endpoint": "issuer", "fault": "lost" }),
                "no address",
            ),
            (
                json!({ "endpoint": "other", "fault": "lost" }),
                "no address",
            ),
            (
                json!({ "endpoint": "/token?x=1", "fault": "lost" }),
                "without a query",
            ),
            (
                json!({ "endpoint": "/dev/clock", "fault": "lost" }),
                "the provider's own",
            ),
            (
                json!({ "endpoint": "/token", "fault": "gone" }),
                "unknown variant `gone`, expected one of `status`",
            ),
            (
                json!({ "endpoint": "/token", "fault": "status" }),
                "a status of 400 to 599",
            ),
            (
                json!({ "endpoint": "/token", "fault": "status", "status": 200 }),
                "400 to 599",
            ),
            (
                json!({ "endpoint": "/token", "fault": "slow", "ms": 60_001 }),
                "1 to 60000",
            ),
            (
                json!({ "endpoint": "/token", "fault": "lost", "ms": 1 }),
                "neither status nor ms",
            ),
            (
                json!({ "endpoint": "/token", "fault": "lost", "times": 0 }),
                "1 to 100",
            ),
            (
                json!({ "endpoint": "/token", "fault": "lost", "time": 1 }),
                "unknown field `time`",
            ),
        ] {
            let refused = add(&faults, asked.clone()).unwrap_err();
            assert!(refused.contains(says), "{asked}: {refused}");
        }
        for _ in 0..WAITING {
            add(&faults, json!({ "endpoint": "/token", "fault": "lost" })).unwrap();
        }
        let refused = add(&faults, json!({ "endpoint": "/token", "fault": "lost" }));
        assert!(refused.unwrap_err().contains("100 faults wait already"));
        faults.clear();
        assert!(faults.take("/id/token").is_none());
    }
}
