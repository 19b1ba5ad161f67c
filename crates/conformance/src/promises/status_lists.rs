//! Numbers in status lists, and what is read of tokens that ended.

use super::*;
use latchkey_protocol::{
    AuthorizationId,
    status::{ENTRIES, StatusEntry, TokenEntries, TokenEntry},
    store::{EndedCursor, EndedTokens, EntryLease, LeaseRequest, StatusChanges},
};

/// When the tokens of these promises are issued, and when they are over.
pub const NOW: i64 = 100;
pub const OVER: i64 = 400;
/// No place.
pub const NONE: [u32; 0] = [];

pub fn numbers(count: u32) -> LeaseRequest {
    LeaseRequest {
        count,
        now: moment(NOW),
        live_until: moment(1000),
        above: None,
    }
}

pub async fn lease(store: &Shared, request: LeaseRequest) -> EntryLease {
    store.lease_status_entries(request).await.unwrap()
}

pub async fn look(store: &Shared, cursor: EndedCursor, most: i64) -> StatusChanges {
    store.status_lists_since(cursor, most).await.unwrap()
}

/// With a token of this place that is over at [`OVER`].
pub fn with(entries: &TokenEntries, idx: u32, in_session: bool) -> TokenEntries {
    let entry = StatusEntry { list: 0, idx };
    entries
        .assign(entry, in_session, moment(OVER), moment(NOW))
        .1
}

/// The places of tokens that ended, as whoever makes the lists understands it. Each once, in order.
pub fn places(ended: &[EndedTokens]) -> Vec<u32> {
    let of = |one: &EndedTokens| {
        let ends = |entry: &&TokenEntry| entry.in_session || !one.in_session;
        let entries = one.entries.iter().filter(ends);
        entries.map(|entry| entry.entry.idx).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = ended.iter().flat_map(of).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// All places that ended until now.
pub async fn ended(store: &Shared) -> Vec<u32> {
    let found = look(store, EndedCursor::default(), 10_000).await;
    assert!(!found.is_more);
    places(&found.ended)
}

/// An authorization with two tokens: `idx` ends with the session, the one after it does not.
pub async fn given(store: &Shared, given: &Authorization, idx: u32) -> LiveEntries {
    assert!(store.issue_code(None, given).await.unwrap());
    let entries = with(&TokenEntries::default(), idx, true);
    let change = LiveEntries::default().changed(with(&entries, idx + 1, false));
    let first = family(&format!("r-{}", given.id), None);
    let exchanged = store.exchange_code(&given.id, moment(NOW), Some(&first), moment(900), &change);
    assert!(exchanged.await.unwrap());
    live(store, &given.id).await
}

pub async fn live(store: &Shared, id: &AuthorizationId) -> LiveEntries {
    let found = store.authorization(id).await.unwrap().unwrap();
    found.authorization.live_entries
}

pub fn of_many_who_lease_numbers_at_once_no_two_get_the_same(stores: &impl Stores) {
    stores.each(async |store| {
        const COUNT: u32 = 200_000;
        let leases: Vec<_> = (0..CALLERS)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { lease(&store, numbers(COUNT)).await })
            })
            .collect();
        let mut got = Vec::new();
        for one in leases {
            got.push(one.await.unwrap());
        }
        got.sort_unstable_by_key(|one| (one.list, one.first));
        // Five fit into a list, and no list is begun while one has room.
        let expected = (0..CALLERS as u32).map(|n| EntryLease {
            list: n / 5,
            first: n % 5 * COUNT,
            count: COUNT,
        });
        assert_eq!(got, expected.collect::<Vec<_>>());
        let known = look(&store, EndedCursor::default(), 10).await.lists;
        let taken: Vec<_> = known.iter().map(|one| (one.list, one.taken)).collect();
        assert_eq!(
            taken,
            [(0, 5 * COUNT), (1, 5 * COUNT), (2, 5 * COUNT), (3, COUNT)]
        );
    });
}

pub fn a_list_is_known_with_its_last_lease_and_its_last_token(stores: &impl Stores) {
    stores.each(async |store| {
        let begun = look(&store, EndedCursor::default(), 10).await;
        assert_eq!((begun.lists.len(), begun.ended.len()), (0, 0));
        let first = lease(&store, numbers(256)).await;
        assert_eq!((first.list, first.first), (0, 0));
        // A clock that is behind shortens nothing.
        let behind = LeaseRequest {
            now: moment(50),
            live_until: moment(900),
            ..numbers(4)
        };
        assert_eq!(lease(&store, behind).await.first, 256);
        let known = look(&store, EndedCursor::default(), 10).await.lists[0];
        assert_eq!(
            (known.taken, known.leased_at, known.live_until),
            (260, moment(NOW), moment(1000))
        );
        // The whole of a list fits, and one that has begun has no room for that.
        let whole = lease(&store, numbers(ENTRIES)).await;
        assert_eq!((whole.list, whole.first), (1, 0));
    });
}

