//! From a host to its addresses, once for each call.

use std::{io, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use latchkey_protocol::outbound::OutboundError;

use super::{places::Place, target::Target};

/// How many addresses of a host are looked at.
const MOST_ADDRESSES: usize = 16;

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, with `port`, the best first.
    ///
    /// # Errors
    /// When the name has none, or nobody could be asked.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As the system does: `/etc/hosts`, then DNS.
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// The addresses of the target, IPv4 addresses in IPv6 form as what they are. A look-up cannot be broken off: it runs
/// by itself and keeps the call's place until it has ended, so that a name server that never answers costs no more
/// threads than there are places.
pub async fn addresses(
    resolver: &Arc<dyn Resolve>,
    target: &Target,
    place: &Arc<Place>,
) -> Result<Vec<SocketAddr>, OutboundError> {
    let found = match target.literal() {
        Some(address) => vec![SocketAddr::new(address, target.port)],
        None => {
            let (resolver, place) = (resolver.clone(), place.clone());
            let (host, port) = (target.host.to_string(), target.port);
            let looked_up = tokio::spawn(async move {
                let found = resolver.resolve(&host, port).await;
                drop(place);
                found
            });
            looked_up
                .await
                .ok()
                .and_then(Result::ok)
                .ok_or(OutboundError::Unresolved)?
        }
    };
    if found.is_empty() {
        return Err(OutboundError::Unresolved);
    }
    let canonical = |mut address: SocketAddr| {
        // Whatever else was answered, this is the port that was asked for.
        address.set_port(target.port);
        match address.ip().to_canonical() {
            ip if ip == address.ip() => address,
            ip => SocketAddr::new(ip, target.port),
        }
    };
    Ok(found
        .into_iter()
        .take(MOST_ADDRESSES)
        .map(canonical)
        .collect())
}
