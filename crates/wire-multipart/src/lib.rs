//! `multipart/form-data` (RFC 7578, as browsers write it), parsed and written, and `multipart/byteranges` (RFC 9110 section
//! 14.6), written, as a sans-IO codec: bytes in, events out. It owns no socket, no file, no clock and no thread.
//!
//! - **No byte of a body is copied or held**: the [`Decoder`] says where it lies in the caller's buffer. What may be the
//!   beginning of a delimiter stays there, unconsumed; that is at most 73 bytes.
//! - **Each part is decided on before its body arrives**: accept it with a limit, skip it, refuse the form.
//! - **Strict**: what two recipients could read in two ways is refused, see [`ErrorKind`] and [`BoundaryError`]. Leniency is
//!   [`Config::allow_bare_lf`] and nothing else.
//! - **Bounded**: parts, field lines, all field lines together, bodies by kind and by name, preamble and epilogue ([`Config`]).
//!
//! # Receiving uploads
//!
//! All of it, for an embedder that gets the body of a request in pieces, such as an extension of PHP: `Upload::write` takes
//! what has arrived, and keeps what it cannot use yet.
//!
//! ```
//! use std::collections::HashMap;
//! use std::error::Error;
//! use std::io::Write;
//!
//! use wire_multipart::{Boundary, Config, Decoder, Event};
//!
//! struct Upload {
//!     decoder: Decoder,
//!     /// Received, and not consumed: at most 4 KiB of a head, or 73 bytes of a body.
//!     rest: Vec<u8>,
//!     name: String,
//!     text: Vec<u8>,
//!     file: Option<std::fs::File>,
//!     fields: HashMap<String, Vec<u8>>,
//! }
//!
//! impl Upload {
//!     fn new(content_type: &str) -> Result<Self, Box<dyn Error>> {
//!         let decoder = Decoder::new(&Boundary::from_content_type(content_type)?, &Config::default());
//!         let (rest, name, text, file, fields) = Default::default();
//!         Ok(Self { decoder, rest, name, text, file, fields })
//!     }
//!
//!     /// Takes a piece of the request's body.
//!     fn write(&mut self, piece: &[u8]) -> Result<(), Box<dyn Error>> {
//!         self.rest.extend_from_slice(piece);
//!         let mut done = 0;
//!         loop {
//!             let input = &self.rest[done..];
//!             let step = self.decoder.decode(input)?;
//!             done += step.consumed;
//!             match step.event {
//!                 // More bytes, please.
//!                 None => break,
//!                 Some(Event::PartBegin) => {
//!                     let part = self.decoder.head().view(step.payload(input));
//!                     self.name = String::from_utf8(part.name().into_owned())?;
//!                     match (self.name.as_str(), part.filename()) {
//!                         ("photo", Some(_)) => {
//!                             self.decoder.limit_part(5 << 20);
//!                             // A real one chooses a name of its own; `part.safe_filename()` is what to show for it.
//!                             self.file = Some(std::fs::File::create("/dev/null")?);
//!                         }
//!                         // Files that nobody asked for cost a search, and nothing else.
//!                         (_, Some(_)) => self.decoder.skip_part(),
//!                         (_, None) => {}
//!                     }
//!                 }
//!                 Some(Event::Data { .. }) => match &mut self.file {
//!                     Some(file) => file.write_all(step.payload(input))?,
//!                     None => self.text.extend_from_slice(step.payload(input)),
//!                 },
//!                 Some(Event::PartEnd) => {
//!                     if self.file.take().is_none() {
//!                         self.fields.insert(self.name.clone(), std::mem::take(&mut self.text));
//!                     }
//!                 }
//!                 Some(Event::End) => {}
//!             }
//!         }
//!         self.rest.drain(..done);
//!         Ok(())
//!     }
//!
//!     /// The end of the request's body.
//!     fn finish(mut self) -> Result<HashMap<String, Vec<u8>>, Box<dyn Error>> {
//!         self.decoder.decode_eof()?;
//!         Ok(self.fields)
//!     }
//! }
//!
//! let body = b"--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nSunset\r\n\
//!     --x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"C:\\a.jpg\"\r\n\
//!     Content-Type: image/jpeg\r\n\r\n\xff\xd8...\r\n--x--\r\n";
//! let mut upload = Upload::new("multipart/form-data; boundary=x")?;
//! for piece in body.chunks(7) {
//!     upload.write(piece)?;
//! }
//! assert_eq!(upload.finish()?["title"], b"Sunset");
//!
//! // An error knows its status, and what to do about a limit.
//! let mut upload = Upload::new("multipart/form-data; boundary=x")?;
//! let error = upload.write(b"--xyz\r\n").unwrap_err().downcast::<wire_multipart::Error>()?;
//! assert_eq!((error.status(), error.to_string().as_str()), (400, "malformed delimiter (at byte 3)"));
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Sending
//!
//! [`Encoder`] writes forms, [`ByteRangesEncoder`] the ranges of a file; both write only what stands between the bodies, and
//! know the exact length of the whole beforehand. Boundaries come from [`Boundary::from_entropy`].
//!
//! # The contract
//!
//! As in every codec of the family: [`decode`](Decoder::decode) says how many bytes it consumed and what they were; a payload is
//! the tail of the consumed prefix; what was not consumed is presented again, with more behind it. No split of the input
//! changes an event, an error or its offset, and no byte is searched twice because it arrived in small pieces. An [`Error`] is
//! what the peer did wrong, an [`EncodeError`] what the caller did wrong.
//!
//! # Strictness
//!
//! - A delimiter is CRLF and `--boundary`; CRLF may be missing only before the first byte. Behind it stand `--`, or padding and
//!   CRLF. A line that begins with `--boundary` and goes on in any other way is an error, never content.
//! - The end of the input before the close delimiter is an error. `--boundary--` alone is a form without parts.
//! - Each part has one Content-Disposition `form-data` with one name. Its Content-Length is ignored, as is `filename*`; a
//!   Content-Transfer-Encoding that changes the bytes is refused.
//! - What is accepted beyond the grammar: a backslash within quotes is literal, as browsers have it, and `\"` is a quote only
//!   where the value makes no sense otherwise.
//! - Never the codec's business: character sets (`_charset_` is a part like others), nested multiparts (decode them with a
//!   decoder of their own and [`Config::form_data`] off), where files go.
//!
//! # Features
//!
//! The crate is `no_std` with `alloc`. `std` (default) chooses the search by the processor at run time. `getrandom` adds
//! `Boundary::random`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod boundary;
mod byteranges;
mod class;
mod config;
mod decode;
mod delimiter;
mod disposition;
mod encode;
mod error;
mod field;
mod filename;
mod head;
mod parameter;
mod step;

pub use boundary::Boundary;
pub use byteranges::ByteRangesEncoder;
pub use config::Config;
pub use decode::Decoder;
pub use encode::{Encoder, Part};
pub use error::{BoundaryError, EncodeError, Error, ErrorKind};
pub use field::FieldView;
pub use head::{PartHead, PartView};
pub use step::{Event, Step};
