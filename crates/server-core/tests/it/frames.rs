//! HTTP/2 frames by hand: for clients that no library would be.

use crate::support::Client;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// RFC 9113 section 4.1.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The preface and settings of a client, by identifier and value.
pub(crate) fn hello(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    [PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()
}

/// A field section: literals without indexing (RFC 7541 section 6.2.2), no Huffman code.
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fn string(text: &str, out: &mut Vec<u8>) {
        let mut len = text.len();
        if len < 127 {
            out.push(len as u8);
        } else {
            out.push(127);
            len -= 127;
            while len >= 128 {
                out.push(len as u8 | 128);
                len >>= 7;
            }
            out.push(len as u8);
        }
        out.extend(text.as_bytes());
    }
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        string(name, &mut out);
        string(value, &mut out);
    }
    out
}

/// The pseudo-header fields of a request, and others.
pub(crate) fn request_fields(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")];
    fields(&[&pseudo[..], more].concat())
}

/// A request without a body.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &request_fields("GET", path, &[]))
}

/// The head of a request with a body.
pub(crate) fn post(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &request_fields("POST", path, &[]))
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub(crate) fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The last four bytes that a RST_STREAM has, or the second four of a GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// What has arrived; whole frames only.
pub(crate) fn received(client: &Client) -> Vec<Frame> {
    let bytes = client.pipe.take();
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while let Some((head, more)) = rest.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        assert!(more.len() >= len, "a frame cut off");
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        frames.push(Frame { kind: head[3], flags: head[4], stream, payload: more[..len].to_vec() });
        rest = &more[len..];
    }
    assert!(rest.is_empty(), "a frame header cut off");
    frames
}

/// The error code of the GOAWAY among these.
pub(crate) fn goaway(frames: &[Frame]) -> Option<u32> {
    frames.iter().rev().find(|frame| frame.kind == GOAWAY).map(Frame::code)
}

/// The stream's reset among these.
pub(crate) fn reset_of(frames: &[Frame], stream: u32) -> Option<u32> {
    frames.iter().find(|frame| frame.kind == RST_STREAM && frame.stream == stream).map(Frame::code)
}

/// Whether the stream's response head is among these, and whether `status` is its first field: as an index of the static
/// table, or a literal.
pub(crate) fn status(frames: &[Frame], stream: u32) -> Option<u16> {
    let head = frames.iter().find(|frame| frame.kind == HEADERS && frame.stream == stream)?;
    let indexed = [(0x88, 200), (0x89, 204), (0x8a, 206), (0x8b, 304), (0x8c, 400), (0x8d, 404), (0x8e, 500)];
    if let Some((_, status)) = indexed.iter().find(|(byte, _)| *byte == head.payload[0]) {
        return Some(*status);
    }
    // A literal with the name `:status` (index 8), Huffman-coded: digits are five or six bits.
    let len = usize::from(head.payload[1] & 0x7f);
    let coded = &head.payload[2..2 + len];
    (100..600_u16).find(|status| huffman_digits(&status.to_string()) == coded)
}

/// RFC 7541 appendix B, digits alone.
fn huffman_digits(text: &str) -> Vec<u8> {
    let bits: String = text
        .bytes()
        .map(|digit| match digit {
            b'0'..=b'2' => format!("{:05b}", digit - b'0'),
            _ => format!("{:06b}", 0x19 + (digit - b'3')),
        })
        .collect();
    let padded = format!("{bits:1<width$}", width = bits.len().next_multiple_of(8));
    padded
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

/// The content of a stream among these.
pub(crate) fn content(frames: &[Frame], stream: u32) -> Vec<u8> {
    let data = frames.iter().filter(|frame| frame.kind == DATA && frame.stream == stream);
    data.flat_map(|frame| frame.payload.clone()).collect()
}
