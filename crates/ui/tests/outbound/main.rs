//! Calls out, to receivers that do what they should not, on real sockets.
#![allow(clippy::unwrap_used)]

mod addresses;
mod answers;
mod receiver;
mod sharing;
mod tls;

use std::{sync::Arc, time::Duration};

use latchkey_protocol::outbound::{
    Outbound, OutboundAnswer, OutboundError, OutboundMethod, OutboundRequest,
};
use latchkey_ui::outbound::{Network, OutboundRules, Resolve, SystemResolver};

/// Long enough for an answer that comes, short enough to wait for one that does not.
const DEADLINE: Duration = Duration::from_millis(400);
const LONGEST: usize = 4096;

/// Allows these networks.
fn rules(allow: &[&str]) -> OutboundRules {
    OutboundRules {
        allow: allow.iter().map(|n| n.parse().unwrap()).collect(),
        ..OutboundRules::default()
    }
}

fn network(allow: &[&str]) -> Network {
    Network::new(rules(allow), Arc::new(SystemResolver)).unwrap()
}

fn resolving(allow: &[&str], resolver: Arc<dyn Resolve>) -> Network {
    Network::new(rules(allow), resolver).unwrap()
}

/// Posts a form with a short deadline.
async fn post(network: &Network, url: &str) -> Result<OutboundAnswer, OutboundError> {
    let request = OutboundRequest {
        url,
        method: OutboundMethod::Post {
            content_type: "application/x-www-form-urlencoded",
            body: "logout_token=x.y.z",
        },
        authorization: None,
        deadline: DEADLINE,
        longest_answer: LONGEST,
        wants_success_body: true,
    };
    network.call(request).await
}
