//! The client's side over HTTP/2 (RFC 8441): many WebSockets on one connection.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream as _;
use futures_util::stream::FuturesUnordered;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Ping, Reason, RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::DeflateParams;
use wire_ws::{Encoder, MessageDecoder, Role};

use super::WebSocket;
use super::client::{Client, ClientConnection, ConnectError};
use super::opening::{MAX_BODY, MAX_FIELD_SECTION, reserved};
use crate::conn::http2::Tunnel;
use crate::conn::websocket::Driver;
use crate::conn::{ConnectionError, Duplex};
use crate::io::WriteBuffer;
use crate::timer::Timer;

/// What a server may send on one WebSocket, and on all of a connection together, before it is read.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What small DATA frames that were not taken yet may cost, 256 bytes for each: a window full of messages that a server sends
/// one by one.
const DATA_FRAME_BUDGET: usize = 32 << 20;

impl Client {
    /// Begins HTTP/2 on a stream that is connected already (over TLS: whose ALPN has chosen `h2`), and waits until the server
    /// has said that it takes WebSockets there (SETTINGS_ENABLE_CONNECT_PROTOCOL, RFC 8441 section 3). The caller spawns the
    /// [`Http2Connection`], or polls it beside: nothing moves without it.
    ///
    /// # Errors
    /// See [`ConnectError`]; [`ConnectError::NotOffered`] where the server does not take them.
    pub async fn handshake_http2<Io, T>(
        &self,
        io: Io,
        timer: T,
    ) -> Result<(Http2Client<T>, Http2Connection<Io, T>), ConnectError>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        T: Timer + Clone,
    {
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .data_frame_budget(DATA_FRAME_BUDGET)
            .max_header_list_size(MAX_FIELD_SECTION)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let beginning = async {
            let (requests, mut connection) = builder.handshake(io).await?;
            let mut ping = connection.ping_pong();
            if let Some(ping) = &mut ping {
                ping.send_ping(Ping::opaque())?;
            }
            poll_fn(|cx| {
                let ended = Pin::new(&mut connection).poll(cx)?;
                if requests.is_extended_connect_protocol_enabled() {
                    return Poll::Ready(Ok(()));
                }
                if ended.is_ready() {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
                }
                // Its settings are the first that a server sends: once it has answered a PING, they are here.
                match &mut ping {
                    Some(ping) => {
                        ready!(ping.poll_pong(cx))?;
                        Poll::Ready(Err(ConnectError::NotOffered))
                    }
                    None => Poll::Pending,
                }
            })
            .await?;
            Ok((requests, connection))
        };
        let (requests, connection) = self.in_time(&timer, beginning).await?;
        let opened = Arc::<Opened<T>>::default();
        let client = Http2Client { client: self.clone(), requests, timer, opened: Arc::clone(&opened) };
        Ok((
            client,
            Http2Connection { connection: Some(connection), sockets: FuturesUnordered::new(), opened },
        ))
    }

    /// Bounds a handshake by [`Client::handshake_timeout`].
    async fn in_time<T: Timer, R>(
        &self,
        timer: &T,
        handshake: impl Future<Output = Result<R, ConnectError>>,
    ) -> Result<R, ConnectError> {
        let mut sleep = pin!(timer.sleep_until(timer.now() + self.limit()));
        let mut handshake = pin!(handshake);
        poll_fn(|cx| match handshake.as_mut().poll(cx) {
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(ConnectError::TimedOut)),
            ready => ready,
        })
        .await
    }
}

/// An HTTP/2 connection to open WebSockets on, any number of them, at once or after one another. Clones share it. When all
/// of them and all of the WebSockets are gone, it ends.
///
/// ```no_run
/// # #[cfg(feature = "rt-tokio")]
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use server_core::ws::connect_h2;
///
/// let client = connect_h2("ws://127.0.0.1:8080/").await?;
/// let (mut one, _) = client.open("/ws").await?;
/// let (mut other, _) = client.open("/ws").await?;
/// one.send("hello").await?;
/// other.send("hello").await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Http2Client<T: Timer> {
    client: Client,
    requests: SendRequest<Bytes>,
    timer: T,
    opened: Arc<Opened<T>>,
}

