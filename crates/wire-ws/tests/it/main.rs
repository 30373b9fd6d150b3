//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod conformance;
mod frames;
mod handshake;
mod laws;
mod message;
mod round_trip;
mod rules;
