//! `latchkey client` and `latchkey claim`: apps, APIs, and the custom claims for all of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Registers an app from RFC 7591 client metadata; prints the secret this once.
    #[command(
        after_help = "Example: echo '{\"client_name\":\"My app\",\"redirect_uris\":[\"https://app.example/callback\"]}' | latchkey client create --from -"
    )]
    Create {
        /// JSON file; - is standard input.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Lists apps.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Shows an app.
    Show {
        client_id: String,
        #[arg(long)]
        json: bool,
    },
    /// Lists who may use an app, and why: who has one of the groups or roles of its access, or is named in it.
    Access {
        client_id: String,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Shows what a user would get of an app: ID token, UserInfo and access token, and why each claim is there or is not.
    /// Nothing is issued.
    #[command(
        after_help = "Example: latchkey client preview my-app alice --scope 'openid profile email'"
    )]
    Preview {
        client_id: String,
        /// Who signs in; without one, what the app gets for itself.
        username: Option<String>,
        /// What the app asks for.
        #[arg(long, default_value = "")]
        scope: String,
        #[arg(long)]
        json: bool,
    },
    /// Changes an app's metadata; what is not named stays, null removes (RFC 7396).
    #[command(
        after_help = "Example: echo '{\"client_name\":\"New name\",\"contacts\":null}' | latchkey client update my-app --from -"
    )]
    Update {
        client_id: String,
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Makes a new secret as well, and prints it this once; the old one is worth nothing at once. FILE
        /// has no client_secret then. An app that is to have HS256 needs one.
        #[arg(long)]
        new_secret: bool,
    },
    /// Removes an app and all that was allowed to it.
    Delete {
        client_id: String,
        #[arg(long)]
        json: bool,
    },
    /// Stops an app: nobody signs in to it, and it gets and renews no tokens.
    Disable {
        client_id: String,
        #[arg(long)]
        json: bool,
    },
    /// Lets an app go on, with what it was allowed before.
    Enable {
        client_id: String,
        #[arg(long)]
        json: bool,
    },
    /// Makes a new secret and prints it this once.
    #[command(after_help = "Example: latchkey client rotate-secret my-app --keep-old 1h")]
    RotateSecret {
        client_id: String,
        /// The old secret is taken for so long besides, such as 90s, 1h or 7d, 30d at most; without it it is worth nothing at
        /// once. ID tokens that are signed with it (HS256) are signed with the new one at once.
        #[arg(long, value_name = "TIME", value_parser = crate::config::duration)]
        keep_old: Option<i64>,
        /// In one line, with what should be known of it as a member.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ClaimCommand {
    /// Lists custom claims.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Maps a claim for all clients; one of --attribute, --claim and --value says what it is.
    #[command(
        after_help = "Example: latchkey claim set department --attribute department --in id_token --in access_token --scope profile"
    )]
    Set(ClaimSet),
    /// Says a claim no more.
    Remove {
        name: String,
        #[arg(long)]
        json: bool,
    },
}

/// A claim, and what it says.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["attribute", "claim", "value"])))]
pub struct ClaimSet {
    /// Of the registry, a URI, or a private one.
    pub name: String,
    /// The user's attribute of this name.
    #[arg(long)]
    pub attribute: Option<String>,
    /// A claim of every user, such as preferred_username.
    #[arg(long)]
    pub claim: Option<String>,
    /// The same for all: JSON where it is JSON, else a text.
    #[arg(long, value_parser = value)]
    pub value: Option<Value>,
    /// Where it is said; without it in ID token and UserInfo.
    #[arg(long = "in", value_name = "PLACE", value_parser = ["id_token", "userinfo", "access_token"])]
    pub places: Vec<String>,
    /// Only where this scope was granted.
    #[arg(long, default_value = "openid")]
    pub scope: String,
    #[arg(long)]
    pub json: bool,
}

fn value(text: &str) -> Result<Value, String> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}
