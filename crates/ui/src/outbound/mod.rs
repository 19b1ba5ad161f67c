//! Calls out, to addresses that somebody else chose: [`Network`] fills the port [`Outbound`].
//!
//! A host name is resolved once, each of its addresses is checked, and the connection is made to an address that was
//! checked: there is no second resolution that could say something else (DNS rebinding). Nothing is taken from the
//! environment: no proxy, no cookies. A call is one future: who drops it closes the connection.

mod connect;
mod exchange;
mod metered;
mod places;
mod resolve;
mod target;

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use ipnet::IpNet;
use latchkey_protocol::outbound::{
    Outbound, OutboundAnswer, OutboundError, OutboundRequest, is_public,
};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use places::Places;
use target::Target;

pub use resolve::{Resolve, SystemResolver};

/// What an installation allows, and bounds.
#[derive(Debug, Clone)]
pub struct OutboundRules {
    /// Networks that may be called though they are not public.
    pub allow: Vec<IpNet>,
    /// Certificate authorities besides those of the public web.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Most calls at once.
    pub calls: usize,
    /// Most of them to one host.
    pub calls_per_host: usize,
}

impl Default for OutboundRules {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            authorities: Vec::new(),
            calls: 256,
            calls_per_host: 16,
        }
    }
}

/// Calls over the network.
pub struct Network {
    allow: Vec<IpNet>,
    places: Places,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
}

impl Network {
    /// # Errors
    /// When one of the authorities is no certificate.
    pub fn new(rules: OutboundRules, resolver: Arc<dyn Resolve>) -> Result<Self, rustls::Error> {
        Ok(Self {
            places: Places::new(rules.calls, rules.calls_per_host),
            tls: Arc::new(connect::tls(rules.authorities)?),
            allow: rules.allow,
            resolver,
        })
    }

    fn may_call(&self, address: IpAddr) -> bool {
        is_public(address) || self.allow.iter().any(|network| network.contains(&address))
    }
}

#[async_trait]
impl Outbound for Network {
    async fn call(&self, request: OutboundRequest<'_>) -> Result<OutboundAnswer, OutboundError> {
        let target = Target::parse(request.url)?;
        let place = self.places.take(&target.host_name())?;
        let until = Instant::now() + request.deadline;
        let connected = async {
            let addresses = resolve::addresses(&self.resolver, &target, &place).await?;
            for address in &addresses {
                if !self.may_call(address.ip()) {
                    return Err(OutboundError::Forbidden(address.ip()));
                }
            }
            connect::to_one_of(&addresses, &target, &self.tls).await
        };
        let connection = timeout_at(until, connected)
            .await
            .map_err(|_| OutboundError::Late)??;
        exchange::exchange(connection, &target, &request, until).await
    }
}
