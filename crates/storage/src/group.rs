//! Questions that wait at the same moment, answered by one statement of PostgreSQL.
//!
//! The twin of SQLite's grouped writer: a thread takes all questions of a kind that wait, and asks them at once. Who is
//! alone waits for nobody. A statement begins after everything in it was asked: no answer is older than its question, and
//! what was written is committed before anybody hears of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use diesel::{PgConnection, QueryResult, result::Error};
use latchkey_protocol::StoreError;
use tokio::sync::oneshot;

use crate::{
    connection::{AnyConnection, WAITING},
    error::RowError,
    lanes::{Lane, Work},
    postgres::{Held, PATIENCE, RUNS},
    task::AT_MOST,
};

/// The most questions in one statement.
const GROUP: usize = 64;

/// What a question does, which decides whether it can be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// It writes what it would write again. Done whether or not somebody still waits for the answer.
    Write,
    /// It writes if something holds, which holds no more once it has: asked again, it would be told that it came too late.
    ConditionalWrite,
}

/// A question that can be asked together with others of its kind.
pub trait Question: Send + Sized + 'static {
    type Answer: Send + 'static;
    const EFFECT: Effect = Effect::Read;

    /// The answers with their questions' places, which count from 1. Of what is not there nothing is said. One statement,
    /// so that of a failure nothing stays.
    ///
    /// # Errors
    /// The database's; of a row that cannot be read, in its answer.
    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Self::Answer>>>;
}

pub type Placed<T> = (i64, Result<T, RowError>);

/// Where questions of one kind are asked.
pub struct Group<Q: Question>(Arc<Kind<Q>>);

struct Kind<Q: Question> {
    waiting: (Sender<Waiting<Q>>, Receiver<Waiting<Q>>),
    /// Whether the thread has been told.
    told: AtomicBool,
    lane: Lane,
}

struct Waiting<Q: Question> {
    question: Q,
    asked: Instant,
    runs: usize,
    answer: oneshot::Sender<Result<Option<Q::Answer>, StoreError>>,
}

/// Questions of one kind, as the thread sees them.
pub trait Waits: Send + Sync {
    /// Asks what waits, once; if more has come meanwhile, other kinds have their turn before.
    fn ask(self: Arc<Self>, held: &mut Held<'_>);
}

impl<Q: Question> Group<Q> {
    /// Whose questions are asked by the thread of this lane.
    pub fn on(lane: &Lane) -> Self {
        Self(Arc::new(Kind {
            waiting: bounded(WAITING),
            told: AtomicBool::new(false),
            lane: lane.clone(),
        }))
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
        self.0
            .waiting
            .0
            .try_send(waiting)
            .map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => ended(),
            })?;
        self.0.tell()?;
        tokio::time::timeout(AT_MOST, answered)
            .await
            .map_err(|_| StoreError::Unavailable("it does not answer in time".into()))?
            .map_err(|_| StoreError::Failed("the database thread dropped the work".into()))?
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the database thread has ended".into())
}

impl<Q: Question> Kind<Q> {
    /// Tells the thread that something waits, unless it has been told and not come yet.
    fn tell(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.told.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let this: Arc<dyn Waits> = self.clone();
        self.lane.send(Work::Group(this)).map_err(|_| ended())
    }
}

impl<Q: Question> Waits for Kind<Q> {
    fn ask(self: Arc<Self>, held: &mut Held<'_>) {
        // What comes from here on tells it again.
        self.told.store(false, Ordering::SeqCst);
        let waiting: Vec<_> = self.waiting.1.try_iter().take(GROUP).collect();
        answer(held, waiting);
        if !self.waiting.1.is_empty() {
            // The lane is this thread's own: it has not ended.
            let _told = self.tell();
        }
    }
}

impl<Q: Question> Waiting<Q> {
    fn refuse(self, why: StoreError) {
        let _gone = self.answer.send(Err(why));
    }

    /// Who was told that it does not answer in time has gone on; so has who went away while it was asked in vain.
    fn is_due(&self) -> bool {
        let is_late = self.asked.elapsed() >= AT_MOST;
        match Q::EFFECT {
            Effect::Read => !self.answer.is_closed(),
            Effect::Write => !is_late,
            Effect::ConditionalWrite => !is_late && (self.runs == 0 || !self.answer.is_closed()),
        }
    }
}

/// Asks until everybody has been told something.
fn answer<Q: Question>(held: &mut Held<'_>, mut waiting: Vec<Waiting<Q>>) {
    // Of a group that failed, one of which the failure may be: each is asked alone.
    let mut single = Vec::new();
    loop {
        waiting.retain(Waiting::is_due);
        if waiting.is_empty() {
            match single.pop() {
                Some(one) => waiting.push(one),
                None => return,
            }
            continue;
        }
        let deadline = waiting[0].asked + PATIENCE;
        let Some(connection) = held.connection(deadline) else {
            let why = "there is no connection".into();
            waiting.remove(0).refuse(StoreError::Unavailable(why));
            continue;
        };
        match catch_unwind(AssertUnwindSafe(|| ask(connection, &waiting))) {
            Ok(Ok(answers)) => tell(&mut waiting, answers),
            Ok(Err(error)) if error.is_broken() => {
                held.lose();
                waiting = asked_again(waiting, error.is_undone());
            }
            Ok(Err(error)) => {
                let is_undone = matches!(error, RowError::Database(Error::DatabaseError(..)));
                let error = StoreError::from(error);
                refuse_or_single_out(&mut waiting, &mut single, is_undone, || same(&error));
            }
            Err(_) => {
                held.lose();
                let why = || StoreError::Failed("a verb ended in a panic".into());
                refuse_or_single_out(&mut waiting, &mut single, false, why);
            }
        }
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

/// One that failed alone hears of it; several are asked one by one, so that nobody hears of another's failure. What may
/// have been done nevertheless is not done a second time.
fn refuse_or_single_out<Q: Question>(
    waiting: &mut Vec<Waiting<Q>>,
    single: &mut Vec<Waiting<Q>>,
    is_undone: bool,
    why: impl Fn() -> StoreError,
) {
    let is_repeatable = is_undone || Q::EFFECT != Effect::ConditionalWrite;
    if waiting.len() > 1 && is_repeatable {
        single.append(waiting);
    } else {
        waiting.drain(..).for_each(|one| one.refuse(why()));
    }
}

/// What each of several is told.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { table, row, column } => StoreError::Corrupt {
            table,
            row: row.clone(),
            column,
        },
        other => StoreError::Failed(other.to_string()),
    }
}

