//! The connection to Redis: one attempt at a time, which all who come meanwhile share. While it is known that there is none,
//! everybody hears so at once, and it is tried again in the background.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use tokio::sync::watch;

use crate::store::StoreError;

/// How long Redis may take for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts: at first, and at the most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// A connection that is made when it is needed, and made again when it is lost.
pub struct Link(Arc<Shared>);

struct Shared {
    client: Client,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    /// Nobody has asked yet.
    Unused,
    /// The first attempt, for which those who come now wait.
    Connecting,
    Up(Up),
    /// Why. Tried again by itself.
    Down(Arc<str>),
}

/// A connection, and since when there is this one.
#[derive(Clone)]
pub struct Up {
    pub connection: MultiplexedConnection,
    since: Instant,
}

impl Link {
    pub fn new(client: Client) -> Self {
        let (state, _) = watch::channel(State::Unused);
        Self(Arc::new(Shared { client, state }))
    }

    /// # Errors
    /// There is none now: at once where that is known, after [`PATIENCE`] where it is found out.
    pub async fn up(&self) -> Result<Up, StoreError> {
        let mut state = self.0.state.subscribe();
        self.begin(|state| matches!(state, State::Unused).then_some(State::Connecting));
        let known = state.wait_for(|state| !matches!(state, State::Unused | State::Connecting));
        match tokio::time::timeout(PATIENCE, known).await {
            Ok(Ok(state)) => match &*state {
                State::Up(up) => Ok(up.clone()),
                State::Down(why) => Err(StoreError::new(why)),
                State::Unused | State::Connecting => Err(StoreError::new("it is not connected")),
            },
            Ok(Err(_)) | Err(_) => Err(StoreError::new("no connection within 2 s")),
        }
    }

    /// An answer of this connection was an error. Where that says that it is no good, another one is made: those who come
    /// now wait for it, unless this one was new or Redis does not answer at all.
    pub fn failed(&self, up: &Up, error: &RedisError) {
        if !is_lost(error) {
            return;
        }
        let is_doubtful = error.is_timeout() || up.since.elapsed() < PAUSES[1];
        self.begin(|state| match state {
            State::Up(known) if known.since == up.since => Some(if is_doubtful {
                State::Down(error.to_string().into())
            } else {
                State::Connecting
            }),
            _ => None,
        });
    }

    /// Begins to connect, if the state is one in which nobody does: of all who find that one begins.
    fn begin(&self, next: impl FnOnce(&State) -> Option<State>) {
        let mut was_up = false;
        let begun = self.0.state.send_if_modified(|state| {
            let Some(next) = next(state) else {
                return false;
            };
            was_up = matches!(state, State::Up(_));
            *state = next;
            true
        });
        if was_up {
            tracing::warn!("the connection to Redis is lost");
        }
        if begun {
            tokio::spawn(connect(Arc::downgrade(&self.0)));
        }
    }
}

/// However the task that connects ends: where there is no connection then, the next caller begins anew.
struct Connector(Weak<Shared>);

impl Drop for Connector {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        shared.state.send_if_modified(|state| {
            let is_over = !matches!(state, State::Up(_));
            if is_over {
                *state = State::Unused;
            }
            is_over
        });
    }
}

/// Until there is a connection, or nobody who wants one.
async fn connect(shared: Weak<Shared>) {
    let _connector = Connector(shared.clone());
    let mut pause = PAUSES[0];
    loop {
        let is_known_down = shared
            .upgrade()
            .is_some_and(|shared| matches!(*shared.state.borrow(), State::Down(_)));
        if is_known_down {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match attempt(&shared.client).await {
            Ok(connection) => {
                let since = Instant::now();
                tracing::info!("connected to Redis");
                shared
                    .state
                    .send_replace(State::Up(Up { connection, since }));
                return;
            }
            Err(why) => {
                tracing::warn!(why, "Redis cannot be reached");
                shared.state.send_replace(State::Down(why.into()));
            }
        }
    }
}

/// One that has answered: a process that is stopped takes connections too.
async fn attempt(client: &Client) -> Result<MultiplexedConnection, String> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let answered = async {
        let made = client.get_multiplexed_async_connection_with_config(&config);
        let mut made = made.await?;
        let _pong: String = redis::cmd("PING").query_async(&mut made).await?;
        Ok::<_, RedisError>(made)
    };
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(made) => made.map_err(|error| error.to_string()),
        Err(_) => Err("no answer within 2 s".into()),
    }
}

/// Whether another connection may be better than this one. A Redis that is full is not: it has answered.
fn is_lost(error: &RedisError) -> bool {
    // Redis 6 says it within the words of the script's failure.
    let said = error.to_string();
    let by_server = ["READONLY", "MASTERDOWN", "NOAUTH"]
        .iter()
        .any(|word| said.contains(word));
    error.is_io_error() || error.is_unrecoverable_error() || by_server
}
