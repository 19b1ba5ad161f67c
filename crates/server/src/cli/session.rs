//! `latchkey session`: browsers that are signed in.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::patience;

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Lists sessions.
    List {
        /// Of this user.
        #[arg(long)]
        user: Option<String>,
        /// In which users, or this user, signed in to this client.
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Shows what is known of a session, live or ended: who, since when, in which apps, and which of them have heard of its end.
    #[command(after_help = "Example: latchkey session show 01a3185c-5000-7efb-a86a-e9e0c207865f")]
    Show {
        id: String,
        #[arg(long)]
        json: bool,
    },
    /// Lists ends of many sessions that are under way, or were over within the last hour.
    Ends {
        #[arg(long)]
        json: bool,
    },
    /// Ends a session and everything that came of it.
    #[command(
        after_help = "Example: latchkey session end 01a3185c-5000-7efb-a86a-e9e0c207865f --wait"
    )]
    End(SessionEnd),
}

/// Which sessions end.
#[derive(Debug, Args)]
pub struct SessionEnd {
    #[arg(required_unless_present_any = ["client", "all"], conflicts_with_all = ["client", "all"])]
    pub id: Option<String>,
    /// All sessions in which users signed in to this client, and everything that it was allowed.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub client: Option<String>,
    /// All sessions, of everyone.
    #[arg(long)]
    pub all: bool,
    /// Waits until every client that hears of it has taken its logout token, and fails where one has not.
    #[arg(long)]
    pub wait: bool,
    /// How long it waits, after the sessions have ended.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience, requires = "wait")]
    pub timeout: Duration,
    #[arg(long)]
    pub json: bool,
}
