//! The frame layer (RFC 6455 section 5.2) for those who build their own protocol engine: headers, resumable masks,
//! incremental UTF-8. Nothing here allocates.
//!
//! [`FrameHeader::parse`] checks what one header shows by itself. What needs a connection's state (masking by role,
//! the order of fragments, limits, who owns the reserved bits) is the [`Decoder`](crate::Decoder)'s.

use core::ops::Deref;

pub use crate::mask::Mask;
pub use crate::utf8::Utf8Validator;
use crate::{Error, ErrorKind};

/// What a frame is (section 5.2). Reserved opcodes are refused, so they are no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// 0: the next fragment of a message.
    Continuation = 0x0,
    /// 1: a text message, or its first fragment.
    Text = 0x1,
    /// 2: a binary message, or its first fragment.
    Binary = 0x2,
    /// 8: the closing handshake.
    Close = 0x8,
    /// 9: to be answered with a Pong of the same payload.
    Ping = 0x9,
    /// 10: the answer to a Ping, or a heartbeat of its own.
    Pong = 0xa,
}

impl OpCode {
    /// The opcode of this number (0 to 15), or `None` for a reserved one.
    #[inline]
    #[must_use]
    pub const fn new(opcode: u8) -> Option<Self> {
        Some(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Close, Ping or Pong: at most 125 bytes, never fragmented, allowed between the fragments of a message
    /// (section 5.5).
    #[inline]
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// Most payload bytes of a control frame (section 5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The last fragment of its message, or an unfragmented message.
    pub fin: bool,
    /// The reserved bits as a number, 0 to 7: RSV1 is 4, RSV2 is 2, RSV3 is 1. Their meaning is an extension's.
    pub rsv: u8,
    /// What the frame is.
    pub opcode: OpCode,
    /// The masking key; `None`: not masked.
    pub key: Option<[u8; 4]>,
    /// Bytes of payload, below 2^63.
    pub len: u64,
}

impl FrameHeader {
    /// Parses a header at the start of `input`: the header and its length in bytes (2 to 14), or `None` while it is
    /// incomplete.
    ///
    /// # Errors
    ///
    /// As soon as the byte is there that shows it: a reserved opcode, a fragmented or overlong control frame, a
    /// length in more bytes than it needs or of 2^63 and more. The offset is counted from the start of `input`.
    pub fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let [first, rest @ ..] = input else { return Ok(None) };
        let first = First::parse(*first).map_err(|kind| Error::new(kind, 0))?;
        let [second, rest @ ..] = rest else { return Ok(None) };
        let second = Second::parse(*second, first.opcode).map_err(|kind| Error::new(kind, 1))?;
        Length::parse(second, rest)
            .map_err(|kind| Error::new(kind, 2))
            .map(|length| Self::finish(first, second, length?, rest))
    }

    /// Joins what was parsed of the header with the masking key, the first bytes of `rest` behind the length.
    #[inline]
    pub(crate) fn finish(first: First, second: Second, length: Length, rest: &[u8]) -> Option<(Self, usize)> {
        let First { fin, rsv, opcode } = first;
        let header = 2 + length.bytes;
        if second.masked {
            let key = *rest.get(length.bytes..)?.first_chunk()?;
            Some((Self { fin, rsv, opcode, key: Some(key), len: length.value }, header + 4))
        } else {
            Some((Self { fin, rsv, opcode, key: None, len: length.value }, header))
        }
    }

    /// The header in its shortest form, which is the only legal one. Of `rsv` and `len` only the legal bits count.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> Header {
        let mut bytes = [0; Header::MAX_LEN];
        bytes[0] = u8::from(self.fin) << 7 | (self.rsv & 0x7) << 4 | self.opcode as u8;
        let mask_bit = u8::from(self.key.is_some()) << 7;
        let len = self.len & !(1 << 63);
        let mut at = 2;
        match len {
            0..=125 => bytes[1] = mask_bit | len as u8,
            126..=0xffff => {
                bytes[1] = mask_bit | 126;
                bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                at = 4;
            }
            _ => {
                bytes[1] = mask_bit | 127;
                bytes[2..10].copy_from_slice(&len.to_be_bytes());
                at = 10;
            }
        }
        if let Some(key) = self.key {
            bytes[at..at + 4].copy_from_slice(&key);
            at += 4;
        }
        Header { bytes, len: at as u8, masked: self.key.is_some() }
    }
}

/// An encoded header, to be sent before its payload (by vectored write, say).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    masked: bool,
}

