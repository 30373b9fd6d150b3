//! Where connections come from.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
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

    /// How its streams send a file without reading it, where they can: by [`FileRange::send_to`], awaiting readiness as
    /// their `poll_write` does. Where they cannot, files are read; that is the default.
    ///
    /// [`FileRange::send_to`]: crate::file::FileRange::send_to
    #[cfg(feature = "files")]
    fn send_file(&self) -> Option<crate::file::SendFile<Self::Io>> {
        None
    }
}

/// What is known of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The other side's address; `None` where the transport has none (a pipe, a Unix socket).
    pub peer: Option<SocketAddr>,
    /// Our side's address.
    pub local: Option<SocketAddr>,
    tls: Option<Arc<OnceLock<TlsInfo>>>,
}

impl ConnectionInfo {
    /// A connection between two internet addresses.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self { peer: Some(peer), local: Some(local), tls: None }
    }

    /// What TLS agreed on; `None` in cleartext. A handler always finds it: the handshake came first.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_ref()?.get()
    }

    /// A connection over a TLS session whose handshake is done, by whatever library.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsInfo) -> Self {
        self.tls = Some(Arc::new(OnceLock::from(tls)));
        self
    }

    /// A connection over a TLS session whose handshake happens inside of its first read. The stream sets what it agreed
    /// on before it gives the first byte, and [`Config::tls_handshake_timeout`](crate::Config::tls_handshake_timeout)
    /// bounds the time until then.
    #[must_use]
    pub fn with_tls_to_come(mut self, tls: Arc<OnceLock<TlsInfo>>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Whether the TLS handshake is still to be done.
    pub(crate) fn awaits_handshake(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.get().is_none())
    }
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version, such as `TLSv1.3`.
    pub version: &'static str,
    /// The protocol that ALPN chose (RFC 7301), such as `h2`; `None` where the client offered none.
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for (SNI, RFC 6066 section 3).
    pub server_name: Option<String>,
    /// The certificate chain of the client in DER, its own first; empty where it showed none.
    pub peer_certificates: Vec<Vec<u8>>,
}

impl TlsInfo {
    /// A session of this version.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        Self { version, ..Self::default() }
    }
}
