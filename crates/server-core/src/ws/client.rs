//! The client's side: an opening handshake over any byte stream, and the future that then carries the WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, Uri, uri};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::DeflateConfig;
use wire_ws::handshake::{Key, ResponseError};
use wire_ws::{Encoder, MessageDecoder, Role};

#[cfg(all(feature = "http2", feature = "rt-tokio"))]
use super::Http2Client;
use super::opening::Opening;
use super::{Settings, WebSocket};
use crate::config::Config;
use crate::conn::deadline::Alarm;
use crate::conn::websocket::Driver;
use crate::conn::{ConnectionError, Duplex};
use crate::io::WriteBuffer;
use crate::timer::Timer;

/// Connects to `ws://host[:port][/path][?query]`, as [`Client::connect`] does by default.
///
/// # Errors
/// As [`Client::connect`].
#[cfg(feature = "rt-tokio")]
pub async fn connect(url: &str) -> Result<(WebSocket, Response<()>), ConnectError> {
    Client::new(url)?.connect().await
}

/// Connects to `ws://host[:port]` by HTTP/2 with prior knowledge (RFC 9113 section 3.3), as
/// [`Client::connect_http2`] does by default. WebSockets are then opened at the paths given to [`Http2Client::open`].
///
/// # Errors
/// As [`Client::connect_http2`].
#[cfg(all(feature = "http2", feature = "rt-tokio"))]
pub async fn connect_h2(url: &str) -> Result<Http2Client<crate::rt::tokio::TokioTimer>, ConnectError> {
    Client::new(url)?.connect_http2().await
}

