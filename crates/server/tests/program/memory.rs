//! What the server holds in memory when nobody asks anything of it.
#![cfg(target_os = "linux")]

use std::time::Duration;

use super::{audit::Audited, client, support::*};

/// Memory that is no file's page, in KiB.
fn own(server: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.0.id())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let number = line.and_then(|l| l.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

#[test]
fn the_memory_of_password_hashes_goes_back_when_nobody_signs_in_any_more() {
    let a = Audited::start();
    let browser = client().cookie_store(true).build().unwrap();
    let quiet = own(&a.server);
    assert!(quiet < 20 << 10, "it starts with {quiet} KiB");
    assert_eq!(a.sign_in(&browser, "alice", PASSWORD), 303);
    for _ in 0..100 {
        if own(&a.server) < quiet + (8 << 10) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("of {quiet} KiB it has come to {} KiB", own(&a.server));
}
