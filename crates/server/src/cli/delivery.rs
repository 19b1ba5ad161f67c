//! `latchkey delivery`: logout tokens on their way to clients.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// Lists logout tokens and what came of them, the oldest first.
    #[command(after_help = "Example: latchkey delivery list --dead")]
    List {
        /// Only those that are not tried any more.
        #[arg(long, conflicts_with_all = ["session", "state"])]
        dead: bool,
        /// Only those that stand like this.
        #[arg(long, value_name = "STATE", value_parser = ["waiting", "delivered", "dead"], conflicts_with = "session")]
        state: Option<String>,
        /// Only those of this client.
        #[arg(long, value_name = "ID", conflicts_with = "session")]
        client: Option<String>,
        /// Only those of sessions of this user.
        #[arg(long, value_name = "USER", conflicts_with = "session")]
        user: Option<String>,
        /// Only those of this session.
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        limit: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Sends a logout token again, and tries for a day from now.
    #[command(after_help = "Example: latchkey delivery retry --dead")]
    Retry {
        /// The number of the delivery.
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        id: Option<i64>,
        /// All that are not tried any more.
        #[arg(long)]
        dead: bool,
        #[arg(long)]
        json: bool,
    },
}
