//! What strangers can make is counted and bounded.

use super::*;
use latchkey_conformance::promises::limits::*;
use latchkey_protocol::{bounds, store::BeginOutcome};

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
