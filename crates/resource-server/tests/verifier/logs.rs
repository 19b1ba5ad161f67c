//! What the owner reads: why each was refused, bounded, and never a token.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;

use super::support::{Issuer, ec_key, judge, rsa_key, sign, with};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Of this thread, as long as the guard lives: the tests here have a runtime of one thread.
fn log() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn the_owner_reads_why_and_of_whom() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let (lines, _guard) = log();
    let token = sign(&key, &with("aud", json!("https://other.example")));
    judge(&api, &token).await.unwrap_err();
    let text = lines.text();
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
    let (lines, _guard) = log();
    let evil = format!("shop\n2026-01-01 INFO all is well {}", "x".repeat(1000));
    let token = sign(&ec_key(), &with("client_id", json!(evil)));
    for _ in 0..300 {
        judge(&api, &token).await.unwrap_err();
    }
    let text = lines.text();
    let count = text.lines().count();
    // 50 in a second; the loop may take several.
    assert!((50..=260).contains(&count), "{count}");
    assert!(text.lines().all(|line| line.len() < 700), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("2026-01-01 INFO")));
    assert!(!text.contains(&"x".repeat(100)));
}
