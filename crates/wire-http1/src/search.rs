//! Searches: where a field name ends, where a value ends, where a target ends.
//!
//! By vectors where the processor is known to have them: SSE2 is part of x86-64, except in programs built without floating
//! point, such as kernels. By words elsewhere, and in what is too short for a block.
//!
//! Invariant: they return the *first* hit. The word tricks may mark bytes behind the first hit wrongly, never before it, and
//! only the lowest mark is used.

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[path = "sse2.rs"]
mod blocks;
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use words as blocks;

use crate::class::{self, TARGET};

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 32;
/// The same of a target: most are short.
const TARGET_BLOCK: usize = 16;

/// Index of the first `:` in `window`, if there is one.
#[inline(always)]
pub(crate) fn colon_in(window: &[u8; BLOCK]) -> Option<usize> {
    blocks::colon(window)
}

/// `bytes` from the first control character (HTAB included) on.
#[inline]
pub(crate) fn from_control(mut bytes: &[u8]) -> &[u8] {
    while let Some((block, behind)) = bytes.split_first_chunk() {
        if let Some(at) = blocks::control(block) {
            return &bytes[at..];
        }
        bytes = behind;
    }
    while let Some((word, behind)) = bytes.split_first_chunk::<8>() {
        if let Some(at) = first(word, controls) {
            return &bytes[at..];
        }
        bytes = behind;
    }
    &bytes[bytes.iter().position(u8::is_ascii_control).unwrap_or(bytes.len())..]
}

/// Whether there is one in `bytes`.
#[inline(never)] // out of the way of those who look at one byte
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    !from_control(bytes).is_empty()
}

/// Index of the first byte from `from` on that may not stand in a request target by itself, or the length.
#[inline]
pub(crate) fn skip_target(bytes: &[u8], mut from: usize) -> usize {
    while let Some(block) = bytes.get(from..).and_then(|rest| rest.first_chunk()) {
        if let Some(at) = blocks::not_target(block) {
            return from + at;
        }
        from += TARGET_BLOCK;
    }
    class::skip(bytes, from, TARGET)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// Marks (by its high bit) each byte of `word` that is a control, below 0x20 or 0x7F: exact up to the first one.
#[inline]
pub(crate) const fn controls(word: u64) -> u64 {
    (((word & !HIGH) + ONES) | word.wrapping_sub(ONES * 0x20)) & !word & HIGH
}

/// Index of the first marked byte in `block`, if there is one.
#[inline]
fn first<const N: usize>(block: &[u8; N], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let mut at = 0;
    for word in block.as_chunks::<8>().0 {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    None
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod words {
    use super::{BLOCK, HIGH, ONES, TARGET_BLOCK, controls, first};
    use crate::class::{self, TARGET};

    #[inline(always)]
    pub(super) fn colon(block: &[u8; BLOCK]) -> Option<usize> {
        first(block, |word| {
            let zero = word ^ (ONES * 0x3a);
            zero.wrapping_sub(ONES) & !zero & HIGH
        })
    }

    #[inline(always)]
    pub(super) fn control(block: &[u8; BLOCK]) -> Option<usize> {
        first(block, controls)
    }

    #[inline(always)]
    pub(super) fn not_target(block: &[u8; TARGET_BLOCK]) -> Option<usize> {
        block.iter().position(|&byte| !class::is(byte, TARGET))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_return_the_first_hit_at_every_alignment() {
        for hit in 0..=255u8 {
            for len in 0..80 {
                for at in 0..len {
                    // Bytes that differ from the hit by one bit or by a borrow, before and behind it.
                    let mut bytes = alloc::vec![b'a'; len];
                    bytes[at] = hit;
                    if at + 1 < len {
                        bytes[at + 1] = hit.wrapping_sub(1);
                    }
                    let is_control = |b: &u8| *b < 0x20 || *b == 0x7f;
                    let control = bytes.iter().position(is_control);
                    assert_eq!(from_control(&bytes), &bytes[control.unwrap_or(len)..], "{bytes:?}");
                    assert_eq!(skip_target(&bytes, 0), class::skip(&bytes, 0, TARGET), "{bytes:?}");
                    assert_eq!(skip_target(&bytes, at), class::skip(&bytes, at, TARGET), "{bytes:?}");
                    if let Some(window) = bytes.first_chunk() {
                        let colon = window.iter().position(|&b| b == b':');
                        assert_eq!(blocks::colon(window), colon, "{bytes:?}");
                        assert_eq!(words::colon(window), colon, "{bytes:?}");
                        let control = control.filter(|&at| at < BLOCK);
                        assert_eq!(blocks::control(window), control, "{bytes:?}");
                        assert_eq!(words::control(window), control, "{bytes:?}");
                    }
                    if let Some(block) = bytes.first_chunk() {
                        assert_eq!(blocks::not_target(block), words::not_target(block), "{bytes:?}");
                    }
                }
            }
        }
    }
}
