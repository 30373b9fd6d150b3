//! Opening a WebSocket by extended CONNECT (RFC 8441 sections 3 to 5; the same in HTTP/3 by RFC 9220): pure functions
//! over pseudo-fields and header fields.
//!
//! They take what the HTTP layer decoded and checked by its own grammar (order and number of pseudo-fields, lower-case
//! names), and give back the fields to send, in lower case. A server, from request to response:
//!
//! ```
//! use wire_h2ws::handshake::{self, RequestHead};
//!
//! // The example of RFC 8441 section 5.1.
//! let head = RequestHead {
//!     method: "CONNECT",
//!     protocol: Some("websocket"),
//!     scheme: Some("https"),
//!     authority: Some("server.example.com"),
//!     path: Some("/chat"),
//! };
//! let fields: [(&str, &[u8]); 4] = [
//!     ("sec-websocket-protocol", b"chat, superchat"),
//!     ("sec-websocket-extensions", b"permessage-deflate"),
//!     ("sec-websocket-version", b"13"),
//!     ("origin", b"http://www.example.com"),
//! ];
//! let offer = handshake::accept(&head, fields)?;
//! let protocol = offer.select_protocol(&["chat"]);
//! let response: Vec<_> = handshake::response_fields(&offer, protocol, None).collect();
//! assert_eq!(response, [("sec-websocket-protocol", "chat")]); // with the status 200
//! # Ok::<(), handshake::Rejection>(())
//! ```
//!
//! And a client, which may begin once the server's settings allow it ([`ConnectProtocol`]):
//!
//! ```
//! use wire_h2ws::handshake::{self, ConnectProtocol, Target};
//!
//! let mut setting = ConnectProtocol::default();
//! setting.receive(1)?;
//! assert!(setting.is_enabled());
//!
//! let target = Target::parse("wss://server.example.com/chat")?;
//! let head = target.request_head();
//! assert_eq!((head.scheme, head.path), (Some("https"), Some("/chat")));
//! let fields = handshake::request_fields(&["chat"], None)?;
//! assert!(fields.eq([("sec-websocket-version", "13".into()), ("sec-websocket-protocol", "chat".into())]));
//!
//! let accepted = handshake::verify(200, [("sec-websocket-protocol", &b"chat"[..])], &["chat"], &[])?;
//! assert_eq!(accepted.protocol, Some("chat"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What becomes of the fields of RFC 6455's handshake:
//!
//! | field | sent | received |
//! |---|---|---|
//! | `Connection`, `Upgrade` | never | refused with 400: HTTP/2 and HTTP/3 forbid them (RFC 9113 section 8.2.2) |
//! | `Sec-WebSocket-Key`, `Sec-WebSocket-Accept` | never | ignored, whatever they say. Those who speak RFC 8441 "do not do the processing" of them (section 5), since `:protocol` has taken their place; no rule forbids them, and gateways from HTTP/1.1 are known to pass the key on |
//! | `Sec-WebSocket-Version` | 13 | another, or none, is refused with 400 |
//! | `Sec-WebSocket-Protocol`, `Sec-WebSocket-Extensions`, `Origin` | as in RFC 6455 | as in RFC 6455 |

mod client;
mod server;
mod setting;

pub use client::{InvalidTarget, ResponseError, Target, request_fields, verify};
pub use server::{Rejection, RequestHead, accept, is_websocket, response_fields};
pub use setting::{ConnectProtocol, InvalidSetting};
pub use wire_ws::handshake::{Accepted, Terms, origin_allowed};
