//! Calls that are carried out once, however often they are sent.

use latchkey_jose::{JoseError, MasterKey};
use latchkey_protocol::{
    ClientId, Store, StoreError, Timestamp,
    idempotency::{IdempotencyOutcome, IdempotentCall},
    secret::Pepper,
};

/// Keeps answers, sealed under the master key: they may hold a secret that was made.
pub struct Idempotency {
    pepper: Pepper,
    master: MasterKey,
}

/// What is known of a call.
pub enum Repetition {
    /// Nothing: it is to be carried out. What comes of it is told with [`Idempotency::note`].
    First(IdempotentCall),
    /// It is being carried out.
    UnderWay,
    /// It was carried out, with this answer.
    Answered(String),
    /// The key belongs to another request.
    OtherRequest,
    /// Too many calls are known.
    NoRoom {
        /// In so many seconds the oldest of them is forgotten.
        wait: i64,
    },
}

impl Idempotency {
    /// Of the installation with this master key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            pepper: Pepper::derive(master.bytes(), "idempotency"),
            master: master.clone(),
        }
    }

    /// Begins a call by `client` under a key, unless it is known. `request`: all that is asked for.
    ///
    /// # Errors
    /// [`StoreError`]. An answer that cannot be opened was sealed under another key: it counts as being carried out.
    pub async fn begin(
        &self,
        store: &dyn Store,
        (client, key): (&ClientId, &str),
        request: &[&str],
        now: Timestamp,
    ) -> Result<Repetition, StoreError> {
        let call = IdempotentCall::new(&self.pepper, client, key, request, now);
        Ok(match store.begin_call(&call).await? {
            IdempotencyOutcome::Begun => Repetition::First(call),
            IdempotencyOutcome::UnderWay => Repetition::UnderWay,
            IdempotencyOutcome::OtherRequest => Repetition::OtherRequest,
            IdempotencyOutcome::NoRoom { wait } => Repetition::NoRoom { wait },
            IdempotencyOutcome::Answered(sealed) => match self.master.open(&sealed) {
                Ok(answer) => Repetition::Answered(answer),
                Err(error) => {
                    tracing::error!(%error, "a stored answer cannot be opened");
                    Repetition::UnderWay
                }
            },
        })
    }

    /// Notes the answer of a call that was carried out; none: nothing was done, and the key is free again. What cannot be
    /// noted is logged: the call is done all the same.
    pub async fn note(&self, store: &dyn Store, call: &IdempotentCall, answer: Option<&str>) {
        let sealed = answer.map(|answer| self.master.seal(answer)).transpose();
        let noted = match sealed {
            Ok(Some(sealed)) => store.answer_call(call, &sealed).await.map(drop),
            Ok(None) => store.forget_call(call).await,
            Err(error) => return unnoted(&error),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "what came of a call with an idempotency key was not noted");
        }
    }
}

fn unnoted(error: &JoseError) {
    tracing::error!(%error, "an answer could not be sealed");
}
