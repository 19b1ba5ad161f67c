//! Sessions that were opened a moment ago: each call reads the store, and only what has changed there is opened again.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;

use crate::{
    seal::{Purpose, SealKeys},
    session::BrowserSession,
    store::{Key, Row},
};

/// The most sessions that are remembered.
const MOST: u64 = 2000;
/// How long one is remembered that nobody uses.
const IDLE: Duration = Duration::from_secs(60);

/// Cheap to clone: all clones are the same one.
#[derive(Clone)]
pub struct Opened(Cache<Key, Arc<Known>>);

struct Known {
    sealed: String,
    session: Arc<BrowserSession>,
}

impl Default for Opened {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(MOST).time_to_idle(IDLE);
        Self(cache.build())
    }
}

impl Opened {
    /// None when it does not open. What is remembered counts for the very text that stands in the store now.
    pub fn open(&self, keys: &SealKeys, key: Key, row: &Row) -> Option<Arc<BrowserSession>> {
        let known = self.0.get(&key);
        if let Some(known) = known.filter(|known| known.sealed == row.sealed) {
            return Some(known.session.clone());
        }
        let session: BrowserSession = keys.open(Purpose::Session(key), &row.sealed)?;
        let session = Arc::new(session);
        let known = Known {
            sealed: row.sealed.clone(),
            session: session.clone(),
        };
        self.0.insert(key, Arc::new(known));
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_protocol::Timestamp;

    #[test]
    fn what_was_changed_in_the_store_is_opened_again() {
        let keys = SealKeys::read(&"a".repeat(64)).unwrap();
        let (key, at) = (Key::of_cookie("one"), Timestamp::from_seconds(1));
        let session = |sub: &str| BrowserSession {
            sub: sub.into(),
            claims: serde_json::Map::new(),
            id_token: String::new(),
            access_token: String::new(),
            access_until: at,
            renewed_at: at,
            refresh_token: None,
            ends_at: at,
            remember: false,
        };
        let row = |sealed: String| Row {
            sealed,
            version: 1,
            expires_at: at,
        };
        let sealed = |sub| row(keys.seal(Purpose::Session(key), &session(sub)).unwrap());
        let (opened, alice) = (Opened::default(), sealed("alice"));
        let sub = |row: &Row| Some(opened.open(&keys, key, row)?.sub.clone());
        for _ in 0..2 {
            assert_eq!(sub(&alice).as_deref(), Some("alice"));
        }
        assert_eq!(sub(&sealed("bob")).as_deref(), Some("bob"));
        assert_eq!(sub(&row("garbage".into())), None);
        assert_eq!(sub(&alice).as_deref(), Some("alice"));
    }
}
