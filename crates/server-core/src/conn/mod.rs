//! One connection, as a future: a driver per protocol version around its codec.

mod date;
pub(crate) mod deadline;
mod duplex;
mod encode;
mod handover;
mod http1;
#[cfg(feature = "http2")]
pub(crate) mod http2;
#[cfg(not(feature = "http2"))]
#[path = "no_http2.rs"]
mod http2;
mod sniff;
pub(crate) mod websocket;

pub use deadline::Deadline;
pub(crate) use duplex::Duplex;
pub(crate) use handover::{Input, InputEnd};
#[cfg(feature = "http2")]
use http1::panic_message;
#[cfg(feature = "http2")]
pub use http2::{Http2Stream, Http2StreamError};
pub use sniff::Connection;

use std::io;

/// Why a connection ended before its time. Closing in good order, also after refusing a request, is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The byte stream failed: most often the client is gone.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
    /// A deadline passed.
    #[error("connection cut off: {0:?} deadline passed")]
    TimedOut(Deadline),
    /// The client ended its side while a handler ran, and [`Config::half_close_timeout`](crate::Config::half_close_timeout)
    /// allows no half-closed connections.
    #[error("client gone while its request was being answered")]
    ClientGone,
    /// HTTP/2 ended it with a GOAWAY: the client broke its rules, or asked for more than a limit allows.
    #[error("connection ended: {0}")]
    Http2(crate::BoxError),
    /// A response could not be completed: its body failed, or did not have the length it declared. The client sees a
    /// response cut off.
    #[error("response cut off: {0}")]
    Response(crate::BoxError),
}
