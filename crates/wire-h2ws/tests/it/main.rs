//! The tests of wire-h2ws against its public API, as one binary.

mod attacks;
mod conformance;
mod deadlines;
mod h2_peer;
mod http;
mod operations;
mod pair;
mod websocket;
