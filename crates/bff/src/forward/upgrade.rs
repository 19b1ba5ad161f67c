//! Websockets: the handshake is forwarded with the access token, then bytes go both ways as they are. A socket ends with its
//! session.

use std::{cell::Cell, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header as given},
    web::{self, BytesMut},
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
    sync::mpsc,
    time::Instant,
};

use super::{Call, Seats, body::Cut};
use crate::{
    Bff, answer,
    renew::{Life, Ready},
    store::Key,
};

/// How soon a socket ends after its session, at the most.
const LOOKS: Duration = Duration::from_secs(5);
/// How long it goes on when the store does not say whether the session has ended, at the most.
const UNSEEN: Duration = Duration::from_secs(30);
/// Pieces between the API and the browser.
const PIECES: usize = 4;
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
    let (sender, pieces) = mpsc::channel(PIECES);
    let (watched, limits) = (bff.clone(), bff.0.settings.limits);
    actix_web::rt::spawn(async move {
        // Free when this ends, whatever the browser takes of what is on its way.
        let _seats = seats;
        let (from, to) = split(TokioIo::new(upgraded));
        let heard = Heard::default();
        tokio::select! {
            () = sent(payload, to, &heard, limits.between) => {}
            () = received(from, &sender, &heard, limits.between) => {}
            () = heard.nothing_for(limits.silence) => {}
            () = ended(&watched, key) => {}
            () = sender.closed() => {}
        }
    });
    made.streaming(stream::unfold(pieces, async |mut pieces| {
        let piece = pieces.recv().await?;
        Some((Ok::<_, Cut>(piece), pieces))
    }))
}

/// When either side was heard last.
struct Heard(Cell<Instant>);

impl Default for Heard {
    fn default() -> Self {
        Self(Cell::new(Instant::now()))
    }
}

impl Heard {
    fn now(&self) {
        self.0.set(Instant::now());
    }

    async fn nothing_for(&self, time: Duration) {
        while self.0.get().elapsed() < time {
            tokio::time::sleep_until(self.0.get() + time).await;
        }
    }
}

/// What comes from the browser, until it ends, or the API takes nothing.
async fn sent(
    mut payload: web::Payload,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    heard: &Heard,
    between: Duration,
) {
    while let Some(Ok(piece)) = payload.next().await {
        heard.now();
        let written = async {
            to.write_all(&piece).await?;
            to.flush().await
        };
        if !matches!(tokio::time::timeout(between, written).await, Ok(Ok(()))) {
            return;
        }
    }
    let _closed = tokio::time::timeout(between, to.shutdown()).await;
}

/// What comes from the API, until it ends, or the browser takes nothing.
async fn received(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    sender: &mpsc::Sender<Bytes>,
    heard: &Heard,
    between: Duration,
) {
    let mut piece = BytesMut::with_capacity(PIECE);
    while from.read_buf(&mut piece).await.is_ok_and(|count| count > 0) {
        heard.now();
        let sent = tokio::time::timeout(between, sender.send(piece.split().freeze())).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
        piece.reserve(PIECE);
    }
}

/// Returns when the session has ended, or nobody could say for a while that it has not, or the time of the socket is over.
pub async fn ended(bff: &Bff, key: Key) {
    let lasts = bff.0.settings.lifetimes.stream.unsigned_abs();
    let (until, mut seen) = (Instant::now() + Duration::from_secs(lasts), Instant::now());
    let unseen = UNSEEN.min(bff.0.settings.limits.between);
    while Instant::now() < until && seen.elapsed() < unseen {
        tokio::time::sleep(LOOKS).await;
        match bff.0.sessions.life(key).await {
            Life::Alive => seen = Instant::now(),
            Life::Ended => return,
            Life::Unknown => {}
        }
    }
}
