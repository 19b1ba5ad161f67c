//! What PostgreSQL spends, where it runs on this machine.

use std::process::Command;

use anyhow::{Context, Result};

/// The process that all of PostgreSQL's others are children of.
#[derive(Debug, Clone, Copy)]
pub struct Postmaster(u32);

impl Postmaster {
    /// The one that serves this address, if it runs here. Asks it with `psql`.
    ///
    /// # Errors
    /// There is no `psql`, or the server does not answer it.
    pub fn of(url: &str) -> Result<Option<Self>> {
        let query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
        let said = Command::new("psql")
            .args([url, "-Atc", query])
            .output()
            .context("psql, which comes with PostgreSQL, is needed")?;
        let checkpointer = String::from_utf8(said.stdout)?.trim().parse();
        let checkpointer = checkpointer.context("the server names no checkpointer")?;
        // Another machine may have another process of this number.
        let is_here = std::fs::read_to_string(format!("/proc/{checkpointer}/cmdline"))
            .is_ok_and(|line| line.starts_with("postgres"));
        Ok(is_here.then(|| Self(parent(checkpointer))))
    }

    /// CPU seconds so far, of those that have ended too.
    pub fn cpu_seconds(self) -> f64 {
        // utime, stime, cutime and cstime, in 100 ticks a second.
        let own: f64 = fields(self.0).iter().skip(10).take(4).sum();
        let children = std::fs::read_dir("/proc").into_iter().flatten();
        let children = children
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| parent(*pid) == self.0)
            .map(nanoseconds);
        own / 100.0 + children.sum::<f64>() / 1e9
    }
}

/// The numbers of `/proc/PID/stat` after the process's name and state.
pub fn fields(pid: u32) -> Vec<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    after
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect()
}

fn parent(pid: u32) -> u32 {
    fields(pid).first().map_or(0, |parent| *parent as u32)
}

/// Of a process with one thread, as finely as the kernel counts.
fn nanoseconds(pid: u32) -> f64 {
    let spent = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let first = spent.split_whitespace().next();
    first.and_then(|ns| ns.parse().ok()).unwrap_or_default()
}
