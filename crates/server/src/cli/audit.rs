//! `latchkey audit`: who did what, as an export, and whether it was tampered with.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use latchkey_protocol::{
    audit::AuditOutcome,
    audit_chain::{Checkpoint, Hash},
};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Lists entries, the newest first.
    #[command(
        after_help = "Example: latchkey audit list --user alice --since 7d --outcome refused"
    )]
    List(AuditList),
    /// Prints the sealed entries as JSON lines, the oldest first.
    #[command(after_help = "Example: latchkey audit export --after 1200:5f1e... >> audit.jsonl")]
    Export {
        /// Only from this moment on: 2026-11-22, 2026-11-22T03:00:00Z, or 7d for seven days ago.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only after this position; those of the last line go on where an export ended. It fails when the chain ends before, or
        /// has another hash there.
        #[arg(long, value_name = "POSITION[:HASH]", default_value = "0")]
        after: After,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
    },
    /// Says whether an entry was changed, dropped, reordered or cut off, and which was the first; exit code 1 when one was.
    #[command(
        after_help = "Example: latchkey audit verify --checkpoint-file /mnt/elsewhere/checkpoints"
    )]
    Verify {
        /// What an earlier verify printed, or a line `checkpoint` of the log: POSITION:HASH. It can be given several times.
        #[arg(long, value_name = "POSITION:HASH")]
        checkpoint: Vec<Checkpoint>,
        /// A file with one of them in each line.
        #[arg(long, value_name = "FILE")]
        checkpoint_file: Option<PathBuf>,
        #[arg(long)]
        json: bool,
    },
}

/// Where an export goes on.
#[derive(Debug, Clone, Copy)]
pub struct After {
    /// The position of the last entry that is known.
    pub position: i64,
    /// Its hash, if that is known, too.
    pub hash: Option<Hash>,
}

impl std::str::FromStr for After {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(':') {
            let at: Checkpoint = text.parse().map_err(|error| format!("{error}"))?;
            return Ok(Self {
                position: at.position,
                hash: Some(at.hash),
            });
        }
        let position = text.parse().ok().filter(|position| *position >= 0);
        Ok(Self {
            position: position.ok_or("this is POSITION or POSITION:HASH")?,
            hash: None,
        })
    }
}

/// Which entries are listed.
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only from this moment on: 2026-11-22, 2026-11-22T03:00:00Z, or 7d for seven days ago.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only before this moment.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only this event, such as "signed in" or "user disable".
    #[arg(long)]
    pub event: Option<String>,
    /// Only by this actor: a sub, a client_id, or "uid 0".
    #[arg(long)]
    pub actor: Option<String>,
    /// Only of this target, by its id: a sub, a client_id, a session, a kid.
    #[arg(long)]
    pub target: Option<String>,
    /// Only what concerns this user, by name, address or sub.
    #[arg(long)]
    pub user: Option<String>,
    /// Only what was done, or what was refused.
    #[arg(long, value_enum)]
    pub outcome: Option<Outcome>,
    /// At most so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub limit: Option<i64>,
    #[arg(long)]
    pub json: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    Done,
    Refused,
}

impl From<Outcome> for AuditOutcome {
    fn from(named: Outcome) -> Self {
        match named {
            Outcome::Done => Self::Done,
            Outcome::Refused => Self::Refused,
        }
    }
}
