//! Limits and deadlines, all on by default.

use std::time::Duration;

/// How a server treats its connections. Change fields of the default:
///
/// ```
/// let mut config = server_core::Config::default();
/// config.idle_timeout = std::time::Duration::from_secs(5);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of request heads, chunks and trailers.
    pub http1: wire_http1::Config,
    /// HTTP/2, in cleartext by prior knowledge (RFC 9113 section 3.3) and over TLS where ALPN chose it; `None`, the
    /// default: it is not spoken.
    #[cfg(feature = "http2")]
    pub http2: Option<Http2Config>,
    /// Limits of WebSocket messages; a handler may bring its own when it accepts one.
    pub websocket: wire_ws::Config,
    /// How WebSockets compress, where clients offer it; `None`, the default: they do not. What it costs in memory for each
    /// connection stands in [`wire_ws::deflate`].
    #[cfg(feature = "ws-deflate")]
    pub websocket_deflate: Option<wire_ws::deflate::DeflateConfig>,
    /// A WebSocket from which nothing has come for so long is sent a Ping; `None`: never. Default 20 s.
    pub websocket_ping_interval: Option<Duration>,
    /// How long anything may take to come after that Ping; then the connection is cut off. Default 20 s.
    pub websocket_pong_timeout: Duration,
    /// Connections open at once; at the limit `accept` waits. Against running out of descriptors. Default: no limit.
    pub max_connections: usize,
    /// Largest request body that [`Incoming::collect`](crate::Incoming::collect) holds in memory, unless the handler
    /// says otherwise. **A handler that streams is not bound by it**, and so no tower service is. Default 10 MiB.
    pub max_body_size: u64,
    /// What is read and thrown away of a request body that the handler left unread, so that the connection can go on;
    /// beyond it the connection closes, or over HTTP/2 the stream. Default 256 KiB.
    pub max_discarded_body: u64,
    /// Bytes queued for writing from which on no response body is polled and `WebSocket::send` waits. Default 64 KiB.
    pub write_buffer: usize,
    /// Bytes queued for writing from which on a WebSocket refuses a message that is fed to it without waiting. Default 1 MiB.
    pub max_write_buffer: usize,
    /// From accept to the end of the TLS handshake. Default 10 s.
    pub tls_handshake_timeout: Duration,
    /// From accept or the end of the TLS handshake, or the first byte of a later request, to the end of its head; then 408. Against slow heads.
    /// Default 10 s.
    pub head_timeout: Duration,
    /// Between requests of a connection. Default 60 s.
    pub idle_timeout: Duration,
    /// Between two arrivals of request body bytes that somebody waits for; then the body fails with a 408. Default 30 s.
    pub body_timeout: Duration,
    /// Between two successful writes while output waits. Against clients that never read. Default 30 s.
    pub write_timeout: Duration,
    /// From the call of the handler to its response; then 503. Default: none.
    pub handler_timeout: Option<Duration>,
    /// How long a handler may go on after the client has ended its side. Some clients half-close behind their request
    /// and wait for the answer; one that died looks the same until something is written to it. `None`: as long as it
    /// likes; zero: it is dropped at once. A client that goes on to read its response is given more. Default 3 s.
    ///
    /// It is noticed by reading, and what nobody asks for is read ahead by 4 KiB only. A client that dies with more than
    /// that unread (behind a handler that does not read its body, say) is noticed when the handler answers, or by
    /// [`handler_timeout`](Self::handler_timeout).
    pub half_close_timeout: Option<Duration>,
    /// Closing handshake of a WebSocket: from our Close to the client's, behind which
    /// [`linger_timeout`](Self::linger_timeout) holds. Default 5 s.
    pub websocket_close_timeout: Duration,
    /// After an answer that closes the connection, or over HTTP/2 to a request that has not ended, and behind the closing
    /// handshake of a WebSocket: how long what the client still sends is read and thrown away, so that what was sent is not
    /// lost to a reset. Default 5 s.
    pub linger_timeout: Duration,
    /// From [`Server::shutdown`](crate::Server::shutdown) to the forced end of a connection; and from the end of a WebSocket's
    /// stream to the forced end of its handler, which may have work of its own to finish. Default 30 s.
    pub drain_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http1: wire_http1::Config::default(),
            #[cfg(feature = "http2")]
            http2: None,
            websocket: wire_ws::Config::default(),
            #[cfg(feature = "ws-deflate")]
            websocket_deflate: None,
            websocket_ping_interval: Some(Duration::from_secs(20)),
            websocket_pong_timeout: Duration::from_secs(20),
            max_connections: usize::MAX,
            max_body_size: 10 << 20,
            max_discarded_body: 256 << 10,
            write_buffer: 64 << 10,
            max_write_buffer: 1 << 20,
            tls_handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            handler_timeout: None,
            half_close_timeout: Some(Duration::from_secs(3)),
            websocket_close_timeout: Duration::from_secs(5),
            linger_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Limits of an HTTP/2 connection. The deadlines of [`Config`] hold for each of its streams.
///
/// What `h2` itself refuses without being told: floods of CONTINUATION, of empty and of tiny DATA frames.
#[cfg(feature = "http2")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Http2Config {
    /// Requests of one connection that are in flight at once; more are refused (REFUSED_STREAM). Default 128.
    pub max_concurrent_streams: u32,
    /// Largest field section of a request: names, values and 32 bytes for each field (RFC 9113 section 6.5.2); above it
    /// 431, above four times of it the connection ends. Default 16 KiB.
    pub max_header_list_size: u32,
    /// What a client may send of one body before the handler reads it. Default 64 KiB.
    ///
    /// A connection begins with 65,535, whatever this says (RFC 9113 section 6.9.2): with less, requests are begun when the
    /// client has acknowledged our SETTINGS.
    pub stream_window: u32,
    /// The same for all bodies of a connection together. Default 1 MiB.
    pub connection_window: u32,
    /// Streams that we reset because the client broke the rules on them, over the life of the connection. Against clients
    /// that make us reset (MadeYouReset). Default 64.
    pub max_local_error_resets: usize,
    /// Streams that the client reset before they reached a handler and that are still queued. Default 20.
    pub max_pending_accept_resets: usize,
    /// What a client may spend on frames that carry nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE and unknown frames cost
    /// 1, resets 4; two WINDOW_UPDATEs for each piece of a response body are free. It grows back with time (by 32 in a
    /// second) and with progress (by 16 for each response that ends, and for each 4 KiB of content in either direction), up
    /// to this number. Overspent, the connection ends with
    /// ENHANCE_YOUR_CALM. Against rapid resets and floods of control frames. Default 1024.
    pub control_budget: u32,
    /// Whether handlers may push (RFC 9113 section 8.4), where the client allows it. Browsers no longer do.
    /// Default off.
    pub push: bool,
}

#[cfg(feature = "http2")]
impl Default for Http2Config {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 128,
            max_header_list_size: 16 << 10,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            max_local_error_resets: 64,
            max_pending_accept_resets: 20,
            control_budget: 1024,
            push: false,
        }
    }
}
