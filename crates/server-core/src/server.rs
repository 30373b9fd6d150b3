//! A server: a handler and what its connections share. It accepts; the caller spawns.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::Config;
use crate::conn::Connection;
use crate::control::{Control, Registration, Stats};
use crate::handler::Handler;
use crate::listener::{ConnectionInfo, Listener};
use crate::timer::Timer;
use crate::ws::Settings;

/// Pause after the system refused a connection for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server. Clones are the same server: one handler, one set of counters, one shutdown, any number of listeners.
///
/// It spawns nothing. [`accept`](Server::accept) gives a [`Connection`], a future that the caller runs where it likes:
/// `tokio::spawn`, `spawn_local`, its own executor. The future is `Send` when handler, timer and stream are.
///
/// ```no_run
/// # #[cfg(feature = "rt-tokio")]
/// # async fn run() -> std::io::Result<()> {
/// use server_core::rt::tokio::{TokioListener, TokioTimer};
/// use server_core::{Body, Request, Server};
///
/// let server = Server::new(|_: Request| async { http::Response::new(Body::from("hello")) }, TokioTimer);
/// let mut listener = TokioListener::bind("127.0.0.1:8080".parse().unwrap())?;
/// while let Some(connection) = server.accept(&mut listener).await? {
///     tokio::spawn(connection);
/// }
/// # Ok(()) }
/// ```
pub struct Server<H, T, R> {
    shared: Arc<Shared<H, T>>,
    // What the handler takes: decides nothing about `Send`.
    request: PhantomData<fn(R)>,
}

pub(crate) struct Shared<H, T> {
    pub(crate) handler: H,
    pub(crate) timer: T,
    pub(crate) config: Config,
    pub(crate) websocket: Arc<Settings>,
    pub(crate) control: Control,
}

impl<H, T, R> Clone for Server<H, T, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), request: PhantomData }
    }
}

impl<H, T, R> fmt::Debug for Server<H, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("stats", &self.stats())
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

impl<H, T, R> Server<H, T, R> {
    /// See [`Control::shutdown`].
    pub fn shutdown(&self) {
        self.shared.control.shutdown();
    }

    /// See [`Control::closed`].
    pub async fn closed(&self) {
        self.shared.control.closed().await;
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.control.stats()
    }

    /// What shuts this server down and reads its counters.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.shared.control
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }
}

impl<H: Handler<R>, T: Timer, R> Server<H, T, R> {
    /// A server with the default [`Config`].
    pub fn new(handler: H, timer: T) -> Self {
        Self::with_config(handler, timer, Config::default())
    }

    /// A server with limits and deadlines of one's own.
    pub fn with_config(handler: H, timer: T, config: Config) -> Self {
        Self::with_control(handler, timer, config, Control::new())
    }

    /// A server that shares its [`Control`] with others, or with its handler.
    pub fn with_control(handler: H, timer: T, config: Config, control: Control) -> Self {
        let mut config = config;
        // Nothing could ever be written otherwise.
        config.write_buffer = config.write_buffer.max(1);
        let websocket = Arc::new(Settings::from(&config));
        Self { shared: Arc::new(Shared { handler, timer, config, websocket, control }), request: PhantomData }
    }

    /// Serves one byte stream that was accepted elsewhere.
    pub fn connection<Io>(&self, io: Io, info: ConnectionInfo) -> Connection<Io, H, T, R>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        Connection::new(io, None, info, Registration::new(&self.shared.control), Arc::clone(&self.shared))
    }

    /// Accepts the next connection; `None` once the server shuts down. Waits while
    /// [`Config::max_connections`] are open. Connections that died before they were accepted are passed over, and
    /// where the system is out of descriptors it tries again after a pause.
    ///
    /// # Errors
    /// When the listener itself is broken.
    pub async fn accept<L: Listener>(
        &self,
        listener: &mut L,
    ) -> io::Result<Option<Connection<L::Io, H, T, R>>> {
        let Shared { control, config, timer, .. } = &*self.shared;
        let mut told = false;
        loop {
            let (mut draining, mut room) = (control.wait(0), control.wait(config.max_connections));
            let accepted = poll_fn(|cx| {
                if draining.poll_draining(cx).is_ready() {
                    return Poll::Ready(None);
                }
                if room.poll_room(cx).is_pending() {
                    return Poll::Pending;
                }
                listener.poll_accept(cx).map(Some)
            })
            .await;
            let (io, info) = match accepted {
                None => return Ok(None),
                Some(Ok(accepted)) => accepted,
                Some(Err(error)) => match error.kind() {
                    io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => return Err(error),
                    // EMFILE, ENFILE, ENOBUFS, ENOMEM: connections that end will make room.
                    _ => {
                        // Once, and not twenty times a second until there is room.
                        if !std::mem::replace(&mut told, true) {
                            tracing::warn!(%error, "cannot accept, trying again");
                        }
                        timer.sleep_until(timer.now() + ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            // Another listener may have taken the last place meanwhile.
            let registration = poll_fn(|cx| room.poll_register(cx)).await;
            #[cfg(feature = "files")]
            let send_file = listener.send_file();
            #[cfg(not(feature = "files"))]
            let send_file = None;
            return Ok(Some(Connection::new(io, send_file, info, registration, Arc::clone(&self.shared))));
        }
    }
}
