//! One connection, as a future: a driver per protocol version around its codec.

mod date;
pub(crate) mod deadline;
mod duplex;
mod http1;
pub(crate) mod websocket;

pub use deadline::Deadline;
pub(crate) use duplex::{Duplex, Input, InputEnd};
pub use http1::Connection;

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
    /// A response could not be completed: its body failed, or did not have the length it declared. The client sees a
    /// response cut off.
    #[error("response cut off: {0}")]
    Response(crate::BoxError),
}
