//! What strangers can make is counted and bounded.

use latchkey_protocol::{
    Digest, Timestamp,
    attempts::{Allowance, WINDOW},
    bounds,
    store::BeginOutcome,
};

use super::*;

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub fn allowance(name: &str, most: i64) -> Allowance {
    Allowance {
        key: Digest::of(name),
        most,
    }
}

#[test]
fn of_racing_attempts_no_more_get_through_than_are_allowed() {
    on_both(async |store| {
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

#[test]
fn an_attempt_is_given_back_and_what_worked_clears_what_failed() {
    on_both(async |store| {
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

#[test]
fn attempts_count_for_a_window_and_a_clock_that_is_set_back_locks_nobody() {
    on_both(async |store| {
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

#[test]
fn one_browser_takes_its_own_room_and_no_more_of_its_network() {
    on_both(async |store| {
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

#[test]
fn what_a_network_leaves_unfinished_is_bounded_by_its_size() {
    on_both(async |store| {
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

/// Rows by the thousand, in one statement.
pub fn many(store: &Options, insert: &str, columns: &str, most: i64) {
    let series = if store.url.starts_with("sqlite") {
        format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {most})")
    } else {
        format!("WITH s AS (SELECT generate_series(1, {most}) AS n)")
    };
    store
        .script(&format!(
            "{series} INSERT INTO {insert} SELECT {columns} FROM s"
        ))
        .unwrap();
}

pub fn blob(options: &Options, byte: &str) -> String {
    if options.url.starts_with("sqlite") {
        format!("x'{byte}'")
    } else {
        format!("'\\x{byte}'::bytea")
    }
}

#[test]
fn of_too_many_sign_ins_the_neighbourhood_that_has_the_most_loses() {
    on_both_at(async |options| {
        let store = open(&options);
        let digest = if options.url.starts_with("sqlite") {
            "randomblob(32)"
        } else {
            "decode(md5(n::text), 'hex')"
        };
        let (flood, empty) = (blob(&options, "f1"), blob(&options, "00"));
        many(
            &options,
            "interactions (digest, browser, request, created_at, expires_at, declined, network, neighbourhood, cost)",
            &format!("{digest}, {empty}, '{{}}', {NOW} + n, {NOW} + 3600, 0, {empty}, {flood}, 8"),
            20_000,
        );
        for n in 0..15 {
            let honest = begun(&format!("h{n}"), &format!("browser {n}"), "s");
            assert_eq!(
                store
                    .begin_interaction(&honest, &origin("192.0.2.1"))
                    .await
                    .unwrap(),
                BeginOutcome::Begun
            );
        }
        while store.sweep(NOW, 1000).await.unwrap() > 0 {}
        for n in 0..15 {
            assert!(is_kept(&store, &format!("h{n}")).await, "{n}");
        }
        let left = format!(
            "DELETE FROM interactions WHERE (SELECT sum(cost) FROM interactions) <= {}",
            bounds::BEGUN_BY_ALL
        );
        options.script(&left).unwrap();
        assert!(
            !is_kept(&store, "h0").await,
            "all together are within their bound"
        );
    });
}

#[test]
fn a_neighbourhood_that_fills_the_room_of_all_leaves_room_for_the_others() {
    on_both_at(async |options| {
        let store = open(&options);
        let digest = if options.url.starts_with("sqlite") {
            "randomblob(32)"
        } else {
            "decode(md5(n::text), 'hex')"
        };
        let empty = blob(&options, "00");
        let hex: String = origin("2001:db8::1")
            .neighbourhood
            .as_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        many(
            &options,
            "interactions (digest, browser, request, created_at, expires_at, declined, network, neighbourhood, cost)",
            &format!(
                "{digest}, {empty}, '{{}}', {NOW} - 3000, {NOW} + 600, 0, {empty}, {}, 8",
                blob(&options, &hex)
            ),
            bounds::BEGUN_BY_ALL / 8 - 1,
        );
        store.sweep(NOW, 1000).await.unwrap();
        let mut through = 0;
        for n in 0..12 {
            let one = begun(&format!("f{n}"), &format!("browser {n}"), "s");
            let came = store
                .begin_interaction(&one, &origin(&format!("2001:db8:0:{n:x}::1")))
                .await
                .unwrap();
            through += i64::from(came == BeginOutcome::Begun);
        }
        assert_eq!(
            through, 8,
            "until all together have as many as there shall be"
        );
        for n in 0..5 {
            let honest = begun(&format!("h{n}"), &format!("honest {n}"), "s");
            assert_eq!(
                store
                    .begin_interaction(&honest, &origin("192.0.2.1"))
                    .await
                    .unwrap(),
                BeginOutcome::Begun,
                "{n}"
            );
        }
    });
}

#[test]
fn what_was_begun_before_the_clock_was_set_back_fills_no_network() {
    on_both_at(async |options| {
        let store = open(&options);
        let digest = if options.url.starts_with("sqlite") {
            "randomblob(32)"
        } else {
            "decode(md5(n::text), 'hex')"
        };
        let (empty, from) = (blob(&options, "00"), origin("192.0.2.1"));
        let hex: String = from
            .network
            .as_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        many(
            &options,
            "interactions (digest, browser, request, created_at, expires_at, declined, network, neighbourhood, cost)",
            &format!(
                "{digest}, {empty}, '{{}}', {NOW} + 7200, {NOW} + 9999, 0, {}, {empty}, 8",
                blob(&options, &hex)
            ),
            bounds::BEGUN_BY_NETWORK / 8,
        );
        assert_eq!(
            store
                .begin_interaction(&begun("n", "b", "s"), &from)
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
    });
}