impl<T: Timer + Clone> Http2Client<T> {
    /// Opens a WebSocket at this path, which may have a query. What the [`Client`] was told to ask for is asked for.
    ///
    /// Where the server allows no more streams, this waits for one to end.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn open(&self, path: &str) -> Result<(WebSocket, Response<()>), ConnectError> {
        let request = self.client.connect_request(path)?;
        self.client.in_time(&self.timer, self.handshake(request)).await
    }

    async fn handshake(&self, request: Request<()>) -> Result<(WebSocket, Response<()>), ConnectError> {
        let client = &self.client;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut sending) = requests.send_request(request, false)?;
        let (parts, receiving) = response.await?.into_parts();
        let response = Response::from_parts(parts, ());
        if !response.status().is_success() {
            return Err(rejected(response, receiving).await);
        }
        let agreed = client.verify(&response).inspect_err(|_| sending.send_reset(Reason::CANCEL))?;
        let settings = Arc::new(client.settings().clone());
        let encoder = Encoder::client(seed);
        let decoder = MessageDecoder::new(Role::Client, &settings.limits);
        #[cfg(feature = "ws-deflate")]
        let (encoder, decoder) = match agreed {
            Some(params) => (encoder.with_deflate(&params), decoder.with_deflate(&params, &settings.limits)),
            None => (encoder, decoder),
        };
        #[cfg(not(feature = "ws-deflate"))]
        let _ = agreed;
        let duplex = Duplex::open(settings, encoder);
        let socket = WebSocket::new(Arc::clone(&duplex), decoder);
        self.carry(receiving, sending, duplex);
        Ok((socket, response))
    }

    fn carry(&self, receiving: RecvStream, sending: SendStream<Bytes>, duplex: Arc<Duplex>) {
        let tunnel = Tunnel::over(receiving, sending);
        let driver = Driver::new(tunnel, duplex, Role::Client, WriteBuffer::default(), self.timer.now());
        self.opened.push(Carrier(Box::pin(ClientConnection::new(driver, self.timer.clone()))));
    }
}

impl Client {
    fn connect_request(&self, path: &str) -> Result<Request<()>, ConnectError> {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(self.authority.as_str()).path_and_query(path);
        let uri = uri.build().map_err(|_| ConnectError::InvalidUrl("not a path"))?;
        if !path.starts_with('/') {
            return Err(ConnectError::InvalidUrl("the path does not begin with a slash"));
        }
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = uri;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        #[cfg(feature = "ws-deflate")]
        let offer = self.settings().deflate.map(|config| config.offer());
        #[cfg(feature = "ws-deflate")]
        let extensions = offer.as_ref().map(|offer| offer.value().to_string());
        #[cfg(not(feature = "ws-deflate"))]
        let extensions: Option<String> = None;
        let own = wire_h2ws::handshake::request_fields(&protocols, extensions.as_deref())
            .map_err(ConnectError::Protocol)?;
        for (name, value) in own {
            let value = HeaderValue::try_from(&*value).map_err(|error| ConnectError::Http2(error.into()))?;
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
        for (name, value) in &self.fields {
            use wire_http1::EncodeError::{CodecField, InvalidFieldName, InvalidFieldValue};
            let refuse = |error| ConnectError::Field { name: name.clone(), error };
            if let Some(name) = reserved(name) {
                return Err(refuse(CodecField(name)));
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse(InvalidFieldName))?;
            let value = HeaderValue::from_bytes(value).map_err(|_| refuse(InvalidFieldValue))?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }

    /// Judges a 2xx, and gives the compression that was agreed on.
    fn verify(&self, response: &Response<()>) -> Result<Agreed, ConnectError> {
        use wire_h2ws::handshake::{ResponseError, verify};
        let fields = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        #[cfg(feature = "ws-deflate")]
        let offered: &[&str] = if self.settings().deflate.is_some() { &["permessage-deflate"] } else { &[] };
        #[cfg(not(feature = "ws-deflate"))]
        let offered = &[];
        match verify(response.status().as_u16(), fields, &protocols, offered) {
            Ok(_) => {}
            Err(ResponseError::Terms(error)) => return Err(error.into()),
            Err(error) => return Err(ConnectError::Http2(error.into())),
        }
        #[cfg(feature = "ws-deflate")]
        if let Some(config) = self.settings().deflate {
            let values = response.headers().get_all("sec-websocket-extensions");
            return Ok(config.offer().verify(values.iter().map(HeaderValue::as_bytes))?);
        }
        Ok(None)
    }
}

#[cfg(feature = "ws-deflate")]
type Agreed = Option<DeflateParams>;
#[cfg(not(feature = "ws-deflate"))]
type Agreed = Option<std::convert::Infallible>;

/// The answer that is none of a WebSocket, with as much of its body as is kept.
async fn rejected(response: Response<()>, mut receiving: RecvStream) -> ConnectError {
    let mut body = Vec::new();
    while let Some(Ok(data)) = receiving.data().await {
        let _ = receiving.flow_control().release_capacity(data.len());
        body.extend_from_slice(&data[..data.len().min(MAX_BODY - body.len())]);
        if body.len() == MAX_BODY {
            break;
        }
    }
    ConnectError::Rejected(Box::new(response.map(|()| Bytes::from(body))))
}

impl<T: Timer> fmt::Debug for Http2Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Client").field("client", &self.client).finish_non_exhaustive()
    }
}

