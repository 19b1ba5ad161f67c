//! Log lines leave in batches: a write for each would cost every request more than forming the line does.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::Settings;

/// How long a line may wait for others.
const AT_MOST: Duration = Duration::from_millis(20);
/// As many bytes as this do not wait, so a flood holds back those who write it.
const FULL: usize = 64 * 1024;

#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    ended: bool,
}

#[derive(Default)]
struct Queue {
    pending: Mutex<Pending>,
    filled: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut pending = self.lock();
        let first = pending.lines.is_empty();
        pending.lines.extend_from_slice(line);
        if pending.lines.len() >= FULL {
            write_out(&mut pending.lines);
        } else if first {
            self.filled.notify_one();
        }
    }

    /// The thread's work, until the end.
    fn write(&self) {
        loop {
            let waiting = self
                .filled
                .wait_while(self.lock(), |p| p.lines.is_empty() && !p.ended);
            let mut pending = waiting.unwrap_or_else(PoisonError::into_inner);
            if pending.ended {
                return write_out(&mut pending.lines);
            }
            drop(pending);
            std::thread::sleep(AT_MOST);
            // Under the lock, so that lines stay in their order.
            write_out(&mut self.lock().lines);
        }
    }
}

fn write_out(lines: &mut Vec<u8>) {
    // There is nowhere to say that standard error is gone.
    let _gone = io::stderr().write_all(lines);
    lines.clear();
}

struct Line(Arc<Queue>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Lines(Arc<Queue>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone())
    }
}

/// Dropped, it writes what is still waiting.
pub struct Logging(Option<(Arc<Queue>, JoinHandle<()>)>);

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some((queue, thread)) = self.0.take() {
            queue.lock().ended = true;
            queue.filled.notify_one();
            // It has nothing to say.
            let _ended = thread.join();
        }
    }
}

/// Starts logging, to standard error. Keep what it returns to the end of the program.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(settings: &Settings) -> io::Result<Logging> {
    // What actix calls a stream error is whatever a stranger has sent that is no HTTP.
    let quiet = "actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off,rustls=warn";
    let filter = EnvFilter::new(format!("{},{quiet}", settings.log_level));
    let queue = Arc::new(Queue::default());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(queue.clone()));
    let started = if settings.log_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
    if started.is_err() {
        // Something logs already, as in tests.
        return Ok(Logging(None));
    }
    let writing = queue.clone();
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || writing.write())?;
    Ok(Logging(Some((queue, thread))))
}
