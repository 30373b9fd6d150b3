//! A strict, fast, sans-IO HTTP/1.1 codec (RFC 9112, and what RFC 9110 asks of a codec), in both roles:
//! [`ServerConnection`] and [`ClientConnection`].
//!
//! Bytes come in from the caller's buffer, messages are appended to the caller's buffer; the codec owns no socket, no
//! clock, no thread and no payload. A head is decoded to offsets: names and values are borrowed from the input in their
//! original order and case, and once a connection is warm an exchange allocates nothing. Content is never copied and
//! never looked at.
//!
//! # A server
//!
//! ```
//! use wire_http1::{BodyLen, Config, Event, ServerConnection};
//!
//! /// Serves what arrived: decodes requests out of `input`, appends responses to `output`. Returns how much of `input`
//! /// is done with, and whether the connection stays open.
//! fn serve(
//!     connection: &mut ServerConnection,
//!     body: &mut Vec<u8>,
//!     input: &[u8],
//!     output: &mut Vec<u8>,
//! ) -> Result<(usize, bool), wire_http1::EncodeError> {
//!     let mut done = 0;
//!     loop {
//!         let step = match connection.decode(&input[done..]) {
//!             Ok(step) => step,
//!             Err(error) => {
//!                 // The codec knows what to say, and that the connection closes.
//!                 connection.encode_head(error.status(), "", BodyLen::Fixed(0), output)?.finish()?;
//!                 connection.encode_end(output)?;
//!                 return Ok((done, false));
//!             }
//!         };
//!         let payload = step.payload(&input[done..]);
//!         done += step.consumed;
//!         match step.event {
//!             // More bytes, please: present the rest again when they are there.
//!             None => return Ok((done, true)),
//!             Some(Event::Head) => {
//!                 let head = connection.head().view(payload);
//!                 assert_eq!((head.method(), head.path()), ("POST", "/echo"));
//!                 assert_eq!(head.get("content-type"), Some(&b"text/plain"[..]));
//!                 body.clear();
//!                 connection.encode_continue(output)?;
//!             }
//!             Some(Event::Data { .. }) => body.extend_from_slice(payload),
//!             Some(Event::Trailers) => {}
//!             Some(Event::End) => {
//!                 let mut head =
//!                     connection.encode_head(200, "", BodyLen::Fixed(body.len() as u64), output)?;
//!                 head.field("Content-Type", "text/plain")?;
//!                 head.finish()?;
//!                 // A response to HEAD has none.
//!                 if connection.response_has_body() {
//!                     connection.encode_data(body, output)?;
//!                 }
//!                 connection.encode_end(output)?;
//!                 if !connection.next_cycle() {
//!                     return Ok((done, false));
//!                 }
//!             }
//!             // Neither happens here: each request is answered at once, and none is upgraded.
//!             Some(Event::Paused | Event::Upgraded) => return Ok((done, false)),
//!         }
//!     }
//! }
//!
//! let request = b"POST /echo HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/plain\r\n\
//!     Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
//! let mut connection = ServerConnection::new(Config::default());
//! let (mut body, mut output) = (Vec::new(), Vec::new());
//! assert_eq!(serve(&mut connection, &mut body, request, &mut output), Ok((request.len(), true)));
//! assert_eq!(output, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
//!
//! // Ambiguous input is refused, never repaired.
//! output.clear();
//! let smuggled = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
//! assert_eq!(serve(&mut connection, &mut body, smuggled, &mut output), Ok((0, false)));
//! assert_eq!(output, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
//! ```
//!
//! # A client
//!
//! Requests may be written ahead of their responses; each response belongs to the oldest request without one, and is
//! framed by what that request was.
//!
//! ```
//! use wire_http1::{BodyLen, ClientConnection, Config, Error, Event};
//!
//! /// Reads responses out of `input`, status and content. Returns how much of it is done with.
//! fn receive(
//!     connection: &mut ClientConnection,
//!     responses: &mut Vec<(u16, Vec<u8>)>,
//!     input: &[u8],
//! ) -> Result<usize, Error> {
//!     let mut done = 0;
//!     // Also with nothing outstanding: bytes that nobody asked for must be refused, not taken for the next response.
//!     loop {
//!         let step = connection.decode(&input[done..])?;
//!         let payload = step.payload(&input[done..]);
//!         done += step.consumed;
//!         match step.event {
//!             // More bytes, please. When there are no more: `decode_eof`, which may end a response in good order.
//!             None => break,
//!             // 100 Continue, Early Hints: another head follows.
//!             Some(Event::Head) if connection.head().is_interim() => {}
//!             Some(Event::Head) => responses.push((connection.head().view(payload).status(), Vec::new())),
//!             Some(Event::Data { .. }) => responses.last_mut().unwrap().1.extend_from_slice(payload),
//!             Some(Event::Trailers) => {}
//!             // False: the connection closes; what is still outstanding was not answered.
//!             Some(Event::End) if connection.next_cycle() => {}
//!             Some(Event::End | Event::Paused | Event::Upgraded) => break,
//!         }
//!     }
//!     Ok(done)
//! }
//!
//! let mut connection = ClientConnection::new(Config::default());
//! let mut output = Vec::new();
//! let mut head = connection.encode_head("HEAD", "/a", None, &mut output)?;
//! head.field("Host", "example.com")?;
//! head.finish()?;
//! connection.encode_end(&mut output)?;
//! let mut head = connection.encode_head("POST", "/b", Some(BodyLen::Fixed(5)), &mut output)?;
//! head.field("Host", "example.com")?;
//! head.finish()?;
//! connection.encode_data(b"hello", &mut output)?;
//! connection.encode_end(&mut output)?;
//! assert_eq!(
//!     output,
//!     b"HEAD /a HTTP/1.1\r\nHost: example.com\r\n\r\n\
//!         POST /b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"
//! );
//!
//! let input = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n\
//!     HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n\
//!     HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n";
//! let mut responses = Vec::new();
//! assert_eq!(receive(&mut connection, &mut responses, input), Ok(input.len()));
//! assert_eq!(responses, [(200, b"".to_vec()), (404, b"no".to_vec())]);
//! assert!(connection.keep_alive());
//! # Ok::<(), wire_http1::EncodeError>(())
//! ```
//!
//! # The contract
//!
//! Both roles are used alike:
//!
//! - [`decode`](ServerConnection::decode) says how many bytes it consumed and what they were. The payload of an event is the
//!   tail of the consumed prefix ([`Step::payload`]); what was not consumed is presented again, with more behind it.
//!   What may stay unconsumed is bounded, see [`ServerConnection`] and [`ClientConnection`].
//! - No byte is scanned twice because it arrived in small pieces, and no split changes an event, an error or its offset.
//! - An [`Error`] is what the peer did wrong: sticky, with the status code of a server's answer, after which the
//!   connection closes. An [`EncodeError`] is what the caller did wrong: nothing was written.
//! - To close a socket, end its writing side, and then read and drop what still comes, for a while: one that is closed with
//!   bytes unread is reset, and the peer may lose the answer (RFC 9112 section 9.6).
//! - [`Event::Paused`] stands between two messages until [`next_cycle`](ServerConnection::next_cycle) has gone on. For a
//!   server it is the backpressure of pipelining: no request is decoded before the one before it was answered.
//! - A switch of protocols is proposed by the request, Upgrade or CONNECT, and confirmed by the response, 101 or 2xx. Bytes
//!   behind both are [`Event::Upgraded`]: not the codec's.
//! - [`encode_data_header`](ServerConnection::encode_data_header) frames content that the caller writes by reference.
//!
//! # Strictness
//!
//! Whatever two recipients could read in two ways is refused: bare CR and LF, white space where none belongs, folded lines,
//! lengths with signs, zeros or rivals, transfer codings besides one final `chunked`, malformed chunk extensions. The rules of
//! framing stand as one table in `framing.rs`, [`ErrorKind`] lists all rules with their RFC sections, and
//! `conformance/http1` and `conformance/http1c` hold them as data.
//!
//! A request is written only if this crate would accept it, by the same code. What is accepted beyond the grammar: one
//! empty line before a message ([`Config::max_empty_lines`]), and the bytes ``^`{|}`` in a request target, which browsers
//! leave unencoded and nobody gives a meaning. What is refused although the grammar allows it: `%00` in a target, a comma in
//! a host, leading zeros in Content-Length, fields that announce content in a 1xx or 204 response.
//!
//! Never the codec's business: decoding or normalising targets, knowing methods, limiting the size of content, time.
//!
//! # Features
//!
//! - `http`: conversions to the types of the `http` crate, each made only when asked for (`HeadView::to_http_request`,
//!   `to_header_map`, ...). Needs `std`.
//! - `bytes`: `Reader`, which owns a `BytesMut` and hands out `Bytes`.
#![no_std]

extern crate alloc;

mod chunked;
mod class;
mod client;
mod config;
mod connection;
mod decode;
mod encode;
mod error;
mod field;
mod fields;
mod framing;
mod head;
mod head_writer;
mod hop_by_hop;
#[cfg(feature = "http")]
mod http;
mod known;
#[cfg(feature = "bytes")]
mod reader;
mod receive;
mod request_line;
mod search;
mod sending;
mod status;
mod status_line;
mod step;
mod target;
mod trailers;

pub use client::{ClientConnection, RequestWriter, ResponseHead, ResponseView};
pub use config::Config;
pub use connection::ServerConnection;
pub use encode::{BodyLen, DataHead};
pub use error::{EncodeError, Error, ErrorKind};
pub use fields::{FieldRange, FieldView, Fields};
pub use framing::{BodyFraming, ResponseFraming};
pub use head::{HeadView, RequestHead};
pub use head_writer::{FieldLines, HeadWriter};
pub use hop_by_hop::HopByHop;
pub use known::Known;
#[cfg(feature = "bytes")]
pub use reader::{Decode, Reader};
pub use request_line::{Method, Version};
pub use status::reason_phrase;
pub use step::{Event, Step};
pub use trailers::Trailers;
