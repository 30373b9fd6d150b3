//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod conformance;
mod frames;
mod laws;
