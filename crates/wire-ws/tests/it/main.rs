//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod conformance;
#[cfg(feature = "deflate")]
mod deflate;
mod frames;
mod handshake;
mod laws;
mod message;
mod round_trip;
mod rules;
