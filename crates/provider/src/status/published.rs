//! The lists as they are published now.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use actix_web::web::Bytes;
use latchkey_jose::KeyRing;
use latchkey_protocol::{Issuer, Timestamp, status::StatusEntry};
use serde_json::json;

use super::{
    Issued, SignedList,
    ended::Content,
    signed::{Frame, make},
};
use crate::keys::entity_tag;

/// All lists, replaced as a whole at each look that changes something.
pub struct Published {
    issuer: Issuer,
    shown: RwLock<Shown>,
}

#[derive(Default)]
struct Shown {
    lists: BTreeMap<u32, Arc<PublishedList>>,
    aggregation: Bytes,
    etag: String,
    /// When the database was read last.
    looked_at: Timestamp,
}

/// One list, and its token once somebody asked for it.
pub struct PublishedList {
    number: u32,
    content: Arc<Content>,
    token: RwLock<Option<Arc<SignedList>>>,
    /// One makes the token, and the others wait for it.
    making: tokio::sync::Mutex<()>,
}

impl Published {
    /// None yet.
    pub fn new(issuer: &Issuer) -> Self {
        let issuer = issuer.clone();
        let shown = RwLock::default();
        let published = Self { issuer, shown };
        published.show(Vec::new(), Timestamp::EPOCH);
        published
    }

    /// From now on the lists say this, as it was read at `looked_at`. Whether anything changed.
    pub fn show(&self, contents: Vec<(u32, Arc<Content>)>, looked_at: Timestamp) -> bool {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.looked_at = looked_at;
        let is_same = shown.lists.len() == contents.len()
            && !shown.etag.is_empty()
            && contents.iter().all(|(number, content)| {
                let list = shown.lists.get(number);
                list.is_some_and(|list| Arc::ptr_eq(&list.content, content))
            });
        if is_same {
            return false;
        }
        shown.replace(&self.issuer, contents)
    }

    /// A list, and when the database was read last.
    pub fn list(&self, number: u32) -> Option<(Arc<PublishedList>, Timestamp)> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let list = shown.lists.get(&number)?.clone();
        Some((list, shown.looked_at))
    }

    /// The number of the newest list.
    pub fn newest(&self) -> Option<u32> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.lists.keys().next_back().copied()
    }

    /// Whether there is such a list.
    pub fn has(&self, number: u32) -> bool {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.lists.contains_key(&number)
    }

    /// The addresses of all (draft 9.3), and an entity tag that stays while the lists say the same.
    pub fn aggregation(&self) -> (Bytes, String) {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        (shown.aggregation.clone(), shown.etag.clone())
    }
}

impl Shown {
    /// Whether the entity tag is another one now.
    fn replace(&mut self, issuer: &Issuer, contents: Vec<(u32, Arc<Content>)>) -> bool {
        let said = contents.iter().flat_map(|(number, content)| {
            let number = number.to_be_bytes();
            number.into_iter().chain(content.digest)
        });
        let etag = entity_tag(&said.collect::<Vec<u8>>());
        let addresses = contents
            .iter()
            .map(|(number, _)| StatusEntry::uri(issuer, *number));
        let document = json!({ "status_lists": addresses.collect::<Vec<_>>() });
        self.aggregation = Bytes::from(document.to_string());
        let lists = contents.into_iter().map(|(number, content)| {
            let before = self.lists.get(&number);
            let same = before.filter(|list| Arc::ptr_eq(&list.content, &content));
            let list = same.cloned();
            let list = list.unwrap_or_else(|| PublishedList::new(number, content));
            (number, list)
        });
        self.lists = lists.collect();
        std::mem::replace(&mut self.etag, etag) != self.etag
    }
}

impl PublishedList {
    fn new(number: u32, content: Arc<Content>) -> Arc<Self> {
        Arc::new(Self {
            number,
            content,
            token: RwLock::default(),
            making: tokio::sync::Mutex::default(),
        })
    }

    /// The token as it was made last, if it is of this frame and of the key that signs.
    fn made(&self, frame: &Frame, kid: &str) -> Option<Arc<SignedList>> {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |token: &&Arc<SignedList>| {
            token.issued_at == frame.issued_at && token.kid == kid && token.ahead == frame.ahead
        };
        token.as_ref().filter(fits).cloned()
    }

    /// Its token, made on a thread of its own where there is none of this frame: the threads that sign tokens may have much
    /// to do, and a revocation does not wait for them.
    pub async fn token(
        self: &Arc<Self>,
        frame: Frame,
        ring: &Arc<KeyRing>,
        now: Timestamp,
    ) -> Issued {
        if frame.is_over(now) {
            return Issued::TooOld;
        }
        let Ok(kid) = ring.signer(now.as_seconds()).map(|signer| signer.kid()) else {
            return Issued::Broken;
        };
        if let Some(token) = self.made(&frame, kid) {
            return Issued::Token(token);
        }
        let _making = self.making.lock().await;
        if let Some(token) = self.made(&frame, kid) {
            return Issued::Token(token);
        }
        let (list, ring) = (self.clone(), ring.clone());
        let made = tokio::task::spawn_blocking(move || {
            make(&frame, list.number, &list.content, &ring, now)
        });
        match made.await {
            Ok(Ok(token)) => {
                let token = Arc::new(token);
                let mut place = self.token.write().unwrap_or_else(PoisonError::into_inner);
                *place = Some(token.clone());
                Issued::Token(token)
            }
            Ok(Err(error)) => {
                tracing::error!(%error, list = self.number, "a status list cannot be signed");
                Issued::Broken
            }
            Err(error) => {
                tracing::error!(%error, list = self.number, "a status list cannot be made");
                Issued::Broken
            }
        }
    }
}
