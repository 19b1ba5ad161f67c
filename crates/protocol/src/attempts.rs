//! Rate limits (the login throttle, wrong client secrets): how often something may be tried, and whom that counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    ClientId, kind,
    secret::{Digest, Pepper},
};

/// How long attempts count, in seconds.
pub const WINDOW: i64 = 10 * 60;

/// One line of the table: what is counted together, and how often it may fail within [`WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Keeps the counts of one line apart from those of another.
    pub name: &'static str,
    /// Failures that are allowed.
    pub most: i64,
}

/// Sign-ins by one name or address, as it was typed, from one [`network`].
pub const NAME_FROM_NETWORK: Limit = Limit {
    name: "name from network",
    most: 10,
};
/// Sign-ins of one user, by name or address, from anywhere: higher, so that a stranger cannot simply lock a user out.
pub const NAME: Limit = Limit {
    name: "name",
    most: 100,
};
/// Sign-ins from one network, which many users may share.
pub const NETWORK: Limit = Limit {
    name: "network",
    most: 200,
};
/// Sign-ins in a browser that has signed in as this user before. It has this count alone, so that nobody else's
/// failures lock a user out of their own browser.
pub const KNOWN_BROWSER: Limit = Limit {
    name: "known browser",
    most: 10,
};
/// Different wrong secrets of one client from one network.
pub const SECRET_FROM_NETWORK: Limit = Limit {
    name: "secret from network",
    most: 20,
};
/// The same, where the client has authenticated before: some of its servers may have an old secret, or a wrong one.
pub const SECRET_FROM_OWN_NETWORK: Limit = Limit {
    most: 200,
    ..SECRET_FROM_NETWORK
};
/// One wrong secret: presented again it is no new guess.
pub const ONE_SECRET: Limit = Limit {
    name: "one secret",
    most: 1,
};
/// Different wrong secrets of one client from anywhere; does not lock networks from which the client has authenticated before.
pub const SECRET: Limit = Limit {
    name: "secret",
    most: 200,
};

/// Something that is counted, and how often it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What is counted.
    pub key: Digest<kind::Attempts>,
    /// How often, within [`WINDOW`].
    pub most: i64,
}

impl Limit {
    /// For one `subject`. The key tells nobody who sees the database what was typed.
    pub fn of(self, pepper: &Pepper, subject: &[&str]) -> Allowance {
        Allowance {
            key: pepper.digest(&[&[self.name], subject].concat()),
            most: self.most,
        }
    }
}

/// Who tries to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// In one form for all ways of typing the same.
    pub typed: &'a str,
    /// The user name of whom that is, or what was typed where it is nobody.
    pub user: &'a str,
    /// What the browser shows of having signed in as this user before.
    pub known_browser: Option<&'a str>,
}

/// What a sign-in counts against. The first is cleared when it works.
///
/// The low limit counts by what was typed: were it the user's, ten failures by an address and one by a name would tell
/// whose address it is.
pub fn of_sign_in(pepper: &Pepper, guess: Guess<'_>, address: IpAddr) -> Vec<Allowance> {
    let bounded = |text: &str| text.chars().take(254).collect::<String>();
    let (typed, user) = (bounded(guess.typed), bounded(guess.user));
    let network = network(address).to_string();
    match guess.known_browser {
        Some(browser) => vec![KNOWN_BROWSER.of(pepper, &[browser, &user])],
        None => vec![
            NAME_FROM_NETWORK.of(pepper, &[&typed, &network]),
            NAME.of(pepper, &[&user]),
            NETWORK.of(pepper, &[&network]),
        ],
    }
}

/// What wrong secrets of a client count against: from there, and from anywhere. Of its `own` networks, where it has
/// authenticated, neither locks the other out.
pub fn of_secret(
    pepper: &Pepper,
    client_id: &ClientId,
    address: IpAddr,
    own: bool,
) -> Vec<Allowance> {
    let network = network(address).to_string();
    if own {
        return vec![SECRET_FROM_OWN_NETWORK.of(pepper, &[client_id, &network])];
    }
    vec![
        SECRET_FROM_NETWORK.of(pepper, &[client_id, &network]),
        SECRET.of(pepper, &[client_id]),
    ]
}

/// The wrong secret itself, which is one guess from one network however often it comes.
pub fn of_guess(pepper: &Pepper, client_id: &ClientId, address: IpAddr, secret: &str) -> Allowance {
    ONE_SECRET.of(pepper, &[client_id, &network(address).to_string(), secret])
}

/// Who asked for something that takes a row, as keyed digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its own network; see [`network`].
    pub network: Digest<kind::Network>,
    /// The networks around it; see [`neighbourhood`].
    pub neighbourhood: Digest<kind::Neighbourhood>,
}

impl Origin {
    /// Of an address, as keyed digests.
    pub fn of(pepper: &Pepper, address: IpAddr) -> Self {
        Self {
            network: pepper.digest(&["origin", &network(address).to_string()]),
            neighbourhood: pepper.digest(&["neighbourhood", &neighbourhood(address).to_string()]),
        }
    }
}

/// Whom an address counts as: an IPv4 address, or the /64 that whoever has one IPv6 address has whole.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// What one customer of a provider commonly has, and shares what is scarce: an IPv4 /24, an IPv6 /48.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80).into(),
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_by_network() {
        for (address, alone, together) in [
            ("192.0.2.77", "192.0.2.77", "192.0.2.0"),
            ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "2001:db8:1::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(
                (
                    network(address).to_string(),
                    neighbourhood(address).to_string()
                ),
                (alone.into(), together.into())
            );
        }
    }
}
