//! `latchkey upstream`: other providers that users sign in at.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum UpstreamCommand {
    /// Adds a provider, from a preset, from settings as JSON, or from both.
    #[command(
        after_help = "Example: printf %s \"$SECRET\" | latchkey upstream create kakao --preset kakao --client-id 0123abcd --secret-stdin"
    )]
    Create(UpstreamCreate),
    /// Lists providers, in the order of their buttons.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Shows a provider, without its secret.
    Show {
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Changes a provider; what is not named stays. Sign-ins that are under way there begin anew.
    #[command(
        after_help = "Example: echo '{\"trust\":{\"create\":false}}' | latchkey upstream update kakao --from -"
    )]
    Update(UpstreamUpdate),
    /// Tries whether users can sign in there: addresses, keys, clock, redirect address, secret.
    #[command(after_help = "Example: latchkey upstream test kakao")]
    Test {
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Lets nobody sign in there any more. Sessions that came from there go on.
    Disable {
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Lets users sign in there again.
    Enable {
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Removes a provider that no user is linked through.
    Delete {
        name: String,
        /// Also with the identities that are linked through it: users without a password cannot sign in then.
        #[arg(long)]
        force: bool,
        #[arg(long)]
        json: bool,
    },
}

/// A provider that is added.
#[derive(Debug, Args)]
pub struct UpstreamCreate {
    /// Small letters, digits and hyphens; it stands in addresses, and never changes.
    pub name: String,
    /// What is known of a provider: its addresses, scopes and claims.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// The client_id that the provider gave to this installation.
    #[arg(long)]
    pub client_id: Option<String>,
    /// The issuer of an OpenID provider, as its discovery document says it.
    #[arg(long)]
    pub issuer: Option<String>,
    /// What its button says.
    #[arg(long)]
    pub title: Option<String>,
    /// Settings as JSON; - is standard input. They go before those of the preset.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Says that the secret, or the private key that Apple asks for, comes from standard input.
    #[arg(long)]
    pub secret_stdin: bool,
    #[arg(long)]
    pub json: bool,
}

/// A provider that is changed.
#[derive(Debug, Args)]
pub struct UpstreamUpdate {
    pub name: String,
    #[arg(long)]
    pub client_id: Option<String>,
    #[arg(long)]
    pub title: Option<String>,
    /// Settings as JSON; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Says that another secret comes from standard input.
    #[arg(long)]
    pub secret_stdin: bool,
    #[arg(long)]
    pub json: bool,
}
