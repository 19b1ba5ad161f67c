//! Ports for servers that the tests start.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

/// The ports below those that the system gives to outgoing connections and to whoever asks for any.
const FIRST: u32 = 15_000;
const MANY: u32 = 15_000;

/// A port that nobody listens on and that no other test gets: one that the system picked may be given to another as soon
/// as it is let go.
pub fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests of different processes begin in different places.
        let at = std::process::id()
            .wrapping_mul(97)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
            % MANY;
        let port = u16::try_from(FIRST + at).unwrap_or(u16::MAX);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
