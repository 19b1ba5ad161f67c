//! What is kept is bounded, and SQLite gives space back.

use super::limits::{blob, many};
use super::*;
use latchkey_conformance::promises::limits::*;
use latchkey_protocol::{bounds, observe::KeptRefusal};

fn refusal(reference: &str, share: &str, address: &str) -> KeptRefusal {
    KeptRefusal {
        reference: reference.into(),
        at: NOW - 86_400,
        reason: "X".into(),
        endpoint: "/token".into(),
        client_id: Some(share.into()),
        request_id: "r".into(),
        expected: String::new(),
        received: String::new(),
        share: share.into(),
        neighbourhood: Some(origin(address).neighbourhood),
    }
}

#[test]
fn of_too_many_refusals_the_noisy_clients_go() {
    on_both_at(async |options| {
        let store = open(&options);
        for n in 0..5 {
            store
                .keep_refusal(&refusal(&format!("Q{n}"), "quiet", "192.0.2.1"))
                .await
                .unwrap();
            store
                .keep_refusal(&refusal(&format!("S{n}"), "noisy", "198.51.100.1"))
                .await
                .unwrap();
        }
        let noise = blob(&options, "f1");
        many(
            &options,
            "refusals (reference, at, reason, endpoint, client_id, request_id, expected, came, share, neighbourhood)",
            &format!("'N' || n, {NOW} - 1000, 'X', '/', 'noisy', 'r', '', '', 'noisy', {noise}"),
            45_000,
        );
        while store.sweep(NOW, 1000).await.unwrap() > 0 {}
        for n in 0..5 {
            assert!(
                store.refusal(&format!("Q{n}")).await.unwrap().is_some(),
                "another client's"
            );
            assert!(
                store.refusal(&format!("S{n}")).await.unwrap().is_some(),
                "the same client's, from elsewhere"
            );
        }
        // Exactly as many as are allowed are left.
        let one_more = format!(
            "DELETE FROM refusals WHERE (SELECT count(*) FROM refusals) = {}",
            bounds::REFUSALS
        );
        options.script(&one_more).unwrap();
        assert!(store.refusal("Q0").await.unwrap().is_none());
    });
}

#[test]
fn sqlite_gives_space_back_and_bounds_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let options = Options {
        url: format!("sqlite://{}", file.display()),
        pool: 1,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&options);
        many(
            &options,
            "refusals (reference, at, reason, endpoint, request_id, expected, came)",
            &format!(
                "'N' || n, {NOW} - 1000, 'X', '/', 'r', hex(randomblob(400)), hex(randomblob(400))"
            ),
            60_000,
        );
        let log = || {
            std::fs::metadata(folder.path().join("db-wal"))
                .unwrap()
                .len()
        };
        assert!(log() > 90_000_000, "{}", log());
        store.sweep(NOW, 1000).await.unwrap();
        for _ in 0..100 {
            if log() > 70_000_000 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        assert!(log() <= 70_000_000, "{}", log());
        options.script("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let before = std::fs::metadata(&file).unwrap().len();
        assert!(before > 90_000_000, "{before}");
        for _ in 0..70 {
            store.sweep(NOW + 8 * 86_400, 1000).await.unwrap();
        }
        options.script("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let after = std::fs::metadata(&file).unwrap().len();
        assert!(after < 2_000_000, "{before} bytes became {after}");
    });
}
