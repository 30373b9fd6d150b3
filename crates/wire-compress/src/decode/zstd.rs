//! The coding `zstd` (RFC 8878, with the window of RFC 9659), by libzstd.

use alloc::vec::Vec;

use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, is_error_kind};

use super::stage::Step;
use crate::ErrorKind;
use crate::pool::{self, shelf};

shelf!(SHELF: DCtx<'static>);

/// Most memory that is kept for the next decoder.
const KEEP: usize = 1 << 20;

/// RFC 9659 section 3.
const MAX_WINDOW_LOG: u32 = 23;

/// RFC 8878 section 3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(super) struct Decoder {
    /// From the first byte on.
    context: Option<DCtx<'static>>,
    /// All room was used: there may be more.
    full: bool,
    /// Between frames.
    between: bool,
    /// The first bytes of the current frame, and how many they are: as long as a header may be.
    header: [u8; 18],
    header_len: usize,
    /// What the frame decoded to so far.
    produced: u64,
    /// Frames that ended.
    frames: u32,
    max_frames: u32,
}

impl Decoder {
    pub(super) fn new(max_frames: u32) -> Self {
        Self {
            context: None,
            full: false,
            between: true,
            header: [0; 18],
            header_len: 0,
            produced: 0,
            frames: 0,
            max_frames,
        }
    }

    /// Behind a whole frame.
    pub(super) fn is_complete(&self) -> bool {
        self.between && self.frames > 0
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        if input.is_empty() && !self.full {
            return Ok(Step { consumed: 0, full: false });
        }
        if self.between && self.frames >= self.max_frames {
            return Err(ErrorKind::TooManyMembers);
        }
        if self.asks_too_much(input) {
            return Err(ErrorKind::WindowTooBig);
        }
        let context = match &mut self.context {
            Some(context) => context,
            None => self.context.insert(context()?),
        };
        let before = out.len();
        let mut source = InBuffer::around(input);
        let result = if out.capacity() - out.len() <= room {
            let at = out.len();
            let mut target = OutBuffer::around_pos(out, at);
            let result = context.decompress_stream(&mut target, &mut source);
            self.full = out.len() == out.capacity();
            result
        } else {
            // Near the limit: by way of a piece that fits.
            let mut piece = [0; 4 << 10];
            let piece = &mut piece[..room.min(4 << 10)];
            let mut target = OutBuffer::around(piece);
            let result = context.decompress_stream(&mut target, &mut source);
            let len = target.pos();
            out.extend_from_slice(&piece[..len]);
            self.full = len == piece.len();
            result
        };
        let consumed = source.pos();
        self.produced += (out.len() - before) as u64;
        let len = consumed.min(self.header.len() - self.header_len);
        self.header[self.header_len..self.header_len + len].copy_from_slice(&input[..len]);
        self.header_len += len;
        match result {
            Ok(0) => {
                // libzstd looks at it, or not, by how the frame arrives.
                if content_size(&self.header).is_some_and(|size| size != self.produced) {
                    return Err(ErrorKind::Corrupt);
                }
                self.frames += 1;
                (self.header_len, self.produced) = (0, 0);
                (self.between, self.full) = (true, false);
            }
            Ok(_) => self.between = false,
            Err(code) if is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) => {
                return Err(ErrorKind::WindowTooBig);
            }
            Err(code)
                if self.frames > 0 && is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_prefix_unknown) =>
            {
                return Err(ErrorKind::TrailingData);
            }
            Err(_) => return Err(ErrorKind::Corrupt),
        }
        Ok(Step { consumed, full: self.full })
    }

    /// Whether the header of this frame, which is whole with this input, asks for more window than RFC 9659 section 3 allows.
    /// libzstd looks at it, or not, by how the frame arrives.
    fn asks_too_much(&self, input: &[u8]) -> bool {
        let (mut header, have) = (self.header, self.header_len);
        let len = input.len().min(header.len() - have);
        header[have..have + len].copy_from_slice(&input[..len]);
        window(&header, have + len).is_some_and(|window| window > 1 << MAX_WINDOW_LOG)
    }
}

/// The window that a frame asks for (RFC 8878 sections 3.1.1.1.1.2 and 3.1.1.1.2), where `len` bytes of it say so.
fn window(header: &[u8; 18], len: usize) -> Option<u64> {
    if len < 6 || header[..4] != MAGIC {
        return None;
    }
    if header[4] & 0x20 != 0 {
        // One segment: its content is its window. No header is longer than 18 bytes.
        return content_size(header).filter(|_| len == header.len());
    }
    let base = 1_u64 << (10 + (header[5] >> 3));
    Some(base + base / 8 * u64::from(header[5] & 7))
}

/// What the header of a whole frame says of its content (RFC 8878 section 3.1.1.1); `None`: nothing, or it is skippable.
fn content_size(header: &[u8; 18]) -> Option<u64> {
    let descriptor = header[4];
    let single_segment = descriptor & 0x20 != 0;
    let size_len = match descriptor >> 6 {
        0 => usize::from(single_segment),
        flag => 1 << flag,
    };
    if header[..4] != MAGIC || size_len == 0 {
        return None;
    }
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let at = 5 + usize::from(!single_segment) + dictionary_len;
    let mut size = [0; 8];
    size[..size_len].copy_from_slice(&header[at..at + size_len]);
    // Two bytes count from 256 on.
    Some(u64::from_le_bytes(size) + if size_len == 2 { 256 } else { 0 })
}

/// A context at the start of content.
fn context() -> Result<DCtx<'static>, ErrorKind> {
    let context = pool::take(&SHELF, |_| true).or_else(DCtx::try_create);
    // Where there is no memory, there is none for what it would decode to.
    let mut context = context.ok_or(ErrorKind::OutputTooBig)?;
    context
        .reset(ResetDirective::SessionOnly)
        .and_then(|_| context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)))
        .map_err(|_| ErrorKind::Corrupt)?;
    Ok(context)
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(context) = self.context.take()
            && context.sizeof() <= KEEP
        {
            pool::give(&SHELF, context);
        }
    }
}
