//! What ended, by list: the bits as they are at a moment.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use latchkey_protocol::{
    Timestamp,
    status::{ENTRIES, StatusList, Width},
    store::{EndedTokens, KnownList},
};
use sha2::{Digest, Sha256};

/// Bits are taken back at full minutes alone, so that all nodes do it at the same time. In seconds.
const STEP: i64 = 60;
/// The status of a token that ended (draft 7.1: INVALID).
const INVALID: u8 = 1;

/// The full minute of a moment.
pub fn minute(now: Timestamp) -> Timestamp {
    now - now.as_seconds().rem_euclid(STEP)
}

/// The entries of tokens that ended and would still count.
#[derive(Default)]
pub struct Ended {
    lists: BTreeMap<u32, ListEnded>,
}

#[derive(Default)]
struct ListEnded {
    /// When each token would have been over anyway.
    until: HashMap<u32, Timestamp>,
    /// The minute for which those that are over were taken out last.
    minute: Timestamp,
    content: Option<Arc<Content>>,
}

/// What a list says.
pub struct Content {
    list: StatusList,
    /// Of its bits.
    pub digest: [u8; 32],
    lst: OnceLock<String>,
}

impl Content {
    fn new(places: impl Iterator<Item = u32>) -> Arc<Self> {
        let bytes = vec![0; ENTRIES as usize / 8];
        let mut list = StatusList::of_bytes(Width::One, bytes);
        places.for_each(|place| list.set(place.into(), INVALID));
        let digest = Sha256::digest(list.bytes()).into();
        let lst = OnceLock::new();
        Arc::new(Self { list, digest, lst })
    }

    /// Compressed, which is done once.
    pub fn lst(&self) -> &str {
        self.lst.get_or_init(|| self.list.lst())
    }

    /// How many bits an entry has.
    pub fn bits(&self) -> u64 {
        self.list.width().bits().into()
    }
}

impl Ended {
    /// Notes what was read. The same row may come again.
    pub fn add(&mut self, rows: &[EndedTokens]) {
        for row in rows {
            let of_row = row.entries.iter();
            // A session that ended leaves what outlives it alone.
            for one in of_row.filter(|one| one.in_session || !row.in_session) {
                let list = self.lists.entry(one.entry.list).or_default();
                list.note(one.entry.idx, one.until);
            }
        }
    }

    /// What each of the `known` lists says at `now`. Those that are over are forgotten.
    pub fn contents(&mut self, known: &[KnownList], now: Timestamp) -> Vec<(u32, Arc<Content>)> {
        let known: Vec<u32> = known.iter().map(|list| list.list).collect();
        self.lists.retain(|list, _| known.contains(list));
        let minute = minute(now);
        let content = |list: u32| (list, self.lists.entry(list).or_default().at(minute));
        known.into_iter().map(content).collect()
    }
}

impl ListEnded {
    fn note(&mut self, idx: u32, until: Timestamp) {
        if until <= self.minute {
            return;
        }
        let noted = self.until.entry(idx);
        let is_new = matches!(&noted, std::collections::hash_map::Entry::Vacant(_));
        let noted = noted.or_insert(until);
        *noted = until.max(*noted);
        if is_new {
            self.content = None;
        }
    }

    fn at(&mut self, minute: Timestamp) -> Arc<Content> {
        if std::mem::replace(&mut self.minute, minute) != minute {
            let before = self.until.len();
            self.until.retain(|_, until| minute < *until);
            if self.until.len() != before {
                self.content = None;
            }
        }
        let until = &self.until;
        let made = self
            .content
            .get_or_insert_with(|| Content::new(until.keys().copied()));
        made.clone()
    }
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::status::{StatusEntry, TokenEntries};

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn known(list: u32) -> KnownList {
        let (taken, live_until) = (0, AT + 9_999);
        KnownList {
            list,
            taken,
            leased_at: AT,
            live_until,
        }
    }

    fn row(in_session: bool, entries: &[(u32, u32, bool, i64)]) -> EndedTokens {
        let none = TokenEntries::default();
        let add = |all: TokenEntries, &(list, idx, in_session, lasts): &(u32, u32, bool, i64)| {
            all.assign(StatusEntry { list, idx }, in_session, AT + lasts, AT)
                .1
        };
        EndedTokens {
            until: AT + 300,
            in_session,
            entries: entries.iter().fold(none, add),
        }
    }

    fn set(ended: &mut Ended, list: u32, now: Timestamp) -> Vec<u64> {
        let all = ended.contents(&[known(0), known(1)], now);
        let content = &all.iter().find(|(of, _)| *of == list).unwrap().1;
        let places = 0..u64::from(ENTRIES);
        places
            .filter(|at| content.list.get(*at) == Some(INVALID))
            .collect()
    }

    #[test]
    fn the_end_of_a_session_leaves_the_tokens_that_outlive_it() {
        let mut ended = Ended::default();
        ended.add(&[row(true, &[(0, 5, true, 300), (0, 6, false, 300)])]);
        ended.add(&[row(false, &[(0, 7, true, 300), (1, 8, false, 300)])]);
        assert_eq!(set(&mut ended, 0, AT), [5, 7]);
        assert_eq!(set(&mut ended, 1, AT), [8]);
    }

    #[test]
    fn a_bit_goes_at_the_first_full_minute_after_its_token_is_over() {
        let mut ended = Ended::default();
        ended.add(&[row(false, &[(0, 5, false, 90)])]);
        for (after, is_set) in [(0, true), (90, true), (119, true), (120, false)] {
            assert_eq!(
                !set(&mut ended, 0, AT + after).is_empty(),
                is_set,
                "{after}"
            );
        }
    }

    /// PostgreSQL gives rows twice, and they stay for a while.
    #[test]
    fn a_row_that_comes_again_when_its_tokens_are_over_sets_nothing() {
        let mut ended = Ended::default();
        let one = row(false, &[(0, 5, false, 90)]);
        for after in [0, 120, 121] {
            ended.add(std::slice::from_ref(&one));
            let is_set = !set(&mut ended, 0, AT + after).is_empty();
            assert_eq!(is_set, after == 0, "{after}");
        }
    }

    #[test]
    fn an_entry_that_is_shared_counts_until_its_last_token_is_over() {
        let mut ended = Ended::default();
        for lasts in [300, 60] {
            ended.add(&[row(false, &[(0, 5, false, lasts)])]);
        }
        assert_eq!(set(&mut ended, 0, AT + 240), [5]);
    }

    #[test]
    fn what_a_list_says_is_made_again_only_when_it_changes() {
        let mut ended = Ended::default();
        let one = row(false, &[(0, 5, false, 300)]);
        let mut content = |rows: &[EndedTokens], now| {
            ended.add(rows);
            ended.contents(&[known(0)], now).remove(0).1
        };
        let first = content(std::slice::from_ref(&one), AT);
        assert!(
            Arc::ptr_eq(&first, &content(&[one], AT + 60)),
            "nothing new"
        );
        let more = content(&[row(false, &[(0, 6, false, 300)])], AT + 60);
        assert!(more.digest != first.digest);
    }
}
