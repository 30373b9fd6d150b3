//! UTF-8 that arrives in pieces (RFC 6455 section 8.1, RFC 3629).
//!
//! Pieces are cut anywhere, so a code point may straddle them. Whole stretches go through a vector validator, the
//! few bytes around a cut through a small automaton. Both agree on the byte that breaks the text, which therefore
//! does not depend on the cuts: the first byte with which no continuation could be valid.

/// An incremental validator that owns three bytes of state and fails at the first byte that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8Validator {
    /// Continuation bytes that the last code point still lacks: 0 to 3.
    lacking: u8,
    /// The next continuation byte must be in `low..=high`. After a code point: the full range.
    low: u8,
    high: u8,
}

/// Continuation bytes.
const LOW: u8 = 0x80;
const HIGH: u8 = 0xbf;

/// From this length the vector validator beats the one of `core`.
const LONG: usize = 64;

impl Utf8Validator {
    /// At the start of a text.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { lacking: 0, low: LOW, high: HIGH }
    }

    /// Whether the text so far ends with a whole code point.
    #[inline]
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.lacking == 0
    }

    /// Validates the next piece of the text.
    ///
    /// # Errors
    ///
    /// The index of the first byte that cannot be valid after those before it, whatever follows. The validator is
    /// of no use afterwards.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) -> Result<(), usize> {
        if self.is_complete() && piece.len() < LONG && piece.is_ascii() {
            return Ok(());
        }
        self.push_any(piece)
    }

    /// As [`push`](Self::push), for a piece that is known to be ASCII.
    #[inline]
    pub(crate) fn push_ascii(&self, piece: &[u8]) -> Result<(), usize> {
        if self.is_complete() || piece.is_empty() { Ok(()) } else { Err(0) }
    }

    #[inline(never)]
    pub(crate) fn push_any(&mut self, piece: &[u8]) -> Result<(), usize> {
        // The rest of a code point that began in an earlier piece.
        let mut start = 0;
        while !self.is_complete() {
            let Some(&byte) = piece.get(start) else { return Ok(()) };
            if !self.step(byte) {
                return Err(start);
            }
            start += 1;
        }
        let rest = &piece[start..];
        let (whole, cut) = rest.split_at(rest.len() - unfinished_tail(rest));
        if !is_valid(whole) {
            return Err(start + self.find(rest));
        }
        for (i, &byte) in cut.iter().enumerate() {
            if !self.step(byte) {
                return Err(start + whole.len() + i);
            }
        }
        Ok(())
    }

    /// The automaton of RFC 3629 section 4: takes one byte, returns whether it is possible here.
    fn step(&mut self, byte: u8) -> bool {
        let range = self.low..=self.high;
        (self.low, self.high) = (LOW, HIGH);
        if self.lacking > 0 {
            self.lacking -= 1;
            return range.contains(&byte);
        }
        match byte {
            0x00..=0x7f => {}
            0xc2..=0xdf => self.lacking = 1,
            // Neither overlong forms nor surrogates.
            0xe0 => (self.lacking, self.low) = (2, 0xa0),
            0xed => (self.lacking, self.high) = (2, 0x9f),
            0xe1..=0xef => self.lacking = 2,
            // Neither overlong forms nor anything above U+10FFFF.
            0xf0 => (self.lacking, self.low) = (3, 0x90),
            0xf4 => (self.lacking, self.high) = (3, 0x8f),
            0xf1..=0xf3 => self.lacking = 3,
            _ => return false,
        }
        true
    }

    /// The byte that makes `text`, known to be invalid, so.
    #[cold]
    fn find(&mut self, text: &[u8]) -> usize {
        let valid = core::str::from_utf8(text).map_or_else(|e| e.valid_up_to(), str::len);
        let bad = text[valid..].iter().position(|&byte| !self.step(byte));
        valid + bad.unwrap_or(0)
    }
}

impl Default for Utf8Validator {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a text is valid as a whole.
#[inline(never)]
pub(crate) fn is_valid(text: &[u8]) -> bool {
    match text.len() {
        ..LONG => core::str::from_utf8(text).is_ok(),
        _ => simdutf8::basic::from_utf8(text).is_ok(),
    }
}

/// The length of a code point at the end of `text` that lacks continuation bytes: 0 to 3. What this says about
/// invalid text does not matter: some byte of it fails either way.
fn unfinished_tail(text: &[u8]) -> usize {
    for (back, &byte) in text.iter().rev().take(3).enumerate() {
        let len = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 0,
        };
        return if len > back + 1 { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Utf8Validator;

    /// The byte that breaks `text`, by trying each prefix with `core`: a prefix is possible while its error, if
    /// any, is only that it ends too early. `Err(len)`: the text is cut short.
    fn reference(text: &[u8]) -> Result<(), usize> {
        for end in 1..=text.len() {
            if core::str::from_utf8(&text[..end]).is_err_and(|e| e.error_len().is_some()) {
                return Err(end - 1);
            }
        }
        core::str::from_utf8(text).map(drop).map_err(|_| text.len())
    }

    fn in_pieces(pieces: &[&[u8]]) -> Result<(), usize> {
        let mut utf8 = Utf8Validator::new();
        let mut before = 0;
        for piece in pieces {
            utf8.push(piece).map_err(|at| before + at)?;
            before += piece.len();
        }
        if utf8.is_complete() { Ok(()) } else { Err(before) }
    }

    fn check(text: &[u8]) {
        let expected = reference(text);
        assert_eq!(in_pieces(&[text]), expected, "{text:x?}");
        for a in 0..=text.len() {
            assert_eq!(in_pieces(&[&text[..a], &text[a..]]), expected, "{text:x?} cut at {a}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(in_pieces(&bytes), expected, "{text:x?} byte by byte");
    }

    /// Boundaries of every range in the table of RFC 3629 section 4, and their neighbours.
    const EDGES: [u8; 26] = [
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
        0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xfe, 0xff,
    ];

    #[test]
    fn every_sequence_of_up_to_three_edge_bytes() {
        for a in EDGES {
            check(&[a]);
            for b in EDGES {
                check(&[a, b]);
                for c in EDGES {
                    check(&[a, b, c]);
                }
            }
        }
    }

    #[test]
    fn every_sequence_of_four_edge_bytes_after_a_long_lead() {
        for a in [0xed, 0xf0, 0xf1, 0xf4, 0xf5] {
            for b in EDGES {
                for c in EDGES {
                    for d in EDGES {
                        check(&[a, b, c, d]);
                    }
                }
            }
        }
    }

    #[test]
    fn long_texts_broken_anywhere() {
        let text = "κόσμε 🦀 plain ASCII in between \u{10ffff}\u{d7ff}\u{e000} and more, beyond one vector"
            .repeat(2);
        check(text.as_bytes());
        for at in 0..text.len() {
            for bad in [0x80, 0xc0, 0xed, 0xf0, 0xff, b'a'] {
                let mut text = text.clone().into_bytes();
                text[at] = bad;
                assert_eq!(in_pieces(&[&text]), reference(&text), "{bad:x} at {at}");
                let cut = (at + 1) % text.len();
                assert_eq!(in_pieces(&[&text[..cut], &text[cut..]]), reference(&text), "{bad:x} at {at}");
            }
        }
    }
}
