//! What a frame's header may say, given what came before it (RFC 6455 sections 5.1 to 5.5 and 10.4).
//!
//! The header alone is enough for all of it, so nothing of a frame that breaks a rule is ever handed out.

use crate::frame::{First, FrameHeader, Length, OpCode, Second};
use crate::{Config, DataKind, ErrorKind, Role};

/// The rules of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The mask bit that every second byte of a header must show: 0x80 from a client, 0 from a server.
    pub(crate) mask_bit: u8,
    /// Longest payload of an unfragmented message that is legal whatever else its header says: 125, or less where a
    /// limit is lower.
    pub(crate) short: u8,
    /// The same, with a length of 16 bits: at most a [`BLOCK`].
    pub(crate) medium: u16,
    /// The reserved bits that a message's first frame may show.
    pub(crate) rsv: u8,
    limits: Config,
}

/// What stays in the first-level cache between unmasking and validating.
pub(crate) const BLOCK: u16 = 8 << 10;

/// RSV1, which says that a message is compressed (RFC 7692 section 6).
pub(crate) const RSV1: u8 = 4;

/// What a limit on payload means for compressed bytes: data that cannot be compressed grows, at worst by the ninth
/// bit of a fixed Huffman code, and by headers of blocks.
const fn deflated(limit: u64) -> u64 {
    limit.saturating_add(limit / 8).saturating_add(1 << 10)
}

/// What a fragment may add to that: its sender has flushed the compressor, which takes an empty block and the header of the
/// next.
const FLUSH: u64 = 16;

impl Rules {
    pub(crate) fn new(role: Role, limits: &Config) -> Self {
        let mask_bit = match role {
            Role::Server => 0x80,
            Role::Client => 0,
        };
        let limit = limits.max_message_size.min(limits.max_frame_size);
        let (short, medium) = (limit.min(125) as u8, limit.min(BLOCK.into()) as u16);
        Self { mask_bit, short, medium, rsv: 0, limits: *limits }
    }

    /// Parses and checks the header at the start of `input`, which follows `message`. Every rule that a header can
    /// break is here. The error's offset is counted from the start of `input`.
    #[inline]
    pub(crate) fn check(
        &self,
        message: Message,
        input: &[u8],
    ) -> Result<Option<(FrameHeader, usize)>, (ErrorKind, usize)> {
        let [first, rest @ ..] = input else { return Ok(None) };
        let first = First::parse(*first).map_err(|kind| (kind, 0))?;
        let broken = match first.opcode {
            OpCode::Text | OpCode::Binary if first.rsv & !self.rsv != 0 => Some(ErrorKind::ReservedBits),
            OpCode::Text | OpCode::Binary if message.fragments != 0 => Some(ErrorKind::UnfinishedMessage),
            OpCode::Text | OpCode::Binary => None,
            // RFC 7692 section 6: RSV1 is for the first fragment only, and control frames are never compressed.
            _ if first.rsv != 0 => Some(ErrorKind::ReservedBits),
            OpCode::Continuation if message.fragments == 0 => Some(ErrorKind::UnexpectedContinuation),
            OpCode::Continuation if message.fragments >= self.limits.max_fragments => {
                Some(ErrorKind::TooManyFragments)
            }
            _ => None,
        };
        if let Some(kind) = broken {
            return Err((kind, 0));
        }
        let [second, rest @ ..] = rest else { return Ok(None) };
        if (*second ^ self.mask_bit) & 0x80 != 0 {
            let kind = if self.mask_bit != 0 { ErrorKind::Unmasked } else { ErrorKind::Masked };
            return Err((kind, 1));
        }
        let second = Second::parse(*second, first.opcode).map_err(|kind| (kind, 1))?;
        let Some(length) = Length::parse(second, rest).map_err(|kind| (kind, 2))? else { return Ok(None) };
        if !first.opcode.is_control() {
            // The 7-bit length is the second byte itself.
            let at = if length.value > 125 { 2 } else { 1 };
            let Config { mut max_frame_size, mut max_message_size, .. } = self.limits;
            if message.deflated || first.rsv != 0 {
                max_frame_size = deflated(max_frame_size);
                max_message_size =
                    deflated(max_message_size).saturating_add(FLUSH.saturating_mul(message.fragments.into()));
            }
            if length.value > max_frame_size {
                return Err((ErrorKind::FrameTooBig, at));
            }
            if message.len.saturating_add(length.value) > max_message_size {
                return Err((ErrorKind::MessageTooBig, at));
            }
        }
        Ok(FrameHeader::finish(first, second, length, rest))
    }
}

/// The message whose frames are arriving; all zero between messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: DataKind,
    /// RSV1 was set.
    pub(crate) deflated: bool,
    /// Frames so far. 0: there is no message.
    fragments: u32,
    /// What the frames so far declared.
    len: u64,
}

impl Message {
    pub(crate) const NONE: Self = Self { kind: DataKind::Binary, deflated: false, fragments: 0, len: 0 };

    /// The message with one more frame, whose header was checked.
    pub(crate) fn with(self, header: &FrameHeader) -> Self {
        let kind = match header.opcode {
            OpCode::Text => DataKind::Text,
            OpCode::Binary => DataKind::Binary,
            _ => self.kind,
        };
        Self {
            kind,
            deflated: self.deflated || header.rsv != 0,
            fragments: self.fragments.saturating_add(1),
            len: self.len.saturating_add(header.len),
        }
    }
}
