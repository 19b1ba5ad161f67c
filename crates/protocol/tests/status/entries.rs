//! The entries of an authorization's tokens: whatever still counts has one that is kept.

use latchkey_protocol::{
    Timestamp,
    status::{StatusEntry, TokenEntries},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn drawn(idx: u32) -> StatusEntry {
    StatusEntry { list: 3, idx }
}

/// Tokens that live 300 seconds, one a second: the entry of each, and what was kept after the last.
fn issue(kinds: &[bool]) -> (Vec<StatusEntry>, TokenEntries) {
    let mut entries = TokenEntries::default();
    let mut given = Vec::new();
    for (n, in_session) in (0_u32..).zip(kinds) {
        let now = at(n.into());
        let (entry, next) = entries.assign(drawn(n), *in_session, now + 300, now);
        given.push(entry);
        entries = next;
    }
    (given, entries)
}

#[test]
fn each_token_has_an_entry_of_its_own_while_there_is_room() {
    let (given, entries) = issue(&[true; TokenEntries::MOST]);
    let own: Vec<StatusEntry> = (0..16).map(drawn).collect();
    assert_eq!(given, own);
    let kept: Vec<StatusEntry> = entries.iter().map(|one| one.entry).collect();
    assert_eq!(kept, own);
    assert_eq!(entries.until(), Some(at(315)));
    assert_eq!(TokenEntries::default().until(), None);
}

#[test]
fn the_seventeenth_shares_the_newest_entry_of_its_kind() {
    let mut kinds = [true; 16];
    kinds[9] = false;
    let (_, entries) = issue(&kinds);
    let (entry, next) = entries.assign(drawn(99), true, at(400), at(20));
    assert_eq!(entry, drawn(15));
    let (entry, next) = next.assign(drawn(99), false, at(500), at(21));
    assert_eq!(entry, drawn(9));
    assert_eq!(next.iter().count(), TokenEntries::MOST);
    let until = |idx| {
        let one = next.iter().find(|one| one.entry == drawn(idx));
        one.unwrap().until
    };
    assert_eq!((until(15), until(9), until(0)), (at(400), at(500), at(300)));
    // One that ends sooner takes nothing from the one it shares with.
    let (_, again) = next.assign(drawn(99), false, at(30), at(22));
    assert_eq!(again.until(), Some(at(500)));
}

#[test]
fn entries_of_tokens_that_are_over_go() {
    let (_, entries) = issue(&[true; 16]);
    let (entry, next) = entries.assign(drawn(99), true, at(700), at(305));
    assert_eq!(entry, drawn(99));
    let kept: Vec<u32> = next.iter().map(|one| one.entry.idx).collect();
    assert_eq!(kept, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 99]);
}

/// A token that outlives its session is not ended with it: it cannot share with those that are.
#[test]
fn what_outlives_a_session_takes_the_place_of_what_ended_with_it() {
    let (_, entries) = issue(&[true; 16]);
    let (entry, next) = entries.assign(drawn(99), false, at(400), at(20));
    assert_eq!(entry, drawn(99));
    assert_eq!(next.iter().count(), TokenEntries::MOST);
    assert!(next.iter().all(|one| one.entry != drawn(0)));
    assert_eq!(next.newest(false, at(20)), Some(drawn(99)));
}

/// No session comes back; if one did, its token would end too soon rather than never.
#[test]
fn what_shares_with_all_the_others_ends_with_the_session() {
    let (_, entries) = issue(&[false; 16]);
    let (entry, next) = entries.assign(drawn(99), true, at(400), at(20));
    assert_eq!(entry, drawn(15));
    assert_eq!(next.newest(true, at(20)), Some(drawn(15)));
    assert_eq!(next.newest(false, at(20)), Some(drawn(14)));
}

#[test]
fn the_newest_of_a_kind_is_one_that_still_counts() {
    let (_, entries) = issue(&[true, false, true]);
    assert_eq!(entries.newest(true, at(10)), Some(drawn(2)));
    assert_eq!(entries.newest(false, at(10)), Some(drawn(1)));
    assert_eq!(entries.newest(false, at(300)), Some(drawn(1)));
    assert_eq!(entries.newest(false, at(301)), None);
    assert_eq!(TokenEntries::default().newest(true, at(0)), None);
}

#[test]
fn they_are_stored_in_twelve_bytes_each() {
    let entry = StatusEntry {
        list: 0x0102_0304,
        idx: 0x000f_fffe,
    };
    let (_, entries) = TokenEntries::default().assign(entry, true, at(1), at(0));
    let (_, entries) = entries.assign(drawn(5), false, at(2), at(0));
    let stored = entries.to_stored();
    let until = u32::try_from(at(1).as_seconds()).unwrap().to_be_bytes();
    let first = [&[1, 2, 3, 4, 0x80, 0x0f, 0xff, 0xfe][..], &until].concat();
    assert_eq!((&stored[..12], stored.len()), (&*first, 24));
    assert_eq!(TokenEntries::from_stored(&stored), Some(entries));
    assert_eq!(
        TokenEntries::from_stored(&[]),
        Some(TokenEntries::default())
    );
    assert!(TokenEntries::default().to_stored().is_empty());
}

#[test]
fn what_is_none_of_ours_is_not_read() {
    for bad in [vec![0; 1], vec![0; 11], vec![0; 13], vec![0; 12 * 17]] {
        assert_eq!(TokenEntries::from_stored(&bad), None, "{}", bad.len());
    }
}

/// A time that does not fit ends late, not early: an entry that is forgotten ends no token.
#[test]
fn times_beyond_the_year_2106_stay_the_last() {
    let far = Timestamp::from_seconds(i64::MAX);
    let (_, entries) = TokenEntries::default().assign(drawn(1), true, far, at(0));
    let again = TokenEntries::from_stored(&entries.to_stored()).unwrap();
    assert_eq!(
        again.until(),
        Some(Timestamp::from_seconds(u32::MAX.into()))
    );
}
