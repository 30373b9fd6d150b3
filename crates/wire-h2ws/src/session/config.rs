//! Limits and timers of a session.

use wire_ws::ConnectionConfig;

/// How a [`Session`](super::Session) is set up. Every limit is on by default.
///
/// ```
/// let mut config = wire_h2ws::session::Config::default();
/// config.max_concurrent_streams = 32;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Timers and limits of each WebSocket.
    pub websocket: ConnectionConfig,
    /// Compression of messages; `None` (default): none is offered or accepted.
    #[cfg(feature = "deflate")]
    pub deflate: Option<wire_ws::deflate::DeflateConfig>,
    /// Most streams that the peer may have open. Default: 128.
    pub max_concurrent_streams: u32,
    /// Most bytes of a header list, as RFC 9113 section 6.5.2 counts them. Default: 16 KiB.
    ///
    /// A server answers longer ones with 431.
    pub max_header_list_size: u32,
    /// Bytes that the peer may send on a stream before they are taken by
    /// [`poll_event`](super::Session::poll_event): 1 to 2^31-1. Default: 64 KiB.
    ///
    /// Bounds the memory of a stream that is paused. A stream that carries content before the peer has seen our SETTINGS,
    /// which it does by the 65,535 that a connection begins with (RFC 9113 section 6.9.2), may stall with less than that:
    /// h2 does not look again at a window that shrinks.
    pub stream_window: u32,
    /// The same for all streams together: 65,535 to 2^31-1. Default: 1 MiB.
    pub connection_window: u32,
    /// Most bytes of a stream that wait within HTTP/2 to be written; a WebSocket's own output has its own limits.
    /// Default: 64 KiB.
    pub max_send_buffer: usize,
    /// Most bytes of output that wait to be written to the transport; 16 KiB at least. Default: 64 KiB.
    ///
    /// Above it, streams stop sending, and input that would have to be answered is not taken. Defends against peers
    /// that do not read.
    pub max_output: usize,
    /// Most streams that may be reset because of what the peer sent on them. Default: 64.
    ///
    /// Defends against resets that the peer makes this side send (MadeYouReset).
    pub max_local_error_resets: usize,
    /// Most streams that may be reset by the peer before they were taken by
    /// [`poll_event`](super::Session::poll_event). Default: 20.
    pub max_pending_accept_resets: usize,
    /// Most bytes of overhead of content that waits to be taken by [`poll_event`](super::Session::poll_event): what a
    /// frame is shorter than 256 bytes, for each frame. Default: 1 MiB.
    ///
    /// Defends against content in tiny pieces, which cost more than they are long. WebSockets are joined as they
    /// arrive, and cost nothing here.
    pub max_data_overhead: usize,
    /// A server's budget for streams that its client resets. Default: 200.
    ///
    /// The whole of it comes back within a minute, and one for each stream that ends without a reset. Defends against
    /// clients that start work and throw it away (rapid reset).
    pub max_resets: u32,
    /// The budget for PING, SETTINGS, PRIORITY, GOAWAY and unknown frames. Default: 1,000.
    ///
    /// The whole of it comes back within a minute, and one for each head or piece of data, either way. Defends
    /// against floods of frames that cost more than they say.
    pub max_control_frames: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            websocket: ConnectionConfig::default(),
            #[cfg(feature = "deflate")]
            deflate: None,
            max_concurrent_streams: 128,
            max_header_list_size: 16 << 10,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            max_send_buffer: 64 << 10,
            max_output: 64 << 10,
            max_local_error_resets: 64,
            max_pending_accept_resets: 20,
            max_data_overhead: 1 << 20,
            max_resets: 200,
            max_control_frames: 1_000,
        }
    }
}
