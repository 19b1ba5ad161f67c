//! `latchkey user`: what is typed to add, change and lock out users.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use latchkey_protocol::user_list::UserSort;
use serde_json::Value;

use crate::config::patience;

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Adds a user.
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | latchkey user create alice --email alice@example.org --password-stdin"
    )]
    Create(UserCreate),
    /// Lists users.
    #[command(
        after_help = "Example: latchkey user list --sort last-sign-in --limit 20\n         latchkey user list --search min --json"
    )]
    List {
        /// Those whose user name, email address, display name or subject begins so, in the order of what was found.
        #[arg(long, value_name = "TEXT", conflicts_with = "sort")]
        search: Option<String>,
        /// The order: by name, those added last first, or those who signed in last first.
        #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
        sort: Sort,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Shows a user.
    Show {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// Changes a user; what is not given stays.
    #[command(
        after_help = "Example: latchkey user update alice --email alice@new.example --role admin --claim locale=ko-KR"
    )]
    Update(UserUpdate),
    /// Ends everything a user has and lets them in no more.
    Disable {
        username: String,
        /// Also the last enabled user with the role admin.
        #[arg(long)]
        force: bool,
        #[arg(long)]
        json: bool,
    },
    /// Lets a user in again.
    Enable {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// Removes a user and everything of theirs.
    Delete {
        username: String,
        /// Also the last enabled user with the role admin.
        #[arg(long)]
        force: bool,
        #[arg(long)]
        json: bool,
    },
    /// Sets a new password, read from standard input.
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | latchkey user set-password alice --password-stdin"
    )]
    SetPassword {
        username: String,
        /// Says that the password comes from standard input, and never from an argument.
        #[arg(long, required = true)]
        password_stdin: bool,
        #[arg(long)]
        json: bool,
    },
    /// Shows who a user is at other providers.
    Identities {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// Connects a user with who they are at another provider; whoever signs in there as that is this user.
    #[command(
        after_help = "Example: latchkey user link alice --upstream kakao --subject 3141592653"
    )]
    Link {
        username: String,
        /// The provider's name.
        #[arg(long, value_name = "NAME")]
        upstream: String,
        /// Who they are there: sub, or what the provider has for it.
        #[arg(long)]
        subject: String,
        /// The issuer of their tenant, where the provider has many.
        #[arg(long)]
        issuer: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Takes such a connection away, and ends the sessions that came from it.
    #[command(
        after_help = "Example: latchkey user unlink alice --upstream kakao --subject 3141592653"
    )]
    Unlink {
        username: String,
        /// The provider's name.
        #[arg(long, value_name = "NAME")]
        upstream: String,
        /// Who they are there.
        #[arg(long)]
        subject: String,
        /// Also where the user cannot sign in any more.
        #[arg(long)]
        force: bool,
        #[arg(long)]
        json: bool,
    },
    /// Throws a user out, everywhere, at once.
    #[command(after_help = "Example: latchkey user end-sessions alice --wait")]
    EndSessions {
        username: String,
        /// Waits until every client that hears of it has taken its logout tokens, and fails where one has not.
        #[arg(long)]
        wait: bool,
        /// How long it waits.
        #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience, requires = "wait")]
        timeout: Duration,
        #[arg(long)]
        json: bool,
    },
}

/// The orders of a list.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Sort {
    #[default]
    Name,
    Created,
    LastSignIn,
}

impl From<Sort> for UserSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Name => Self::Name,
            Sort::Created => Self::Created,
            Sort::LastSignIn => Self::LastSignIn,
        }
    }
}

/// A user to be added.
#[derive(Debug, Args)]
pub struct UserCreate {
    /// The name typed at the login page.
    pub username: String,
    #[arg(long)]
    pub email: Option<String>,
    /// Nobody has proven yet that the address is theirs.
    #[arg(long, requires = "email")]
    pub email_unverified: bool,
    /// Display name.
    #[arg(long)]
    pub name: Option<String>,
    #[arg(long = "role")]
    pub roles: Vec<String>,
    #[arg(long = "group")]
    pub groups: Vec<String>,
    /// JSON object of OpenID Connect standard claims; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub claims: Option<PathBuf>,
    /// One claim, besides those of the file: JSON where it is JSON, else a text.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub set: Vec<(String, Value)>,
    /// JSON object of attributes, for custom claims; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<PathBuf>,
    /// One attribute, besides those of the file: JSON where it is JSON, else a text.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = claim)]
    pub set_attributes: Vec<(String, Value)>,
    /// Read the password from standard input: 8 characters or more.
    #[arg(long)]
    pub password_stdin: bool,
    #[arg(long)]
    pub json: bool,
}

/// What of a user changes.
#[derive(Debug, Args)]
pub struct UserUpdate {
    /// Name or email address.
    pub username: String,
    /// A new address; it counts as verified.
    #[arg(long)]
    pub email: Option<String>,
    /// Nobody has proven yet that the address is theirs.
    #[arg(long)]
    pub email_unverified: bool,
    /// Takes the address away.
    #[arg(long, conflicts_with_all = ["email", "email_unverified"])]
    pub no_email: bool,
    #[arg(long)]
    pub name: Option<String>,
    /// Replaces all roles.
    #[arg(long = "role")]
    pub roles: Option<Vec<String>>,
    /// Takes all roles away.
    #[arg(long, conflicts_with = "roles")]
    pub no_roles: bool,
    /// Replaces all groups.
    #[arg(long = "group")]
    pub groups: Option<Vec<String>>,
    /// Takes all groups away.
    #[arg(long, conflicts_with = "groups")]
    pub no_groups: bool,
    /// Replaces all claims by those of a JSON object; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub claims: Option<PathBuf>,
    /// Sets one claim and keeps the rest: JSON where it is JSON, else a text; null takes it away.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub set: Vec<(String, Value)>,
    /// Replaces all attributes by those of a JSON object; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<PathBuf>,
    /// Sets one attribute and keeps the rest: JSON where it is JSON, else a text; null takes it away.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = claim)]
    pub set_attributes: Vec<(String, Value)>,
    /// Takes the role admin also from the last enabled user who has it.
    #[arg(long)]
    pub force: bool,
    #[arg(long)]
    pub json: bool,
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it looks like NAME=VALUE")?;
    Ok((
        name.to_owned(),
        serde_json::from_str(value).unwrap_or_else(|_| value.into()),
    ))
}