/// What carries the WebSockets of an [`Http2Client`]: a future that ends with the connection. Dropping it cuts the
/// connection off.
#[must_use = "nothing moves unless it is polled"]
pub struct Http2Connection<Io, T: Timer>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    connection: Option<h2::client::Connection<Io, Bytes>>,
    sockets: FuturesUnordered<Carrier<T>>,
    opened: Arc<Opened<T>>,
}

impl<Io, T> Future for Http2Connection<Io, T>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    T: Timer,
{
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let ended = match &mut this.connection {
            Some(connection) => Pin::new(connection).poll(cx),
            None => Poll::Ready(Ok(())),
        };
        this.sockets.extend(this.opened.take(cx));
        while let Poll::Ready(Some(())) = Pin::new(&mut this.sockets).poll_next(cx) {}
        let end = ready!(ended).map_err(|error| ConnectionError::Http2(error.into()));
        // Those that hold a WebSocket have been told.
        this.connection = None;
        this.opened.close();
        this.sockets.clear();
        Poll::Ready(end)
    }
}

impl<Io, T> Drop for Http2Connection<Io, T>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    T: Timer,
{
    fn drop(&mut self) {
        self.opened.close();
    }
}

impl<Io, T> fmt::Debug for Http2Connection<Io, T>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    T: Timer,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Connection").field("sockets", &self.sockets.len()).finish_non_exhaustive()
    }
}

/// What carries one WebSocket.
struct Carrier<T: Timer>(Pin<Box<ClientConnection<Tunnel, T>>>);

impl<T: Timer> Future for Carrier<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.0.as_mut().poll(cx);
        if let Some(tunnel) = self.0.as_mut().io_mut() {
            tunnel.take_input(cx);
        }
        polled.map(|end| {
            if let Err(error) = end {
                tracing::debug!(%error, "WebSocket ended");
            }
        })
    }
}

/// WebSockets on their way to the connection's future.
struct Opened<T: Timer>(Mutex<Waiting<T>>);

struct Waiting<T: Timer> {
    sockets: Vec<Carrier<T>>,
    connection: Option<Waker>,
    /// There is no such future any more.
    closed: bool,
}

impl<T: Timer> Default for Opened<T> {
    fn default() -> Self {
        Self(Mutex::new(Waiting { sockets: Vec::new(), connection: None, closed: false }))
    }
}

impl<T: Timer> Opened<T> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.lock()
    }

    fn push(&self, socket: Carrier<T>) {
        let mut waiting = self.waiting();
        if waiting.closed {
            drop(waiting);
            return;
        }
        waiting.sockets.push(socket);
        let connection = waiting.connection.take();
        drop(waiting);
        if let Some(connection) = connection {
            connection.wake();
        }
    }

    fn take(&self, cx: &Context<'_>) -> Vec<Carrier<T>> {
        let mut waiting = self.waiting();
        waiting.connection = Some(cx.waker().clone());
        std::mem::take(&mut waiting.sockets)
    }

    fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        let sockets = std::mem::take(&mut waiting.sockets);
        drop(waiting);
        drop(sockets);
    }
}
