//! Bodies: what a handler reads ([`Incoming`]) and what it answers with ([`Body`]).

mod incoming;
mod outgoing;
mod slot;
mod trailers;

#[cfg(any(feature = "brotli", feature = "gzip", feature = "http2", feature = "zstd"))]
pub(crate) use incoming::Source;
pub use incoming::{BodyError, Incoming};
pub use outgoing::Body;
#[cfg(any(feature = "brotli", feature = "gzip", feature = "http2", feature = "zstd"))]
pub(crate) use slot::Part;
pub(crate) use slot::{BodySlot, Demand};
pub use trailers::Trailers;

/// Any error, as bodies and services bring them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
