//! Log lines leave in batches: a write for each would cost every request more than forming the line does.

use std::{
    io::{self, BufWriter, Stderr, Write},
    time::Duration,
};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::Settings;

/// How long lines may wait for others.
const AT_MOST: Duration = Duration::from_millis(20);
/// As many lines as this may wait: a flood holds back those who write it, and loses none while the program runs.
const WAITING: usize = 4096;
/// Bytes of one write.
const BATCH: usize = 64 * 1024;

/// Targets that log what is no news. What actix calls a stream error is whatever a stranger has sent that is no HTTP.
const QUIET: [(&str, LevelFilter); 4] = [
    ("actix_server", LevelFilter::WARN),
    ("actix_http", LevelFilter::WARN),
    ("actix_http::h1::dispatcher", LevelFilter::OFF),
    ("rustls", LevelFilter::WARN),
];

/// Standard error, which is flushed whenever no line waits. The pause lets the next lines gather: those who write them
/// need not wake the thread for each.
struct Batches(BufWriter<Stderr>);

impl Write for Batches {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.0.flush();
        std::thread::sleep(AT_MOST);
        written
    }
}

/// Dropped, it writes what is still waiting, for a second at the most.
pub struct Logging {
    _writer: Option<WorkerGuard>,
}

/// Starts logging, to standard error. Keep what it returns to the end of the program.
pub fn start(settings: &Settings) -> Logging {
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(WAITING)
        .thread_name("log")
        .finish(Batches(BufWriter::with_capacity(BATCH, io::stderr())));
    // Where something logs already, as in tests, that goes on.
    Logging {
        _writer: init(settings, lines).then_some(guard),
    }
}

/// Whether these settings are the ones in force.
fn init(settings: &Settings, lines: NonBlocking) -> bool {
    // The table of settings allows nothing but names of levels.
    let level = settings.log_level.parse().unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(level).with_targets(QUIET);
    let lines = tracing_subscriber::fmt::layer().with_writer(lines);
    let all = tracing_subscriber::registry().with(filter);
    let started = if settings.log_json {
        all.with(lines.json().flatten_event(true)).try_init()
    } else {
        all.with(lines.with_ansi(false)).try_init()
    };
    started.is_ok()
}
