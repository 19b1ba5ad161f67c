//! Work for a database thread, and what its caller hears.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{Connection, connection::SimpleConnection};
use latchkey_protocol::StoreError;
use tokio::sync::{Notify, oneshot};

use crate::{connection::AnyConnection, deliveries, error::RowError};

/// How long a caller waits for an answer. Beyond that it has been told that the database does not answer, and the work
/// does not begin any more.
pub const AT_MOST: Duration = Duration::from_secs(10);

/// How often work is done again that PostgreSQL gave up, because it and others waited for one another.
const AGAIN: usize = 2;

/// What kind of work it is, which decides whether it can run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    /// One statement, which commits by itself.
    Statement,
    /// Several statements as one.
    Transaction,
}

/// What came of running a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// The caller can be told.
    Done,
    /// The connection is of no more use, and whether the work was done is not known.
    Broken,
    /// The connection is of no more use, and nothing was done: the same work can run again.
    Undone,
}

pub trait Task: Send {
    fn asked(&self) -> Instant;
    /// Whether nobody waits for the answer any longer.
    fn is_abandoned(&self) -> bool;
    fn run(&mut self, connection: &mut AnyConnection) -> TaskOutcome;
    /// Tells the caller what came of it, once that is durable.
    fn tell(self: Box<Self>, committed: Result<(), String>);
    /// Tells the caller that the work never began.
    fn refuse(self: Box<Self>, why: StoreError);
}

pub struct VerbTask<T, F> {
    asked: Instant,
    kind: Kind,
    work: F,
    result: Option<Result<T, RowError>>,
    /// Whether it wrote what is to be sent, and who hears of that.
    is_to_send: bool,
    sender: Arc<Notify>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F: Fn(&mut AnyConnection) -> Result<T, RowError>> VerbTask<T, F> {
    /// `sender`: hears of it when the work wrote deliveries.
    pub fn new(
        kind: Kind,
        work: F,
        sender: Arc<Notify>,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (answer, answered) = oneshot::channel();
        (
            Self {
                asked: Instant::now(),
                kind,
                work,
                result: None,
                is_to_send: false,
                sender,
                answer,
            },
            answered,
        )
    }
}

impl<T: Send, F: Fn(&mut AnyConnection) -> Result<T, RowError> + Send> Task for VerbTask<T, F> {
    fn asked(&self) -> Instant {
        self.asked
    }

    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, connection: &mut AnyConnection) -> TaskOutcome {
        let mut committing = false;
        let mut once = || match self.kind {
            Kind::Read | Kind::Statement => (self.work)(connection),
            Kind::Transaction => atomic(connection, |c| {
                let result = (self.work)(c);
                committing = result.is_ok();
                result
            }),
        };
        let mut result = once();
        for _ in 0..AGAIN {
            if !result.as_ref().is_err_and(RowError::is_deadlock) {
                break;
            }
            result = once();
        }
        let ran = match &result {
            Err(error) if error.is_broken() => match self.kind {
                Kind::Read => TaskOutcome::Undone,
                // What was not committed the database has undone.
                Kind::Transaction if !committing => TaskOutcome::Undone,
                Kind::Statement | Kind::Transaction if error.is_undone() => TaskOutcome::Undone,
                Kind::Statement | Kind::Transaction => TaskOutcome::Broken,
            },
            Ok(_) | Err(_) => TaskOutcome::Done,
        };
        self.is_to_send = deliveries::was_added() && result.is_ok();
        self.result = Some(result);
        ran
    }

    fn tell(self: Box<Self>, committed: Result<(), String>) {
        if self.is_to_send && committed.is_ok() {
            self.sender.notify_one();
        }
        let result = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Ok(_)), Err(why)) => Err(StoreError::Failed(why)),
            (Some(Err(error)), _) => Err(error.into()),
            (None, _) => Err(StoreError::Failed("the work was not run".into())),
        };
        // The caller may have gone; what was written stays.
        let _gone = self.answer.send(result);
    }

    fn refuse(self: Box<Self>, why: StoreError) {
        let _gone = self.answer.send(Err(why));
    }
}

fn atomic<T>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, RowError>,
) -> Result<T, RowError> {
    if matches!(connection, AnyConnection::Postgres(_)) {
        return connection.transaction(work);
    }
    // The writer thread has begun the transaction.
    connection.batch_execute("SAVEPOINT verb")?;
    let result = work(connection);
    connection.batch_execute(match result {
        Ok(_) => "RELEASE verb",
        Err(_) => "ROLLBACK TO verb; RELEASE verb",
    })?;
    result
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    use diesel::{QueryResult, RunQueryDsl, sql_query};

    use super::*;
    use crate::{
        postgres,
        test_database::{on_postgres, url},
    };

    /// Takes two rows in this order, and waits between them the first time until the other has one as well.
    fn crosswise(
        order: [&'static str; 2],
        met: Arc<Barrier>,
        times: Arc<AtomicUsize>,
    ) -> impl Fn(&mut AnyConnection) -> Result<(), RowError> {
        move |c| {
            let AnyConnection::Postgres(c) = c else {
                panic!("this is PostgreSQL")
            };
            let mut take = |id: &str| -> QueryResult<usize> {
                let text = format!("UPDATE clients SET version = version + 1 WHERE id = '{id}'");
                sql_query(text).execute(c)
            };
            take(order[0])?;
            if times.fetch_add(1, Ordering::SeqCst) < 2 {
                met.wait();
            }
            take(order[1])?;
            Ok(())
        }
    }

    #[test]
    fn work_that_was_given_up_for_waiting_in_a_circle_is_done_again() {
        on_postgres("circle", |c| {
            c.batch_execute(
                "INSERT INTO clients (id, metadata, created_at) VALUES ('a', '{}', 0), ('b', '{}', 0)",
            )
            .unwrap();
            let url = url(c);
            let (met, times) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
            let both = [["a", "b"], ["b", "a"]].map(|order| {
                let work = crosswise(order, met.clone(), times.clone());
                let url = url.clone();
                std::thread::spawn(move || {
                    let (task, mut answered) =
                        VerbTask::new(Kind::Transaction, work, Arc::default());
                    let mut task = Box::new(task);
                    task.run(&mut postgres::connect(&url).unwrap());
                    (task as Box<dyn Task>).tell(Ok(()));
                    answered.try_recv().unwrap()
                })
            });
            for one in both {
                one.join().unwrap().unwrap();
            }
            assert_eq!(times.load(Ordering::SeqCst), 3, "one of them twice");
        });
    }
}
