//! The tests of wire-sse against its public API, as one binary.

mod encode;
mod laws;
mod rules;
