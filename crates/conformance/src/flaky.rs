//! A store between a caller and the real one, which fails at the verb that a test names.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use latchkey_protocol::{Store, StoreError, store::Result};

/// On which side of the database a verb fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It never reaches the database.
    Before,
    /// It is done, and the answer is lost.
    After,
}

impl Failure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Before, Self::After];
}

#[derive(Default)]
struct Plan {
    /// How many verbs go well before one fails, and how that one does.
    next: Option<(usize, Failure)>,
    failed: Option<&'static str>,
    before_sealing: Option<Box<dyn FnOnce() + Send>>,
    before_each: Option<(&'static str, Act)>,
}

/// What a test does between two verbs.
type Act = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A store of which one verb fails, once: everything before it and after it works.
///
/// Refusals are kept behind an answer, at a time of their own, and nothing hangs on a counted failure: they neither count nor fail.
pub struct Flaky {
    pub(crate) inner: Arc<dyn Store>,
    plan: Arc<Mutex<Plan>>,
}

impl Flaky {
    /// `inner`, which does not fail until [`Flaky::fail`].
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let plan = Arc::default();
        Self { inner, plan }
    }

    /// Lets the verb fail that comes after `after` others from now on.
    pub fn fail(&self, after: usize, failure: Failure) {
        let mut plan = self.plan();
        (plan.next, plan.failed) = (Some((after, failure)), None);
    }

    /// Lets none fail any more. Which one did since [`Flaky::fail`]; none where so many were never asked.
    pub fn calm(&self) -> Option<&'static str> {
        std::mem::take(&mut *self.plan()).failed
    }

    /// Lets `act` happen right before entries of the audit table are sealed the next time.
    pub fn before_sealing(&self, act: impl FnOnce() + Send + 'static) {
        self.plan().before_sealing = Some(Box::new(act));
    }

    /// Lets `act` happen right before each `verb` from now on.
    pub fn before_each<F: Future<Output = ()> + Send + 'static>(
        &self,
        verb: &'static str,
        act: impl Fn() -> F + Send + Sync + 'static,
    ) {
        let act: Act = Arc::new(move || Box::pin(act()));
        self.plan().before_each = Some((verb, act));
    }

    async fn happen_before(&self, verb: &'static str) {
        let planned = self.plan().before_each.clone();
        if let Some((_, act)) = planned.filter(|(before, _)| *before == verb) {
            act().await;
        }
    }

    pub(crate) fn happen_before_sealing(&self) {
        let act = self.plan().before_sealing.take();
        if let Some(act) = act {
            act();
        }
    }

    /// The same plan before another view of the store.
    pub(crate) fn before(&self, inner: Arc<dyn Store>) -> Self {
        let plan = self.plan.clone();
        Self { inner, plan }
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the verb, and says whether it is the one that fails.
    fn turn(&self, verb: &'static str) -> Option<Failure> {
        let mut plan = self.plan();
        let (left, failure) = plan.next?;
        if left > 0 {
            plan.next = Some((left - 1, failure));
            return None;
        }
        plan.next = None;
        plan.failed = Some(verb);
        Some(failure)
    }

    pub(crate) async fn ask<T>(
        &self,
        verb: &'static str,
        asked: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.happen_before(verb).await;
        let lost = || StoreError::Unavailable(format!("a test lets {verb} fail"));
        match self.turn(verb) {
            None => asked.await,
            Some(Failure::Before) => Err(lost()),
            Some(Failure::After) => asked.await.and_then(|_| Err(lost())),
        }
    }
}
