//! The opening handshake (RFC 6455 section 4): pure functions over header fields.
//!
//! They take fields as pairs of name and value, in order, from whatever parsed the HTTP message, and give back the
//! fields to send. Names are compared without case, and values may come in one line or several. `Connection` is
//! checked here, but writing it is the HTTP codec's business, as is everything else of the message: its grammar,
//! its limits, and the bytes that follow it, which belong to the [`Decoder`](crate::Decoder).
//!
//! A server, from request to response:
//!
//! ```
//! use wire_ws::handshake::{self, RequestLine};
//!
//! let request = RequestLine { method: "GET", http_11_or_later: true };
//! let fields: [(&str, &[u8]); 6] = [
//!     ("Host", b"server.example.com"),
//!     ("Upgrade", b"websocket"),
//!     ("Connection", b"keep-alive, Upgrade"),
//!     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
//!     ("Sec-WebSocket-Protocol", b"chat, superchat"),
//!     ("Sec-WebSocket-Version", b"13"),
//! ];
//! let offer = handshake::accept(&request, fields)?;
//! let protocol = offer.select_protocol(&["superchat", "chat"]);
//! let response: Vec<_> = offer.response_fields(protocol).collect();
//! assert_eq!(response, [
//!     ("Upgrade", "websocket"),
//!     ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
//!     ("Sec-WebSocket-Protocol", "superchat"),
//! ]);
//! # Ok::<(), handshake::Rejection>(())
//! ```

mod client;
mod extensions;
mod list;
mod server;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

pub use client::{
    Accepted, ResponseError, protocols_value, request_fields, verify, verify_offered, verify_terms,
};
pub use extensions::{Extension, Extensions, InvalidExtensions, Param};
pub use server::{Offer, Rejection, RequestLine, Terms, accept};

/// Whether a request asks for WebSocket at all: `websocket` is in its `Upgrade` (section 4.2.1 item 3).
///
/// Cheap, to tell such requests from others. What [`accept`] then says is another matter.
pub fn is_upgrade<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> bool {
    fields
        .into_iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("upgrade") && list::contains(value, "websocket"))
}

/// Whether a request of this `Origin` may connect, where only pages of the origins in `allowed` may (sections 4.2.2
/// and 10.2). If not, the response is 403.
///
/// An origin is scheme, host and port where it is not the default, such as `https://example.com`; case does not
/// matter. Browsers always send one, so a request without comes from another client, which could send anything: it
/// is allowed. The opaque origin `null` is allowed only where it is listed.
#[must_use]
pub fn origin_allowed(origin: Option<&[u8]>, allowed: &[&str]) -> bool {
    origin.is_none_or(|origin| allowed.iter().any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes())))
}

/// The value of `Sec-WebSocket-Key` (section 4.1 item 7): 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; Self::LEN]);

impl Key {
    const LEN: usize = 24;

    /// The key of a client, from 16 bytes of the system's entropy, fresh for each connection.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(encode(&random))
    }

    /// The key of a request, where `value` (without white space around it) is the base64 of 16 bytes.
    ///
    /// The pad bits of the last character may be anything, as in the example of section 4.1, since the key is only
    /// ever used as the string that it is.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key: [u8; Self::LEN] = value.try_into().ok()?;
        let (digits, pad) = key.split_at(22);
        let legal = |&digit: &u8| digit.is_ascii_alphanumeric() || digit == b'+' || digit == b'/';
        (digits.iter().all(legal) && pad == b"==").then_some(Self(key))
    }

    /// The value to send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// The `Sec-WebSocket-Accept` that answers it: 28 characters (section 4.2.2 item 5.4).
    pub(crate) fn accept(&self) -> [u8; 28] {
        const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        encode(&Sha1::new().chain_update(self.0).chain_update(GUID).finalize())
    }
}

/// Base64 with padding, where `N` is the length that it has.
fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let written = STANDARD.encode_slice(bytes, &mut out);
    debug_assert_eq!(written, Ok(N));
    out
}

/// Base64 as text, which it always is.
fn ascii(base64: &[u8]) -> &str {
    core::str::from_utf8(base64).unwrap_or_default()
}
