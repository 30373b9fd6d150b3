//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod conformance;
mod connection;
#[cfg(feature = "deflate")]
mod deflate;
mod fast_paths;
mod frames;
mod handshake;
mod laws;
mod message;
mod prepared;
mod round_trip;
mod rules;
