//! Websockets: the handshake is forwarded with the access token, then bytes go both ways as they are. A socket ends with its
//! session.

use std::{pin::pin, rc::Rc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header as given},
    web,
};
use futures_util::{StreamExt, stream};
use http::{Response, header};
use hyper::{
    body::{Bytes, Incoming},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::watch,
    time::Instant,
};

use super::{Call, Seats, body::Cut};
use crate::{Bff, answer, renew::Ready, store::Key};

/// How soon a socket ends after its session, at the most.
const LOOKS: Duration = Duration::from_secs(5);
/// The longest piece that is read at once, in bytes.
const PIECE: usize = 16 * 1024;

/// What the handshake consists of (RFC 6455 4.1), beside what each request has.
pub const HANDSHAKE: [&str; 4] = [
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
];

/// Whether it asks for another protocol; whether it may is another question.
pub fn is_asked_for(request: &HttpRequest) -> bool {
    request.headers().contains_key(given::UPGRADE)
}

/// RFC 6455 4.2.1.
fn is_handshake(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is = |name: given::HeaderName, word: &str| {
        let mut values = headers.get_all(name);
        let value = values.next().and_then(|value| value.to_str().ok());
        let mut words = value.unwrap_or_default().split(',');
        values.next().is_none() && words.any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let has_body = headers.contains_key(given::CONTENT_LENGTH)
        || headers.contains_key(given::TRANSFER_ENCODING);
    *request.method() == Method::GET
        && is(given::UPGRADE, "websocket")
        && is(given::CONNECTION, "upgrade")
        && is(given::SEC_WEBSOCKET_VERSION, "13")
        && headers.contains_key(given::SEC_WEBSOCKET_KEY)
        && !has_body
}

/// Answers a handshake whose origin was looked at.
pub async fn open(call: &Call<'_>, ready: &Ready, payload: web::Payload) -> HttpResponse {
    if !call.upstream.websockets || !is_handshake(call.request) {
        return answer::bad_request();
    }
    let Some(seats) = call.stream_seats(ready) else {
        return call.busy();
    };
    let asked = call.handshake(ready).await;
    let mut answered = match asked {
        Ok(answered) => answered,
        Err(failed) => return call.failed(&failed),
    };
    if answered.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        // Its head alone: whoever asked for a socket reads no page.
        tracing::info!(upstream = call.upstream.path, status = %answered.status(), "an API opens no websocket");
        return answer::bad_gateway();
    }
    let patience = call.bff.0.settings.limits.head;
    match tokio::time::timeout(patience, hyper::upgrade::on(&mut answered)).await {
        Ok(Ok(upgraded)) => switched(call.bff, ready.key, &answered, upgraded, payload, seats),
        Ok(Err(_)) | Err(_) => answer::bad_gateway(),
    }
}

fn switched(
    bff: &Bff,
    key: Key,
    answered: &Response<Incoming>,
    upgraded: Upgraded,
    payload: web::Payload,
    seats: Seats,
) -> HttpResponse {
    let mut made = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    made.upgrade("websocket");
    for name in [
        header::SEC_WEBSOCKET_ACCEPT,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_EXTENSIONS,
    ] {
        for value in answered.headers().get_all(&name) {
            made.append_header((name.as_str(), value.as_bytes()));
        }
    }
    let (reads, writes) = split(TokioIo::new(upgraded));
    let (over, is_over) = watch::channel(false);
    let watched = bff.clone();
    // The seats are free when both sides are gone.
    let seats = Rc::new(seats);
    let held = seats.clone();
    actix_web::rt::spawn(async move {
        let _held = held;
        tokio::select! {
            () = sent(payload, writes) => {}
            () = over.closed() => {}
            () = ended(&watched, key) => {}
        }
        over.send_replace(true);
    });
    made.streaming(received(reads, is_over, seats))
}

/// What comes from the browser.
async fn sent(mut payload: web::Payload, mut to: WriteHalf<TokioIo<Upgraded>>) {
    while let Some(Ok(piece)) = payload.next().await {
        if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _closed = to.shutdown().await;
}

/// What comes from the API, until either side has gone or the session has.
fn received(
    from: ReadHalf<TokioIo<Upgraded>>,
    is_over: watch::Receiver<bool>,
    seats: Rc<Seats>,
) -> impl futures_util::Stream<Item = Result<Bytes, Cut>> {
    stream::unfold(
        (from, is_over, seats),
        |(mut from, mut is_over, seats)| async move {
            let mut piece = vec![0; PIECE];
            let count = {
                let over = pin!(is_over.wait_for(|over| *over));
                tokio::select! {
                    read = from.read(&mut piece) => read.unwrap_or(0),
                    _ = over => 0,
                }
            };
            if count == 0 {
                return None;
            }
            piece.truncate(count);
            Some((Ok(Bytes::from(piece)), (from, is_over, seats)))
        },
    )
}

/// Returns when the session has ended, or the time of the socket is over.
pub async fn ended(bff: &Bff, key: Key) {
    let lasts = bff.0.settings.lifetimes.stream.unsigned_abs();
    let until = Instant::now() + Duration::from_secs(lasts);
    while Instant::now() < until {
        tokio::time::sleep(LOOKS).await;
        if !bff.0.sessions.is_alive(key).await {
            return;
        }
    }
}
