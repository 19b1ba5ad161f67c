//! `latchkey key`: signing keys and their algorithms.

use clap::{Subcommand, ValueEnum};
use latchkey_protocol::SigningAlgorithm;

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
        #[arg(long)]
        json: bool,
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
