//! What the owner reads: why each was refused, bounded, and never a token.

use std::{cell::RefCell, io, sync::LazyLock, time::Instant};

use latchkey_resource_server::{StatusLists, WhenStale};
use serde_json::json;

use super::support::{
    At, Fault, Issuer, LIST, ec_key, eventually, judge, list_token, list_token_at, rsa_key, sign,
    with, with_status, with_status_at,
};

thread_local! {
    /// What was logged on this thread: each test here has one, with its runtime.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One for the whole program: with one for each thread, lines get lost while others come and go.
static LOG: LazyLock<()> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(|| ThisThread);
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
});

struct ThisThread;

impl io::Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was logged since the last call.
fn logged() -> String {
    LazyLock::force(&LOG);
    String::from_utf8(LINES.take()).unwrap()
}

#[tokio::test]
async fn the_owner_reads_why_and_of_whom() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    logged();
    let token = sign(&key, &with("aud", json!("https://other.example")));
    judge(&api, &token).await.unwrap_err();
    let text = logged();
    for part in [
        "another audience",
        "shop",
        "https://id.example",
        key.kid(),
        "at+jwt",
        "RS256",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for part in token.split('.') {
        assert!(!text.contains(part), "{text}");
    }
}

/// Strangers write a part of these lines: they cannot begin another one, nor fill the disk.
#[tokio::test]
async fn strangers_cannot_forge_or_flood_the_log() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    logged();
    let evil = format!("shop\n2026-01-01 INFO all is well {}", "x".repeat(1000));
    let token = sign(&ec_key(), &with("client_id", json!(evil)));
    let began = Instant::now();
    for _ in 0..300 {
        judge(&api, &token).await.unwrap_err();
    }
    let text = logged();
    let count = text.lines().count();
    // 50 in a second, and one that says how many there were besides; the loop may take several.
    let most = 51 * (usize::try_from(began.elapsed().as_secs()).unwrap() + 1);
    assert!((50..=most).contains(&count), "{count}");
    assert!(text.lines().all(|line| line.len() < 700), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("2026-01-01 INFO")));
    assert!(!text.contains(&"x".repeat(100)));
}

/// Not at each request: once, with what passes meanwhile.
#[tokio::test]
async fn the_owner_reads_when_a_list_is_stale_and_when_no_longer() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    issuer.publish_list(&list_token(&key, &[]));
    let lists = StatusLists::default().when_stale(WhenStale::Allow);
    let api = issuer.verifier_at(&clock).status_lists(lists);
    let api = api.start().await.unwrap();
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    logged();
    issuer.lists_fail("/status-lists", Fault::Down);
    clock.pass(60);
    for _ in 0..50 {
        assert!(judge(&api, &token).await.is_ok());
    }
    let text = logged();
    let count = |text: &str, part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count(&text, "the status list is stale"), 1, "{text}");
    assert!(text.contains(LIST) && text.contains("Allow"), "{text}");
    issuer.publish_list(&list_token_at(&key, &[], 60));
    issuer.lists_fail("/status-lists", None);
    eventually("it recovers", async || {
        judge(&api, &token).await.is_ok() && !api.health().lists.are_stale
    })
    .await;
    assert_eq!(count(&logged(), "the status list is fresh again"), 1);
}

#[tokio::test]
async fn the_owner_reads_once_that_there_are_too_many_lists() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = issuer.start().await;
    logged();
    for n in 0..80 {
        let uri = format!("{LIST}{n}");
        let token = sign(&key, &with_status_at(&uri, json!(1)));
        assert!(judge(&api, &token).await.is_err());
    }
    let text = logged();
    let lines = text
        .lines()
        .filter(|line| line.contains("more status lists"));
    assert_eq!(lines.count(), 1, "{text}");
}
