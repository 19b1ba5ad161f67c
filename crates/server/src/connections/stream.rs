//! A socket that ends when its peer takes too long.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::rt::time::{Sleep, sleep_until};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    admission::Place,
    patience::{Exchange, Patience},
};

/// How much is read before what has come is looked at. Requests that came together wait for one another in memory, each
/// taking much more than its bytes.
const SIP: usize = 4096;
/// How soon it is looked again whether a peer from whom nothing is read at present is still there.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes, with or without TLS. `Take` bounds a read without a buffer between.
pub enum Transport {
    Plain(Take<TcpStream>),
    Tls(Box<Take<TlsStream<TcpStream>>>),
}

impl Transport {
    pub fn plain(stream: TcpStream) -> Self {
        Self::Plain(stream.take(0))
    }

    pub fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream.take(0)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream.get_ref(),
            Self::Tls(stream) => stream.get_ref().get_ref().0,
        }
    }

    /// Reads no more than so many bytes, and says how many.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let read = match self {
            Self::Plain(stream) => {
                stream.set_limit(most);
                Pin::new(stream).poll_read(cx, buffer)
            }
            Self::Tls(stream) => {
                stream.set_limit(most);
                Pin::new(stream.as_mut()).poll_read(cx, buffer)
            }
        };
        read.map_ok(|()| buffer.filled().len() - before)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream.get_mut()).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.get_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream.get_mut()).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.get_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream.get_mut()).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.get_mut()).poll_shutdown(cx),
        }
    }
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
    /// Read since the reader last looked at it.
    sipped: usize,
    /// The peer will say no more, and the reader was sent to look at what came before.
    ended: bool,
    /// Since when there may be something that is not read.
    held_since: Option<Instant>,
    place: Place,
}

impl Stream {
    pub fn new(transport: Transport, patience: Patience, place: Place) -> Self {
        let timer = Box::pin(sleep_until((Instant::now() + patience.least()).into()));
        let exchange = Exchange::new(place.seat());
        Self {
            transport,
            exchange,
            patience,
            timer,
            over: false,
            sipped: 0,
            ended: false,
            held_since: None,
            place,
        }
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
            self.timer
                .as_mut()
                .reset(deadline.map_or(next, |deadline| next.min(deadline)).into());
        }
        Poll::Ready(())
    }

    /// What is read while an answer is made, or waits to be taken: nothing. Only a peer that has gone is noticed; one
    /// that has closed its own side alone still waits for the answer.
    fn poll_held_back(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.exchange.hold_back(cx);
        if self.transport.socket().poll_read_ready(cx).is_pending() {
            // Whatever comes wakes us, the peer's end too.
            return self.poll_patience(cx).map(Ok);
        }
        if let Some(gone) = self.transport.socket().take_error()? {
            return Poll::Ready(Err(gone));
        }
        // There is something that is not read, so that nothing wakes us when the peer goes.
        let now = Instant::now();
        let since = *self.held_since.get_or_insert(now);
        let look = (now + LOOK.max(now.duration_since(since) / 2)).into();
        if self.timer.deadline() > look {
            self.timer.as_mut().reset(look);
        }
        self.poll_patience(cx).map(Ok)
    }

    /// Lets the reader look at what has come, and calls it again.
    fn pause(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.sipped = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Who does not take its answers is not waited for without end.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.exchange.is_stuck(true);
        self.poll_patience(cx)
            .map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        if self.exchange.holds_back() {
            return self.poll_held_back(cx);
        }
        self.held_since = None;
        if self.sipped >= SIP {
            return self.pause(cx);
        }
        let most = SIP - self.sipped;
        match self.transport.poll_read(cx, most, buffer) {
            Poll::Pending => {
                self.sipped = 0;
                // As if the peer had closed.
                self.poll_patience(cx).map(Ok)
            }
            // The end may have come together with a request, which is answered all the same.
            Poll::Ready(Ok(0)) if !self.ended && self.exchange.is_in_the_middle() => {
                self.ended = true;
                self.pause(cx)
            }
            Poll::Ready(Ok(read)) => {
                self.sipped += read;
                if read > 0 {
                    self.exchange.received();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.transport.poll_write(cx, bytes);
        if written.is_pending() {
            self.poll_stuck(cx).map(Err)
        } else {
            written
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.transport.poll_flush(cx);
        if flushed.is_pending() {
            return self.poll_stuck(cx).map(Err);
        }
        // The dispatcher flushes when it has written all, and not before.
        self.exchange.is_stuck(false);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        self.transport.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener, time::timeout};

    use super::{super::admission::Connections, *};

    const SOON: Duration = Duration::from_secs(2);

    /// Both ends of a connection on which a request is being answered.
    async fn answering() -> (Stream, TcpStream, super::super::patience::Answering) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let limits = super::super::Limits {
            connections: 10,
            connections_per_address: 10,
            trusted_proxies: Vec::new(),
            patience: Patience::default(),
            workers: 1,
        };
        let place = std::sync::Arc::new(Connections::new(&limits))
            .admit(address.ip())
            .expect("a place");
        let (socket, _) = accepted.expect("accepted");
        let stream = Stream::new(Transport::plain(socket), Patience::default(), place);
        let answering = stream.exchange().begin();
        (stream, client.expect("connected"), answering)
    }

    #[tokio::test]
    async fn who_has_closed_one_side_alone_is_answered_and_who_has_gone_is_noticed() {
        let (mut stream, mut client, answering) = answering().await;
        client.write_all(b"more").await.expect("sent");
        client.shutdown().await.expect("half closed");
        let mut byte = [0; 1];
        assert!(
            timeout(SOON / 10, stream.read(&mut byte)).await.is_err(),
            "held back"
        );
        // As it is when there was something unread, too.
        client.set_zero_linger().expect("set");
        drop(client);
        let gone = timeout(SOON, stream.read(&mut byte))
            .await
            .expect("noticed");
        assert!(gone.is_err(), "{gone:?}");
        drop(answering);
    }

    #[tokio::test]
    async fn what_came_during_an_answer_is_read_after_it() {
        let (mut stream, mut client, answering) = answering().await;
        client.write_all(b"m").await.expect("sent");
        let reading = tokio::task::LocalSet::new();
        let ended = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(answering);
        };
        let mut byte = [0; 1];
        let (read, ()) = reading
            .run_until(async { tokio::join!(timeout(SOON, stream.read(&mut byte)), ended) })
            .await;
        assert_eq!((read.expect("woken").expect("read"), byte), (1, *b"m"));
    }
}
