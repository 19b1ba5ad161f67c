//! The command line: nouns, verbs, options, and the texts of `--help`.

mod audit;
mod client;
mod consent;
mod delivery;
mod dev;
mod key;
mod refusal;
mod session;
mod upstream;
mod user;

use std::path::PathBuf;

use clap::{Parser, Subcommand, builder::PossibleValuesParser};
use latchkey_protocol::overview::Period;

pub use audit::{After, AuditCommand, AuditList};
pub use client::{ClaimCommand, ClaimSet, ClientCommand};
pub use consent::{ConsentCommand, ConsentOwner};
pub use delivery::DeliveryCommand;
pub use dev::DevOptions;
pub use key::KeyCommand;
pub use refusal::{RefusalCommand, RefusalList};
pub use session::SessionCommand;
pub use upstream::{UpstreamCommand, UpstreamCreate, UpstreamUpdate};
pub use user::{UserCommand, UserCreate, UserUpdate};

/// Sign-in for your apps and APIs: an OpenID Connect provider in one binary.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, after_help = "Example: latchkey dev")]
pub struct Cli {
    /// Settings file; else $LATCHKEY_CONFIG, else ./latchkey.toml where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the provider; creates the database, applies migrations and creates keys where there are none.
    #[command(after_help = "Example: LATCHKEY_ISSUER=https://id.example.org latchkey serve")]
    Serve,
    /// The whole thing for a first look, and for the tests of an app: provider, users, two demo apps and a demo API.
    #[command(
        after_help = "Example: latchkey dev\n         latchkey dev --port 0 --seed seed.json --no-demo"
    )]
    Dev(DevOptions),
    /// Runs a backend-for-frontend: browsers hold a cookie instead of tokens, calls below /api go on to your APIs.
    #[command(after_help = "Example: latchkey bff --config bff.toml")]
    Bff,
    /// Applies pending migrations.
    #[command(after_help = "Example: latchkey migrate --check")]
    Migrate {
        /// Only name them; exit code 1 when there are any.
        #[arg(long)]
        check: bool,
    },
    /// How much happened lately: sign-ins and failures, tokens, sessions.
    #[command(after_help = "Example: latchkey overview --period week")]
    Overview {
        /// The last 24 hours, 7 days or 30 days.
        #[arg(long, value_name = "PERIOD", default_value = Period::Day.name(), value_parser = PossibleValuesParser::new(Period::ALL.map(Period::name)))]
        period: String,
        #[arg(long)]
        json: bool,
    },
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// Apps and APIs.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Custom claims for all clients; those of one client are in its metadata.
    #[command(subcommand)]
    Claim(ClaimCommand),
    /// What users allowed apps.
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Other providers that users sign in at: Kakao, Naver, Google and the rest.
    #[command(subcommand)]
    Upstream(UpstreamCommand),
    /// Signing keys: announced, active, retiring.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Browsers that are signed in.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Who did what, and whether that was tampered with.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Logout tokens, by which clients hear of the end of a session.
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// Requests that were refused.
    #[command(subcommand)]
    Refusal(RefusalCommand),
    /// Tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Explains a refusal by the reference its answer carried, or by the whole text that ends with it.
    #[command(after_help = "Example: latchkey why 7K3M9Q2X")]
    Why {
        #[arg(required = true)]
        reference: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Exit code 0 when the server answers /readyz; for containers.
    #[command(after_help = "Example: latchkey healthcheck")]
    Healthcheck,
    /// Prints what a shell needs to complete commands and options.
    #[command(after_help = "Example: latchkey completions bash > /etc/bash_completion.d/latchkey")]
    Completions { shell: clap_complete::Shell },
    /// Writes the manual pages, one for each command.
    #[command(after_help = "Example: latchkey man /usr/local/share/man/man1")]
    Man {
        /// An existing folder.
        folder: PathBuf,
    },
    /// Prints the version.
    Version,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Reads a token from standard input, shows it and says whether and why (not) it is valid.
    #[command(after_help = "Example: echo \"$TOKEN\" | latchkey token inspect")]
    Inspect {
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Names every fault at once.
    Check,
    /// The values in force, secrets masked, and where each came from.
    Show {
        #[arg(long)]
        json: bool,
    },
    /// The full reference.
    Reference {
        /// The table of refusals instead.
        #[arg(long)]
        errors: bool,
        /// The members of client metadata instead.
        #[arg(long, conflicts_with = "errors")]
        clients: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_whose_id_begins_with_a_hyphen_can_be_retired() {
        for id in ["-vQ2x", "-hV", "--json_x", "-"] {
            let cli = Cli::try_parse_from(["latchkey", "key", "retire", id]);
            let Ok(Command::Key(KeyCommand::Retire { kid, json: false })) =
                cli.map(|cli| cli.command)
            else {
                panic!("{id}")
            };
            assert_eq!(kid, id);
        }
    }

    /// What prints JSON anyway, and what a program reads in a form of its own.
    const WITHOUT: [&str; 5] = [
        "client create",
        "client update",
        "audit export",
        "config check",
        "config reference",
    ];

    #[test]
    fn each_command_that_reads_or_changes_something_speaks_json() {
        let cli = <Cli as clap::CommandFactory>::command();
        for noun in cli.get_subcommands() {
            for verb in noun.get_subcommands() {
                let name = format!("{} {}", noun.get_name(), verb.get_name());
                let speaks = verb.get_arguments().any(|a| a.get_long() == Some("json"));
                assert_ne!(speaks, WITHOUT.contains(&&*name), "{name}");
            }
        }
    }
}