impl Header {
    /// Most bytes of a header.
    pub const MAX_LEN: usize = 14;

    /// The bytes to send: 2 to 14.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The mask that the payload must go through before it is sent; `None` from a server.
    #[inline]
    #[must_use]
    pub fn mask(&self) -> Option<Mask> {
        self.masked.then(|| Mask::new(*self.as_bytes().last_chunk().unwrap_or(&[0; 4])))
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The first byte: FIN, reserved bits, opcode.
#[derive(Clone, Copy)]
pub(crate) struct First {
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) opcode: OpCode,
}

impl First {
    #[inline]
    pub(crate) fn parse(byte: u8) -> Result<Self, ErrorKind> {
        let fin = byte & 0x80 != 0;
        let opcode = OpCode::new(byte & 0xf).ok_or(ErrorKind::ReservedOpCode)?;
        if opcode.is_control() && !fin {
            return Err(ErrorKind::FragmentedControl);
        }
        Ok(Self { fin, rsv: byte >> 4 & 0x7, opcode })
    }
}

/// The second byte: masked or not, and the 7-bit length.
#[derive(Clone, Copy)]
pub(crate) struct Second {
    pub(crate) masked: bool,
    len7: u8,
}

impl Second {
    #[inline]
    pub(crate) fn parse(byte: u8, opcode: OpCode) -> Result<Self, ErrorKind> {
        let len7 = byte & 0x7f;
        if opcode.is_control() && usize::from(len7) > MAX_CONTROL_LEN {
            return Err(ErrorKind::ControlTooLong);
        }
        Ok(Self { masked: byte & 0x80 != 0, len7 })
    }
}

/// The payload length, and in how many extra bytes it stood.
#[derive(Clone, Copy)]
pub(crate) struct Length {
    pub(crate) value: u64,
    bytes: usize,
}

impl Length {
    /// `rest` is what follows the second byte. `None`: incomplete.
    #[inline]
    pub(crate) fn parse(second: Second, rest: &[u8]) -> Result<Option<Self>, ErrorKind> {
        let (value, bytes, least) = match second.len7 {
            126 => match rest.first_chunk() {
                Some(&bytes) => (u64::from(u16::from_be_bytes(bytes)), 2, 126),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(&bytes) => (u64::from_be_bytes(bytes), 8, 0x1_0000),
                None => return Ok(None),
            },
            len => (u64::from(len), 0, 0),
        };
        if value < least {
            return Err(ErrorKind::NonMinimalLength);
        }
        if value >> 63 != 0 {
            return Err(ErrorKind::LengthOverflow);
        }
        Ok(Some(Self { value, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_round_trip_and_are_minimal() {
        for opcode in [OpCode::Continuation, OpCode::Text, OpCode::Binary] {
            for (len, size) in [
                (0, 2),
                (125, 2),
                (126, 4),
                (0xffff, 4),
                (0x1_0000, 10),
                (i64::MAX as u64, 10),
                (1 << 32, 10),
            ] {
                for key in [None, Some([1, 2, 3, 4])] {
                    for (fin, rsv) in [(true, 0), (false, 5), (true, 7)] {
                        let header = FrameHeader { fin, rsv, opcode, key, len };
                        let bytes = header.encode();
                        let size = size + key.map_or(0, |_| 4);
                        assert_eq!(bytes.len(), size);
                        assert_eq!(bytes.mask(), key.map(Mask::new));
                        assert_eq!(FrameHeader::parse(&bytes), Ok(Some((header, size))));
                        for end in 0..size {
                            assert_eq!(FrameHeader::parse(&bytes[..end]), Ok(None));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_one_header_shows_is_refused_with_the_byte_that_shows_it() {
        for (bytes, kind, offset) in [
            (&[0x83][..], ErrorKind::ReservedOpCode, 0),
            (&[0xff], ErrorKind::ReservedOpCode, 0),
            (&[0x09], ErrorKind::FragmentedControl, 0),
            (&[0x89, 0x7e], ErrorKind::ControlTooLong, 1),
            (&[0x88, 0xff], ErrorKind::ControlTooLong, 1),
            (&[0x82, 0x7e, 0, 125], ErrorKind::NonMinimalLength, 2),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], ErrorKind::NonMinimalLength, 2),
            (&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], ErrorKind::LengthOverflow, 2),
        ] {
            assert_eq!(FrameHeader::parse(bytes), Err(Error::new(kind, offset)));
            assert_eq!(FrameHeader::parse(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }
}
