//! Searches in blocks of bytes by vectors of SSE2: the only unsafe code of this crate.
//!
//! Nothing here reads memory but by safe code. Unsafe is only the call of functions that need SSE2, which this file is not
//! compiled without. It buys a seventh of the instructions of a browser's head: 3,578 in `benches/gate.toml`, and 4,160
//! by words alone.
#![expect(unsafe_code, reason = "calling functions that need a feature of the processor")]

use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
    _mm_set1_epi8,
};

use super::{BLOCK, TARGET_BLOCK};

/// What is searched.
#[derive(Clone, Copy)]
enum Wanted {
    Colon,
    Control,
    NotTarget,
}

/// Index of the first `:`.
#[inline(always)]
pub(super) fn colon(block: &[u8; BLOCK]) -> Option<usize> {
    // SAFETY: the target has SSE2.
    unsafe { first(block, Wanted::Colon) }
}

/// Index of the first control character, HTAB included.
#[inline(always)]
pub(super) fn control(block: &[u8; BLOCK]) -> Option<usize> {
    // SAFETY: the target has SSE2.
    unsafe { first(block, Wanted::Control) }
}

/// Index of the first byte that is not of the class [`TARGET`](crate::class::TARGET).
#[inline(always)]
pub(super) fn not_target(block: &[u8; TARGET_BLOCK]) -> Option<usize> {
    // SAFETY: the target has SSE2.
    unsafe { first(block, Wanted::NotTarget) }
}

/// In blocks of 16 to 64 bytes.
#[target_feature(enable = "sse2")]
#[inline]
fn first<const N: usize>(block: &[u8; N], wanted: Wanted) -> Option<usize> {
    let mut marked = 0u64;
    for (place, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u128::from_le_bytes(*bytes);
        let bytes = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
        let marks = match wanted {
            Wanted::Colon => equal(bytes, b':'),
            Wanted::Control => controls(bytes),
            Wanted::NotTarget => not_of_target(bytes),
        };
        marked |= u64::from(_mm_movemask_epi8(marks) as u16) << (16 * place);
    }
    (marked != 0).then(|| marked.trailing_zeros() as usize)
}

#[target_feature(enable = "sse2")]
#[inline]
fn controls(bytes: __m128i) -> __m128i {
    let low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    _mm_or_si128(low, equal(bytes, 0x7f))
}

#[target_feature(enable = "sse2")]
#[inline]
fn not_of_target(bytes: __m128i) -> __m128i {
    // Of signed bytes these are also those above 0x7f.
    let outer = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21)), equal(bytes, 0x7f));
    let quoting = equal(_mm_or_si128(bytes, _mm_set1_epi8(1)), b'#'); // `"` and `#`
    let brackets = equal(_mm_or_si128(bytes, _mm_set1_epi8(2)), b'>'); // `<` and `>`
    let escaping = _mm_or_si128(equal(bytes, b'%'), equal(bytes, b'\\'));
    _mm_or_si128(outer, _mm_or_si128(_mm_or_si128(quoting, brackets), escaping))
}

#[target_feature(enable = "sse2")]
#[inline]
fn equal(bytes: __m128i, byte: u8) -> __m128i {
    _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))
}
