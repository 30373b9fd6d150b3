//! Inflating (RFC 7692 section 7.2.2).
//!
//! Invariants: what comes out, and whether it fails, does not depend on how a message was cut; never more than the
//! limit and one byte is appended; text is checked as it comes out.

use alloc::vec::Vec;
use core::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::history::History;
use super::{DeflateParams, TAIL, pool};
use crate::frame::Utf8Validator;
use crate::{Config, DataKind, ErrorKind, Role};

/// Inflates the messages of one direction: the layer between a [`Decoder`](crate::Decoder) with
/// [`with_deflate`](crate::Decoder::with_deflate) and whoever collects or streams messages.
///
/// Give it every piece of every event that is `deflated`, and no other.
///
/// ```
/// use wire_ws::deflate::{DeflateParams, Inflater};
/// use wire_ws::{Config, DataKind, Role};
///
/// let mut inflater = Inflater::new(Role::Client, &DeflateParams::default(), &Config::default());
/// let mut out = Vec::new();
/// inflater.inflate(DataKind::Text, b"\xf2\x48\xcd", false, &mut out)?;
/// inflater.inflate(DataKind::Text, b"\xc9\xc9\x07\x00", true, &mut out)?;
/// // The next message refers to this one (section 7.2.3.2).
/// inflater.inflate(DataKind::Text, b"\xf2\x00\x11\x00\x00", true, &mut out)?;
/// assert_eq!(out, b"HelloHello");
/// # Ok::<(), wire_ws::ErrorKind>(())
/// ```
pub struct Inflater {
    max_size: u64,
    max_finals: u32,
    /// Messages refer to those before them.
    takeover: bool,
    /// The end of what was inflated: all a connection holds between messages. Where there is no takeover: within
    /// the message, where it came in several pieces.
    history: History,
    /// Has `history` as its window. It is held within a message only.
    inflate: Option<Decompress>,
    /// Bytes of the current block have come: `TAIL` is due at the end of the message.
    within_block: bool,
    /// Of the current message: bytes inflated, and final blocks.
    inflated: u64,
    finals: u32,
    utf8: Utf8Validator,
    failed: Option<ErrorKind>,
}

impl Inflater {
    /// For what a `role` receives under `params`, limited by [`Config::max_message_size`] once inflated, and by
    /// [`Config::max_fragments`].
    #[must_use]
    pub fn new(role: Role, params: &DeflateParams, config: &Config) -> Self {
        let (no_takeover, bits) = params.of_sender(role.peer());
        Self {
            max_size: config.max_message_size,
            max_finals: config.max_fragments,
            takeover: !no_takeover,
            history: History::new(bits),
            inflate: None,
            within_block: false,
            inflated: 0,
            finals: 0,
            utf8: Utf8Validator::new(),
            failed: None,
        }
    }

