//! WebSocket (RFC 6455): what an endpoint is sent, and what it must make of it.
//!
//! # Frames
//!
//! A case of `ws/{framing,fragmentation,control,close,utf8,limits}.toml`:
//!
//! ```toml
//! [[case]]
//! id = "fragmentation/ping-between"
//! section = "5.4"                                   # of RFC 6455
//! severity = "must"                                 # must (default), should, or ours
//! role = "both"                                     # who receives: server, client, both (default)
//! about = "control frames may come between fragments"
//! frames = ["text more 'Hel'", "ping 'p'", "cont 'lo'"]
//! expect = ["ping 'p'", "text 'Hello'"]             # whole messages and control frames, in order
//! # fail = 1002                                     # ... then the endpoint fails the connection with this code
//! # limits = { message = 100, frame = 50, fragments = 3 }
//! ```
//!
//! A frame is written as words: what it is (`text`, `bin`, `cont`, `close`, `ping`, `pong`, or `op3` and such by
//! number), how it deviates, and its payload, which is the concatenation of:
//!
//! | word | payload |
//! |---|---|
//! | `'text'` | the text; it may have spaces, and no quote |
//! | `x00ff` | bytes in hexadecimal |
//! | `3*'ab'`, `3*x00` | so many times |
//! | `1000` | two bytes, big-endian: a close code |
//!
//! | deviation | meaning |
//! |---|---|
//! | `more` | FIN is clear |
//! | `rsv1`, `rsv2`, `rsv3` | a reserved bit is set |
//! | `masked`, `unmasked` | whatever the role would ask for |
//! | `len16`, `len64` | the length stands in 2 or 8 bytes, needed or not |
//! | `declare=200` | the header declares another length than the payload has |
//! | `key=00000000` | the masking key |
//!
//! `raw` and payload words stand for these bytes as they are, without a header.
//!
//! # Compression
//!
//! `ws/deflate.toml` has cases for endpoints that agreed on permessage-deflate, with what binds the sender:
//! `deflate = { no_takeover = true, window_bits = 9 }`. `ws/negotiation.toml` has offers for servers and answers for
//! clients: see [`DeflateOffer`] and [`DeflateAnswer`].
//!
//! # Handshakes
//!
//! `ws/request.toml` and `ws/response.toml` alter a correct request or response: see [`Request`] and [`Response`].

mod negotiation;
mod notation;

use serde::Deserialize;

use self::notation::Frame;
use crate::Severity;

pub use negotiation::{DeflateAgreed, DeflateAnswer, DeflateOffer, DeflateSetup, negotiations};

/// Who receives the frames of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A server: frames are masked unless they say otherwise.
    Server,
    /// A client: frames are not masked unless they say otherwise.
    Client,
    /// Each in turn.
    #[default]
    Both,
}

/// Limits that a case needs; those not named are the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most bytes of a message.
    pub message: Option<u64>,
    /// Most bytes of a frame.
    pub frame: Option<u64>,
    /// Most frames of a message.
    pub fragments: Option<u32>,
}

/// Frames that are sent, and what must come of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique, `file/name`.
    pub id: String,
    /// The section of RFC 6455.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// Who receives.
    #[serde(default)]
    pub role: Role,
    /// What it is about.
    pub about: String,
    frames: Vec<String>,
    expect: Vec<String>,
    /// The close code with which the connection must be failed after what is expected.
    pub fail: Option<u16>,
    /// Limits other than the defaults.
    #[serde(default)]
    pub limits: Limits,
    /// What permessage-deflate binds the sender to; `None`: it was not agreed on.
    pub deflate: Option<Deflate>,
}

/// What permessage-deflate binds a sender to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deflate {
    /// No context takeover.
    #[serde(default)]
    pub no_takeover: bool,
    /// The window; 15 where it is not given.
    #[serde(default = "full_window")]
    pub window_bits: u8,
}

/// What an endpoint makes of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole text message.
    Text(Vec<u8>),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// A Close: its code and reason.
    Close(Option<u16>, Vec<u8>),
}

impl Case {
    /// Whether a server, or else a client, receives these frames.
    #[must_use]
    pub fn is_for(&self, server: bool) -> bool {
        self.role == Role::Both || server == (self.role == Role::Server)
    }

    /// The bytes to send to a server, or else to a client.
    ///
    /// # Panics
    ///
    /// Where a frame is not written as the module's documentation says.
    #[must_use]
    pub fn bytes(&self, to_server: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in &self.frames {
            Frame::parse(frame)
                .unwrap_or_else(|e| panic!("{}: {frame}: {e}", self.id))
                .write(to_server, &mut out);
        }
        out
    }

    /// What must come of them, before [`fail`](Self::fail) if that is set.
    ///
    /// # Panics
    ///
    /// Where an event is not written as the module's documentation says.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let event = |text| {
            let frame = Frame::parse(text).unwrap_or_else(|e| panic!("{}: {text}: {e}", self.id));
            frame.event().unwrap_or_else(|| panic!("{}: {text}: not an event", self.id))
        };
        self.expect.iter().map(|text| event(text)).collect()
    }

    /// What a server that echoes messages must send back: messages as they came, a Pong for each Ping, and a Close
    /// with the code of a Close, or of the failure. (A server may answer only the latest of several Pings, and may
    /// leave the reason out of its Close.)
    #[must_use]
    pub fn echoes(&self) -> Vec<Event> {
        let answers = self.events().into_iter().filter_map(|event| match event {
            Event::Pong(_) => None,
            Event::Ping(payload) => Some(Event::Pong(payload)),
            Event::Close(code, _) => Some(Event::Close(code, Vec::new())),
            message => Some(message),
        });
        answers.chain(self.fail.map(|code| Event::Close(Some(code), Vec::new()))).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// All cases of compression, for endpoints that agreed on permessage-deflate.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn deflate_cases() -> Vec<Case> {
    parse::<Table>(include_str!("../ws/deflate.toml")).case
}

