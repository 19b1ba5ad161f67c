//! One HTTP/1.1 exchange on a connection of its own (RFC 9112).

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use latchkey_protocol::outbound::{
    Authorization, OutboundAnswer, OutboundError, OutboundMethod, OutboundRequest,
};
use tokio::time::{Instant, timeout_at};

use super::{connect::Connection, metered::Metered, target::Target};

/// The longest head of an answer, in bytes, and how many fields it may have.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;

/// Sends the request and reads what is wanted of the answer, all of it before `until`.
pub async fn exchange(
    connection: Box<dyn Connection>,
    target: &Target,
    request: &OutboundRequest<'_>,
    until: Instant,
) -> Result<OutboundAnswer, OutboundError> {
    let message = message(target, request)?;
    // Chunks of one byte, the worst, are six on the wire.
    let most = 2 * LONGEST_HEAD + request.longest_answer.saturating_mul(6);
    let metered = TokioIo::new(Metered::new(connection, most));
    let (mut sender, driver) = http1::Builder::new()
        .max_headers(MOST_FIELDS)
        .max_buf_size(LONGEST_HEAD)
        .handshake(metered)
        .await
        .map_err(|_| OutboundError::Garbled)?;
    let answered = async {
        let head = timeout_at(until, sender.send_request(message)).await;
        let head = head.map_err(|_| OutboundError::Late)?;
        let response = head.map_err(|_| OutboundError::Garbled)?;
        Ok(answer(response, request, until).await)
    };
    let driven = async {
        // Its errors come to `answered` as well.
        let _ended = driver.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        answer = answered => answer,
        () = driven => Err(OutboundError::Garbled),
    }
}

fn message(
    target: &Target,
    request: &OutboundRequest<'_>,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let mut head = Request::builder()
        .uri(target.path_and_query())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, "Latchkey")
        .header(header::ACCEPT, "application/json")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    if let Some(Authorization(value)) = request.authorization {
        let value = HeaderValue::from_str(value).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        head = head.header(
            header::AUTHORIZATION,
            value.map_err(|_| OutboundError::Address)?,
        );
    }
    let built = match request.method {
        OutboundMethod::Get => head.method("GET").body(Full::default()),
        OutboundMethod::Post { content_type, body } => head
            .method("POST")
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::from(body.to_owned())),
    };
    built.map_err(|_| OutboundError::Address)
}

async fn answer(
    response: Response<Incoming>,
    request: &OutboundRequest<'_>,
    until: Instant,
) -> OutboundAnswer {
    let status = response.status().as_u16();
    let is_wanted = request.wants_success_body || !response.status().is_success();
    let said = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let content_type = said(header::CONTENT_TYPE);
    let cache_control = said(header::CACHE_CONTROL);
    let date = said(header::DATE);
    let location = said(header::LOCATION);
    let read = if is_wanted {
        timeout_at(until, read(response.into_body(), request.longest_answer)).await
    } else {
        Ok(Ok(Vec::new()))
    };
    OutboundAnswer {
        status,
        content_type,
        cache_control,
        date,
        location,
        body: read.unwrap_or(Err(OutboundError::Late)),
    }
}

/// The body, if it is no longer than that.
async fn read(mut body: Incoming, longest: usize) -> Result<Vec<u8>, OutboundError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| OutboundError::Garbled)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if data.len() > longest - whole.len() {
            return Err(OutboundError::TooLong);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole)
}
