//! WebSocket messages that are echoed.

use wire_ws::DataKind;
use wire_ws::frame::{FrameHeader, Mask, OpCode};

/// The mask of all frames that clients send here.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Binary.
    Binary,
    /// Text, ASCII alone.
    Ascii,
    /// Text of several scripts.
    Mixed,
}

impl Content {
    /// The kind of its messages.
    #[must_use]
    pub fn kind(self) -> DataKind {
        if self == Self::Binary { DataKind::Binary } else { DataKind::Text }
    }

    /// A payload of this many bytes.
    #[must_use]
    pub fn payload(self, len: usize) -> Vec<u8> {
        const MIXED: &str = "Größe: 12 µm. Привет, мир! こんにちは 🦀 plain words between. ";
        let mut payload = match self {
            Self::Binary => (0..len).map(|i| i as u8).collect(),
            Self::Ascii => b"the quick brown fox jumps over the lazy dog; ".repeat(len / 45 + 1),
            Self::Mixed => {
                let mut text = MIXED.repeat(len / MIXED.len() + 1);
                text.truncate(text.floor_char_boundary(len));
                text.into_bytes()
            }
        };
        payload.resize(len, b'.');
        payload
    }

    /// A frame with a whole message, as a client sends it (masked) or a server.
    #[must_use]
    pub fn frame(self, len: usize, masked: bool) -> Vec<u8> {
        let opcode = if self == Self::Binary { OpCode::Binary } else { OpCode::Text };
        let key = masked.then_some(KEY);
        let mut frame = FrameHeader { fin: true, rsv: 0, opcode, key, len: len as u64 }.encode().to_vec();
        let header = frame.len();
        frame.extend(self.payload(len));
        if masked {
            Mask::new(KEY).apply(&mut frame[header..]);
        }
        frame
    }
}
