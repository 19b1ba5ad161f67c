//! Walking along the chain of the audit table, to find where it was broken.

use crate::{
    audit_chain::{BEGINNING, ChainKey, Checkpoint, RemovedRun, hash},
    audit_row::AuditRow,
};

/// What was done to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The entry is another than the one that was put there: changed, or moved from another place.
    Changed,
    /// It fits the entry before, but was not put there by this installation: whoever did it has no master key.
    Forged,
    /// Entries are missing, from this one on.
    Dropped,
    /// It did not fit any more when it was removed for its age or for the bound of the table.
    ChangedBeforeRemoval,
    /// What was removed from here on followed another entry than the one that stands before it: that one or one before it was
    /// replaced.
    Parted,
    /// It has a position that no entry can have: less than 1.
    Misplaced,
    /// The end is missing, from this entry on: there was a later checkpoint.
    CutOff,
    /// The checkpoint of this place says otherwise: this entry or one before it was replaced, with all after it.
    Replaced,
}

/// A place where the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The place.
    pub position: i64,
    /// What was done there.
    pub damage: Damage,
}

/// A record that entries were removed, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// What it says.
    pub run: RemovedRun,
    /// See [`ChainKey::seal_removed`].
    pub seal: Vec<u8>,
}

/// Where the chain stands after an entry that follows on `previous`.
///
/// # Errors
/// What was done to the entry.
pub fn follow(key: &ChainKey, previous: &Checkpoint, row: &AuditRow) -> Result<Checkpoint, Damage> {
    let position = previous.position + 1;
    let hash = hash(&previous.hash, position, row);
    if row.position != Some(position) || row.hash.as_deref() != Some(&hash) {
        return Err(Damage::Changed);
    }
    let next = Checkpoint { position, hash };
    let seal = row.seal.as_deref().unwrap_or_default();
    match ChainKey::fits(&key.seal(&next), seal) {
        true => Ok(next),
        false => Err(Damage::Forged),
    }
}

/// What came of going over entries that were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The walk is behind them.
    Over,
    /// No record of ours says that the next entry was removed.
    Unrecorded,
    /// The record begins before this place: entries that were walked along have been removed since, or it is a copy of an
    /// older record. It has to be begun again.
    Overtaken,
}

/// How many breaks are told apart.
const MOST_BREAKS: usize = 20;

/// Goes along the chain, entry by entry, and on behind what is broken.
pub struct ChainWalk<'a> {
    key: &'a ChainKey,
    /// Known from before, by their places.
    held: Vec<Checkpoint>,
    reached: Checkpoint,
    /// The last place before the first break.
    sound: Checkpoint,
    /// Checkpoints inside what was removed.
    passed: Vec<Checkpoint>,
    breaks: Vec<Break>,
}

impl<'a> ChainWalk<'a> {
    /// From the beginning. `held`: checkpoints that were kept elsewhere.
    pub fn new(key: &'a ChainKey, held: &[Checkpoint]) -> Self {
        let mut held = held.to_vec();
        held.sort_by_key(|held| held.position);
        Self {
            key,
            held,
            reached: BEGINNING,
            sound: BEGINNING,
            passed: Vec::new(),
            breaks: Vec::new(),
        }
    }

    /// The place where the walk stands.
    pub fn reached(&self) -> Checkpoint {
        self.reached
    }

    /// The last place up to which it holds.
    pub fn sound(&self) -> Checkpoint {
        self.sound
    }

    /// Where it does not hold, in the order of the walk; the first 20.
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// Checkpoints that say nothing any more: their entries were removed.
    pub fn passed(&self) -> &[Checkpoint] {
        &self.passed
    }

    /// Whether the entry at this place is the next one; otherwise what is between was removed, or dropped.
    pub fn is_next(&self, position: i64) -> bool {
        position == self.reached.position + 1
    }

    /// Notes what was found by other means.
    pub fn note(&mut self, position: i64, damage: Damage) {
        if self.breaks.len() < MOST_BREAKS {
            self.breaks.push(Break { position, damage });
        }
    }

    /// Goes to the next entry. From one that does not fit it goes on as if it did. Whether it fits.
    pub fn step(&mut self, row: &AuditRow) -> bool {
        let followed = follow(self.key, &self.reached, row);
        let position = self.reached.position + 1;
        if let Err(damage) = followed {
            self.note(position, damage);
        }
        let stored = row.hash.as_deref().and_then(|hash| hash.try_into().ok());
        self.arrive(followed.unwrap_or(Checkpoint {
            position,
            hash: stored.unwrap_or(BEGINNING.hash),
        }));
        followed.is_ok()
    }

    /// Goes to the first entry behind those that are missing without a record.
    pub fn jump(&mut self, row: &AuditRow) {
        self.note(self.reached.position + 1, Damage::Dropped);
        let stored = row.hash.as_deref().and_then(|hash| hash.try_into().ok());
        self.arrive(Checkpoint {
            position: row.position.unwrap_or(self.reached.position + 1),
            hash: stored.unwrap_or(BEGINNING.hash),
        });
    }

    /// Goes over entries that were removed. `stored`: the record that holds the next place, if there is one.
    pub fn skip(&mut self, stored: Option<&StoredRun>) -> Skip {
        let position = self.reached.position + 1;
        let Some(StoredRun { run, seal }) = stored else {
            return Skip::Unrecorded;
        };
        let is_ours = ChainKey::fits(&self.key.seal_removed(run), seal);
        if !is_ours || run.first > position || run.last < position {
            return Skip::Unrecorded;
        }
        if run.first < position {
            return Skip::Overtaken;
        }
        if run.before != self.reached.hash {
            self.note(position, Damage::Parted);
        }
        if let Some(position) = run.broken_at {
            self.note(position, Damage::ChangedBeforeRemoval);
        }
        let within = |held: &&Checkpoint| (position..run.last).contains(&held.position);
        self.passed.extend(self.held.iter().filter(within));
        self.arrive(Checkpoint {
            position: run.last,
            hash: run.hash,
        });
        Skip::Over
    }

    /// Says that there are no more entries: that is a break when there was a later checkpoint.
    pub fn end(&mut self) {
        let last = self.held.last();
        if last.is_some_and(|last| last.position > self.reached.position) {
            self.note(self.reached.position + 1, Damage::CutOff);
        }
    }

    fn arrive(&mut self, at: Checkpoint) {
        let mut held = self.held.iter();
        if held.any(|held| held.position == at.position && held.hash != at.hash) {
            self.note(at.position, Damage::Replaced);
        }
        self.reached = at;
        if self.breaks.is_empty() {
            self.sound = at;
        }
    }
}
