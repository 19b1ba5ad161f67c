//! Questions that wait at the same moment, answered by one statement of PostgreSQL.
//!
//! The twin of SQLite's grouped writer: a thread with a connection of its own takes all that waits and asks for it at
//! once. Who is alone waits for nobody. A statement begins after everything in it was asked: no answer is older than its
//! question.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use diesel::{PgConnection, QueryResult};
use latchkey_protocol::StoreError;
use tokio::sync::oneshot;

use crate::{
    connection::{AnyConnection, WAITING, unavailable},
    error::RowError,
    job::AT_MOST,
    postgres::{Held, Link, PATIENCE, RUNS},
};

/// The most questions in one statement.
const GROUP: usize = 64;

/// A question that can be asked together with others of its kind. To ask twice changes nothing.
pub trait Question: Send + Sized + 'static {
    type Answer: Send + 'static;
    /// It is asked for what it does, whether or not somebody still waits for the answer.
    const IS_WRITE: bool = false;

    /// The answers with their questions' places, which count from 1. Of what is not there nothing is said.
    ///
    /// # Errors
    /// The database's; of a row that cannot be read, in its answer.
    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Self::Answer>>>;
}

pub type Placed<T> = (i64, Result<T, RowError>);

/// Where questions of one kind are asked.
pub struct Group<Q: Question>(Sender<Waiting<Q>>);

struct Waiting<Q: Question> {
    question: Q,
    asked: Instant,
    runs: usize,
    answer: oneshot::Sender<Result<Option<Q::Answer>, StoreError>>,
}

impl<Q: Question> Group<Q> {
    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(link: &Arc<Link>) -> Result<Self, StoreError> {
        let (sender, queue) = bounded(WAITING);
        let link = link.clone();
        std::thread::Builder::new()
            .name("postgres-group".into())
            .spawn(move || serve(&link, &queue))
            .map_err(unavailable)?;
        Ok(Self(sender))
    }

    /// The answer to one question.
    ///
    /// # Errors
    /// [`StoreError`]; `Unavailable` after ten seconds at the latest.
    pub async fn ask(&self, question: Q) -> Result<Option<Q::Answer>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            question,
            asked: Instant::now(),
            runs: 0,
            answer,
        };
        self.0.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => {
                StoreError::Unavailable("the database thread has ended".into())
            }
        })?;
        tokio::time::timeout(AT_MOST, answered)
            .await
            .map_err(|_| StoreError::Unavailable("it does not answer in time".into()))?
            .map_err(|_| StoreError::Failed("the database thread dropped the work".into()))?
    }
}

impl<Q: Question> Waiting<Q> {
    fn refuse(self, why: StoreError) {
        let _gone = self.answer.send(Err(why));
    }
}

/// The thread's work, until nobody can ask any more.
fn serve<Q: Question>(link: &Link, queue: &Receiver<Waiting<Q>>) {
    let mut held = Held::new(link, None);
    let mut waiting = Vec::with_capacity(GROUP);
    // Of a group that failed, one of which the failure may be: each is asked alone.
    let mut single: Vec<Waiting<Q>> = Vec::new();
    loop {
        if let Some(one) = single.pop() {
            waiting.push(one);
        } else {
            if waiting.is_empty() {
                let Ok(first) = queue.recv() else { return };
                waiting.push(first);
            }
            waiting.extend(queue.try_iter().take(GROUP - waiting.len()));
        }
        // Who was told that it does not answer in time has gone on.
        waiting.retain(|one| match Q::IS_WRITE {
            true => one.asked.elapsed() < AT_MOST,
            false => !one.answer.is_closed(),
        });
        let Some(deadline) = waiting.first().map(|oldest| oldest.asked + PATIENCE) else {
            continue;
        };
        match held.connection(deadline) {
            None => waiting
                .remove(0)
                .refuse(StoreError::Unavailable("there is no connection".into())),
            Some(connection) => {
                match catch_unwind(AssertUnwindSafe(|| ask(connection, &waiting))) {
                    Ok(Ok(answers)) => tell(&mut waiting, answers),
                    Ok(Err(error)) if error.is_broken() => {
                        held.lose();
                        waiting = asked_again(waiting);
                    }
                    Ok(Err(error)) => {
                        let why = StoreError::from(error).to_string();
                        refuse_or_single_out(&mut waiting, &mut single, &why);
                    }
                    Err(_) => {
                        held.lose();
                        refuse_or_single_out(
                            &mut waiting,
                            &mut single,
                            "a look-up ended in a panic",
                        );
                    }
                }
            }
        }
        held.used();
    }
}

fn ask<Q: Question>(
    connection: &mut AnyConnection,
    waiting: &[Waiting<Q>],
) -> Result<Vec<Placed<Q::Answer>>, RowError> {
    let AnyConnection::Postgres(connection) = connection else {
        return Ok(Vec::new());
    };
    let questions: Vec<_> = waiting.iter().map(|one| &one.question).collect();
    Ok(Q::ask(connection, &questions)?)
}

fn tell<Q: Question>(waiting: &mut Vec<Waiting<Q>>, placed: Vec<Placed<Q::Answer>>) {
    let mut answers: Vec<_> = waiting.iter().map(|_| Ok(None)).collect();
    for (place, answer) in placed {
        let at = usize::try_from(place - 1).ok();
        if let Some(slot) = at.and_then(|at| answers.get_mut(at)) {
            *slot = answer.map(Some).map_err(StoreError::from);
        }
    }
    for (one, answer) in waiting.drain(..).zip(answers) {
        // The caller may have gone.
        let _gone = one.answer.send(answer);
    }
}

/// One that failed alone hears of it; several are asked one by one, so that nobody hears of another's failure.
fn refuse_or_single_out<Q: Question>(
    waiting: &mut Vec<Waiting<Q>>,
    single: &mut Vec<Waiting<Q>>,
    why: &str,
) {
    match waiting.len() {
        1 => waiting
            .drain(..)
            .for_each(|one| one.refuse(StoreError::Failed(why.to_owned()))),
        _ => single.append(waiting),
    }
}

/// Those whose connection broke under them, but for those to whom that has happened too often.
fn asked_again<Q: Question>(waiting: Vec<Waiting<Q>>) -> Vec<Waiting<Q>> {
    let mut again = Vec::with_capacity(GROUP);
    for mut one in waiting {
        one.runs += 1;
        if one.runs < RUNS {
            again.push(one);
        } else {
            one.refuse(StoreError::Unavailable("the connection was lost".into()));
        }
    }
    again
}
