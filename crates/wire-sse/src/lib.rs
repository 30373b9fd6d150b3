//! Server-sent events (`text/event-stream`, HTML Living Standard section 9.2), both directions, as a sans-IO codec: bytes
//! in, events out, messages in, bytes out.
//!
//! - **Every rule is kept**: the byte order mark, all three line ends at any split, one optional space, ids that stick, ids
//!   with NUL ignored, digits alone in `retry`, no dispatch without data, and the end of the stream discards what is
//!   unfinished.
//! - **Nothing is repaired by the encoder**: what a stream cannot carry (CR in data, a line end in an id) is an
//!   [`EncodeError`], never silently another text.
//! - **Nothing is unbounded**: see [`Config`].
//!
//! | type | for |
//! |---|---|
//! | [`Message`], [`encode_comment`] | the server: what to append to the response |
//! | [`EventDecoder`] | a client: whole events |
//! | [`Decoder`] | pieces of field values as they arrive: no buffer, no allocation |
//!
//! # A client
//!
//! The whole of it behind the response head: it prints events, and knows what to send when it reconnects.
//!
//! ```
//! use std::io::{self, Read};
//! use std::time::Duration;
//!
//! use wire_sse::{Config, EventDecoder, Message, StreamEvent};
//!
//! /// Reads a stream to its end: what came, and `Last-Event-ID` and delay for the next connection.
//! fn listen(mut stream: impl Read) -> io::Result<(Vec<String>, String, Duration)> {
//!     let mut decoder = EventDecoder::new(&Config::default());
//!     let (mut events, mut delay) = (Vec::new(), Duration::from_secs(3));
//!     let mut chunk = [0; 4096];
//!     loop {
//!         let len = stream.read(&mut chunk)?;
//!         if len == 0 {
//!             decoder.decode_eof().map_err(io::Error::other)?;
//!             return Ok((events, decoder.last_event_id().into_owned(), delay));
//!         }
//!         // All of the input is consumed: nothing has to be kept for the next read.
//!         let mut input = &chunk[..len];
//!         loop {
//!             let step = decoder.decode(input).map_err(io::Error::other)?;
//!             input = &input[step.consumed..];
//!             match step.event {
//!                 Some(StreamEvent::Message) => {
//!                     events.push(format!("{}: {}", decoder.event_type(), decoder.data()));
//!                 }
//!                 Some(StreamEvent::Retry(time)) => delay = time,
//!                 None => break,
//!             }
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // What a server writes.
//!     let mut stream = Vec::new();
//!     Message::retry(Duration::from_millis(500)).encode(&mut stream)?;
//!     wire_sse::encode_comment("keep-alive", &mut stream)?;
//!     Message::data("two\nlines").id("7").event("note").encode(&mut stream)?;
//!     Message::data("Grüße").encode(&mut stream)?;
//!     assert_eq!(
//!         String::from_utf8(stream.clone())?,
//!         "retry: 500\n\n: keep-alive\n\nid: 7\nevent: note\ndata: two\ndata: lines\n\ndata: Grüße\n\n"
//!     );
//!
//!     let (events, id, delay) = listen(&stream[..])?;
//!     assert_eq!(events, ["note: two\nlines", "message: Grüße"]);
//!     assert_eq!((id.as_str(), delay), ("7", Duration::from_millis(500)));
//!     Ok(())
//! }
//! ```
#![no_std]

extern crate alloc;

mod config;
mod decode;
mod encode;
mod error;
mod event;
mod event_decoder;

pub use config::Config;
pub use decode::Decoder;
pub use encode::{Message, encode_comment};
pub use error::{EncodeError, Error, ErrorKind};
pub use event::{Event, EventStep, Field, Step, StreamEvent};
pub use event_decoder::EventDecoder;

/// The media type of an event stream (section 9.2.5); it has no charset, since it is always UTF-8.
pub const CONTENT_TYPE: &str = "text/event-stream";
