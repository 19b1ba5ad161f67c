//! What strangers can make is counted and bounded.

use super::*;
use latchkey_protocol::{
    Digest, Timestamp,
    attempts::{Allowance, WINDOW},
    bounds,
    store::BeginOutcome,
};

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub fn allowance(name: &str, most: i64) -> Allowance {
    Allowance {
        key: Digest::of(name),
        most,
    }
}

pub fn of_racing_attempts_no_more_get_through_than_are_allowed(stores: &impl Stores) {
    stores.each(async |store| {
        let allowed = [
            allowance("both", 10),
            allowance("name", 100),
            allowance("network", 200),
        ];
        let racing: Vec<_> = (0..60)
            .map(|_| {
                let (store, allowed) = (store.clone(), allowed.clone());
                tokio::spawn(async move { store.reserve_attempts(&allowed, NOW).await.unwrap() })
            })
            .collect();
        let mut through = 0;
        for one in racing {
            match one.await.unwrap() {
                None => through += 1,
                Some(used_up) => assert_eq!(used_up, Digest::of("both")),
            }
        }
        assert_eq!(through, 10);
        // What is refused counts nowhere.
        let name = |most| [allowance("name", most)];
        assert_eq!(
            store.reserve_attempts(&name(10), NOW).await.unwrap(),
            Some(Digest::of("name"))
        );
        assert_eq!(store.reserve_attempts(&name(11), NOW).await.unwrap(), None);
    });
}

pub fn an_attempt_is_given_back_and_what_worked_clears_what_failed(stores: &impl Stores) {
    stores.each(async |store| {
        let keys = [Digest::of("both"), Digest::of("name")];
        let allowed = [allowance("both", 3), allowance("name", 5)];
        for _ in 0..3 {
            assert_eq!(store.reserve_attempts(&allowed, NOW).await.unwrap(), None);
        }
        store.give_back_attempts(&keys, false, NOW).await.unwrap();
        assert_eq!(store.reserve_attempts(&allowed, NOW).await.unwrap(), None);
        assert_eq!(
            store.reserve_attempts(&allowed, NOW).await.unwrap(),
            Some(Digest::of("both"))
        );
        store.give_back_attempts(&keys, true, NOW).await.unwrap();
        for _ in 0..3 {
            assert_eq!(store.reserve_attempts(&allowed, NOW).await.unwrap(), None);
        }
        assert_eq!(
            store.reserve_attempts(&allowed[1..], NOW).await.unwrap(),
            Some(Digest::of("name")),
            "2 and 3"
        );
    });
}

pub fn attempts_count_for_a_window_and_a_clock_that_is_set_back_locks_nobody(stores: &impl Stores) {
    stores.each(async |store| {
        let one = [allowance("x", 1)];
        assert_eq!(store.reserve_attempts(&one, NOW).await.unwrap(), None);
        assert!(
            store
                .reserve_attempts(&one, NOW + WINDOW - 1)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            store.reserve_attempts(&one, NOW + WINDOW).await.unwrap(),
            None
        );
        // A node that is a little behind has the same window.
        assert!(
            store
                .reserve_attempts(&one, NOW + WINDOW - 3)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            store.reserve_attempts(&one, NOW - 7200).await.unwrap(),
            None
        );
        assert_eq!(store.sweep(NOW, 100).await.unwrap(), 1);
    });
}

pub fn begun(id: &str, browser: &str, state: &str) -> Interaction {
    let mut begun = interaction(id);
    begun.browser = Digest::of(browser);
    begun.request.route.state = Some(state.to_owned());
    (begun.created_at, begun.expires_at) = (NOW, NOW + 3600);
    begun
}

pub async fn is_kept(store: &Shared, id: &str) -> bool {
    store.interaction(&Digest::of(id)).await.unwrap().is_some()
}

pub fn one_browser_takes_its_own_room_and_no_more_of_its_network(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..700 {
            let mut large = begun(&format!("b{n}"), "one", &"\u{1}".repeat(2500));
            large.created_at = NOW + n;
            assert_eq!(
                store
                    .begin_interaction(&large, &origin("2001:db8::1"))
                    .await
                    .unwrap(),
                BeginOutcome::Begun,
                "{n}"
            );
        }
        assert!(
            is_kept(&store, "b699").await
                && is_kept(&store, "b680").await
                && !is_kept(&store, "b679").await
        );
        let neighbour = begun("n", "another", "s");
        assert_eq!(
            store
                .begin_interaction(&neighbour, &origin("2001:db8::2"))
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
    });
}

pub fn what_a_network_leaves_unfinished_is_bounded_by_its_size(stores: &impl Stores) {
    stores.each(async |store| {
        let mut through = 0;
        for n in 0..700 {
            // 15 kB, once each control character takes its six bytes.
            let large = begun(
                &format!("b{n}"),
                &format!("browser {n}"),
                &"\u{1}".repeat(2500),
            );
            through += i64::from(
                store
                    .begin_interaction(&large, &origin("2001:db8::1"))
                    .await
                    .unwrap()
                    == BeginOutcome::Begun,
            );
        }
        assert_eq!(
            through,
            bounds::BEGUN_BY_NETWORK / 8,
            "10 MB in ten minutes"
        );
        let other = begun("n", "another", "s");
        assert_eq!(
            store
                .begin_interaction(&other, &origin("2001:db8:0:1::"))
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
        let too_large = begun("t", "t", &"\u{1}".repeat(3000));
        assert_eq!(
            store
                .begin_interaction(&too_large, &origin("192.0.2.1"))
                .await
                .unwrap(),
            BeginOutcome::TooLarge
        );
    });
}
