//! Status lists (draft-ietf-oauth-status-list-21): every access token has an entry, and who follows the lists knows which
//! tokens have ended before their time.
//!
//! Each node follows what ended in the database and makes the lists itself. Times stand on a grid and RS256 gives the same
//! bytes each time, so nodes that have seen the same rows publish the same.

mod ended;
mod endpoint;
mod lease;
mod looks;
mod published;
mod signed;
mod wait;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web;
use latchkey_jose::KeyRing;
use latchkey_protocol::{
    Clock, Issuer, Store, StoreError, Timestamp,
    attempts::network,
    authorization::Lifetimes,
    secret::Pepper,
    status::{StatusClaim, StatusEntry, TokenEntry},
    store::{EndedCursor, KnownList},
};

use ended::Ended;
use lease::Leases;
use looks::Looks;
use published::Published;
use signed::{Issued, SignedList};
use wait::{Waited, Waiters};

pub(crate) use endpoint::{list, lists};

/// How many rows of what ended are read at once.
const PAGE: i64 = 50_000;
/// How many are read again after a look, where that is due: what is new waits for no more than that.
const AGAIN: i64 = 10_000;
/// How long whoever asks for a list that is not known here waits for a look that others have begun.
const WAITS: Duration = Duration::from_millis(500);
/// What a token's entry is kept beyond its end: verifiers may be lenient about `exp`, and clocks differ. In seconds.
const MARGIN: i64 = 120;

/// How lists are published.
#[derive(Debug, Clone, Copy)]
pub struct StatusSettings {
    /// How long a list may be kept before it is asked for again, in seconds.
    pub ttl: i64,
    /// From when on a list says nothing any more, in seconds from when it was issued.
    pub lifetime: i64,
    /// How many may wait for a change at a time.
    pub waiting: usize,
}

/// The status lists of an issuer: entries for new tokens, and what is published of those that ended.
pub struct StatusLists {
    issuer: Issuer,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: StatusSettings,
    leases: Arc<Leases>,
    /// How long an entry is kept for its token, in seconds.
    kept: i64,
    /// One look at a time.
    followed: tokio::sync::Mutex<Followed>,
    published: Published,
    waiters: Waiters,
    looks: Looks,
}

/// How far the database has been read.
#[derive(Default)]
struct Followed {
    cursor: EndedCursor,
    ended: Ended,
    /// The lists that the last look found.
    known: Vec<KnownList>,
    /// Whether it has been read to its end once.
    is_whole: bool,
    /// When it was read last, by our clock and by everybody's.
    at: Timestamp,
    wall: Timestamp,
    /// Where it is being read again.
    again: Option<EndedCursor>,
}

impl Followed {
    /// Where the next look begins: where the last one ended. A clock that was set back had taken for over what is not, so all
    /// is forgotten, and read before anything is said.
    ///
    /// From each full minute on all is read again, beside the looks, since what ended is kept for minutes alone: a replica
    /// that lagged, and has taken over, may number what comes as something that was read.
    fn begin(&mut self, now: Timestamp) {
        if now < self.at {
            *self = Self {
                is_whole: self.is_whole,
                ..Self::default()
            };
        } else if self.is_whole && ended::minute(self.at) < ended::minute(now) {
            self.again.get_or_insert_default();
        }
        self.at = now;
    }
}

impl StatusLists {
    /// Of the tokens that `issuer` issues with these `lifetimes`. `pepper` hides the order of the entries.
    pub fn new(
        issuer: &Issuer,
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        pepper: Pepper,
        lifetimes: &Lifetimes,
        settings: StatusSettings,
    ) -> Self {
        // A repeated answer shares the entry of the first one, and its token ends later.
        let kept = lifetimes.access_token + lifetimes.refresh_replay_window + MARGIN;
        Self {
            issuer: issuer.clone(),
            leases: Arc::new(Leases::new(store.clone(), pepper, kept)),
            store,
            clock,
            settings,
            kept,
            followed: tokio::sync::Mutex::default(),
            published: Published::new(issuer),
            waiters: Waiters::new(settings.waiting),
            looks: Looks::default(),
        }
    }

    /// An entry that no other token has. Waits for the database only where no lease is at hand.
    ///
    /// # Errors
    /// When the database cannot give any: no token leaves without an entry.
    pub(crate) async fn draw(&self, now: Timestamp) -> Result<StatusEntry, StoreError> {
        self.leases.draw(now).await
    }

    /// Until when the entry of a token that is issued now has to be kept.
    pub(crate) fn kept_until(&self, now: Timestamp) -> Timestamp {
        now + self.kept
    }

