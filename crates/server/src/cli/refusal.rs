//! `latchkey refusal`: requests that were refused.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum RefusalCommand {
    /// Lists requests of the last seven days that were refused, the newest first; latchkey why explains one.
    #[command(after_help = "Example: latchkey refusal list --client my-app --since 1h")]
    List(RefusalList),
}

/// Which refusals are listed.
#[derive(Debug, Args)]
pub struct RefusalList {
    /// Only from this moment on: 2026-11-22, 2026-11-22T03:00:00Z, or 7d for seven days ago.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only before this moment.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only those of this client, as far as it said so.
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// Only those for this reason, such as CodeExpired.
    #[arg(long)]
    pub reason: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub limit: Option<i64>,
    #[arg(long)]
    pub json: bool,
}
