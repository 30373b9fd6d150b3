//! WebSocket over HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220): bytes in, events out. No socket, no runtime, no thread.
//!
//! | part | for |
//! |---|---|
//! | [`handshake`] | whoever has an HTTP/2 or HTTP/3 library: what a request must be, what a response must say |
#![cfg_attr(
    feature = "session",
    doc = "| [`session`] | whoever has a socket alone: an HTTP/2 endpoint, in either role, that carries requests and WebSockets |"
)]
#![cfg_attr(
    not(feature = "session"),
    doc = "| `session` (a feature) | whoever has a socket alone: an HTTP/2 endpoint, in either role, that carries requests and WebSockets |"
)]
//!
//! What flows on a stream once a WebSocket is open is RFC 6455 as it always was, masks included: the business of
//! [`wire_ws`], to which [`handshake`] leaves it and which `session` uses.
//!
//! # A server that echoes
//!
//! Requests and WebSockets, over HTTP/2 with prior knowledge. The loop is the whole glue, here for a blocking socket
//! and messages that are shorter than its buffers: where much flows both ways, read while a write waits.
//!
#![cfg_attr(feature = "session", doc = "```")]
#![cfg_attr(not(feature = "session"), doc = "```ignore")]
//! use std::io::{self, Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::time::{Duration, Instant};
//!
//! use wire_h2ws::handshake::Target;
//! use wire_h2ws::session::{Config, Event, Session, UseError};
//! use wire_ws::DataKind;
//!
//! /// Drives a session until it ends. `act` answers events.
//! fn drive(
//!     mut session: Session,
//!     mut socket: TcpStream,
//!     mut act: impl FnMut(&mut Session, Event, Duration) -> Result<(), UseError>,
//! ) -> io::Result<()> {
//!     let start = Instant::now();
//!     let mut input = [0; 16 << 10];
//!     loop {
//!         let now = start.elapsed();
//!         while let Some(event) = session.poll_event(now) {
//!             match act(&mut session, event, now) {
//!                 // The peer may reset a stream that is being answered: `Closed` follows.
//!                 Ok(()) | Err(UseError::UnknownStream) => {}
//!                 Err(error) => return Err(io::Error::other(error)),
//!             }
//!         }
//!         let output = session.output(now);
//!         if !output.is_empty() {
//!             let len = socket.write(output)?;
//!             session.written(len);
//!             continue;
//!         }
//!         if session.end().is_some() {
//!             return Ok(());
//!         }
//!         let wait = session.next_deadline().map(|at| at.saturating_sub(now).max(Duration::from_millis(1)));
//!         socket.set_read_timeout(wait)?;
//!         match socket.read(&mut input) {
//!             Ok(0) => session.receive_eof(),
//!             Ok(len) => {
//!                 // All of it, since no output waits.
//!                 session.receive(&input[..len], start.elapsed());
//!             }
//!             Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
//!                 session.handle_timeout(start.elapsed());
//!             }
//!             Err(e) => return Err(e),
//!         }
//!     }
//! }
//!
//! fn main() -> io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     let server = std::thread::spawn(move || {
//!         let socket = listener.accept()?.0;
//!         drive(Session::server(&Config::default()), socket, |session, event, now| match event {
//!             Event::WebSocketRequest { stream, request } => {
//!                 session.accept_websocket(stream, &request, None, Default::default(), now)
//!             }
//!             Event::Message { stream, kind, data } => session.send(stream, kind, &data),
//!             Event::Request { stream, .. } => session.respond(stream, http::Response::new(()), true),
//!             _ => Ok(()),
//!         })
//!     });
//!
//!     // The seed should come from the system's entropy.
//!     let client = Session::client([0x5e; 32], &Config::default());
//!     let mut echoed = Vec::new();
//!     drive(client, TcpStream::connect(address)?, |session, event, now| match event {
//!         Event::WebSocketsEnabled => {
//!             let target = Target::parse("ws://localhost/echo").expect("a URL");
//!             session.open_websocket(&target, &[], Default::default()).map(drop)
//!         }
//!         Event::WebSocketOpen { stream, .. } => session.send(stream, DataKind::Text, "Grüße".as_bytes()),
//!         Event::Message { stream, data, .. } => {
//!             echoed.extend_from_slice(&data);
//!             session.close(stream, None, "", now)
//!         }
//!         Event::Closed { .. } => Ok(session.shutdown(now)),
//!         _ => Ok(()),
//!     })?;
//!     assert_eq!(echoed, "Grüße".as_bytes());
//!     server.join().expect("the server does not panic")
//! }
//! ```
//!
//! # Features
//!
//! Without features the crate is `no_std` with `alloc`, and is the [`handshake`] alone. `session` needs std; it is
//! built on crate h2, which is driven in memory. `deflate` adds permessage-deflate (RFC 7692) to sessions.
#![cfg_attr(not(feature = "session"), no_std)]

extern crate alloc;

pub mod handshake;
#[cfg(feature = "session")]
pub mod session;

// Their types are part of this API: heads and fields, close codes, limits.
#[cfg(feature = "session")]
pub use http;
pub use wire_ws;
