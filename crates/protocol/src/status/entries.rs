//! The entries of the access tokens that an authorization has given and that may still count. Kept beside it, so that
//! whatever ends it can end them.

use super::StatusEntry;
use crate::time::Timestamp;

/// The bytes of one record: list, place with [`IN_SESSION`], end; each four, the highest first.
const RECORD: usize = 12;

/// In the place of a record: the token names its session (`sid`), and ends with it.
const IN_SESSION: u32 = 1 << 31;

/// The entry of one access token, or of several that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenEntry {
    /// Where it stands.
    pub entry: StatusEntry,
    /// Whether the token ends with its session.
    pub in_session: bool,
    /// From when on the token is over anyway.
    pub until: Timestamp,
}

/// The entries of an authorization, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenEntries(Vec<TokenEntry>);

impl TokenEntries {
    /// The most that an authorization has at a time.
    pub const MOST: usize = 16;

    /// As they were stored; none if they are none.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        let (records, rest) = bytes.as_chunks::<RECORD>();
        let fits = rest.is_empty() && records.len() <= Self::MOST;
        fits.then(|| Self(records.iter().map(TokenEntry::from_stored).collect()))
    }

    /// As they are stored: nothing where there is none.
    pub fn to_stored(&self) -> Vec<u8> {
        self.0.iter().flat_map(|one| one.to_stored()).collect()
    }

    /// Each, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &TokenEntry> {
        self.0.iter()
    }

    /// When the last of the tokens is over.
    pub fn until(&self) -> Option<Timestamp> {
        self.0.iter().map(|one| one.until).max()
    }

    /// The entry that was given last to a token of this kind, and has not ended by itself.
    pub fn newest(&self, in_session: bool, now: Timestamp) -> Option<StatusEntry> {
        let mut newest = self.0.iter().rev();
        let found = newest.find(|one| one.in_session == in_session && now < one.until);
        found.map(|one| one.entry)
    }

    /// For a new token that counts until `until`: its entry, and what is to be stored with it. That is `drawn`, as long as
    /// there is room: then the token shares the newest entry of its kind, and both end together. Entries of tokens that are
    /// over go.
    pub fn assign(
        &self,
        drawn: StatusEntry,
        in_session: bool,
        until: Timestamp,
        now: Timestamp,
    ) -> (StatusEntry, Self) {
        let mut entries = self.0.clone();
        entries.retain(|one| now < one.until);
        if entries.len() >= Self::MOST {
            let same = entries.iter().rposition(|one| one.in_session == in_session);
            // Where all outlive sessions and the new one does not, the newest ends with the session from now on.
            let shared = same.or(in_session.then_some(entries.len() - 1));
            if let Some(at) = shared {
                let mut one = entries.remove(at);
                (one.in_session, one.until) = (in_session, one.until.max(until));
                entries.push(one);
                return (one.entry, Self(entries));
            }
            // The other way round their session is over, and their entries are noted as ended: there is no other way to
            // tokens that outlive it.
            entries.remove(0);
        }
        entries.push(TokenEntry {
            entry: drawn,
            in_session,
            until,
        });
        (drawn, Self(entries))
    }
}

impl TokenEntry {
    fn from_stored(record: &[u8; RECORD]) -> Self {
        let [list, place, until] = std::array::from_fn(|at| {
            let bytes = record.as_chunks::<4>().0;
            u32::from_be_bytes(bytes[at])
        });
        Self {
            entry: StatusEntry {
                list,
                idx: place & !IN_SESSION,
            },
            in_session: place & IN_SESSION != 0,
            until: Timestamp::from_seconds(until.into()),
        }
    }

    fn to_stored(self) -> [u8; RECORD] {
        let place = self.entry.idx | if self.in_session { IN_SESSION } else { 0 };
        let seconds = self.until.as_seconds().max(0);
        // The last second that fits lies in the year 2106.
        let until = u32::try_from(seconds).unwrap_or(u32::MAX);
        let mut record = [0; RECORD];
        for (at, part) in [self.entry.list, place, until].into_iter().enumerate() {
            record[at * 4..][..4].copy_from_slice(&part.to_be_bytes());
        }
        record
    }
}
