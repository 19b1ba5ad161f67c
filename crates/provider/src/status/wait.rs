//! Those who wait for a change: a bounded number of them, for a bounded time.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Semaphore, watch};

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited {
    /// There is something new.
    Changed,
    /// There is nothing new, after as long as was asked for.
    Same,
    /// As many wait as may.
    Full,
}

/// Of the places one network may have an eighth, and a few where there are few.
const SHARE: (usize, usize) = (8, 4);

/// The places of those who wait.
pub struct Waiters {
    places: Semaphore,
    /// How many of each network wait, and how many may.
    by_network: Mutex<HashMap<IpAddr, usize>>,
    share: usize,
    word: watch::Sender<()>,
    closed: AtomicBool,
}

/// One of those of a network, until it is dropped.
struct Place<'a>(&'a Waiters, IpAddr);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let all = self.0.by_network.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        let left = all.get(&self.1).map_or(0, |waiting| waiting - 1);
        match left {
            0 => all.remove(&self.1),
            left => all.insert(self.1, left),
        };
    }
}

impl Waiters {
    pub fn new(most: usize) -> Self {
        Self {
            places: Semaphore::new(most),
            by_network: Mutex::default(),
            share: (most / SHARE.0).max(SHARE.1),
            word: watch::Sender::new(()),
            closed: AtomicBool::new(false),
        }
    }

    /// Whoever waits looks again.
    pub fn wake(&self) {
        self.word.send_replace(());
    }

    /// Nobody waits any longer.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// A place of a network, where it has not had its share.
    fn take(&self, network: IpAddr) -> Option<Place<'_>> {
        let mut all = self
            .by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waiting = all.get(&network).copied().unwrap_or_default();
        (waiting < self.share).then(|| {
            all.insert(network, waiting + 1);
            Place(self, network)
        })
    }

    /// Waits while everything is the same, for somebody of a network.
    pub async fn wait(
        &self,
        network: IpAddr,
        is_same: impl Fn() -> bool,
        at_most: Duration,
    ) -> Waited {
        // Before the first look, so that no change comes between.
        let mut word = self.word.subscribe();
        if !is_same() {
            return Waited::Changed;
        }
        let (Ok(_place), Some(_own)) = (self.places.try_acquire(), self.take(network)) else {
            return Waited::Full;
        };
        if self.closed.load(Ordering::SeqCst) {
            return Waited::Full;
        }
        let end = tokio::time::Instant::now() + at_most;
        while is_same() {
            let told = tokio::time::timeout_at(end, word.changed()).await;
            if told.is_err() || self.closed.load(Ordering::SeqCst) {
                return Waited::Same;
            }
        }
        Waited::Changed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn waiting(
        waiters: &Arc<Waiters>,
        changed: &Arc<AtomicBool>,
    ) -> tokio::task::JoinHandle<Waited> {
        let (waiters, changed) = (waiters.clone(), changed.clone());
        tokio::spawn(async move {
            let is_same = || !changed.load(Ordering::SeqCst);
            waiters.wait(HERE, is_same, LONG).await
        })
    }

    #[tokio::test]
    async fn who_waits_hears_of_a_change_and_otherwise_that_there_is_none() {
        let (waiters, changed) = (Arc::new(Waiters::new(1)), Arc::default());
        assert_eq!(waiters.wait(HERE, || false, LONG).await, Waited::Changed);
        assert_eq!(waiters.wait(HERE, || true, SHORT).await, Waited::Same);
        let waits = waiting(&waiters, &changed);
        tokio::task::yield_now().await;
        assert_eq!(waiters.wait(HERE, || true, LONG).await, Waited::Full);
        waiters.wake();
        tokio::time::sleep(SHORT).await;
        assert!(!waits.is_finished(), "woken for nothing, it goes on");
        changed.store(true, Ordering::SeqCst);
        waiters.wake();
        assert_eq!(waits.await.unwrap(), Waited::Changed);
        assert_eq!(
            waiters.wait(HERE, || true, SHORT).await,
            Waited::Same,
            "its place is free"
        );
    }

    #[tokio::test]
    async fn who_waits_is_answered_at_the_end_and_nobody_waits_after_it() {
        let waiters = Arc::new(Waiters::new(9));
        let waits = waiting(&waiters, &Arc::default());
        tokio::task::yield_now().await;
        waiters.close();
        assert_eq!(waits.await.unwrap(), Waited::Same);
        assert_eq!(waiters.wait(HERE, || true, LONG).await, Waited::Full);
    }
}
