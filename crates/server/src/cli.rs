//! The command line: nouns, verbs, options, and the texts of `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use latchkey_protocol::SigningAlgorithm;
use serde_json::Value;

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
    /// The whole thing for a first look: provider, users, a demo app and a demo API.
    #[command(after_help = "Example: latchkey dev")]
    Dev {
        /// Keep everything in this folder; else it is gone when the program ends.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// Port of the demo app.
        #[arg(long, default_value_t = 8081)]
        app_port: u16,
        /// Port of the demo API.
        #[arg(long, default_value_t = 8082)]
        api_port: u16,
    },
    /// Applies pending migrations.
    #[command(after_help = "Example: latchkey migrate --check")]
    Migrate {
        /// Only name them; exit code 1 when there are any.
        #[arg(long)]
        check: bool,
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
    /// Signing keys: announced, active, retiring.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Browsers that are signed in.
    #[command(subcommand)]
    Session(SessionCommand),
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
pub enum UserCommand {
    /// Adds a user.
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | latchkey user create alice --email alice@example.org --password-stdin"
    )]
    Create(UserCreate),
    /// Lists users.
    List {
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
    Disable { username: String },
    /// Lets a user in again.
    Enable { username: String },
    /// Removes a user and everything of theirs.
    Delete { username: String },
    /// Sets a new password, read from standard input.
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | latchkey user set-password alice --password-stdin"
    )]
    SetPassword {
        username: String,
        /// Says that the password comes from standard input, and never from an argument.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Throws a user out, everywhere, at once.
    EndSessions { username: String },
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
        #[arg(long)]
        json: bool,
    },
    /// Shows an app.
    Show {
        client_id: String,
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
    },
    /// Removes an app and all that was allowed to it.
    Delete { client_id: String },
    /// Makes a new secret and prints it this once.
    RotateSecret { client_id: String },
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
    Remove { name: String },
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
}

fn value(text: &str) -> Result<Value, String> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Lists signing keys.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Makes a new key: published at once, signing as soon as every cache has it (keys.announce).
    #[command(after_help = "Example: latchkey key rotate")]
    Rotate {
        /// Sign with it at once, for when the old key may be stolen; then retire the old one.
        #[arg(long)]
        now: bool,
        /// Whose key is superseded. Each algorithm has a key of its own; see latchkey key list.
        #[arg(long, value_enum, default_value_t)]
        algorithm: KeyAlgorithm,
        #[arg(long)]
        json: bool,
    },
    /// Takes a key out of the published set at once: what it signed is refused from then on.
    Retire {
        // One thumbprint in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// What a signing key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum KeyAlgorithm {
    #[default]
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "PS256")]
    Ps256,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "EdDSA")]
    EdDsa,
}

impl From<KeyAlgorithm> for SigningAlgorithm {
    fn from(named: KeyAlgorithm) -> Self {
        match named {
            KeyAlgorithm::Rs256 => Self::Rs256,
            KeyAlgorithm::Ps256 => Self::Ps256,
            KeyAlgorithm::Es256 => Self::Es256,
            KeyAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Lists sessions.
    List {
        /// Of this user.
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Ends a session and everything that came of it.
    End { id: String },
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
            let Ok(Command::Key(KeyCommand::Retire { kid })) = cli.map(|cli| cli.command) else {
                panic!("{id}")
            };
            assert_eq!(kid, id);
        }
    }
}
