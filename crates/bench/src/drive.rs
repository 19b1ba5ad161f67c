//! Drives a server on many connections and counts what its processes spent.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use crate::{Load, Measurement, client::Connection, server::Target};

/// There is nothing left to drive with.
#[derive(Debug, thiserror::Error)]
#[error("all codes are spent")]
pub struct Spent;

/// Drives `step` on all connections for the time, and counts what the server's processes and PostgreSQL's spent.
///
/// Each driver's thread asks for what has come without ever sleeping: the server would be charged for waking it, most
/// where it is slowest.
pub fn drive(
    target: &Target,
    load: &Load,
    step: impl AsyncFn(&mut Connection, usize) -> Result<()> + Sync,
) -> Result<Measurement> {
    let spent = || (target.cpu_seconds(), target.database_cpu_seconds());
    let (before, started) = (spent(), Instant::now());
    let until = started + Duration::from_secs(load.seconds);
    let one = async |index: usize| -> Result<Vec<Duration>> {
        let mut c = target.connect(index).await?;
        let mut times = Vec::new();
        let mut n = index;
        while Instant::now() < until {
            let begun = Instant::now();
            match step(&mut c, n).await {
                Ok(()) => times.push(begun.elapsed()),
                Err(error) if error.is::<Spent>() => break,
                Err(error) => return Err(error),
            }
            n += load.connections;
        }
        Ok(times)
    };
    let share = |thread: usize| {
        block_on(async {
            let all = try_join_all((thread..load.connections).step_by(load.threads).map(one));
            let awake = async {
                if !load.spin {
                    std::future::pending::<()>().await;
                }
                loop {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { times = all => Ok(times?.concat()), never = awake => never }
        })
    };
    let times: Result<Vec<Vec<Duration>>> = std::thread::scope(|scope| {
        let share = &share;
        let threads: Vec<_> = (0..load.threads)
            .map(|n| scope.spawn(move || share(n)))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().map_err(|_| anyhow::anyhow!("a driver panicked"))?)
            .collect()
    });
    let (after, wall) = (spent(), started.elapsed());
    let database = after.1 - before.1;
    let cpu = (after.0 - before.0 + database).max(0.01);
    let mut times = times?.concat();
    ensure!(!times.is_empty(), "nothing was answered");
    times.sort();
    Ok(Measurement {
        count: times.len(),
        per_second: times.len() as f64 / wall.as_secs_f64(),
        per_cpu_second: times.len() as f64 / cpu,
        database: database / cpu,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    })
}

/// Runs to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
