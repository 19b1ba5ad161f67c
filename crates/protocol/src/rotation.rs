//! When signing keys are made, superseded and forgotten.

use crate::{SigningAlgorithm, authorization::Lifetimes, time::Timestamp};

/// A signing key at rest: its private part sealed under the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key's id: its thumbprint (RFC 7638).
    pub kid: String,
    /// The one that it signs with.
    pub algorithm: SigningAlgorithm,
    /// None once it has retired: then nobody can sign with it again.
    pub sealed: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it begins to sign; the youngest such key of its algorithm does.
    pub activates_at: Timestamp,
    /// When it is published no longer; none while it is announced or active.
    pub retires_at: Option<Timestamp>,
}

/// Between a node, a cache and a clock that read or run differently, in seconds.
const MARGIN: i64 = 60;

/// A key that is to sign so much later than any that is announced now was made while a clock stood wrong. In seconds.
const STRAY: i64 = 86_400;

/// How keys rotate by themselves. In seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key signs; 0: no key is superseded by itself.
    pub after: i64,
    /// How long a key is published before it signs.
    pub announce: i64,
}

/// A key that should be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextKey<'a> {
    /// The newest key, which the next one supersedes; none where every key has been superseded or retired.
    pub predecessor: Option<&'a str>,
    /// From when on the next key signs.
    pub activates_at: Timestamp,
}

impl Rotation {
    /// Whether the next key is to be announced at `now`: so early that the newest has signed for as long as it should
    /// when the next one takes over, and whenever there is none that goes on signing.
    pub fn due<'a>(&self, keys: &'a [StoredKey], now: Timestamp) -> Option<NextKey<'a>> {
        let lasting = keys.iter().filter(|k| k.retires_at.is_none());
        let Some(newest) = lasting.max_by_key(|k| (k.activates_at, k.created_at)) else {
            // The announced successor was retired.
            return (!keys.is_empty()).then(|| NextKey {
                predecessor: None,
                activates_at: self.next(keys, now),
            });
        };
        // A clock that was set forward once would stop the rotation until then. While nothing else signs the clock itself
        // may be behind, and the key stays.
        let signs =
            |k: &StoredKey| k.activates_at <= now && k.retires_at.is_some_and(|at| at > now);
        if newest.activates_at > now + self.announce + STRAY && keys.iter().any(signs) {
            return Some(NextKey {
                predecessor: Some(&newest.kid),
                activates_at: self.next(keys, now),
            });
        }
        let over = self.after > 0 && now >= newest.activates_at + self.after - self.announce;
        over.then(|| NextKey {
            predecessor: Some(&newest.kid),
            activates_at: now + self.announce,
        })
    }

    /// Until the next one signs, one that still may goes on; without one it signs at once.
    fn next(&self, keys: &[StoredKey], now: Timestamp) -> Timestamp {
        let announced = now + self.announce;
        let covered = keys
            .iter()
            .any(|k| k.activates_at <= now && k.retires_at.is_some_and(|at| at > announced));
        if covered { announced } else { now }
    }
}

/// Keys of one algorithm that are published at a time, where they are made by hand: everybody who verifies tokens reads all
/// of them.
pub const MOST_PUBLISHED: usize = 8;
/// As many of one algorithm are made by hand within a day: those that have retired stay in the list.
pub const MOST_IN_A_DAY: usize = 24;
/// In seconds.
const DAY: i64 = 86_400;

/// What bounds the keys of one algorithm that are made by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBound {
    /// [`MOST_PUBLISHED`].
    Published,
    /// [`MOST_IN_A_DAY`].
    MadeInADay,
}

impl KeyBound {
    /// For whoever can ask from afar.
    pub const ALL: &[Self] = &[Self::Published, Self::MadeInADay];
    /// For whoever holds the master key and replaces a key that may be stolen: what others made today does not keep them
    /// from it.
    pub const EMERGENCY: &[Self] = &[Self::Published];
}

/// What became of a key that was made by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOutcome {
    /// It was added.
    Done,
    /// Nothing was done, for this bound.
    Full(KeyBound),
}

/// The first of `bounds` that keeps another key from being made by hand at a moment, which signs from another one on; none:
/// it can be made. A key that would only have signed after it makes room.
pub fn bound_hit(
    keys: &[StoredKey],
    algorithm: SigningAlgorithm,
    (now, activates_at): (Timestamp, Timestamp),
    bounds: &[KeyBound],
) -> Option<KeyBound> {
    let stays = |key: &&StoredKey| match key.retires_at {
        Some(at) => at > now,
        None => key.activates_at <= activates_at,
    };
    let is_new = |key: &&StoredKey| key.created_at > now - DAY;
    let of_algorithm = || keys.iter().filter(|key| key.algorithm == algorithm);
    let is_hit = |bound: &KeyBound| match bound {
        KeyBound::Published => of_algorithm().filter(stays).count() >= MOST_PUBLISHED,
        KeyBound::MadeInADay => of_algorithm().filter(is_new).count() >= MOST_IN_A_DAY,
    };
    bounds.iter().copied().find(is_hit)
}

/// How long a key stays published once another signs: until its last token has expired, and a refresh token that was
/// presented at its last moment can no longer be presented again. In seconds.
pub fn published_after(lifetimes: &Lifetimes) -> i64 {
    let refresh =
        lifetimes.refresh_idle.min(lifetimes.refresh_token) + lifetimes.refresh_replay_window;
    lifetimes.access_token.max(lifetimes.id_token).max(refresh) + MARGIN
}
