//! A blocking WebSocket client that can break every rule of RFC 6455, and accepts no breach by the server.

use std::net::SocketAddr;

use crate::http::{Conn, Head};
use crate::report::{Result, ensure};

/// The key and the answer to it that RFC 6455, section 1.3, gives as its example.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The first byte of a final frame of each kind.
pub const TEXT: u8 = 0x81;
/// A binary message in one frame.
pub const BINARY: u8 = 0x82;
/// A Close frame.
pub const CLOSE: u8 = 0x88;
/// A Ping frame.
pub const PING: u8 = 0x89;
/// A Pong frame.
pub const PONG: u8 = 0x8a;

/// One open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    conn: Conn,
}

/// A frame as the server sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// The opening handshake of a client, with more field lines if wanted.
pub fn handshake(fields: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// A masked frame with this first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x1f, 0x2e, 0x3d, 0x4c];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

impl WebSocket {
    /// Connects and shakes hands, with more field lines if wanted. Also gives the head of the answer.
    pub fn open(addr: SocketAddr, fields: &str) -> Result<(Self, Head)> {
        let mut conn = Conn::open(addr)?;
        conn.send(handshake(fields))?;
        let head = conn.head()?;
        ensure!(head.status == 101, "the handshake was answered with {}", head.status);
        let is = |name, value: &str| head.field(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        ensure!(
            is("upgrade", "websocket") && is("connection", "upgrade"),
            "a 101 without its fields: {head:?}"
        );
        ensure!(
            head.field("sec-websocket-accept") == Some(ACCEPT),
            "the wrong Sec-WebSocket-Accept: {head:?}"
        );
        Ok((Self { conn }, head))
    }

    /// The connection underneath.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// The connection underneath, for good.
    pub fn into_conn(self) -> Conn {
        self.conn
    }

    /// Sends one masked frame.
    pub fn send(&mut self, first: u8, payload: &[u8]) -> Result {
        self.conn.send(frame(first, payload))
    }

    /// Reads one frame, which must be unmasked, unextended and of minimal length.
    pub fn read(&mut self) -> Result<Frame> {
        let mut head = [0; 2];
        self.conn.read_exact(&mut head)?;
        let [first, length] = head;
        ensure!(first & 0x70 == 0, "a reserved bit is set: {first:#x}");
        let length = match length {
            0..=125 => u64::from(length),
            126 => {
                let mut long = [0; 2];
                self.conn.read_exact(&mut long)?;
                u64::from(u16::from_be_bytes(long))
            }
            127 => {
                let mut long = [0; 8];
                self.conn.read_exact(&mut long)?;
                u64::from_be_bytes(long)
            }
            _ => return Err("a masked frame from the server".into()),
        };
        ensure!(
            head[1] < 126 || length > if head[1] == 126 { 125 } else { 0xffff },
            "a length that is not minimal"
        );
        ensure!(length <= 64 << 20, "a frame of {length} bytes");
        let mut payload = vec![0; usize::try_from(length)?];
        self.conn.read_exact(&mut payload)?;
        Ok(Frame { first, payload })
    }

    /// Sends one frame and expects the same message back in one frame.
    pub fn echo(&mut self, first: u8, payload: &[u8]) -> Result {
        self.send(first, payload)?;
        let frame = self.read()?;
        ensure!(frame.first == first && frame.payload == payload, "the echo differs: {:#x}", frame.first);
        Ok(())
    }

    /// Expects a Close with this code, answers it, and expects the end of the connection.
    pub fn closed(&mut self, code: u16) -> Result {
        let frame = self.read()?;
        ensure!(frame.first == CLOSE, "not a Close: {frame:?}");
        let got = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        ensure!(got == Some(code), "closed with {got:?} instead of {code}");
        ensure!(std::str::from_utf8(&frame.payload[2..]).is_ok(), "a reason that is not UTF-8");
        // The server may be gone already, which is its right after an error.
        let _ = self.send(CLOSE, &code.to_be_bytes());
        self.conn.closed()
    }
}