    /// Reads what has ended since the last look, and publishes it; then a piece of what is to be read again.
    ///
    /// # Errors
    /// When the database cannot be read. What was published stays, and grows old.
    pub async fn follow(&self) -> Result<(), StoreError> {
        let again = {
            let mut followed = self.followed.lock().await;
            self.look(&mut followed).await?;
            followed.again
        };
        if let Some(cursor) = again
            && let Err(error) = self.read_again(cursor).await
        {
            tracing::warn!(%error, "a page of what ended could not be read again; it is tried again");
        }
        Ok(())
    }

    async fn look(&self, followed: &mut Followed) -> Result<(), StoreError> {
        // What is committed after this moment may be missing.
        let (now, wall, began) = (self.clock.now(), self.clock.wall(), Instant::now());
        followed.begin(now);
        let mut known = loop {
            let changes = self.store.status_lists_since(followed.cursor, PAGE).await?;
            followed.ended.add(&changes.ended);
            followed.cursor = changes.cursor;
            if !changes.is_more {
                break changes.lists;
            }
        };
        known.retain(|list| now < list.live_until);
        let is_first = !std::mem::replace(&mut followed.is_whole, true);
        self.leases.compare(&known, is_first, (now, began)).await;
        (followed.known, followed.wall) = (known, wall);
        self.show(followed);
        Ok(())
    }

    /// What is known, as of the last look.
    fn show(&self, followed: &mut Followed) {
        let contents = followed.ended.contents(&followed.known, followed.at);
        if self.published.show(contents, followed.wall) {
            self.waiters.wake();
        }
    }

    /// A page from the beginning on, with which no look is held up. A look that found the clock set back has read everything,
    /// and whoever came before has gone on from here.
    async fn read_again(&self, cursor: EndedCursor) -> Result<(), StoreError> {
        let page = self.store.status_lists_since(cursor, AGAIN).await?;
        let mut followed = self.followed.lock().await;
        if followed.again == Some(cursor) {
            followed.again = page.is_more.then_some(page.cursor);
            followed.ended.add(&page.ended);
            self.show(&mut followed);
        }
        Ok(())
    }

    /// The token of a list, made where there is none that is new enough.
    async fn token(&self, list: u32, ring: &Arc<KeyRing>) -> Option<Issued> {
        let (list, looked_at) = self.published.list(list)?;
        let wall = self.clock.wall();
        let frame = signed::Frame {
            issuer: self.issuer.clone(),
            // A node that hears nothing of the database issues nothing new: its lists grow old, as they are.
            issued_at: signed::on_grid(looked_at.min(wall)),
            settings: self.settings,
            ahead: (self.clock.now() - wall).max(0),
        };
        Some(list.token(frame, ring, wall).await)
    }

    /// As [`StatusLists::token`], of a list that another node may just have begun. What is published here waits for nothing.
    async fn token_or_look(&self, list: u32, ring: &Arc<KeyRing>) -> Option<Issued> {
        if let Some(token) = self.token(list, ring).await {
            return Some(token);
        }
        // Lists are begun one after the other, so what is not the newest is over.
        if self.published.newest().is_some_and(|newest| list < newest) {
            return None;
        }
        // Anybody can ask for a list that is not there: for so many a second alone is looked, and waited for other looks.
        if !self.looks.may_look(Instant::now()) {
            return Some(Issued::Unknown);
        }
        let Ok(mut followed) = tokio::time::timeout(WAITS, self.followed.lock()).await else {
            return Some(Issued::Unknown);
        };
        if !self.published.has(list) && self.look(&mut followed).await.is_err() {
            return Some(Issued::TooOld);
        }
        drop(followed);
        self.token(list, ring).await
    }

    /// The addresses of all lists, and an entity tag that changes with what they say.
    fn aggregation(&self) -> (web::Bytes, String) {
        self.published.aggregation()
    }

    /// Waits until the lists say something that is not known by its entity tag.
    async fn changed(
        &self,
        caller: IpAddr,
        is_known: impl Fn(&str) -> bool,
        at_most: Duration,
    ) -> Waited {
        let is_same = || is_known(&self.published.aggregation().1);
        self.waiters.wait(network(caller), is_same, at_most).await
    }

    /// Answers whoever waits, and lets nobody wait any more: the process ends.
    pub fn close(&self) {
        self.waiters.close();
    }
}

/// What ends with a token of `issuer` that says `status` and expires at `exp`, if its list is one of ours. Other nodes may
/// publish it where this one does not.
pub(crate) fn entry_of(
    issuer: &Issuer,
    status: &StatusClaim,
    exp: Timestamp,
) -> Option<TokenEntry> {
    Some(TokenEntry {
        entry: StatusEntry::named(&status.status_list, issuer)?,
        in_session: false,
        until: exp + MARGIN,
    })
}
