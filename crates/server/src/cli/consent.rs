//! `latchkey consent`: what users allowed apps.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Lists what a user allowed, or what an app was allowed.
    #[command(after_help = "Example: latchkey consent list --client my-app")]
    List {
        #[command(flatten)]
        of: ConsentOwner,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Takes back what a user allowed an app, and ends all that came of it.
    #[command(after_help = "Example: latchkey consent revoke alice my-app")]
    Revoke {
        username: String,
        client_id: String,
        #[arg(long)]
        json: bool,
    },
}

/// Whose consents.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ConsentOwner {
    /// What this user allowed.
    #[arg(long)]
    pub user: Option<String>,
    /// What this app was allowed.
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
}
