//! One attempt to tell a client that a session has ended, with canned answers.

use std::sync::Mutex;

use async_trait::async_trait;
use latchkey_operations::back_channel::{Attempt, tell};
use latchkey_protocol::{
    logout_token::Delivery,
    outbound::{Outbound, OutboundAnswer, OutboundError, OutboundMethod, OutboundRequest},
};

/// Gives one answer to every call, and remembers what was called.
struct Canned {
    answer: Result<OutboundAnswer, OutboundError>,
    calls: Mutex<Vec<(String, String)>>,
}

impl Canned {
    fn new(answer: Result<OutboundAnswer, OutboundError>) -> Self {
        Self {
            answer,
            calls: Mutex::default(),
        }
    }

    fn saying(status: u16, body: &str) -> Self {
        Self::new(Ok(OutboundAnswer {
            status,
            content_type: None,
            cache_control: None,
            date: None,
            location: None,
            body: Ok(body.into()),
        }))
    }
}

#[async_trait]
impl Outbound for Canned {
    async fn call(&self, request: OutboundRequest<'_>) -> Result<OutboundAnswer, OutboundError> {
        let OutboundMethod::Post { content_type, body } = request.method else {
            panic!("a logout token is posted");
        };
        assert_eq!(content_type, "application/x-www-form-urlencoded");
        let mut calls = self.calls.lock().unwrap();
        calls.push((request.url.to_owned(), body.to_owned()));
        self.answer.clone()
    }
}

async fn told(outbound: &Canned) -> Option<Attempt> {
    tell(outbound, "https://app.example/out?a=b", "aa.bb-_.cc").await
}

/// 2.5.
#[tokio::test]
async fn a_logout_token_is_posted_as_a_form() {
    let client = Canned::saying(200, "");
    let attempt = told(&client).await.unwrap();
    assert_eq!(attempt.delivery, Delivery::Delivered);
    assert_eq!((attempt.status, attempt.reason), (Some(200), None));
    let expected = (
        "https://app.example/out?a=b".to_owned(),
        "logout_token=aa.bb-_.cc".to_owned(),
    );
    assert_eq!(*client.calls.lock().unwrap(), [expected]);
}

/// 2.8.
#[tokio::test]
async fn what_a_client_says_of_its_refusal_is_kept_as_plain_text() {
    let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1000));
    let table = [
        (r#"{"error":"invalid_request"}"#, Some("invalid_request")),
        (
            r#"{"error":"invalid_request","error_description":"no such sid"}"#,
            Some("invalid_request: no such sid"),
        ),
        (
            r#"{"error":"a\u001b[2Jb\u202ec","error_description":"é\n"}"#,
            Some("a?[2Jb?c: ??"),
        ),
        (r#"{"error":1}"#, None),
        (r#"["error"]"#, None),
        ("<html>", None),
        ("", None),
        (long.as_str(), Some(&long[10..210])),
    ];
    for (body, reason) in table {
        let attempt = told(&Canned::saying(400, body)).await.unwrap();
        assert_eq!(attempt.delivery, Delivery::Refused);
        assert_eq!(attempt.status, Some(400));
        assert_eq!(attempt.reason.as_deref(), reason, "{body}");
    }
}

#[tokio::test]
async fn an_answer_counts_by_its_status_even_without_its_body() {
    for (status, delivery) in [(204, Delivery::Delivered), (302, Delivery::Misanswered)] {
        for error in [OutboundError::Late, OutboundError::TooLong] {
            let client = Canned::new(Ok(OutboundAnswer {
                status,
                content_type: None,
                cache_control: None,
                date: None,
                location: None,
                body: Err(error),
            }));
            let attempt = told(&client).await.unwrap();
            assert_eq!((attempt.delivery, attempt.status), (delivery, Some(status)));
        }
    }
}

#[tokio::test]
async fn what_went_wrong_on_the_way_is_said_and_busy_is_no_attempt() {
    let client = Canned::new(Err(OutboundError::Unresolved));
    let attempt = told(&client).await.unwrap();
    assert_eq!(
        (attempt.delivery, attempt.status),
        (Delivery::Unreached, None)
    );
    assert_eq!(
        attempt.reason.as_deref(),
        Some("the host name does not resolve")
    );
    assert_eq!(told(&Canned::new(Err(OutboundError::Busy))).await, None);
}
