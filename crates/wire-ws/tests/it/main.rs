//! The tests of wire-ws against its public API, as one binary.

mod allocation;
mod frames;
mod laws;
