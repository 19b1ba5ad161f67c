//! Sessions in memory: for tests, and for one instance whose users may sign in again after a restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use latchkey_protocol::Timestamp;

use super::{
    Begun, ENDS_REMEMBERED, Key, Name, NamedEnd, NamedEnded, NewRow, Row, SessionStore, StoreError,
};

/// The most sessions.
const MOST: usize = 100_000;

/// Keeps sessions as long as the process lives, 100,000 at the most.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: HashMap<Key, Kept>,
    /// When, and until when that is remembered.
    ended: HashMap<Name, (Timestamp, Timestamp)>,
    spent: HashMap<Name, Timestamp>,
    sign_ins: HashMap<Name, Timestamp>,
}

struct Kept {
    row: Row,
    subject: Name,
    sid: Option<Name>,
    used_at: Timestamp,
    lease: Option<(String, Timestamp)>,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_ended(&self, row: &NewRow) -> bool {
        let by_sid = row.sid.is_some_and(|sid| self.ended.contains_key(&sid));
        let by_subject = self.ended.get(&row.subject);
        by_sid || by_subject.is_some_and(|(at, _)| row.issued_at <= *at)
    }

    fn sweep(&mut self, now: Timestamp) -> usize {
        let before = self.len();
        self.sessions.retain(|_, kept| kept.row.expires_at > now);
        self.ended.retain(|_, (_, until)| *until > now);
        self.spent.retain(|_, until| *until > now);
        self.sign_ins.retain(|_, until| *until > now);
        before - self.len()
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.ended.len() + self.spent.len() + self.sign_ins.len()
    }

    /// Ends what a user has beyond `most`, but not the one that has just begun.
    fn end_unused(&mut self, begun: &Key, subject: &Name, most: usize) {
        let others = self.sessions.iter();
        let others = others.filter(|(key, kept)| kept.subject == *subject && *key != begun);
        let mut others: Vec<_> = others.map(|(key, kept)| (kept.used_at, *key)).collect();
        if others.len() < most {
            return;
        }
        others.sort_unstable_by_key(|(used_at, _)| std::cmp::Reverse(*used_at));
        for (_, key) in others.iter().skip(most.saturating_sub(1)) {
            self.sessions.remove(key);
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn begin(
        &self,
        key: &Key,
        row: &NewRow,
        most: usize,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let mut state = self.state();
        if state.has_ended(row) {
            return Ok(Begun::HasEnded);
        }
        if state.sessions.len() >= MOST {
            state.sweep(now);
        }
        if state.sessions.len() >= MOST {
            return Err(StoreError::new("there are 100,000 sessions in memory"));
        }
        let kept = Kept {
            row: Row {
                sealed: row.sealed.clone(),
                version: 1,
                expires_at: row.expires_at,
            },
            subject: row.subject,
            sid: row.sid,
            used_at: now,
            lease: None,
        };
        state.sessions.insert(*key, kept);
        state.end_unused(key, &row.subject, most);
        Ok(Begun::Done)
    }

    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let state = self.state();
        let kept = state.sessions.get(key);
        let kept = kept.filter(|kept| kept.row.expires_at > now);
        Ok(kept.map(|kept| kept.row.clone()))
    }

    async fn replace(
        &self,
        key: &Key,
        version: i64,
        sealed: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let kept = state.sessions.get_mut(key);
        let Some(kept) = kept.filter(|kept| kept.row.version == version) else {
            return Ok(false);
        };
        kept.row = Row {
            sealed: sealed.to_owned(),
            version: version + 1,
            expires_at: expires_at.max(kept.row.expires_at),
        };
        kept.lease = None;
        kept.used_at = now;
        Ok(true)
    }

    async fn extend(
        &self,
        key: &Key,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(kept) = self.state().sessions.get_mut(key) {
            kept.used_at = now;
            kept.row.expires_at = kept.row.expires_at.max(expires_at);
        }
        Ok(())
    }

    async fn lease(
        &self,
        key: &Key,
        version: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let kept = state.sessions.get_mut(key);
        let Some(kept) = kept.filter(|kept| kept.row.version == version) else {
            return Ok(false);
        };
        if kept.lease.as_ref().is_some_and(|(_, until)| *until > now) {
            return Ok(false);
        }
        kept.lease = Some((owner.to_owned(), until));
        Ok(true)
    }

    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError> {
        if let Some(kept) = self.state().sessions.get_mut(key) {
            kept.lease.take_if(|(holder, _)| holder == owner);
        }
        Ok(())
    }

    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError> {
        let ended = self.state().sessions.remove(key);
        Ok(ended.map(|kept| kept.row.sealed))
    }

    async fn end_version(&self, key: &Key, version: i64) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_it = |kept: &Kept| kept.row.version == version;
        let ended = state.sessions.get(key).is_some_and(is_it);
        if ended {
            state.sessions.remove(key);
        }
        Ok(ended)
    }

    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError> {
        let mut state = self.state();
        if state.spent.contains_key(&end.jti) {
            return Ok(NamedEnded::Again);
        }
        let before = state.sessions.len();
        let is_named = |kept: &Kept| kept.subject == end.name || kept.sid == Some(end.name);
        state.sessions.retain(|_, kept| !is_named(kept));
        let ended = before - state.sessions.len();
        let known = state.ended.get(&end.name).map(|(at, _)| *at);
        let at = known.map_or(end.at, |known| known.max(end.at));
        state.ended.insert(end.name, (at, at + ENDS_REMEMBERED));
        state.spent.insert(end.jti, end.jti_until);
        Ok(NamedEnded::Sessions(ended))
    }

    async fn spend(&self, sign_in: &Name, until: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.sign_ins.contains_key(sign_in) {
            return Ok(false);
        }
        if state.sign_ins.len() >= MOST {
            return Err(StoreError::new("100,000 sign-ins in memory are finished"));
        }
        state.sign_ins.insert(*sign_in, until);
        Ok(true)
    }

    async fn unspend(&self, sign_in: &Name) -> Result<(), StoreError> {
        self.state().sign_ins.remove(sign_in);
        Ok(())
    }

    async fn is_spent(&self, sign_in: &Name) -> Result<bool, StoreError> {
        Ok(self.state().sign_ins.contains_key(sign_in))
    }

    async fn sweep(&self, now: Timestamp, _most: i64) -> Result<usize, StoreError> {
        Ok(self.state().sweep(now))
    }

    async fn ready(&self) -> Result<Option<&'static str>, StoreError> {
        Ok(None)
    }
}
