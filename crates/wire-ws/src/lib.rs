//! WebSocket (RFC 6455), both roles, as a sans-IO codec: bytes in, events out, messages in, bytes out. It owns no
//! socket, no clock and no thread, so it runs under any runtime, or none.
//!
//! - **Every rule is kept**, and broken ones are refused with the byte that shows it: see [`ErrorKind`]. Text fails
//!   at the first byte that cannot be UTF-8, in the middle of a frame too.
//! - **Nothing is copied** by the [`Decoder`]: it unmasks where the bytes lie and says where that is. A message of any
//!   size can be handled as it arrives.
//! - **Nothing is unbounded**: what stays unconsumed, what is held, how long and how fragmented a message may be
//!   ([`Config`]).
//!
//! | layer | for |
//! |---|---|
//! | [`handshake`] | the HTTP fields that open a connection |
//! | [`Connection`] | a whole connection: answers, closing, keepalive, a bounded output |
//! | [`MessageDecoder`] and [`Encoder`] | whole messages; [`PreparedMessage`] for many connections; `Reader` (feature `bytes`) for messages as `Bytes` |
//! | [`Decoder`] and [`Encoder`] | pieces of messages, as they arrive |
//! | [`frame`] | headers, masks and incremental UTF-8 alone; no allocation |
//!
//! # A server that echoes
//!
//! The whole of it behind the opening handshake. What is read must be decoded until there is no event; Ping and
//! Close oblige to an answer; an error is answered with a Close of its code.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! use wire_ws::{Config, DataKind, Encoder, MessageDecoder, MessageEvent, Payload, Role};
//!
//! fn echo(mut socket: impl Read + Write) -> io::Result<()> {
//!     let mut decoder = MessageDecoder::new(Role::Server, &Config::default());
//!     let mut encoder = Encoder::server();
//!     let (mut input, mut start, mut end) = (vec![0; 64 * 1024], 0, 0);
//!     let mut out = Vec::new();
//!     while !decoder.is_closed() {
//!         // At most 130 bytes are left over from the last round.
//!         input.copy_within(start..end, 0);
//!         (start, end) = (0, end - start);
//!         let read = socket.read(&mut input[end..])?;
//!         if read == 0 {
//!             return decoder.decode_eof().map_err(io::Error::other);
//!         }
//!         end += read;
//!         loop {
//!             let unread = &mut input[start..end];
//!             let step = match decoder.decode(unread) {
//!                 Ok(step) => step,
//!                 Err(error) => {
//!                     encoder.encode_close(Some(error.close_code()), "", &mut out).map_err(io::Error::other)?;
//!                     socket.write_all(&out)?;
//!                     return Err(io::Error::other(error));
//!                 }
//!             };
//!             start += step.consumed;
//!             let Some(event) = step.event else { break };
//!             match event {
//!                 MessageEvent::Message { kind, payload } => {
//!                     let message = match payload {
//!                         Payload::Input(range) => &unread[range],
//!                         Payload::Buffer => decoder.buffer(),
//!                     };
//!                     encoder.encode_message(kind, message, &mut out)
//!                 }
//!                 MessageEvent::Ping { range } => encoder.encode_pong(&unread[range], &mut out),
//!                 MessageEvent::Close { code, .. } => encoder.encode_close(code, "", &mut out),
//!                 MessageEvent::Pong { .. } => Ok(()),
//!             }
//!             .map_err(io::Error::other)?;
//!         }
//!         socket.write_all(&out)?;
//!         out.clear();
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     let server = std::thread::spawn(move || echo(listener.accept()?.0));
//!
//!     // A client masks what it sends; the seed should come from the system's entropy.
//!     let mut client = Encoder::client([0x5e; 32]);
//!     let mut out = Vec::new();
//!     client.encode_message(DataKind::Text, "Grüße".as_bytes(), &mut out).map_err(io::Error::other)?;
//!     client.encode_close(None, "", &mut out).map_err(io::Error::other)?;
//!     let mut socket = TcpStream::connect(address)?;
//!     socket.write_all(&out)?;
//!     let mut answer = Vec::new();
//!     socket.read_to_end(&mut answer)?;
//!     assert_eq!(answer, [&b"\x81\x07"[..], "Grüße".as_bytes(), b"\x88\x00"].concat());
//!     server.join().expect("the server does not panic")
//! }
//! ```
//!
//! # Features
//!
//! The crate is `no_std` with `alloc`. `std` (default) chooses the UTF-8 validator by the processor at run time;
//! without it the build's target features decide. `bytes` adds `Reader`, which owns a `BytesMut`. `deflate` adds
//! permessage-deflate (RFC 7692), built on flate2 with zlib-rs.
#![no_std]

extern crate alloc;

#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod avx2;
mod close;
mod config;
mod connection;
mod decode;
#[cfg(feature = "deflate")]
pub mod deflate;
mod encode;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod mask;
mod message;
mod prepared;
#[cfg(feature = "bytes")]
mod reader;
mod rules;
mod utf8;

pub use close::CloseCode;
pub use config::Config;
pub use connection::{Connection, ConnectionConfig, End, Refused, RefusedReason, Timeout};
pub use decode::Decoder;
pub use encode::Encoder;
pub use error::{EncodeError, Error, ErrorKind};
pub use event::{DataKind, Event, Role, Step};
pub use frame::OpCode;
pub use message::{MessageDecoder, MessageEvent, MessageStep, Payload};
pub use prepared::PreparedMessage;
#[cfg(feature = "bytes")]
pub use reader::{Reader, Received};
