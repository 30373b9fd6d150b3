//! Deflating (RFC 7692 section 7.2.1). Final blocks are never made.

use alloc::vec::Vec;
use core::fmt;

use flate2::FlushCompress;

use super::pool::{self, Compressor};
use super::{DeflateParams, TAIL};
use crate::Role;

/// Compresses the messages of one direction.
pub(crate) struct Deflater {
    takeover: bool,
    window_bits: u8,
    level: u8,
    /// Least size of a message that is compressed.
    pub(crate) min_size: usize,
    /// Held within a message and, with takeover, between them.
    deflate: Option<Compressor>,
}

impl Deflater {
    /// For what a `role` sends under `params`; `None`: everything must go uncompressed.
    pub(crate) fn new(role: Role, params: &DeflateParams) -> Option<Self> {
        let (no_takeover, window_bits) = params.of_sender(role);
        // Section 7.1.2: a window of 2^8 is legal, but zlib makes none. Legal data is what is not compressed.
        (window_bits >= 9).then_some(Self {
            takeover: !no_takeover,
            window_bits,
            level: params.level.clamp(1, 9),
            min_size: params.min_size,
            deflate: None,
        })
    }

    /// Appends the next piece of a message, compressed, so that all of it can be read: to the end of a byte, and
    /// with `last` without the four bytes that every message ends with.
    pub(crate) fn deflate(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) {
        /// More than the marker of a flush, which is given twice where it just fills the room.
        const ROOM: usize = 64;
        if !piece.is_empty() {
            let (level, bits) = (self.level, self.window_bits);
            let deflate = &mut self.deflate.get_or_insert_with(|| pool::take_compressor(level, bits)).inner;
            let mut rest = piece;
            out.reserve(piece.len() / 2 + ROOM);
            loop {
                let before = deflate.total_in();
                let status = deflate.compress_vec(rest, out, FlushCompress::Sync);
                debug_assert!(status.is_ok(), "a stream that was not finished takes everything");
                rest = &rest[(deflate.total_in() - before) as usize..];
                if status.is_err() || (rest.is_empty() && out.len() < out.capacity()) {
                    break;
                }
                out.reserve(rest.len() / 2 + ROOM);
            }
            if last {
                debug_assert!(out.ends_with(&TAIL), "a flush ends with an empty block");
                out.truncate(out.len() - TAIL.len());
            }
        } else if last {
            // The header of an empty block (section 7.2.3.6): each piece before ended with a byte.
            out.push(0);
        }
        if last && !self.takeover {
            self.forget();
        }
    }

    /// Whether what was compressed must be sent, since what follows refers to it.
    pub(crate) fn takes_over(&self) -> bool {
        self.takeover
    }

    /// The largest window that the peer keeps.
    pub(crate) fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Starts anew with the next message, which is legal at any time between messages, and holds nothing.
    pub(crate) fn forget(&mut self) {
        if let Some(deflate) = self.deflate.take() {
            pool::give_compressor(deflate);
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("takeover", &self.takeover)
            .field("window_bits", &self.window_bits)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