/// A WebSocket client: where it connects to and what it asks for there. One may connect any number of times.
///
/// ```no_run
/// # #[cfg(feature = "rt-tokio")]
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use server_core::ws::{Client, CloseCode};
///
/// let client = Client::new("ws://127.0.0.1:8080/chat")?.protocol("chat").origin("https://example.com");
/// let (mut socket, response) = client.connect().await?;
/// println!("subprotocol: {:?}", response.headers().get("sec-websocket-protocol"));
/// socket.send("hello").await?;
/// while let Some(message) = socket.recv().await {
///     println!("{:?}", message?);
/// }
/// socket.close(CloseCode::NORMAL, "").await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    host: String,
    port: u16,
    secure: bool,
    pub(super) authority: String,
    pub(super) target: String,
    pub(super) protocols: Vec<String>,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    handshake_timeout: Duration,
    settings: Settings,
    #[cfg(all(feature = "rt-tokio", feature = "tls"))]
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Client {
    /// A client of `ws://host[:port][/path][?query]`, or `wss://..` where the caller brings the TLS stream.
    ///
    /// # Errors
    /// [`ConnectError::InvalidUrl`]: another scheme, no host, a user name, or a fragment, which has no meaning here and
    /// must not be there (RFC 6455 section 3).
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        let invalid = ConnectError::InvalidUrl;
        if url.contains('#') {
            return Err(invalid("a fragment has no meaning for a WebSocket"));
        }
        let parsed = Uri::from_str(url).map_err(|_| invalid("not a URL"))?;
        let secure = match parsed.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
            Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(invalid("the scheme is neither ws nor wss")),
        };
        let authority = parsed.authority().ok_or(invalid("no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("user names have no place in a WebSocket's URL"));
        }
        let (host, default) = (authority.host(), if secure { 443 } else { 80 });
        if host.is_empty() || host == "[]" {
            return Err(invalid("no host"));
        }
        let port = match authority.port().as_ref().map(uri::Port::as_u16) {
            Some(0) => return Err(invalid("port 0")),
            // More than a colon, which may stand alone (RFC 3986 section 3.2.3).
            None if authority.as_str().len() > host.len() + 1 => return Err(invalid("not a port number")),
            port => port.unwrap_or(default),
        };
        // "port ... if it is not the default" (RFC 6455 section 4.1).
        let named = if port == default { host.to_owned() } else { format!("{host}:{port}") };
        let settings = Settings::from(&Config::default());
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            secure,
            authority: named,
            target: parsed.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            protocols: Vec::new(),
            fields: Vec::new(),
            handshake_timeout: Duration::from_secs(10),
            settings,
            #[cfg(all(feature = "rt-tokio", feature = "tls"))]
            tls: None,
        })
    }

    /// The host to connect to, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What to ask for there: the URL's path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the URL is `wss://`, to be connected to over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Offers a subprotocol; those offered first are preferred. Which one the server chose stands in the response.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocols.push(name.into());
        self
    }

    /// Adds a header field to the request, such as `Authorization` or `Cookie`. The fields of the handshake itself are
    /// the client's own; asking for one of them makes connecting fail.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Says which page asks, as browsers do: `https://example.com`.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        self.header("Origin", origin.into())
    }

    /// Offers permessage-deflate (RFC 7692).
    #[cfg(feature = "ws-deflate")]
    #[must_use]
    pub fn deflate(mut self, config: DeflateConfig) -> Self {
        self.settings.deflate = Some(config);
        self
    }

    /// Limits of the messages that are received. Default: those of [`wire_ws::Config`].
    #[must_use]
    pub fn limits(mut self, limits: wire_ws::Config) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long the handshake may take; with `connect` from the look-up of the name. Default 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// After how much silence the server is sent a Ping (`None`: never), and after how much more the connection is given
    /// up. Default 20 s and 20 s.
    #[must_use]
    pub fn keepalive(mut self, ping_interval: Option<Duration>, pong_timeout: Duration) -> Self {
        self.settings.ping_interval = ping_interval;
        self.settings.pong_timeout = pong_timeout;
        self
    }

    /// How long the closing handshake may take, and the server to close the connection after it. Default 5 s.
    #[must_use]
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.settings.close_timeout = limit;
        self
    }

    /// How `wss://` is connected to: roots, certificates, crypto provider. The ALPN is set to what is spoken.
    #[cfg(all(feature = "rt-tokio", feature = "tls"))]
    #[must_use]
    pub fn tls(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    #[cfg(feature = "http2")]
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    #[cfg(feature = "http2")]
    pub(super) fn limit(&self) -> Duration {
        self.handshake_timeout
    }

    /// Connects over TCP and spawns a task of tokio that carries the WebSocket. `TCP_NODELAY` is set; for other options
    /// of the socket, or another stream, open that and use [`handshake`](Self::handshake).
    ///
    /// # Errors
    /// See [`ConnectError`]. `wss://` without `Client::tls` is [`ConnectError::TlsUnavailable`].
    #[cfg(feature = "rt-tokio")]
    pub async fn connect(&self) -> Result<(WebSocket, Response<()>), ConnectError> {
        let connecting = async {
            let stream = self.dial(b"http/1.1").await?;
            self.handshake(stream, crate::rt::tokio::TokioTimer).await
        };
        let (socket, response, connection) = tokio::time::timeout(self.handshake_timeout, connecting)
            .await
            .unwrap_or(Err(ConnectError::TimedOut))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "WebSocket ended");
            }
        });
        Ok((socket, response))
    }

    /// The same by HTTP/2: over TLS where ALPN chooses it, else with prior knowledge. WebSockets are then opened on it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and as `handshake_http2`.
    #[cfg(all(feature = "http2", feature = "rt-tokio"))]
    pub async fn connect_http2(&self) -> Result<Http2Client<crate::rt::tokio::TokioTimer>, ConnectError> {
        let connecting = async {
            let stream = self.dial(b"h2").await?;
            self.handshake_http2(stream, crate::rt::tokio::TokioTimer).await
        };
        let (client, connection) = tokio::time::timeout(self.handshake_timeout, connecting)
            .await
            .unwrap_or(Err(ConnectError::TimedOut))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "HTTP/2 connection ended");
            }
        });
        Ok(client)
    }

    /// A TCP connection, with TLS on it for `wss://`.
    #[cfg(feature = "rt-tokio")]
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "ALPN is of TLS"))]
    async fn dial(&self, alpn: &[u8]) -> Result<Box<dyn Stream>, ConnectError> {
        #[cfg(not(feature = "tls"))]
        if self.secure {
            return Err(ConnectError::TlsUnavailable);
        }
        #[cfg(feature = "tls")]
        let tls = match (self.secure, &self.tls) {
            (true, None) => return Err(ConnectError::TlsUnavailable),
            (true, Some(config)) => Some(config),
            (false, _) => None,
        };
        let stream = tokio::net::TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(config) = tls {
            let mut config = rustls::ClientConfig::clone(config);
            config.alpn_protocols = vec![alpn.to_vec()];
            let name = rustls::pki_types::ServerName::try_from(self.host.clone())
                .map_err(|_| ConnectError::InvalidUrl("not a host that a certificate could name"))?;
            let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            // HTTP/1.1 is what a server speaks that knows nothing of ALPN.
            if alpn == b"h2" && stream.get_ref().1.alpn_protocol() != Some(alpn) {
                return Err(io::Error::other("the server does not speak HTTP/2").into());
            }
            return Ok(Box::new(stream));
        }
        Ok(Box::new(stream))
    }

    /// Opens a WebSocket over a stream that is connected already: TLS, a Unix socket, a proxy's tunnel, memory. The
    /// caller spawns the [`ClientConnection`], or polls it beside: nothing moves without it.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn handshake<Io, T>(
        &self,
        mut io: Io,
        timer: T,
    ) -> Result<(WebSocket, Response<()>, ClientConnection<Io, T>), ConnectError>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        T: Timer,
    {
        let (mut random, mut seed) = ([0; 16], [0; 32]);
        getrandom::fill(&mut random).and_then(|()| getrandom::fill(&mut seed)).map_err(io::Error::from)?;
        let key = Key::from_random(random);
        let mut opening = Opening::new(self, &self.settings, &key)?;
        let response = {
            let mut sleep = pin!(timer.sleep_until(timer.now() + self.handshake_timeout));
            poll_fn(|cx| match opening.poll(cx, &mut io) {
                Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(opening.timed_out())),
                ready => ready,
            })
            .await?
        };
        let (encoder, decoder) =
            (Encoder::client(seed), MessageDecoder::new(Role::Client, &self.settings.limits));
        #[cfg(feature = "ws-deflate")]
        let (encoder, decoder) = match opening.agreed() {
            Some(params) => {
                (encoder.with_deflate(&params), decoder.with_deflate(&params, &self.settings.limits))
            }
            None => (encoder, decoder),
        };
        let duplex = Duplex::open(Arc::new(self.settings.clone()), encoder);
        let rest = opening.into_rest();
        if !rest.is_empty() {
            duplex.give_input(rest);
        }
        let socket = WebSocket::new(Arc::clone(&duplex), decoder);
        let driver = Driver::new(io, duplex, Role::Client, WriteBuffer::default(), timer.now());
        Ok((socket, response, ClientConnection::new(driver, timer)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the fields: they hold credentials.
        f.debug_struct("Client")
            .field("secure", &self.secure)
            .field("authority", &self.authority)
            .field("target", &self.target)
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// What carries a client's [`WebSocket`]: a future that ends with the connection. Dropping it cuts the connection
    /// off.
    ///
    /// When both sides have sent a Close it waits for the server to close the connection first, within
    /// [`Client::close_timeout`] (RFC 6455 section 7.1.1).
    #[must_use = "nothing moves unless it is polled"]
    pub struct ClientConnection<Io, T>
    where
        T: Timer,
    {
        #[pin]
        alarm: Alarm<T::Sleep>,
        driver: Driver<Io>,
        timer: T,
        waker: Option<Waker>,
    }
}

impl<Io, T: Timer> ClientConnection<Io, T> {
    pub(super) fn new(driver: Driver<Io>, timer: T) -> Self {
        Self { alarm: Alarm::new(), driver, timer, waker: None }
    }

    #[cfg(feature = "http2")]
    pub(super) fn io_mut(self: Pin<&mut Self>) -> Option<&mut Io> {
        self.project().driver.io_mut()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, T: Timer> Future for ClientConnection<Io, T> {
    type Output = Result<(), ConnectionError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if !this.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *this.waker = Some(cx.waker().clone());
            this.alarm.as_mut().forget_waker();
        }
        this.driver.poll(cx, this.timer, this.alarm, |_| Poll::Ready(()))
    }
}

impl<Io, T: Timer> fmt::Debug for ClientConnection<Io, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").finish_non_exhaustive()
    }
}

