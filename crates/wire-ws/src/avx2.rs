//! The masking loop compiled for AVX2: the only unsafe code of this crate.
//!
//! The loop is the safe one of `mask.rs`. Unsafe is only the call of a function that needs AVX2, once the processor
//! was seen to have it. `cargo xtask bench ws` shows what that buys: at 16 KiB 1.06 of memcpy's speed
//! where the baseline of x86-64 makes 0.40.
#![expect(unsafe_code, reason = "calling a function that needs a feature of the processor")]

extern crate std;

use crate::mask::mask_words;

/// As [`mask_words`]; `None`: the processor has no AVX2, and nothing was done.
#[inline]
pub(crate) fn mask_words_avx2(words: &mut [[u8; 8]], key: u64) -> Option<u64> {
    #[target_feature(enable = "avx2")]
    fn compiled_for_avx2(words: &mut [[u8; 8]], key: u64) -> u64 {
        mask_words(words, key)
    }

    // The answer is kept: this is a load and a branch.
    if !std::is_x86_feature_detected!("avx2") {
        return None;
    }
    // SAFETY: the processor has AVX2, which is all that the function asks for.
    Some(unsafe { compiled_for_avx2(words, key) })
}
