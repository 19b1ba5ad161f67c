//! Bodies: streamed both ways, a few pieces at a time, each within its time.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{HttpRequest, body::BodySize, body::MessageBody, http::header, web};
use futures_util::StreamExt;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    time::Sleep,
};

use crate::settings::Limits;

/// A body that is short enough to be kept until the API has answered, in bytes.
const SHORT: u64 = 64 * 1024;
/// Pieces between the browser and the API.
const PIECES: usize = 4;

/// Why the caller's body is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incomplete {
    TooLarge,
    TooSlow,
    Broken,
}

/// An error that ends a body early.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Cut(&'static str);

/// What goes to the API.
pub enum Body {
    Whole(Option<Bytes>),
    Pieces {
        pieces: mpsc::Receiver<Result<Bytes, Cut>>,
        left: Option<u64>,
    },
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces { pieces, left } => {
                let piece = ready!(pieces.poll_recv(context));
                if let (Some(Ok(bytes)), Some(left)) = (&piece, left) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Pieces { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// How far the caller's body has come.
pub struct Progress {
    failure: Arc<AtomicU8>,
    over: watch::Receiver<bool>,
}

impl Progress {
    /// Returns when nothing more comes from the caller.
    pub async fn over(&self) {
        let mut over = self.over.clone();
        // Whoever sends has gone: that is the end too.
        let _ended = over.wait_for(|over| *over).await;
    }

    pub fn failure(&self) -> Option<Incomplete> {
        match self.failure.load(Ordering::Acquire) {
            1 => Some(Incomplete::TooLarge),
            2 => Some(Incomplete::TooSlow),
            3 => Some(Incomplete::Broken),
            _ => None,
        }
    }
}

/// The body of a call.
pub struct Upload {
    body: Body,
    progress: Progress,
}

impl Upload {
    /// A short one is read whole; of a longer one the first piece has not been asked for yet.
    pub async fn of(
        request: &HttpRequest,
        mut payload: web::Payload,
        limits: &Limits,
    ) -> Result<Self, Incomplete> {
        let length = length(request)?;
        if length.is_some_and(|length| length > limits.body) {
            return Err(Incomplete::TooLarge);
        }
        let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        if !is_chunked && length.unwrap_or(0) <= SHORT {
            let bytes = whole(&mut payload, length.unwrap_or(0), limits).await?;
            return Ok(Self::kept((!bytes.is_empty()).then_some(bytes)));
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        let (over, is_over) = watch::channel(false);
        let failure = Arc::new(AtomicU8::new(0));
        let progress = Progress {
            failure: failure.clone(),
            over: is_over,
        };
        let (most, between) = (length.unwrap_or(limits.body), limits.between);
        actix_web::rt::spawn(async move {
            if let Err(incomplete) = pump(&mut payload, &sender, most, between).await {
                failure.store(incomplete as u8 + 1, Ordering::Release);
                let _gone = sender
                    .send(Err(Cut("the caller's body is not whole")))
                    .await;
            }
            over.send_replace(true);
        });
        let body = Body::Pieces {
            pieces,
            left: length,
        };
        Ok(Self { body, progress })
    }

    fn kept(bytes: Option<Bytes>) -> Self {
        let progress = Progress {
            failure: Arc::default(),
            over: watch::channel(true).1,
        };
        Self {
            body: Body::Whole(bytes),
            progress,
        }
    }

    /// The same once more, if it was kept.
    pub fn again(&self) -> Option<Self> {
        match &self.body {
            Body::Whole(bytes) => Some(Self::kept(bytes.clone())),
            Body::Pieces { .. } => None,
        }
    }

    pub fn into_parts(self) -> (Body, Progress) {
        (self.body, self.progress)
    }
}

fn length(request: &HttpRequest) -> Result<Option<u64>, Incomplete> {
    let Some(said) = request.headers().get(header::CONTENT_LENGTH) else {
        return Ok(None);
    };
    let said = said.to_str().ok().and_then(|said| said.parse().ok());
    said.map(Some).ok_or(Incomplete::Broken)
}

async fn whole(
    payload: &mut web::Payload,
    length: u64,
    limits: &Limits,
) -> Result<Bytes, Incomplete> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    while let Some(piece) = next(payload, limits.between).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > SHORT {
            return Err(Incomplete::TooLarge);
        }
    }
    Ok(bytes.into())
}

async fn pump(
    payload: &mut web::Payload,
    sender: &mpsc::Sender<Result<Bytes, Cut>>,
    most: u64,
    between: Duration,
) -> Result<(), Incomplete> {
    let mut sent = 0;
    while let Some(piece) = next(payload, between).await? {
        sent += piece.len() as u64;
        if sent > most {
            return Err(Incomplete::TooLarge);
        }
        if sender.send(Ok(piece)).await.is_err() {
            // The API has answered, or is gone: nobody wants the rest.
            return Ok(());
        }
    }
    Ok(())
}

async fn next(payload: &mut web::Payload, between: Duration) -> Result<Option<Bytes>, Incomplete> {
    match tokio::time::timeout(between, payload.next()).await {
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(_))) => Err(Incomplete::Broken),
        Ok(None) => Ok(None),
        Err(_) => Err(Incomplete::TooSlow),
    }
}

/// What comes from the API, with its place among the calls.
pub struct Download {
    body: Incoming,
    between: Duration,
    /// Runs while the next piece is waited for.
    late: Pin<Box<Sleep>>,
    is_waiting: bool,
    _seat: OwnedSemaphorePermit,
}

impl Download {
    pub fn new(body: Incoming, between: Duration, seat: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            between,
            late: Box::pin(tokio::time::sleep(between)),
            is_waiting: false,
            _seat: seat,
        }
    }
}

impl MessageBody for Download {
    type Error = Cut;

    fn size(&self) -> BodySize {
        match self.body.size_hint().exact() {
            Some(length) => BodySize::Sized(length),
            None => BodySize::Stream,
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.is_waiting = false;
                    // Trailers are not passed on.
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(_))) => return cut("the API's answer is not whole"),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        if !this.is_waiting {
            this.is_waiting = true;
            let late = tokio::time::Instant::now() + this.between;
            this.late.as_mut().reset(late);
        }
        ready!(this.late.as_mut().poll(context));
        cut("the API's answer has stopped")
    }
}

fn cut(why: &'static str) -> Poll<Option<Result<Bytes, Cut>>> {
    tracing::warn!(why, "an answer is cut");
    Poll::Ready(Some(Err(Cut(why))))
}