/// All cases of frames, for endpoints without extensions.
///
/// # Panics
///
/// Where a table is malformed.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        include_str!("../ws/framing.toml"),
        include_str!("../ws/fragmentation.toml"),
        include_str!("../ws/control.toml"),
        include_str!("../ws/close.toml"),
        include_str!("../ws/utf8.toml"),
        include_str!("../ws/limits.toml"),
    ]
    .into_iter()
    .flat_map(|table| parse::<Table>(table).case)
    .collect()
}

fn parse<'a, T: Deserialize<'a>>(table: &'a str) -> T {
    toml::from_str(table).unwrap_or_else(|e| panic!("{e}"))
}

/// A header field.
pub type Field = (String, String);

/// A request to open a connection, made from this one by leaving fields out and adding others:
///
/// ```text
/// GET /chat HTTP/1.1
/// Host: server.example.com
/// Upgrade: websocket
/// Connection: Upgrade
/// Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
/// Sec-WebSocket-Version: 13
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Unique.
    pub id: String,
    /// The section of RFC 6455.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// The method; `GET` where it is not given.
    #[serde(default = "get")]
    pub method: String,
    /// The HTTP version: `1.0` or, where it is not given, `1.1`.
    #[serde(default = "http_11")]
    pub http: String,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<Field>,
    /// Subprotocols that the server speaks, in its order of preference.
    #[serde(default)]
    pub supported: Vec<String>,
    /// The status of the response.
    pub status: u16,
    /// Fields that the response must have.
    #[serde(default)]
    pub response: Vec<Field>,
    /// Names of fields that it must not have.
    #[serde(default)]
    pub response_without: Vec<String>,
}

impl Request {
    /// The request's fields.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        altered(
            &[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("Sec-WebSocket-Version", "13"),
            ],
            &self.without,
            &self.with,
        )
    }
}

/// A response to the request with the key `dGhlIHNhbXBsZSBub25jZQ==`, made from this one by leaving fields out and
/// adding others:
///
/// ```text
/// HTTP/1.1 101 Switching Protocols
/// Upgrade: websocket
/// Connection: Upgrade
/// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Unique.
    pub id: String,
    /// The section of RFC 6455.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// The status; 101 where it is not given.
    #[serde(default = "switching_protocols")]
    pub status: u16,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<Field>,
    /// Subprotocols that the client offered.
    #[serde(default)]
    pub offered: Vec<String>,
    /// Whether the connection is established.
    pub ok: bool,
    /// The subprotocol in use then.
    pub protocol: Option<String>,
}

impl Response {
    /// The response's fields.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        altered(
            &[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ],
            &self.without,
            &self.with,
        )
    }
}

/// All requests.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn requests() -> Vec<Request> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        request: Vec<Request>,
    }
    parse::<Table>(include_str!("../ws/request.toml")).request
}

/// All responses.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn responses() -> Vec<Response> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        response: Vec<Response>,
    }
    parse::<Table>(include_str!("../ws/response.toml")).response
}

fn altered(base: &[(&str, &str)], without: &[String], with: &[Field]) -> Vec<Field> {
    base.iter()
        .filter(|(name, _)| !without.iter().any(|out| out == name))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .chain(with.iter().cloned())
        .collect()
}

fn full_window() -> u8 {
    15
}

fn get() -> String {
    "GET".to_owned()
}

fn http_11() -> String {
    "1.1".to_owned()
}

fn switching_protocols() -> u16 {
    101
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_is_well_formed_and_named_once() {
        let mut ids = HashSet::new();
        for case in cases().into_iter().chain(deflate_cases()) {
            assert!(ids.insert(case.id.clone()), "{} twice", case.id);
            assert!(!case.bytes(true).is_empty() && !case.bytes(false).is_empty(), "{}", case.id);
            let close = case.events().iter().position(|event| matches!(event, Event::Close(..)));
            assert!(
                close.is_none_or(|at| at + 1 == case.events().len() && case.fail.is_none()),
                "{}",
                case.id
            );
        }
        assert!(ids.len() >= 300);
        assert!(cases().iter().all(|case| case.deflate.is_none()));
        assert!(deflate_cases().iter().all(|case| case.deflate.is_some()));
        let (offers, answers) = negotiations();
        let mut ids = HashSet::new();
        assert!(offers.into_iter().all(|case| ids.insert(case.id)));
        let mut ids = HashSet::new();
        assert!(answers.into_iter().all(|case| ids.insert(case.id)));
        let mut ids = HashSet::new();
        assert!(requests().into_iter().all(|case| ids.insert(case.id)));
        let mut ids = HashSet::new();
        assert!(responses().into_iter().all(|case| ids.insert(case.id)));
    }
}
