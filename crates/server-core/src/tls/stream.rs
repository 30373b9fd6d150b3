//! A stream that does its handshake when it is first read or written.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use parking_lot::RwLock;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream as Session;

use crate::listener::{ConnectionInfo, Listener, TlsInfo};

/// Makes TLS of byte streams. Clones share the configuration.
#[derive(Clone)]
pub struct TlsAcceptor(Arc<RwLock<Arc<ServerConfig>>>);

impl TlsAcceptor {
    /// With this configuration.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Handshakes that begin from now on use this configuration: new certificates without a restart. Connections that are
    /// open, and handshakes that are under way, go on as they began.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write() = config;
    }

    /// TLS over one stream, for [`Server::connection`](crate::Server::connection). Nothing is read or written yet.
    pub fn accept<Io>(&self, io: Io, info: ConnectionInfo) -> (TlsStream<Io>, ConnectionInfo)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.0.read());
        let facts = Arc::<OnceLock<TlsInfo>>::default();
        let accept = Box::new(tokio_rustls::TlsAcceptor::from(config).accept(io));
        let stream = TlsStream { state: State::Handshaking { accept, facts: Arc::clone(&facts) } };
        (stream, info.with_tls_to_come(facts))
    }

    /// TLS over all that this listener accepts.
    pub fn listener<L: Listener>(&self, listener: L) -> TlsListener<L> {
        TlsListener { listener, acceptor: self.clone() }
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}

/// A listener whose connections speak TLS. It does not wait for their handshakes.
#[derive(Debug)]
pub struct TlsListener<L> {
    listener: L,
    acceptor: TlsAcceptor,
}

impl<L: Listener> Listener for TlsListener<L> {
    type Io = TlsStream<L::Io>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, ConnectionInfo)>> {
        let (io, info) = ready!(self.listener.poll_accept(cx))?;
        Poll::Ready(Ok(self.acceptor.accept(io, info)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A byte stream in TLS. Reading or writing it first does the handshake.
pub struct TlsStream<Io> {
    state: State<Io>,
}

enum State<Io> {
    Handshaking { accept: Box<Accept<Io>>, facts: Arc<OnceLock<TlsInfo>> },
    Open(Box<Session<Io>>),
    Failed,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> TlsStream<Io> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Session<Io>>> {
        if let State::Handshaking { accept, facts } = &mut self.state {
            match ready!(Pin::new(&mut **accept).poll(cx)) {
                Ok(session) => {
                    // Set nowhere else.
                    let _ = facts.set(describe(session.get_ref().1));
                    self.state = State::Open(Box::new(session));
                }
                Err(error) => {
                    self.state = State::Failed;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match &mut self.state {
            State::Open(session) => Ok(session),
            _ => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

fn describe(session: &ServerConnection) -> TlsInfo {
    let mut info = TlsInfo::new(match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "unknown",
    });
    info.alpn = session.alpn_protocol().map(<[u8]>::to_vec);
    info.server_name = session.server_name().map(str::to_owned);
    let chain = session.peer_certificates().unwrap_or_default();
    info.peer_certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
    info
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(ready!(self.get_mut().poll_open(cx))?).poll_read(cx, out)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.get_mut().poll_open(cx))?).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.get_mut().poll_open(cx))?).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(session) => Pin::new(&mut **session).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(session) => Pin::new(&mut **session).poll_shutdown(cx),
            State::Handshaking { accept, .. } => match accept.get_mut() {
                Some(io) => Pin::new(io).poll_shutdown(cx),
                None => Poll::Ready(Ok(())),
            },
            State::Failed => Poll::Ready(Ok(())),
        }
    }
}

impl<Io> fmt::Debug for TlsStream<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Handshaking { .. } => "handshaking",
            State::Open(_) => "open",
            State::Failed => "failed",
        };
        f.debug_struct("TlsStream").field("state", &state).finish_non_exhaustive()
    }
}
