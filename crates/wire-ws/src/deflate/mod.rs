//! permessage-deflate (RFC 7692): compressed messages. Feature `deflate`.
//!
//! It is negotiated in the opening handshake by pure functions, [`DeflateConfig::accept`] on a server,
//! [`DeflateConfig::offer`] and [`DeflateOffer::verify`] on a client, whose result, [`DeflateParams`], goes to
//! [`MessageDecoder::with_deflate`](crate::MessageDecoder::with_deflate) and
//! [`Encoder::with_deflate`](crate::Encoder::with_deflate), or to
//! [`Connection::with_deflate`](crate::Connection::with_deflate). [`Inflater`] is for those who take messages apart
//! themselves.
//!
//! A server, from the request's offer to messages:
//!
//! ```
//! use wire_ws::deflate::DeflateConfig;
//! use wire_ws::{Config, DataKind, Encoder, MessageDecoder, MessageEvent, Payload, Role};
//!
//! let offered = [&b"permessage-deflate; client_max_window_bits"[..]]; // Offer::extensions
//! let agreed = DeflateConfig::default().accept(offered).expect("an offer that can be accepted");
//! // The response's Sec-WebSocket-Extensions.
//! assert_eq!(agreed.response, "permessage-deflate; server_no_context_takeover");
//!
//! let config = Config::default();
//! let mut decoder = MessageDecoder::new(Role::Server, &config).with_deflate(&agreed.params, &config);
//! let mut encoder = Encoder::server().with_deflate(&agreed.params);
//!
//! // "Hello" as section 7.2.3.1 has it, masked with zeros.
//! let mut input = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00";
//! let step = decoder.decode(&mut input)?;
//! assert_eq!(step.event, Some(MessageEvent::Message { kind: DataKind::Text, payload: Payload::Buffer }));
//! assert_eq!(decoder.buffer(), b"Hello");
//!
//! let mut out = Vec::new();
//! encoder.encode_message(DataKind::Text, &[b'a'; 1_000], &mut out).expect("open");
//! assert!(out.len() < 50);
//! # Ok::<(), wire_ws::Error>(())
//! ```
//!
//! # Memory
//!
//! What one connection holds, measured by the tests of this crate (`tests/it/deflate.rs`), with the largest window:
//!
//! | direction | context takeover | between messages | after `shrink` | within a fragmented message |
//! |---|---|---|---|---|
//! | receiving | no | 0 | 0 | 79 KiB |
//! | receiving | yes | what was received, at most 32 KiB | the same | 79 KiB |
//! | sending | no | 0 | 0 | 372 KiB |
//! | sending | yes | 372 KiB | 0, without context | 372 KiB |
//!
//! The window that is held is copied into a decompressor for each message: about 2 µs where it is full.
//!
//! With feature `std` what is not held stays with the thread, four of each, for the next message of any connection.
//! A window of 2^9 bytes makes it 0.5 KiB for receiving after `shrink`, and 246 KiB for sending: most of it is hash
//! tables and the buffer of the output.

mod deflater;
mod history;
mod inflater;
mod negotiate;
mod pool;

pub(crate) use deflater::Deflater;
pub use inflater::Inflater;
pub use negotiate::{Agreed, DeflateConfig, DeflateOffer, DeflateParams};

/// What the end of a message lacks: the lengths of an empty stored block (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
