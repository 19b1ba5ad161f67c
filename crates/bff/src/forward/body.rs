//! Bodies: streamed both ways, a few pieces at a time, each within its time.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, body::BodySize, body::MessageBody, http::header, web};
use futures_util::StreamExt;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::{mpsc, watch};

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
pub struct Cut(pub &'static str);

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
            let bytes = whole(&mut payload, length.unwrap_or(0), limits);
            // As a whole: a byte now and then would hold a place for days.
            let bytes = tokio::time::timeout(limits.head, bytes).await;
            let bytes = bytes.map_err(|_| Incomplete::TooSlow)??;
            return Ok(Self::kept((!bytes.is_empty()).then_some(bytes)));
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        let (over, is_over) = watch::channel(false);
        let failure = Arc::new(AtomicU8::new(0));
        let progress = Progress {
            failure: failure.clone(),
            over: is_over,
        };
        let (most, limits) = (length.unwrap_or(limits.body), *limits);
        actix_web::rt::spawn(async move {
            if let Err(incomplete) = pump(&mut payload, &sender, most, &limits).await {
                failure.store(incomplete as u8 + 1, Ordering::Release);
                // First: the API may take nothing for long.
                over.send_replace(true);
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

/// A byte now and then would hold a place for days: the time in which the caller is waited for grows with what has come.
async fn pump(
    payload: &mut web::Payload,
    sender: &mpsc::Sender<Result<Bytes, Cut>>,
    most: u64,
    limits: &Limits,
) -> Result<(), Incomplete> {
    let (mut sent, mut waited, between) = (0, Duration::ZERO, limits.between);
    loop {
        let allowed = limits.head + Duration::from_secs(sent / limits.rate.max(1));
        let (begun, left) = (Instant::now(), allowed.saturating_sub(waited));
        let Some(piece) = next(payload, between.min(left)).await? else {
            return Ok(());
        };
        waited += begun.elapsed();
        sent += piece.len() as u64;
        if sent > most {
            return Err(Incomplete::TooLarge);
        }
        match tokio::time::timeout(between, sender.send(Ok(piece))).await {
            Ok(Ok(())) => {}
            // The API has answered, or is gone: nobody wants the rest.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(Incomplete::TooSlow),
        }
    }
}

async fn next(payload: &mut web::Payload, between: Duration) -> Result<Option<Bytes>, Incomplete> {
    match tokio::time::timeout(between, payload.next()).await {
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(_))) => Err(Incomplete::Broken),
        Ok(None) => Ok(None),
        Err(_) => Err(Incomplete::TooSlow),
    }
}

/// What comes from the API.
pub struct Download {
    pieces: mpsc::Receiver<Bytes>,
    length: Option<u64>,
    is_whole: Arc<AtomicBool>,
}

impl Download {
    /// `seats` are given back when all has come, when either side has stopped for `between`, or with `ended`. Whoever takes
    /// nothing holds no place among the calls.
    pub fn begin(
        body: Incoming,
        between: Duration,
        ended: impl Future<Output = ()> + 'static,
        seats: impl Sized + 'static,
    ) -> Self {
        let length = body.size_hint().exact();
        let (sender, pieces) = mpsc::channel(PIECES);
        let is_whole = Arc::new(AtomicBool::new(false));
        let done = is_whole.clone();
        actix_web::rt::spawn(async move {
            let _seats = seats;
            let cut = tokio::select! {
                // First: whoever has all goes, too.
                biased;
                passed = passed(body, &sender, between) => passed.err(),
                () = ended => Some("its session has ended, or its time is over"),
                () = sender.closed() => Some("the browser has gone"),
            };
            match cut {
                None => done.store(true, Ordering::Release),
                Some(why) => tracing::info!(why, "an answer is cut"),
            }
        });
        Self {
            pieces,
            length,
            is_whole,
        }
    }
}

async fn passed(
    mut body: Incoming,
    sender: &mpsc::Sender<Bytes>,
    between: Duration,
) -> Result<(), &'static str> {
    while let Some(bytes) = piece(&mut body, between).await? {
        let sent = tokio::time::timeout(between, sender.send(bytes)).await;
        // Whoever has gone needs to hear nothing.
        sent.map_err(|_| "the browser takes nothing")?
            .map_err(|_| "the browser has gone")?;
    }
    Ok(())
}

/// Trailers are not passed on.
async fn piece(body: &mut Incoming, between: Duration) -> Result<Option<Bytes>, &'static str> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let frame = tokio::time::timeout(between, frame).await;
        match frame.map_err(|_| "the API has stopped")? {
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(_)) => return Err("the API's answer is not whole"),
            None => return Ok(None),
        }
    }
}

/// An answer that is short by its length, whole; none of others.
pub async fn short(body: &mut Incoming, between: Duration) -> Option<Result<Bytes, &'static str>> {
    let length = body.size_hint().exact().filter(|length| *length <= SHORT)?;
    let mut whole = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    let read = async {
        while let Some(bytes) = piece(body, between).await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(())
    };
    let read = tokio::time::timeout(between, read).await;
    let read = read.map_err(|_| "the API is too slow").flatten();
    Some(read.map(|()| whole.into()))
}

impl MessageBody for Download {
    type Error = Cut;

    fn size(&self) -> BodySize {
        self.length.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        let this = self.get_mut();
        match ready!(this.pieces.poll_recv(context)) {
            Some(bytes) => Poll::Ready(Some(Ok(bytes))),
            None if this.is_whole.load(Ordering::Acquire) => Poll::Ready(None),
            None => Poll::Ready(Some(Err(Cut("the answer is not whole")))),
        }
    }
}

/// The answer to HEAD: a length, and nothing of it.
pub struct Length(pub u64);

impl MessageBody for Length {
    type Error = Cut;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        Poll::Ready(None)
    }
}
