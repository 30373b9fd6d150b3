//! The coding `gzip` (RFC 1952): members one behind the other, each a header, DEFLATE data, a checksum and a length.

use alloc::vec::Vec;

use flate2::Crc;

use super::inflate::Inflate;
use super::stage::Step;
use crate::ErrorKind;

pub(super) struct Decoder {
    at: At,
    /// What the header said is still to come.
    flags: u8,
    /// Of the header, then of the data.
    crc: Crc,
    /// Bytes of the data, modulo 2^32.
    len: u32,
    /// A number that is being read, least byte first.
    number: u64,
    inflate: Inflate,
    members: u32,
    max_members: u32,
}

/// Where in a member the next byte stands; with a number: so many bytes of it were read, or are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Fixed(u8),
    ExtraLen(u8),
    Extra(u16),
    Name,
    Comment,
    HeaderCrc(u8),
    Data,
    Trailer(u8),
}

const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;
/// A decoder must refuse what it does not know (section 2.3.1.2).
const RESERVED: u8 = 0xe0;

impl Decoder {
    pub(super) fn new(max_members: u32) -> Self {
        Self {
            at: At::Fixed(0),
            flags: 0,
            crc: Crc::new(),
            len: 0,
            number: 0,
            inflate: Inflate::new(false),
            members: 0,
            max_members,
        }
    }

    /// Behind a whole member.
    pub(super) fn is_complete(&self) -> bool {
        self.at == At::Fixed(0) && self.members > 0
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        let mut consumed = 0;
        while self.at != At::Data {
            let Some(&byte) = input.get(consumed) else { return Ok(Step { consumed, full: false }) };
            if let At::Extra(_) | At::Name | At::Comment = self.at {
                consumed += self.skip(&input[consumed..]);
            } else {
                self.byte(byte)?;
                consumed += 1;
            }
        }
        let before = out.len();
        let step = self.inflate.decode(&input[consumed..], out, room)?;
        let data = &out[before..];
        self.crc.update(data);
        self.len = self.len.wrapping_add(data.len() as u32);
        if self.inflate.is_complete() {
            self.number = 0;
            self.at = At::Trailer(0);
        }
        Ok(Step { consumed: consumed + step.consumed, full: step.full })
    }

    /// Text of any length, whose content nobody asks for.
    fn skip(&mut self, input: &[u8]) -> usize {
        let (len, ended) = if let At::Extra(left) = &mut self.at {
            let len = usize::from(*left).min(input.len());
            *left -= len as u16;
            (len, *left == 0)
        } else {
            match input.iter().position(|&byte| byte == 0) {
                Some(end) => (end + 1, true),
                None => (input.len(), false),
            }
        };
        self.crc.update(&input[..len]);
        if ended {
            self.next_field();
        }
        len
    }

    /// A byte of a field of fixed length.
    fn byte(&mut self, byte: u8) -> Result<(), ErrorKind> {
        if !matches!(self.at, At::HeaderCrc(_) | At::Trailer(_)) {
            self.crc.update(&[byte]);
        }
        match self.at {
            At::Fixed(n) => {
                match (n, byte) {
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4.., _) => {}
                    (3, flags) if flags & RESERVED == 0 => self.flags = flags,
                    // The first byte counts the member.
                    (0 | 1, _) if self.members > u32::from(n) => return Err(ErrorKind::TrailingData),
                    _ => return Err(ErrorKind::Corrupt),
                }
                if n == 0 {
                    self.members += 1;
                    if self.members > self.max_members {
                        return Err(ErrorKind::TooManyMembers);
                    }
                    // The first byte belongs to the new checksum.
                    self.crc.reset();
                    self.crc.update(&[byte]);
                    if self.inflate.is_complete() {
                        self.inflate.restart();
                    }
                }
                self.at = At::Fixed(n + 1);
                if n == 9 {
                    self.next_field();
                }
            }
            At::ExtraLen(n) => {
                self.number |= u64::from(byte) << (8 * n);
                self.at = At::ExtraLen(1);
                if n == 1 {
                    self.at = At::Extra(self.number as u16);
                    if self.number == 0 {
                        self.next_field();
                    }
                }
            }
            At::HeaderCrc(n) => {
                if byte != (self.crc.sum() >> (8 * n)) as u8 {
                    return Err(ErrorKind::Corrupt);
                }
                self.at = At::HeaderCrc(1);
                if n == 1 {
                    self.next_field();
                }
            }
            At::Trailer(n) => {
                self.number |= u64::from(byte) << (8 * n);
                self.at = At::Trailer(n + 1);
                if n == 7 {
                    if self.number != u64::from(self.crc.sum()) | u64::from(self.len) << 32 {
                        return Err(ErrorKind::Corrupt);
                    }
                    self.at = At::Fixed(0);
                }
            }
            At::Extra(_) | At::Name | At::Comment | At::Data => {}
        }
        Ok(())
    }

    /// To the next field that the flags announce, in the order of section 2.3, or to the data.
    fn next_field(&mut self) {
        let mut take = |flag: u8| {
            let set = self.flags & flag != 0;
            self.flags &= !flag;
            set
        };
        self.at = if take(FEXTRA) {
            self.number = 0;
            At::ExtraLen(0)
        } else if take(FNAME) {
            At::Name
        } else if take(FCOMMENT) {
            At::Comment
        } else if take(FHCRC) {
            At::HeaderCrc(0)
        } else {
            self.crc.reset();
            self.len = 0;
            At::Data
        };
    }
}
