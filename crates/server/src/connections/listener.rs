//! Binds and listens, with a backlog that is long enough for many callers at once.

use std::net::{TcpListener, ToSocketAddrs};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the kernel holds until they are accepted: 128, as the standard library has it, makes callers
/// who come at once wait for 1, 3 and 7 seconds. The kernel takes the lesser of this and `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Binds and listens.
///
/// # Errors
/// A sentence: the address is no address, or somebody else has the port.
pub fn bind(address: &str) -> Result<TcpListener> {
    let taken = || {
        format!(
            "cannot listen on {address} (another program may be using the port; see the setting listen)"
        )
    };
    let mut addresses = address.to_socket_addrs().with_context(taken)?;
    let address = addresses.next().with_context(taken)?;
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart need not wait for connections that have ended.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into()).with_context(taken)?;
    socket.listen(BACKLOG).with_context(taken)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
