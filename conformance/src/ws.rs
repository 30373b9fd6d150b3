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
//! severity = "must"                                 # must (default), should, or policy: this family's own choice
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

use serde::Deserialize;

pub use negotiation::{DeflateAgreed, DeflateAnswer, DeflateOffer, DeflateSetup, negotiations};

/// How much a rule weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The RFC demands it.
    #[default]
    Must,
    /// The RFC recommends it, or leaves it open where only one answer is sound.
    Should,
    /// A choice of this family within what the RFC allows, such as a limit.
    Policy,
}

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

/// One frame as written in a table.
#[derive(Default)]
struct Frame {
    raw: bool,
    opcode: u8,
    more: bool,
    rsv: u8,
    masked: Option<bool>,
    /// Bytes in which the length stands beyond the second byte.
    length_bytes: Option<u8>,
    declare: Option<u64>,
    key: [u8; 4],
    payload: Vec<u8>,
}

impl Frame {
    fn parse(text: &str) -> Result<Self, String> {
        let mut frame = Self { key: [0x37, 0xfa, 0x21, 0x3d], ..Self::default() };
        let mut words = words(text)?.into_iter();
        match words.next().ok_or("empty")? {
            "raw" => frame.raw = true,
            "cont" => frame.opcode = 0,
            "text" => frame.opcode = 1,
            "bin" => frame.opcode = 2,
            "close" => frame.opcode = 8,
            "ping" => frame.opcode = 9,
            "pong" => frame.opcode = 10,
            word => {
                let number = word.strip_prefix("op").and_then(|n| n.parse().ok());
                frame.opcode = number.filter(|n| *n < 16).ok_or_else(|| format!("what is `{word}`?"))?;
            }
        }
        for word in words {
            match word {
                "more" => frame.more = true,
                "rsv1" => frame.rsv |= 4,
                "rsv2" => frame.rsv |= 2,
                "rsv3" => frame.rsv |= 1,
                "masked" => frame.masked = Some(true),
                "unmasked" => frame.masked = Some(false),
                "len16" => frame.length_bytes = Some(2),
                "len64" => frame.length_bytes = Some(8),
                _ => {
                    if let Some(len) = word.strip_prefix("declare=") {
                        frame.declare = Some(len.parse().map_err(|e| format!("{word}: {e}"))?);
                    } else if let Some(key) = word.strip_prefix("key=") {
                        let key = hex(key)?;
                        frame.key = key.try_into().map_err(|_| format!("{word}: four bytes, please"))?;
                    } else {
                        frame.payload.extend(payload(word)?);
                    }
                }
            }
        }
        Ok(frame)
    }

    fn write(&self, to_server: bool, out: &mut Vec<u8>) {
        if self.raw {
            out.extend_from_slice(&self.payload);
            return;
        }
        let masked = self.masked.unwrap_or(to_server);
        let mask_bit = u8::from(masked) << 7;
        let len = self.declare.unwrap_or(self.payload.len() as u64);
        out.push(u8::from(!self.more) << 7 | self.rsv << 4 | self.opcode);
        let least = match len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        match self.length_bytes.unwrap_or(least) {
            0 => out.push(mask_bit | len as u8),
            2 => {
                out.push(mask_bit | 126);
                out.extend((len as u16).to_be_bytes());
            }
            _ => {
                out.push(mask_bit | 127);
                out.extend(len.to_be_bytes());
            }
        }
        if masked {
            out.extend(self.key);
            out.extend(self.payload.iter().zip(self.key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            out.extend_from_slice(&self.payload);
        }
    }

    fn event(self) -> Option<Event> {
        Some(match self.opcode {
            1 => Event::Text(self.payload),
            2 => Event::Binary(self.payload),
            8 => match self.payload.split_first_chunk() {
                Some((&code, reason)) => Event::Close(Some(u16::from_be_bytes(code)), reason.to_vec()),
                None => Event::Close(None, Vec::new()),
            },
            9 => Event::Ping(self.payload),
            10 => Event::Pong(self.payload),
            _ => return None,
        })
    }
}

/// Splits at spaces that are not within quotes.
fn words(text: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '\'';
            c == ' ' && !quoted
        });
        if end.is_none() && quoted {
            return Err("a quote is open".to_owned());
        }
        let (word, next) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = next.trim_start();
    }
    Ok(words)
}

/// `'text'`, `x00ff`, `3*x00`, `1000`.
fn payload(word: &str) -> Result<Vec<u8>, String> {
    if let Some(text) = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        Ok(text.as_bytes().to_vec())
    } else if let Some(digits) = word.strip_prefix('x') {
        hex(digits)
    } else if let Some((times, word)) = word.split_once('*') {
        let times = times.parse().map_err(|e| format!("{times}: {e}"))?;
        Ok(payload(word)?.repeat(times))
    } else {
        let code: u16 = word.parse().map_err(|e| format!("{word}: {e}"))?;
        Ok(code.to_be_bytes().to_vec())
    }
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(format!("{digits}: pairs of hexadecimal digits, please"));
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|e| format!("{digits}: {e}")))
        .collect()
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

    #[test]
    fn the_notation() {
        let frame = |text: &str, to_server| {
            let mut out = Vec::new();
            Frame::parse(text).map(|frame| {
                frame.write(to_server, &mut out);
                out
            })
        };
        assert_eq!(frame("text 'a b' x21", false), Ok(b"\x81\x04a b!".to_vec()));
        assert_eq!(frame("text more 2*'ab'", false), Ok(b"\x01\x04abab".to_vec()));
        assert_eq!(frame("close 1000 'x'", false), Ok(b"\x88\x03\x03\xe8x".to_vec()));
        assert_eq!(frame("op3 rsv1 rsv3 len16", false), Ok(b"\xd3\x7e\x00\x00".to_vec()));
        assert_eq!(frame("bin declare=65536 x00", false), Ok(b"\x82\x7f\0\0\0\0\0\x01\0\0\0".to_vec()));
        assert_eq!(frame("ping key=01020304 x0101", true), Ok(b"\x89\x82\x01\x02\x03\x04\x00\x03".to_vec()));
        assert_eq!(frame("raw 'GET'", true), Ok(b"GET".to_vec()));
        for bad in [
            "",
            "what",
            "op16",
            "text 'open",
            "text x0",
            "text xzz",
            "text 70000",
            "text y*x00",
            "text key=00",
        ] {
            assert!(frame(bad, true).is_err(), "{bad}");
        }
    }
}
