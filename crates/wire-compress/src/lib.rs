//! draft
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod coding;
mod config;
mod decide;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod decode;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod encode;
mod error;
mod flush;
#[cfg(feature = "http")]
mod http;
mod media;
#[cfg(feature = "brotli")]
mod memory;
mod negotiate;
mod padding;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod pool;

pub use coding::{Coding, accept_encoding};
pub use config::{Config, EncoderConfig};
pub use decide::{Decision, REMOVED_FIELDS, ResponseHead, decide, weak_etag};
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
pub use decode::Decoder;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
pub use encode::Encoder;
pub use error::{EncodeError, Error, ErrorKind};
pub use flush::{Flush, FlushPolicy, Progress};
#[cfg(feature = "http")]
pub use http::{decide_headers, negotiate_headers};
pub use negotiate::{Choice, NotAcceptable, negotiate};
pub use padding::Padding;
