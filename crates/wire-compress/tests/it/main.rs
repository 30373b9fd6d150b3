//! The tests of wire-compress. They need all codings: each file says what else it needs.
#![cfg(all(feature = "gzip", feature = "brotli", feature = "zstd", feature = "std"))]

mod bombs;
mod common;
mod conformance;
mod encoder;
mod formats;
mod laws;
mod memory;
mod padding;
mod reference;
