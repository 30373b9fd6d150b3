//! What was received and not consumed, without a copy of what a decoder can consume where it lies.
//!
//! A decoder leaves a few bytes at the end of a piece: what may be a delimiter, or the beginning of a head. They are copied,
//! and behind them as much of the next piece as it takes to decide; then decoding goes on in that piece.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the next piece that are copied at first: more than a delimiter has.
const LOOK_AHEAD: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Input {
    /// The last piece.
    piece: Bytes,
    /// What was left of those before, and the first `ahead` bytes of `piece`; empty where nothing was left.
    seam: BytesMut,
    ahead: usize,
}

impl Input {
    /// What a decoder is to be given.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.seam.is_empty() { &self.piece } else { &self.seam }
    }

    /// Removes the first `len` of [`bytes`](Self::bytes).
    pub(super) fn take(&mut self, len: usize) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        if self.seam.is_empty() {
            return self.piece.split_to(len);
        }
        let left = self.seam.len() - self.ahead;
        let taken = self.seam.split_to(len).freeze();
        if let Some(behind) = len.checked_sub(left) {
            self.seam.clear();
            self.ahead = 0;
            self.piece.advance(behind);
        }
        taken
    }

    /// Puts more of the piece behind the seam. Whether there was more: if not, the next piece is needed.
    pub(super) fn look_further(&mut self) -> bool {
        let rest = &self.piece[self.ahead..];
        if self.seam.is_empty() || rest.is_empty() {
            return false;
        }
        // As much again as there is: a head that lies in many pieces is not copied byte by byte.
        let more = rest.len().min(self.seam.len().max(LOOK_AHEAD));
        self.seam.extend_from_slice(&rest[..more]);
        self.ahead += more;
        true
    }

    /// The next piece, when [`look_further`](Self::look_further) has said that it is needed.
    pub(super) fn push(&mut self, piece: Bytes) {
        let rest = &self.piece[self.ahead..];
        self.seam.extend_from_slice(rest);
        self.piece = piece;
        self.ahead = 0;
        self.look_further();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is left of each piece, what comes out is what went in.
    #[test]
    fn takes_and_pieces_of_any_size() {
        let all: Vec<u8> = (0..5000_u32).map(|n| (n % 251) as u8).collect();
        for size in [1, 2, 7, 100, 129, 1000, 5000] {
            for needs in [1, 2, 3, 50, 300, 2000] {
                let (mut input, mut out) = (Input::default(), Vec::new());
                let mut pieces = all.chunks(size);
                loop {
                    if input.bytes().len() >= needs {
                        assert!(all[out.len()..].starts_with(input.bytes()), "{size}, {needs}");
                        let taken = input.take(needs - needs / 3);
                        out.extend_from_slice(&taken);
                    } else if !input.look_further() {
                        let Some(piece) = pieces.next() else { break };
                        input.push(Bytes::copy_from_slice(piece));
                    }
                }
                out.extend_from_slice(&input.take(input.bytes().len()));
                assert_eq!(out, all, "{size}, {needs}");
            }
        }
    }

    #[test]
    fn a_piece_behind_nothing_is_not_copied() {
        let mut input = Input::default();
        let piece = Bytes::from(vec![b'x'; 100]);
        input.push(piece.clone());
        assert_eq!(input.take(60).as_ptr(), piece.as_ptr());
        input.push(piece.clone());
        assert_eq!(input.take(40 + 1).len(), 41);
        assert_eq!(input.take(99).as_ptr(), piece[1..].as_ptr(), "behind the seam it lies where it lay");
    }
}
