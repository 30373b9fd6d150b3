//! Where connections come from.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

/// A source of byte streams. Implemented for tokio's TCP listener by `rt::tokio::TokioListener`.
pub trait Listener {
    /// One accepted byte stream.
    type Io: AsyncRead + AsyncWrite + Unpin;

    /// Accepts the next stream.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, ConnectionInfo)>>;

    /// The address it listens on, with the port that the system chose.
    ///
    /// # Errors
    /// What the system says when it cannot tell.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// What is known of a connection from the moment it was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The other side's address; `None` where the transport has none (a pipe, a Unix socket).
    pub peer: Option<SocketAddr>,
    /// Our side's address.
    pub local: Option<SocketAddr>,
}

impl ConnectionInfo {
    /// A connection between two internet addresses.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self { peer: Some(peer), local: Some(local) }
    }
}
