//! HTTP content codings (RFC 9110 section 8.4) as a sans-IO codec: which coding a request leads to, what becomes of a
//! response, and the encoding and decoding itself, piece by piece, with limits. It owns no socket and no clock.
//!
//! - **Decisions are pure functions** of header fields, each rule an entry of a table: [`negotiate`] before the handler
//!   runs, [`decide`] on its response.
//! - **Nothing grows behind the caller's back**: `Encoder` and `Decoder` write only into the spare capacity of a `Vec`,
//!   and one call does a bounded piece of work.
//! - **Bombs end at the cap**: of bytes, of the ratio, of members and frames ([`Config`]), exactly and whoever reads the
//!   rest.
//! - **Nothing is built twice**: with `std`, a thread lends its compressors from response to response.
//!
//! # From a request to a response and back
//!
//! ```
//! # #[cfg(feature = "gzip")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use wire_compress::{
//!     Coding, Config, Decoder, Encoder, EncoderConfig, Flush, ResponseHead, accept_encoding, decide, negotiate,
//! };
//!
//! // The server: before the handler runs.
//! let accept_encoding_lines = [&b"gzip, deflate;q=0.5"[..]];
//! let choice = negotiate(accept_encoding_lines, Coding::SUPPORTED)?;
//!
//! // Behind it: the head.
//! let content = "Hello, hello! ".repeat(1_000);
//! let fields = [(&b"Content-Type"[..], &b"text/plain"[..])];
//! let len = Some(content.len() as u64);
//! let decision = decide(choice, ResponseHead { status: 200, len, secret: false, fields }, 1024);
//! let coding = decision.coding.expect("worth it");
//! let mut head = format!("Content-Type: text/plain\r\nContent-Encoding: {coding}\r\n");
//! if decision.vary {
//!     head.push_str("Vary: Accept-Encoding\r\n");
//! }
//!
//! // And the content, as there is room on the way.
//! let mut wire = Vec::new();
//! let mut encoder = Encoder::new(coding, &EncoderConfig::default(), len)?;
//! let (mut rest, mut room) = (content.as_bytes(), Vec::with_capacity(4096));
//! loop {
//!     let progress = encoder.encode(rest, Flush::Finish, &mut room)?;
//!     rest = &rest[progress.consumed..];
//!     wire.append(&mut room);
//!     if progress.done {
//!         break;
//!     }
//! }
//! assert!(wire.len() < 200);
//!
//! // The client, or a server that takes encoded requests: an error knows its status.
//! let mut decoder = Decoder::new([&b"gzip"[..]], &Config::default())?.expect("a coding");
//! let mut received = Vec::new();
//! for mut piece in wire.chunks(100) {
//!     loop {
//!         let progress = decoder.decode(piece, &mut room)?;
//!         piece = &piece[progress.consumed..];
//!         received.append(&mut room);
//!         if progress.done {
//!             break;
//!         }
//!     }
//! }
//! decoder.decode_eof()?;
//! assert_eq!(received, content.as_bytes());
//!
//! let unknown = Decoder::new([&b"compress"[..]], &Config::default()).expect_err("nobody's coding");
//! assert_eq!(unknown.status(), 415);
//! assert!(accept_encoding().contains("gzip")); // goes into the 415
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "gzip"))]
//! # fn main() {}
//! ```
//!
//! # Memory
//!
//! What one response holds in the middle of its content, as the tests of this crate measure it. Where the length is known,
//! give it to the encoder:
//!
//! | coding, level | 1 KiB, known | 64 KiB, known | a stream |
//! |---|---|---|---|
//! | `gzip`, `deflate`, all | 371 KiB | 371 KiB | 371 KiB |
//! | `br` 1 | 23 KiB | 184 KiB | 184 KiB |
//! | **`br` 4** | 553 KiB | 1.9 MiB | 3.9 MiB |
//! | `br` 5 | 1.1 MiB | 2.4 MiB | 4.4 MiB |
//! | `br` 7 | 8.1 MiB | 9.4 MiB | 11 MiB |
//! | `br` 9 | 32 MiB | 33 MiB | 37 MiB |
//! | `br` 11 | 1.7 MiB | 6.8 MiB | 26 MiB |
//! | `zstd` 1 | 39 KiB | 489 KiB | 1.3 MiB |
//! | **`zstd` 3** | 43 KiB | 841 KiB | 2 MiB |
//! | `zstd` 9 | 47 KiB | 1.1 MiB | 6.2 MiB |
//! | `zstd` 19 | 198 KiB | 1.9 MiB | 10 MiB |
//!
//! And one request: `gzip` and `deflate` 48 KiB; `br` what came out, at most the stream's window (16 MiB), twice that while it
//! grows; `zstd` the frame's window, at most 8.3 MiB.
//!
//! Where it is finished or dropped, a thread keeps four of each kind, and what they hold up to 4 MiB.
//!
//! # Features
//!
//! | feature | what | needs |
//! |---|---|---|
//! | `std` (default) | recycling by thread; checksums as the processor does them best | `std` |
//! | `gzip` | `gzip` and `deflate`: flate2 with zlib-rs, pure Rust | `alloc` |
//! | `brotli` | `br`: pure Rust | `alloc` |
//! | `zstd` | `zstd`: libzstd | a C compiler to build, and a C library |
//! | `http` | [`negotiate`] and [`decide`] on `http::HeaderMap` | `std` |
//!
//! No coding is on by default. Negotiation and decisions need none.
#![no_std]
#![cfg_attr(
    not(any(feature = "gzip", feature = "brotli", feature = "zstd")),
    expect(dead_code, reason = "what encoders and decoders alone use")
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod coding;
mod config;
mod decide;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod decode;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod encode;
mod error;
mod flush;
#[cfg(feature = "http")]
mod http;
mod media;
#[cfg(feature = "brotli")]
mod memory;
mod negotiate;
mod padding;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod pool;

pub use coding::{Coding, accept_encoding};
pub use config::{Config, EncoderConfig};
pub use decide::{Decision, REMOVED_FIELDS, ResponseHead, decide, weak_etag};
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
pub use decode::Decoder;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
pub use encode::Encoder;
pub use error::{EncodeError, Error, ErrorKind};
pub use flush::{Flush, FlushPolicy, Progress};
#[cfg(feature = "http")]
pub use http::{decide_headers, negotiate_headers};
pub use negotiate::{Choice, NotAcceptable, negotiate};
pub use padding::Padding;
