use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use actix_web::rt::time::{Sleep, sleep_until};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    admission::Place,
    patience::{Exchange, Patience},
};

/// Bytes, with or without TLS.
pub enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that ends when its peer takes too long, and gives its place back.
pub struct Stream {
    transport: Transport,
    exchange: Rc<Exchange>,
    patience: Patience,
    /// Never later than the deadline. It is set anew when it fires, not with each request: deadlines only move on, and
    /// none is nearer than the least patience.
    timer: Pin<Box<Sleep>>,
    over: bool,
    place: Place,
}

impl Stream {
    pub fn new(transport: Transport, patience: Patience, place: Place) -> Self {
        let timer = Box::pin(sleep_until((Instant::now() + patience.least()).into()));
        Self { transport, exchange: Exchange::new(), patience, timer, over: false, place }
    }

    pub fn exchange(&self) -> Rc<Exchange> {
        self.exchange.clone()
    }

    /// Ready when the peer has used up our patience, or its place is somebody else's; wakes the task when that may be so.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.over |= self.place.is_taken(cx);
        while !self.over {
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            let deadline = self.exchange.deadline(&self.patience);
            self.over = deadline.is_some_and(|deadline| deadline <= now);
            let next = now + self.patience.least();
            self.timer.as_mut().reset(deadline.map_or(next, |deadline| next.min(deadline)).into());
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        let filled = buffer.filled().len();
        let read = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        if read.is_pending() {
            // As if the peer had closed.
            return self.poll_patience(cx).map(Ok);
        }
        if buffer.filled().len() > filled {
            self.exchange.came();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        // Who does not read either is not waited for.
        if written.is_pending() && self.over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { written }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
