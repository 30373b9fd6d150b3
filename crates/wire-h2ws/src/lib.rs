//! WebSocket over HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).
//!
//! [`handshake`] is the opening handshake as pure functions, for whatever HTTP library decodes the messages.
#![cfg_attr(not(feature = "session"), no_std)]

extern crate alloc;

pub mod handshake;
#[cfg(feature = "session")]
pub mod session;
