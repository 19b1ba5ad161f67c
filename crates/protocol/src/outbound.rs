//! Calls to addresses that somebody else chose: the port, and which addresses are public.
//!
//! Whoever registers a client names addresses that we call later (a back-channel logout URI, a sector identifier).
//! Such a call must not reach into our own network, wait forever, or read without end.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use async_trait::async_trait;

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct OutboundRequest<'a> {
    /// An http or https address, without user name and password.
    pub url: &'a str,
    /// What is sent.
    pub method: OutboundMethod<'a>,
    /// What proves who calls, where that goes into the head.
    pub authorization: Option<Authorization<'a>>,
    /// How long all of it may take, from the look-up of the name to the last byte of the answer.
    pub deadline: Duration,
    /// The longest body that is read of the answer, in bytes.
    pub longest_answer: usize,
    /// Whether the body of an answer that says that all went well (2xx) is wanted too. Where not, it is over with the head.
    pub wants_success_body: bool,
}

/// The whole value of the field `Authorization` (RFC 9110 11.6.2), which is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a>(pub &'a str);

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorization(..)")
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundMethod<'a> {
    /// Nothing but the head.
    Get,
    /// A body.
    Post {
        /// Its media type.
        content_type: &'static str,
        /// The body.
        body: &'a str,
    },
}

/// What came back, whatever its status: a redirect is an answer like any other, and not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `Cache-Control`.
    pub cache_control: Option<String>,
    /// The header `Date`.
    pub date: Option<String>,
    /// The header `Location`.
    pub location: Option<String>,
    /// The body as it was sent, without any decompression (empty where it is not wanted), or why there is none: [`OutboundError::TooLong`],
    /// [`OutboundError::Late`] and [`OutboundError::Garbled`]. The status stands anyway.
    pub body: Result<Vec<u8>, OutboundError>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address cannot be read, or is none that may be called.
    #[error("this is no http or https address that can be called")]
    Address,
    /// Nothing was sent; the call may be made again at any time.
    #[error("too many calls are under way, in all or to this host")]
    Busy,
    /// The name has no address, or nobody says which.
    #[error("the host name does not resolve")]
    Unresolved,
    /// One address of the host is private or reserved, and no setting allows it. No connection was made.
    #[error(
        "the host has the address {0}, which is not public; the setting outbound.allow can allow it"
    )]
    Forbidden(IpAddr),
    /// Nobody takes a connection.
    #[error("no connection could be made")]
    Unreachable,
    /// The other end could not prove that it is the host; says why.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The deadline passed.
    #[error("there was no whole answer within the deadline")]
    Late,
    /// The body is longer than the caller reads.
    #[error("the answer is longer than is read")]
    TooLong,
    /// Also a head that is too long, and a connection that ends too soon.
    #[error("what came back is no HTTP answer")]
    Garbled,
}

/// Calls out. An implementation resolves a host name once, refuses it where one of its addresses is neither public
/// ([`is_public`]) nor allowed by a setting, connects to an address that it checked, follows no redirect, and bounds how
/// long a call takes, what it reads, and how many calls there are at once, in all and to each host.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// # Errors
    /// [`OutboundError`], where there is no status.
    async fn call(&self, request: OutboundRequest<'_>) -> Result<OutboundAnswer, OutboundError>;
}

/// IPv4 networks that are not public (RFC 6890 and the registry of special-purpose addresses that it began).
const RESERVED_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Shared address space of carriers (RFC 6598).
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local, where clouds keep their metadata (RFC 3927).
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    // Documentation (RFC 5737), also the two below.
    ([192, 0, 2, 0], 24),
    // Relays of 6to4 (RFC 7526).
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks (RFC 2544).
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, reserved, broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 networks inside global unicast (2000::/3) that are not public.
const RESERVED_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID (RFC 2928).
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849, RFC 9637).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4 carries an IPv4 address, and is obsolete (RFC 7526).
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Whether the public Internet routes to this address, and nothing nearer does: not private, loopback, link-local,
/// multicast, reserved, for documentation, nor an IPv6 form of such an IPv4 address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    let within = |&(network, length): &([u8; 4], u32)| {
        (bits ^ u32::from(Ipv4Addr::from(network))) >> (32 - length) == 0
    };
    !RESERVED_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    let within =
        |network: Ipv6Addr, length: u32| (bits ^ u128::from(network)) >> (128 - length) == 0;
    // IPv4-mapped (RFC 4291 2.5.5.2), and the well-known prefix of NAT64 (RFC 6052 2.1), which DNS64 gives to hosts that
    // have IPv4 alone. The operator's own prefix 64:ff9b:1::/48 (RFC 8215) is refused with all that is no global unicast.
    let mapped = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);
    let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    if within(mapped, 96) || within(nat64, 96) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let global = within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    global
        && !RESERVED_V6
            .iter()
            .any(|&(network, length)| within(network, length))
}
