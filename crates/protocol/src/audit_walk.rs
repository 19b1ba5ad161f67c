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
    /// The end is missing, from this entry on: there was a later checkpoint.
    CutOff,
    /// The checkpoint of this place says otherwise: this entry or one before it was replaced, with all after it.
    Replaced,
}

/// The first place where the chain does not hold.
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

/// Goes along the chain, entry by entry.
pub struct ChainWalk<'a> {
    key: &'a ChainKey,
    /// Known from before, by their places.
    held: Vec<Checkpoint>,
    reached: Checkpoint,
    /// Checkpoints inside what was removed.
    passed: Vec<Checkpoint>,
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
            passed: Vec::new(),
        }
    }

    /// The last place up to which it holds.
    pub fn reached(&self) -> Checkpoint {
        self.reached
    }

    /// Checkpoints that say nothing any more: their entries were removed.
    pub fn passed(&self) -> &[Checkpoint] {
        &self.passed
    }

    /// Whether the entry at this place is the next one; otherwise what is between was removed, or dropped.
    pub fn is_next(&self, position: i64) -> bool {
        position == self.reached.position + 1
    }

    /// Goes to the next entry.
    ///
    /// # Errors
    /// The break, at its place.
    pub fn step(&mut self, row: &AuditRow) -> Result<(), Break> {
        let position = self.reached.position + 1;
        match follow(self.key, &self.reached, row) {
            Ok(next) => self.arrive(next),
            Err(damage) => Err(Break { position, damage }),
        }
    }

    /// Goes over entries that were removed. `stored`: the record that holds the next place, if there is one.
    ///
    /// # Errors
    /// The break, at its place.
    pub fn skip(&mut self, stored: Option<&StoredRun>) -> Result<(), Break> {
        let position = self.reached.position + 1;
        let dropped = Break {
            position,
            damage: Damage::Dropped,
        };
        let StoredRun { run, seal } = stored.ok_or(dropped)?;
        let is_ours = ChainKey::fits(&self.key.seal_removed(run), seal);
        if !is_ours || run.first > position || run.last < position {
            return Err(dropped);
        }
        if let Some(position) = run.broken_at {
            let damage = Damage::ChangedBeforeRemoval;
            return Err(Break { position, damage });
        }
        let within = |held: &&Checkpoint| (position..run.last).contains(&held.position);
        self.passed.extend(self.held.iter().filter(within));
        self.arrive(Checkpoint {
            position: run.last,
            hash: run.hash,
        })
    }

    /// Says that there are no more entries.
    ///
    /// # Errors
    /// When there was a later checkpoint.
    pub fn end(&self) -> Result<(), Break> {
        match self.held.last() {
            Some(last) if last.position > self.reached.position => Err(Break {
                position: self.reached.position + 1,
                damage: Damage::CutOff,
            }),
            _ => Ok(()),
        }
    }

    fn arrive(&mut self, at: Checkpoint) -> Result<(), Break> {
        let mut held = self.held.iter();
        if held.any(|held| held.position == at.position && held.hash != at.hash) {
            return Err(Break {
                position: at.position,
                damage: Damage::Replaced,
            });
        }
        self.reached = at;
        Ok(())
    }
}
