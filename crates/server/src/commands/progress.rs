//! How far a command is, for whoever waits for it: lines on standard error, so that what it prints stays as it is.

use std::{
    io::Write,
    time::{Duration, Instant},
};

/// Between two lines, and before the first.
const EVERY: Duration = Duration::from_secs(1);

/// What was said last.
pub struct Progress(Instant);

impl Progress {
    /// Of what begins now.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Says it, unless something was said within the last second.
    pub fn say(&mut self, text: impl FnOnce() -> String) {
        if self.0.elapsed() >= EVERY {
            self.0 = Instant::now();
            // Nobody has to read it.
            let _said = writeln!(std::io::stderr(), "latchkey: {}", text());
        }
    }
}