    /// Appends what the next piece of a message stands for. The caller may take from `out` what it likes between
    /// calls.
    ///
    /// `out` grows by at most what it holds (at least 1 KiB or twice the piece) at a time, and never beyond the
    /// limit and one byte.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidDeflate`], [`ErrorKind::MessageTooBig`], [`ErrorKind::TooManyFragments`] (final blocks),
    /// [`ErrorKind::InvalidUtf8`], [`ErrorKind::IncompleteUtf8`]. What was appended then is of no use, and every
    /// later call fails too.
    pub fn inflate(
        &mut self,
        kind: DataKind,
        piece: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorKind> {
        if let Some(kind) = self.failed {
            return Err(kind);
        }
        let result = self.piece(kind, piece, last, out);
        if let Err(kind) = result {
            self.failed = Some(kind);
            self.history.clear();
            self.release();
        }
        result
    }

    /// Gives memory back that is not in use. For connections that fall idle: with context takeover, what was received
    /// (at most the window) is still held then; without, nothing.
    pub fn shrink(&mut self) {
        self.history.shrink();
    }

    fn piece(
        &mut self,
        kind: DataKind,
        piece: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorKind> {
        // From here on `out` is not in `history`.
        let mut new = out.len();
        self.feed(kind, piece, out, &mut new)?;
        if last {
            if self.within_block {
                // In a message that ends as it must, these are the lengths of an empty block. Anything that comes
                // out shows that the message was cut short.
                let before = self.inflated;
                self.feed(kind, &TAIL, out, &mut new)?;
                if self.inflated != before {
                    return Err(ErrorKind::InvalidDeflate);
                }
            }
            if self.within_block && !self.is_between_blocks() {
                return Err(ErrorKind::InvalidDeflate);
            }
            if !self.utf8.is_complete() {
                return Err(ErrorKind::IncompleteUtf8);
            }
            (self.within_block, self.inflated, self.finals) = (false, 0, 0);
        }
        if self.takeover || !last {
            self.history.push(&out[new..]);
        } else {
            self.history.clear();
        }
        if last {
            self.release();
        }
        Ok(())
    }

    /// Whether no block is begun: only then is an empty final block read as one. (`TAIL` may also end within the
    /// description of a block's codes, which gives nothing.) The decompressor is of no use afterwards.
    fn is_between_blocks(&mut self) -> bool {
        const EMPTY_FINAL: [u8; 2] = [0x03, 0x00];
        let Some(inflate) = &mut self.inflate else { return true };
        let before = inflate.total_out();
        let status = inflate.decompress(&EMPTY_FINAL, &mut [0; 8], FlushDecompress::None);
        matches!(status, Ok(Status::StreamEnd)) && inflate.total_out() == before
    }

    /// Gives the decompressor back: what the next message needs of it is in `history`.
    fn release(&mut self) {
        if let Some(inflate) = self.inflate.take() {
            pool::give_decompressor(inflate);
        }
    }

    /// Inflates `input` to its end.
    fn feed(
        &mut self,
        kind: DataKind,
        mut input: &[u8],
        out: &mut Vec<u8>,
        new: &mut usize,
    ) -> Result<(), ErrorKind> {
        /// Least room, where the limit allows it.
        const ROOM: usize = 1 << 10;
        if input.is_empty() {
            return Ok(());
        }
        let history = &self.history;
        let inflate = self.inflate.get_or_insert_with(|| {
            let mut inflate = pool::take_decompressor();
            history.prime(&mut inflate);
            inflate
        });
        loop {
            // One byte more than the limit, to see that there is one.
            let left = usize::try_from(self.max_size - self.inflated).unwrap_or(usize::MAX).saturating_add(1);
            if out.capacity() == out.len() {
                out.reserve_exact(out.len().max(2 * input.len()).max(ROOM).min(left));
            }
            let (before_in, before_out) = (inflate.total_in(), out.len());
            let status = inflate.decompress_vec(input, out, FlushDecompress::None);
            input = &input[(inflate.total_in() - before_in) as usize..];
            let inflated = &out[before_out..];
            let legal = &inflated[..inflated.len().min(left - 1)];
            if kind == DataKind::Text && self.utf8.push(legal).is_err() {
                return Err(ErrorKind::InvalidUtf8);
            }
            if legal.len() < inflated.len() {
                return Err(ErrorKind::MessageTooBig);
            }
            self.inflated += inflated.len() as u64;
            self.within_block = true;
            match status {
                Err(_) => return Err(ErrorKind::InvalidDeflate),
                // A final block. What follows is a stream of its own, with the window of this one (section 7.2.1).
                Ok(Status::StreamEnd) => {
                    self.finals += 1;
                    if self.finals > self.max_finals {
                        return Err(ErrorKind::TooManyFragments);
                    }
                    self.history.push(&out[*new..]);
                    *new = out.len();
                    inflate.reset(false);
                    self.history.prime(inflate);
                    self.within_block = false;
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                // All is out once there is room left.
                Ok(_) if input.is_empty() && out.len() < out.capacity() => return Ok(()),
                Ok(_) => {}
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what was received.
        f.debug_struct("Inflater")
            .field("takeover", &self.takeover)
            .field("inflated", &self.inflated)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
