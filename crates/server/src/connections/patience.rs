//! How long a peer may take for what it has to say.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use super::admission::Seat;

/// How long a connection may take for what it has to say.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of a request, from its first byte.
    pub head: Duration,
    /// For its body, from the end of the head: so 64 KiB, the most that is read, come no slower than 6.5 KB/s.
    pub body: Duration,
    /// Between two requests, and for taking all that has been answered.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(75),
        }
    }
}

impl Patience {
    pub fn least(&self) -> Duration {
        self.head.min(self.body).min(self.idle)
    }
}

/// How long a connection stays after its head came too slowly, so that an answer can leave.
const GRACE: Duration = Duration::from_millis(500);

/// What a connection and the endpoints know of one another: whose turn it is, and since when.
pub struct Exchange {
    /// A request is being answered.
    answering: Cell<bool>,
    /// Opened, or the last answer done.
    quiet_since: Cell<Instant>,
    /// The first byte after that.
    head_since: Cell<Option<Instant>>,
    /// Its endpoint waits for the body.
    body_since: Cell<Option<Instant>>,
    /// Answers wait for the peer to take what was sent before.
    stuck_since: Cell<Option<Instant>>,
    /// Who reads, and gets nothing until the answer is there.
    held_back: RefCell<Option<Waker>>,
    seat: Arc<Seat>,
}

/// A request is being answered until this is dropped.
pub struct Answering(Rc<Exchange>);

impl Exchange {
    pub fn new(seat: Arc<Seat>) -> Rc<Self> {
        Rc::new(Self {
            answering: Cell::new(false),
            quiet_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            body_since: Cell::new(None),
            stuck_since: Cell::new(None),
            held_back: RefCell::new(None),
            seat,
        })
    }

    pub fn begin(self: &Rc<Self>) -> Answering {
        self.answering.set(true);
        self.seat.is_busy();
        self.head_since.set(None);
        Answering(self.clone())
    }

    /// Bytes have come.
    pub fn received(&self) {
        if !self.answering.get() && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    pub fn body_is_awaited(&self) {
        self.body_since.set(Some(Instant::now()));
        self.seat.is_quiet();
        self.go_on();
    }

    pub fn body_is_done(&self) {
        self.body_since.set(None);
        self.seat.is_busy();
    }

    /// The peer does not take what is sent, or has taken all.
    pub fn is_stuck(&self, stuck: bool) {
        match self.stuck_since.get() {
            None if stuck => self.stuck_since.set(Some(Instant::now())),
            Some(_) if !stuck => {
                self.stuck_since.set(None);
                self.quiet_since.set(Instant::now());
                self.go_on();
            }
            _ => {}
        }
    }

    /// Whether what has come so far waits: it is our turn, or the peer's to take what was answered. What is read
    /// nevertheless would be kept, and there is no bound to that.
    pub fn holds_back(&self) -> bool {
        self.stuck_since.get().is_some()
            || (self.answering.get() && self.body_since.get().is_none())
    }

    /// Whether what was read has not been given to an endpoint as a whole yet.
    pub fn is_in_the_middle(&self) -> bool {
        self.head_since.get().is_some() || self.body_since.get().is_some()
    }

    /// Wakes the task when reading may go on.
    pub fn hold_back(&self, cx: &Context<'_>) {
        let mut held_back = self.held_back.borrow_mut();
        if held_back
            .as_ref()
            .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            *held_back = Some(cx.waker().clone());
        }
    }

    fn go_on(&self) {
        if let Some(waker) = self.held_back.take() {
            waker.wake();
        }
    }

    /// When patience ends, if it is the caller's turn.
    pub fn deadline(&self, patience: &Patience) -> Option<Instant> {
        if let Some(since) = self.stuck_since.get() {
            return Some(since + patience.idle);
        }
        if let Some(since) = self.body_since.get() {
            return Some(since + patience.body);
        }
        if self.answering.get() {
            return None;
        }
        let idle = self.quiet_since.get() + patience.idle;
        // The first head of a connection that comes too slowly is answered (408) before this.
        Some(
            self.head_since
                .get()
                .map_or(idle, |since| idle.min(since + patience.head + GRACE)),
        )
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let exchange = &self.0;
        exchange.answering.set(false);
        exchange.quiet_since.set(Instant::now());
        exchange.seat.is_quiet();
        exchange.go_on();
    }
}
