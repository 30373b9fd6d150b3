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
        self.judge_header(input)?;
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

    /// Judges the header of this frame once it is whole with this input, before libzstd sees the end of it: what libzstd makes
    /// of a header, and in which order, depends on how the frame arrives.
    fn judge_header(&self, input: &[u8]) -> Result<(), ErrorKind> {
        let (mut header, have) = (self.header, self.header_len);
        if have == header.len() {
            return Ok(());
        }
        let len = input.len().min(header.len() - have);
        header[have..have + len].copy_from_slice(&input[..len]);
        if header[..4] != MAGIC || have + len < header_len(header[4]) {
            return Ok(());
        }
        if header[4] & RESERVED != 0 {
            return Err(ErrorKind::Corrupt);
        }
        match window(&header) {
            Some(window) if window > 1 << MAX_WINDOW_LOG => Err(ErrorKind::WindowTooBig),
            _ => Ok(()),
        }
    }
}

/// The bit of the frame header descriptor that "must be zero" (RFC 8878 section 3.1.1.1.1.4).
const RESERVED: u8 = 0x08;

/// Of the frame header descriptor: the content in one segment, with no window of its own (RFC 8878 section 3.1.1.1.1.2).
const SINGLE_SEGMENT: u8 = 0x20;

/// How long a header is, magic number included, by its descriptor (RFC 8878 section 3.1.1.1): 6 to 18 bytes.
fn header_len(descriptor: u8) -> usize {
    let window_len = usize::from(descriptor & SINGLE_SEGMENT == 0);
    5 + window_len + dictionary_len(descriptor) + content_size_len(descriptor)
}

/// RFC 8878 section 3.1.1.1.1.6.
fn dictionary_len(descriptor: u8) -> usize {
    [0, 1, 2, 4][usize::from(descriptor & 3)]
}

/// RFC 8878 section 3.1.1.1.1.1.
fn content_size_len(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 => usize::from(descriptor & SINGLE_SEGMENT != 0),
        flag => 1 << flag,
    }
}

/// The window that a whole header asks for (RFC 8878 section 3.1.1.1.2).
fn window(header: &[u8; 18]) -> Option<u64> {
    if header[4] & SINGLE_SEGMENT != 0 {
        // Its content is its window.
        return content_size(header);
    }
    let base = 1_u64 << (10 + (header[5] >> 3));
    Some(base + base / 8 * u64::from(header[5] & 7))
}

/// What the header of a whole frame says of its content (RFC 8878 section 3.1.1.1); `None`: nothing, or it is skippable.
fn content_size(header: &[u8; 18]) -> Option<u64> {
    let descriptor = header[4];
    let size_len = content_size_len(descriptor);
    if header[..4] != MAGIC || size_len == 0 {
        return None;
    }
    let at = header_len(descriptor) - size_len;
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
