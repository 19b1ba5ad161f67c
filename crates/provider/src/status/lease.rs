//! Entries at hand: leased from the database in blocks, so that a token costs no statement of its own.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_protocol::{
    Store, StoreError, Timestamp,
    secret::Pepper,
    status::{Permutation, StatusEntry},
    store::{KnownList, LeaseRequest},
};

/// The first lease and the largest, in entries.
const SIZES: (u32, u32) = (256, 8192);
/// A lease that is needed sooner after the last one is twice as large, and half as large otherwise.
const BUSY: Duration = Duration::from_secs(60);
/// A lease is thrown away after this time, so that its list need not be kept any longer. In seconds.
const KEPT: i64 = 600;

/// The entries at hand.
pub struct Leases {
    store: Arc<dyn Store>,
    pepper: Pepper,
    /// How long an entry is kept for its token, in seconds.
    kept: i64,
    hand: Mutex<Hand>,
    /// One lease is asked for at a time.
    order: tokio::sync::Mutex<Order>,
    /// Leases that were asked for and not given.
    failed: AtomicU64,
}

/// What is leased.
#[derive(Default)]
struct Hand {
    blocks: VecDeque<Block>,
    /// The size of the newest lease, and when it came.
    newest: Option<(u32, Instant)>,
    /// Somebody is asking for the next lease.
    is_filling: bool,
}

struct Block {
    list: u32,
    /// The number after its last one.
    end: u32,
    /// What is left, as places in the list.
    places: Vec<u32>,
    good_until: Timestamp,
    since: Instant,
}

/// Where leases come from.
#[derive(Default)]
struct Order {
    permutation: Option<(u32, Arc<Permutation>)>,
    /// Lists up to this one are not to be used any more.
    above: Option<u32>,
}

impl Hand {
    fn take(&mut self, now: Timestamp) -> Option<StatusEntry> {
        while let Some(block) = self.blocks.front_mut() {
            if now < block.good_until
                && let Some(idx) = block.places.pop()
            {
                let list = block.list;
                return Some(StatusEntry { list, idx });
            }
            self.blocks.pop_front();
        }
        None
    }

    /// Whether half of the newest lease is gone, and nobody asks for the next one yet.
    fn is_low(&self) -> bool {
        let left: usize = self.blocks.iter().map(|block| block.places.len()).sum();
        let size = self.newest.map_or(0, |(size, _)| size as usize);
        !self.is_filling && left < size / 2
    }

    /// How many are to be leased next.
    fn next_size(&self) -> u32 {
        let (least, most) = SIZES;
        match self.newest {
            None => least,
            Some((size, at)) if at.elapsed() < BUSY => (size * 2).min(most),
            Some((size, _)) => (size / 2).max(least),
        }
    }
}

/// Says that a lease is being asked for, until it is dropped: also with the worker that asked.
struct Filling(Arc<Leases>);

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.hand().is_filling = false;
    }
}

impl Leases {
    pub fn new(store: Arc<dyn Store>, pepper: Pepper, kept: i64) -> Self {
        Self {
            store,
            pepper,
            kept,
            hand: Mutex::default(),
            order: tokio::sync::Mutex::default(),
            failed: AtomicU64::new(0),
        }
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entry. The lease that follows is asked for while the one at hand lasts.
    pub async fn draw(self: &Arc<Self>, now: Timestamp) -> Result<StatusEntry, StoreError> {
        let (drawn, is_low) = {
            let mut hand = self.hand();
            let drawn = hand.take(now);
            let is_low = drawn.is_some() && hand.is_low();
            hand.is_filling |= is_low;
            (drawn, is_low)
        };
        if is_low {
            let filling = Filling(self.clone());
            tokio::spawn(async move {
                if let Err(error) = filling.0.fill(now).await {
                    tracing::warn!(%error, "no further entries of a status list could be leased");
                }
            });
        }
        match drawn {
            Some(entry) => Ok(entry),
            None => self.wait(now).await,
        }
    }

    /// With nothing at hand: one asks the database for all who wait, and where it does not answer they need not each ask in
    /// turn.
    async fn wait(&self, now: Timestamp) -> Result<StatusEntry, StoreError> {
        let failed = self.failed.load(Ordering::Relaxed);
        let mut order = self.order.lock().await;
        if let Some(entry) = self.hand().take(now) {
            return Ok(entry);
        }
        if self.failed.load(Ordering::Relaxed) != failed {
            return Err(StoreError::Busy);
        }
        self.lease(&mut order, now).await?;
        self.hand().take(now).ok_or(StoreError::Busy)
    }

    async fn fill(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut order = self.order.lock().await;
        self.lease(&mut order, now).await
    }

    async fn lease(&self, order: &mut Order, now: Timestamp) -> Result<(), StoreError> {
        let count = self.hand().next_size();
        let request = LeaseRequest {
            count,
            now,
            // An entry that is shared is kept anew when the last of its tokens is issued.
            live_until: now + KEPT + 2 * self.kept,
            above: order.above,
        };
        let leased = self.store.lease_status_entries(request).await;
        let leased = leased.inspect_err(|_| {
            self.failed.fetch_add(1, Ordering::Relaxed);
        })?;
        let permutation = order.of(&self.pepper, leased.list);
        let end = leased.first + leased.count;
        let places = (leased.first..end).map(|number| permutation.place(number));
        let block = Block {
            list: leased.list,
            end,
            places: places.collect(),
            good_until: now + KEPT,
            since: Instant::now(),
        };
        let mut hand = self.hand();
        hand.newest = Some((count, block.since));
        hand.blocks.push_back(block);
        Ok(())
    }

    /// Compares what is at hand with the lists that a look found, which began at a moment. A database that went back, as
    /// one that was restored or a replica that lagged, would give the same numbers again: then a new list is begun. So it
    /// is where a server starts and the newest list has not been used for as long as a lease lasts.
    pub async fn compare(
        &self,
        known: &[KnownList],
        is_first: bool,
        (now, began): (Timestamp, Instant),
    ) {
        let newest = known.iter().max_by_key(|list| list.list);
        let stale = |list: &&KnownList| is_first && list.leased_at + KEPT < now;
        if let Some(stale) = newest.filter(stale) {
            self.order.lock().await.above = Some(stale.list);
        }
        let is_given = |block: &Block| {
            let of_it = |list: &KnownList| list.list == block.list && list.taken >= block.end;
            known.iter().any(of_it)
        };
        let lost = {
            let hand = self.hand();
            let old = hand.blocks.iter();
            let mut old = old.filter(|block| block.since < began && now < block.good_until);
            old.any(|block| !is_given(block))
        };
        if lost {
            let mut order = self.order.lock().await;
            let mut hand = self.hand();
            let last = hand.blocks.iter().map(|block| block.list).max();
            order.above = order.above.max(last);
            hand.blocks.clear();
            tracing::warn!("the database went back: a new status list is begun");
        }
    }
}

impl Order {
    /// The places of a list in their order.
    fn of(&mut self, pepper: &Pepper, list: u32) -> Arc<Permutation> {
        if let Some((of, permutation)) = &self.permutation
            && *of == list
        {
            return permutation.clone();
        }
        let made = Arc::new(Permutation::of(pepper, list));
        self.permutation = Some((list, made.clone()));
        made
    }
}