/// A node that holds numbers beyond those that the database knows of takes none that it has given away.
pub fn a_lease_above_a_list_begins_another_once(stores: &impl Stores) {
    stores.each(async |store| {
        lease(&store, numbers(10)).await;
        let above = |list| LeaseRequest {
            above: Some(list),
            ..numbers(10)
        };
        let next = lease(&store, above(0)).await;
        assert_eq!((next.list, next.first), (1, 0));
        let same = lease(&store, above(0)).await;
        assert_eq!((same.list, same.first), (1, 10));
        assert_eq!(lease(&store, above(6)).await.list, 7);
        assert_eq!(lease(&store, numbers(1)).await.list, 7, "the newest");
        let racing = winners(&store, |s, _| async move {
            let above = LeaseRequest {
                above: Some(7),
                ..numbers(10)
            };
            lease(&s, above).await.first == 0
        });
        assert_eq!(racing.await, 1, "one began the next");
    });
}

pub fn what_ended_is_read_page_by_page_and_goes_on_where_it_was_left(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for n in 0..7 {
            let one = authorization(&format!("a{n}"), "openid offline_access");
            given(&store, &one, 2 * n).await;
            store
                .revoke_authorization(&one.id, moment(NOW))
                .await
                .unwrap();
        }
        let (mut cursor, mut read, mut pages) = (EndedCursor::default(), Vec::new(), 0);
        loop {
            let page = look(&store, cursor, 3).await;
            assert!(page.ended.len() <= 3);
            assert!(page.ended.iter().all(|one| one.until == moment(OVER)));
            read.extend(page.ended);
            (cursor, pages) = (page.cursor, pages + 1);
            if !page.is_more {
                break;
            }
        }
        assert_eq!(places(&read), (0..14).collect::<Vec<_>>());
        assert!(pages >= 3);
        let one = authorization("late", "openid");
        given(&store, &one, 50).await;
        store
            .revoke_authorization(&one.id, moment(NOW))
            .await
            .unwrap();
        // Rows may come again while something else is under way on the server, and in the end they do not.
        let late = look(&store, cursor, 100).await;
        assert!(places(&late.ended).ends_with(&[50, 51]));
        cursor = late.cursor;
        while !look(&store, cursor, 100).await.ended.is_empty() {
            cursor = look(&store, cursor, 100).await.cursor;
        }
    });
}

/// Whoever follows, and others who end tokens.
pub fn of_tokens_that_end_while_others_look_none_is_missed(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for n in 0..CALLERS as u32 * 4 {
            let one = authorization(&format!("a{n}"), "openid offline_access");
            given(&store, &one, 2 * n).await;
        }
        let ending = tokio::spawn({
            let store = store.clone();
            async move {
                winners(&store, |s, n| async move {
                    for k in 0..4 {
                        let id = AuthorizationId::new(format!("a{}", n * 4 + k));
                        s.revoke_authorization(&id, moment(NOW)).await.unwrap();
                    }
                    true
                })
                .await
            }
        });
        let (mut cursor, mut read) = (EndedCursor::default(), Vec::new());
        let mut is_over = false;
        loop {
            if cursor.horizon.is_none() {
                is_over = ending.is_finished();
            }
            let page = look(&store, cursor, 5).await;
            cursor = page.cursor;
            read.extend(page.ended);
            if is_over && !page.is_more {
                break;
            }
        }
        let all: Vec<_> = (0..CALLERS as u32 * 8).collect();
        assert_eq!(places(&read), all);
    });
}

/// For a while longer than the tokens: nodes show an entry until the next full minute.
pub fn what_is_over_is_swept_and_the_newest_list_stays(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for list in 0..3 {
            let of = LeaseRequest {
                above: (0..list).next_back(),
                live_until: moment(OVER + 10),
                ..numbers(1)
            };
            assert_eq!(lease(&store, of).await.list, list);
        }
        let one = authorization("a", "openid");
        given(&store, &one, 4).await;
        store
            .revoke_authorization(&one.id, moment(NOW))
            .await
            .unwrap();
        store.sweep(moment(OVER + 119), 100).await.unwrap();
        assert_eq!(ended(&store).await, [4, 5]);
        store.sweep(moment(OVER + 120), 100).await.unwrap();
        assert_eq!(ended(&store).await, NONE);
        assert_eq!(look(&store, EndedCursor::default(), 9).await.lists.len(), 3);
        store.sweep(moment(OVER + 130), 100).await.unwrap();
        let known = look(&store, EndedCursor::default(), 9).await.lists;
        assert_eq!(known.iter().map(|one| one.list).collect::<Vec<_>>(), [2]);
        // No number of what was swept comes again.
        assert_eq!(lease(&store, numbers(1)).await.first, 1);
    });
}
