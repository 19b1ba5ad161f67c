//! What a call is made to, read from its URL.

use std::net::IpAddr;

use latchkey_protocol::outbound::OutboundError;
use rustls_pki_types::ServerName;
use url::{Host, Position, Url};

/// An http or https address, in its parts.
#[derive(Debug, Clone)]
pub struct Target {
    url: Url,
    pub host: Host<String>,
    pub port: u16,
    pub is_tls: bool,
}

impl Target {
    /// The URL parser knows every spelling of an IPv4 address (`0x7f.1`, `2130706433`, `0177.0.0.1`): what leaves it as
    /// a name is none.
    pub fn parse(url: &str) -> Result<Self, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Address)?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OutboundError::Address),
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        let host = url.host().map(|host| host.to_owned());
        let port = url.port_or_known_default();
        match (host, port) {
            (Some(host), Some(port)) if port != 0 && !has_user => Ok(Self {
                url,
                host,
                port,
                is_tls,
            }),
            _ => Err(OutboundError::Address),
        }
    }

    /// The host as its calls are counted: names with and without the dot of the root are one.
    pub fn host_name(&self) -> String {
        self.host.to_string().trim_end_matches('.').to_owned()
    }

    /// The address, where the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(v4) => Some(v4.into()),
            Host::Ipv6(v6) => Some(v6.into()),
            Host::Domain(_) => None,
        }
    }

    /// What the certificate must be for.
    pub fn server_name(&self) -> Result<ServerName<'static>, OutboundError> {
        match self.literal() {
            Some(address) => Ok(ServerName::IpAddress(address.into())),
            None => ServerName::try_from(self.host_name()).map_err(|_| OutboundError::Address),
        }
    }

    /// The field `Host` (RFC 9110 7.2).
    pub fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The request target (RFC 9112 3.2.1).
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}
