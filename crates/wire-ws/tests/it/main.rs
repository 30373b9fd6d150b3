//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod conformance;
mod connection;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "deflate")]
mod deflate_limits;
mod fast_paths;
mod frames;
mod handshake;
mod laws;
mod message;
mod prepared;
#[cfg(feature = "bytes")]
mod reader;
mod round_trip;
mod rules;
