//! tokio (feature `rt-tokio`).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

#[cfg(all(feature = "files", target_os = "linux"))]
use ::tokio::io::Interest;
use ::tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use ::tokio::net::{UnixListener, UnixStream};
use ::tokio::time::Sleep;
use pin_project_lite::pin_project;

use crate::conn::Connection;
use crate::handler::{Handler, RequestKind};
use crate::listener::{ConnectionInfo, Listener};
use crate::server::Server;
use crate::timer::Timer;

/// tokio's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        ::tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        ::tokio::time::sleep_until(deadline.into())
    }

    fn reset(&self, sleep: Pin<&mut Sleep>, deadline: Instant) {
        sleep.reset(deadline.into());
    }
}

/// A TCP listener whose connections have `TCP_NODELAY` set: answers leave when they are written.
#[derive(Debug)]
pub struct TokioListener(TcpListener);

impl TokioListener {
    /// Connections that the system completes before they are accepted.
    const BACKLOG: i32 = 4096;

    /// Listens on `address`; port 0 picks one. The address may be taken again at once after a restart. `[::]` means IPv6
    /// alone; for IPv4 as well listen on `0.0.0.0` beside it.
    ///
    /// # Errors
    /// What the system says: the address in use, not ours, or not allowed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        #[cfg(unix)] // elsewhere it lets a second process take over a port in use
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(Self::BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into()).map(Self)
    }
}

impl From<TcpListener> for TokioListener {
    fn from(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for TokioListener {
    type Io = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, ConnectionInfo)>> {
        loop {
            let (stream, peer) = ready!(self.0.poll_accept(cx))?;
            // Both fail only for a connection that is already dead.
            if stream.set_nodelay(true).is_ok()
                && let Ok(local) = stream.local_addr()
            {
                return Poll::Ready(Ok((stream, ConnectionInfo::new(peer, local))));
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    #[cfg(all(feature = "files", target_os = "linux"))]
    fn send_file(&self) -> Option<crate::file::SendFile<TcpStream>> {
        Some(send_file)
    }
}

/// Over Unix sockets, such as those of a proxy on the same machine. There is no peer's address, and none of ours:
/// [`local_addr`](Listener::local_addr) is an error.
#[cfg(unix)]
impl Listener for UnixListener {
    type Io = UnixStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, ConnectionInfo)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, _)| (stream, ConnectionInfo::default()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a Unix socket has no internet address"))
    }

    #[cfg(all(feature = "files", target_os = "linux"))]
    fn send_file(&self) -> Option<crate::file::SendFile<UnixStream>> {
        Some(|stream, cx, before, range| {
            poll_send(
                cx,
                |cx| stream.poll_write_ready(cx),
                || stream.try_io(Interest::WRITABLE, || range.send_to(&*stream, before)),
            )
        })
    }
}

/// Sends bytes and a file behind them over TCP, by `sendfile(2)`: what [`TokioListener`] gives as [`Listener::send_file`],
/// for listeners around it.
///
/// # Errors
/// Those of [`FileRange::send_to`](crate::file::FileRange::send_to).
#[cfg(all(feature = "files", target_os = "linux"))]
pub fn send_file(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    before: &[io::IoSlice<'_>],
    range: &crate::file::FileRange,
) -> Poll<io::Result<usize>> {
    poll_send(
        cx,
        |cx| stream.poll_write_ready(cx),
        || stream.try_io(Interest::WRITABLE, || range.send_to(&*stream, before)),
    )
}

/// Awaits readiness until `send` does not find that there was none.
#[cfg(all(feature = "files", target_os = "linux"))]
fn poll_send(
    cx: &mut Context<'_>,
    ready: impl Fn(&mut Context<'_>) -> Poll<io::Result<()>>,
    send: impl Fn() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(ready(cx))?;
        let sent = send();
        if !matches!(&sent, Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted))
        {
            return Poll::Ready(sent);
        }
    }
}

/// Accepts until [`Server::shutdown`], each connection in a task of its own.
///
/// # Errors
/// When the listener itself is broken.
pub async fn serve<L, H, T, R>(server: &Server<H, T, R>, mut listener: L) -> io::Result<()>
where
    L: Listener,
    H: Handler<R>,
    T: Timer,
    R: RequestKind,
    Connection<L::Io, H, T, R>: Future<Output = Result<(), crate::ConnectionError>> + Send + 'static,
{
    while let Some(connection) = server.accept(&mut listener).await? {
        ::tokio::spawn(Served { connection });
    }
    Ok(())
}

pin_project! {
    // Not an `async` block: that would have room for the connection twice, as what it captures and as what it awaits.
    struct Served<C> {
        #[pin]
        connection: C,
    }
}

impl<C: Future<Output = Result<(), crate::ConnectionError>>> Future for Served<C> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.project().connection.poll(cx)) {
            tracing::debug!(%error, "connection ended");
        }
        Poll::Ready(())
    }
}