/// Those whose connection broke under them, but for those to whom that has happened too often, and those whose condition
/// may be gone because they have met it themselves.
fn asked_again<Q: Question>(waiting: Vec<Waiting<Q>>, is_undone: bool) -> Vec<Waiting<Q>> {
    let is_repeatable = is_undone || Q::EFFECT != Effect::ConditionalWrite;
    let mut again = Vec::with_capacity(waiting.len());
    for mut one in waiting {
        one.runs += 1;
        if one.runs < RUNS && is_repeatable {
            again.push(one);
        } else {
            one.refuse(StoreError::Unavailable("the connection was lost".into()));
        }
    }
    again
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Reads;
    struct Writes;
    struct WritesOnce;

    macro_rules! question {
        ($($kind:ident => $effect:ident),*) => {
            $(impl Question for $kind {
                type Answer = ();
                const EFFECT: Effect = Effect::$effect;

                fn ask(_: &mut PgConnection, _: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
                    Ok(Vec::new())
                }
            })*
        };
    }
    question!(Reads => Read, Writes => Write, WritesOnce => ConditionalWrite);

    type Answered = oneshot::Receiver<Result<Option<()>, StoreError>>;

    fn waiting<Q: Question<Answer = ()>>(question: Q, runs: usize) -> (Waiting<Q>, Answered) {
        let (answer, answered) = oneshot::channel();
        let asked = Instant::now();
        let waiting = Waiting {
            question,
            asked,
            runs,
            answer,
        };
        (waiting, answered)
    }

    fn is_asked_again<Q: Question<Answer = ()>>(question: Q, runs: usize, is_undone: bool) -> bool {
        let (one, mut answered) = waiting(question, runs);
        let again = asked_again(vec![one], is_undone).len();
        let refused = matches!(answered.try_recv(), Ok(Err(StoreError::Unavailable(_))));
        assert_eq!((again, refused), (usize::from(!refused), again == 0));
        again == 1
    }

    /// A refresh token that was rotated by its own caller would be taken for a stolen one.
    #[test]
    fn what_may_have_met_its_own_condition_is_not_asked_again() {
        for is_undone in [true, false] {
            assert!(is_asked_again(Reads, 0, is_undone));
            assert!(is_asked_again(Writes, 0, is_undone));
            assert_eq!(is_asked_again(WritesOnce, 0, is_undone), is_undone);
            assert!(!is_asked_again(Reads, RUNS - 1, is_undone), "not for ever");
        }
    }

    fn singled_out<Q: Question<Answer = ()>>(group: Vec<Q>, is_undone: bool) -> (usize, usize) {
        let (mut waiting, mut answered): (Vec<_>, Vec<_>) =
            group.into_iter().map(|one| self::waiting(one, 0)).unzip();
        let mut single = Vec::new();
        refuse_or_single_out(&mut waiting, &mut single, is_undone, || {
            StoreError::Failed("why".into())
        });
        let is_refused = |one: &mut Answered| one.try_recv().is_ok();
        let refused = answered
            .iter_mut()
            .filter_map(|one| is_refused(one).then_some(()));
        (single.len(), refused.count())
    }

    #[test]
    fn of_a_group_that_failed_each_is_asked_alone_unless_it_may_have_been_done() {
        assert_eq!(singled_out(vec![Reads, Reads], false), (2, 0));
        assert_eq!(singled_out(vec![Writes, Writes], false), (2, 0));
        assert_eq!(singled_out(vec![WritesOnce, WritesOnce], true), (2, 0));
        assert_eq!(singled_out(vec![WritesOnce, WritesOnce], false), (0, 2));
        assert_eq!(singled_out(vec![WritesOnce], true), (0, 1), "it is the one");
    }

    #[test]
    fn nothing_is_written_for_whoever_was_told_that_it_was_not() {
        fn is_due<Q: Question<Answer = ()>>(one: Q, runs: usize, is_gone: bool) -> bool {
            let (one, answered) = waiting(one, runs);
            let kept = (!is_gone).then_some(answered);
            let is_due = one.is_due();
            drop(kept);
            is_due
        }
        assert!(is_due(Reads, 0, false) && !is_due(Reads, 0, true));
        assert!(is_due(Writes, 0, true) && is_due(Writes, 1, true));
        assert!(is_due(WritesOnce, 0, true) && is_due(WritesOnce, 1, false));
        assert!(!is_due(WritesOnce, 1, true), "it was asked in vain once");
        let (mut late, _answered) = waiting(WritesOnce, 0);
        late.asked -= AT_MOST;
        assert!(!late.is_due());
    }
}
