//! HTTP/2 as its bytes (RFC 9113): what the load generator sends, and the workloads in memory.

use crate::requests::USER_AGENT;

/// Frame types (RFC 9113 section 6).
pub mod kind {
    /// Content.
    pub const DATA: u8 = 0;
    /// A field section.
    pub const HEADERS: u8 = 1;
    /// The end of one stream.
    pub const RST_STREAM: u8 = 3;
    /// Parameters of the connection.
    pub const SETTINGS: u8 = 4;
    /// The end of all of them.
    pub const GOAWAY: u8 = 7;
    /// Room for content.
    pub const WINDOW_UPDATE: u8 = 8;
}

/// Of DATA and HEADERS. To SETTINGS it says ACK.
pub const END_STREAM: u8 = 1;
/// Of HEADERS.
pub const END_HEADERS: u8 = 4;

/// Length of a frame's header.
pub const HEADER: usize = 9;

/// The greatest window (RFC 9113 section 6.9.1).
const MOST: u32 = (1 << 31) - 1;
/// The window that each connection begins with.
const INITIAL: u32 = 65_535;

/// A frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A client's preface and SETTINGS, with the greatest windows that there are, and ACK of the server's SETTINGS.
#[must_use]
pub fn opening() -> Vec<u8> {
    // SETTINGS_ENABLE_PUSH 0, SETTINGS_INITIAL_WINDOW_SIZE
    let settings = [&[0, 2, 0, 0, 0, 0, 0, 4][..], &MOST.to_be_bytes()].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(kind::SETTINGS, 0, 0, &settings),
        frame(kind::WINDOW_UPDATE, 0, 0, &(MOST - INITIAL).to_be_bytes()),
        frame(kind::SETTINGS, END_STREAM, 0, &[]),
    ]
    .concat()
}

/// `GET /hello`, the first of a connection: its fields enter the table of those that follow (RFC 7541).
#[must_use]
pub fn first_hello() -> Vec<u8> {
    let mut fields = vec![0x82, 0x86];
    for (name, value) in [(0x44, "/hello"), (0x41, "localhost"), (0x7a, USER_AGENT)] {
        fields.extend([name, value.len() as u8]);
        fields.extend(value.bytes());
    }
    frame(kind::HEADERS, END_STREAM | END_HEADERS, 1, &fields)
}

/// The same request again: all from the table.
#[must_use]
pub fn next_hello(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, &[0x82, 0x86, 0xc0, 0xbf, 0xbe])
}

/// Extended CONNECT, which opens a WebSocket (RFC 8441 section 5).
#[must_use]
pub fn connect(stream: u32) -> Vec<u8> {
    let mut fields = vec![0x86];
    for (name, value) in [(2, "CONNECT"), (4, "/ws"), (1, "localhost")] {
        fields.extend([name, value.len() as u8]);
        fields.extend(value.bytes());
    }
    for (name, value) in [(":protocol", "websocket"), ("sec-websocket-version", "13")] {
        fields.extend([0, name.len() as u8]);
        fields.extend(name.bytes());
        fields.push(value.len() as u8);
        fields.extend(value.bytes());
    }
    frame(kind::HEADERS, END_HEADERS, stream, &fields)
}

/// A frame's payload length, type, flags and stream.
#[must_use]
pub fn parse_header(header: [u8; HEADER]) -> (usize, u8, u8, u32) {
    let [a, b, c, kind, flags, stream @ ..] = header;
    (u32::from_be_bytes([0, a, b, c]) as usize, kind, flags, u32::from_be_bytes(stream))
}

/// The streams of a client.
pub fn streams(count: usize) -> impl Iterator<Item = u32> {
    (0..count as u32).map(|i| 2 * i + 1)
}

/// Raises the streams of these frames.
pub fn raise_streams(frames: &mut [u8], by: u32) {
    let mut rest = frames;
    while let Some((header, payload)) = rest.split_first_chunk_mut::<HEADER>() {
        let (len, .., stream) = parse_header(*header);
        header[5..].copy_from_slice(&(stream + by).to_be_bytes());
        rest = &mut payload[len..];
    }
}