/// TCP, or TLS over it.
#[cfg(feature = "rt-tokio")]
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

#[cfg(feature = "rt-tokio")]
impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Stream for Io {}

/// Why a client is not connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none of a WebSocket.
    #[error("not a WebSocket's URL: {0}")]
    InvalidUrl(&'static str),
    /// `wss://` needs a configuration of TLS (`Client::tls`, features `rt-tokio` and `tls`), or a TLS stream that the caller
    /// brings: see [`Client::handshake`].
    #[error("wss:// needs TLS: call `Client::tls`, or bring a TLS stream to `Client::handshake`")]
    TlsUnavailable,
    /// A subprotocol that is no token, or is given twice.
    #[error("{0}")]
    Protocol(wire_ws::EncodeError),
    /// A header field that is malformed, or that is the client's own.
    #[error("header field {name:?}: {error}")]
    Field {
        /// The field's name.
        name: String,
        /// What is wrong with it.
        error: wire_http1::EncodeError,
    },
    /// The request cannot be sent as it is: most likely its target.
    #[error("{0}")]
    Request(#[from] wire_http1::EncodeError),
    /// No connection, or it failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// [`Client::handshake_timeout`] has passed.
    #[error("the handshake took too long")]
    TimedOut,
    /// The server answers otherwise: a redirect, a refusal. Of the body at most 16 KiB, and what came in time.
    #[error("the server answers {}", .0.status())]
    Rejected(Box<Response<Bytes>>),
    /// What the server sent is no HTTP response.
    #[error("not an HTTP response: {0}")]
    Http(#[from] wire_http1::Error),
    /// HTTP/2 failed: on this stream, or the connection is gone.
    #[cfg(feature = "http2")]
    #[error("{0}")]
    Http2(crate::BoxError),
    /// The server takes no WebSockets over HTTP/2 (RFC 8441 section 3).
    #[cfg(feature = "http2")]
    #[error("the server takes no WebSockets over HTTP/2")]
    NotOffered,
    /// A 101, or a 2xx of HTTP/2, that is not the answer to this handshake.
    #[error("{0}")]
    Handshake(#[from] ResponseError),
}

#[cfg(feature = "http2")]
impl From<h2::Error> for ConnectError {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error.into())
    }
}
