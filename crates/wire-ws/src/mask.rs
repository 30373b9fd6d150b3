//! Masking (RFC 6455 section 5.3): byte `i` of a payload is XORed with byte `i mod 4` of the frame's key.
//!
//! The loops go by machine words that the compiler turns into vectors, for long pieces into those of AVX2 where the
//! processor has them (feature `std`). While a word is in hand it is also known
//! whether it is ASCII, so checking text costs next to nothing where it is.

/// The mask of one frame, resumable: pieces of a payload are transformed in order, wherever they are cut.
///
/// Masking and unmasking are the same operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The key, little-endian, rotated so that its lowest byte is for the next byte of the payload.
    key: u32,
}

/// The high bit of each byte: set in no byte of ASCII text.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// From this length wider vectors are worth asking the processor for.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
const LONG: usize = 128;

impl Mask {
    /// The mask of a frame with this key, before the payload's first byte.
    #[inline]
    #[must_use]
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    /// Transforms the next piece of the payload in place.
    ///
    /// Returns whether all bytes are ASCII *after* the transformation.
    #[inline]
    pub fn apply(&mut self, piece: &mut [u8]) -> bool {
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        if piece.len() >= LONG {
            return self.apply_long(piece);
        }
        self.apply_short(piece)
    }

    /// Goes through vectors as wide as the processor has them.
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    #[inline(never)]
    fn apply_long(&mut self, piece: &mut [u8]) -> bool {
        let (words, rest) = piece.as_chunks_mut::<8>();
        match crate::avx2::mask_words_avx2(words, self.wide()) {
            // Whole words leave the phase as it was.
            Some(seen) => self.apply_short(rest) && seen & HIGH_BITS == 0,
            None => self.apply_short(piece),
        }
    }

    /// As [`apply`](Self::apply), for pieces that are known to be short.
    #[inline]
    pub(crate) fn apply_short(&mut self, piece: &mut [u8]) -> bool {
        let key = self.wide();
        // A word behind n words has the phase of the end: the piece's last word is read first and written last, and
        // overlaps the whole words where the length is no multiple.
        self.skip(piece.len());
        let mut seen;
        if let Some(&last) = piece.last_chunk::<8>() {
            let last = u64::from_le_bytes(last) ^ self.wide();
            seen = last | mask_words(piece.as_chunks_mut::<8>().0, key);
            if let Some(word) = piece.last_chunk_mut::<8>() {
                *word = last.to_le_bytes();
            }
        } else {
            seen = 0;
            for (byte, key) in piece.iter_mut().zip(key.to_le_bytes()) {
                *byte ^= key;
                seen |= u64::from(*byte);
            }
        }
        seen & HIGH_BITS == 0
    }

    /// Appends the next piece of the payload, transformed, in one pass.
    #[inline]
    pub(crate) fn append(&mut self, piece: &[u8], out: &mut alloc::vec::Vec<u8>) {
        /// Fits the vector registers, so that a block goes from the source to `out` without a stop in memory.
        const BLOCK: usize = 64;
        out.reserve(piece.len());
        let key = self.wide();
        let (blocks, rest) = piece.as_chunks::<BLOCK>();
        for block in blocks {
            let mut masked = *block;
            for word in masked.as_chunks_mut::<8>().0 {
                *word = (u64::from_le_bytes(*word) ^ key).to_le_bytes();
            }
            out.extend_from_slice(&masked);
        }
        let start = out.len();
        out.extend_from_slice(rest);
        // Whole blocks leave the phase as it was.
        self.apply(&mut out[start..]);
    }

    /// The key twice.
    #[inline]
    const fn wide(self) -> u64 {
        let key = self.key as u64;
        key << 32 | key
    }

    /// Passes over `len` bytes of the payload.
    #[inline]
    pub const fn skip(&mut self, len: usize) {
        self.key = self.key.rotate_right(8 * (len as u32 % 4));
    }
}

/// Transforms whole words: all bits that are set in any of them then.
#[inline(always)]
pub(crate) fn mask_words(words: &mut [[u8; 8]], key: u64) -> u64 {
    let mut seen = 0;
    for word in words {
        let plain = u64::from_le_bytes(*word) ^ key;
        seen |= plain;
        *word = plain.to_le_bytes();
    }
    seen
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use testkit::rng::Rng;

    use super::Mask;

    /// The formula of section 5.3.
    fn naive(key: [u8; 4], payload: &[u8]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn the_example_of_section_5_7() {
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert!(Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload));
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn every_length_alignment_and_cut_is_the_formula() {
        let mut rng = Rng::new(5);
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = vec![0; 300];
        rng.fill(&mut bytes);
        for start in 0..16 {
            for len in 0..=150 {
                let payload = &bytes[start..start + len];
                let expected = naive(key, payload);
                for cut in 0..=len.min(9) {
                    let mut in_place = bytes.clone();
                    let mut mask = Mask::new(key);
                    let (a, b) = in_place[start..start + len].split_at_mut(cut);
                    mask.apply(a);
                    mask.apply(b);
                    assert_eq!(
                        &in_place[start..start + len],
                        expected,
                        "start {start} length {len} cut {cut}"
                    );
                    let mut out = b"x".to_vec();
                    let mut mask = Mask::new(key);
                    mask.append(&payload[..cut], &mut out);
                    mask.append(&payload[cut..], &mut out);
                    assert_eq!(&out[1..], expected, "start {start} length {len} cut {cut}");
                }
            }
        }
    }

    #[test]
    fn long_pieces_are_the_formula_too() {
        let mut rng = Rng::new(6);
        let mut bytes = vec![0; 5_000];
        rng.fill(&mut bytes);
        for _ in 0..300 {
            let mut key = [0; 4];
            rng.fill(&mut key);
            let start = rng.below(40);
            let payload = &bytes[start..start + 900 + rng.below(4_000)];
            let expected = naive(key, payload);
            let cut = rng.below(payload.len());
            let mut masked = payload.to_vec();
            let mut mask = Mask::new(key);
            mask.apply(&mut masked[..cut]);
            mask.apply(&mut masked[cut..]);
            assert!(masked == expected);
            // One byte that is not ASCII, anywhere.
            let mut text = vec![b'a'; payload.len()];
            assert!(Mask::new(key).apply(&mut naive(key, &text)));
            text[cut] = 0x80;
            assert!(!Mask::new(key).apply(&mut naive(key, &text)), "length {}, byte {cut}", text.len());
        }
    }

    #[test]
    fn ascii_is_told_from_the_rest_wherever_the_byte_stands() {
        let key = [0x80, 0x7f, 0xff, 0x01];
        for len in 0..100 {
            let text = vec![b'a'; len];
            assert!(Mask::new(key).apply(&mut naive(key, &text)));
            for at in 0..len {
                let mut text = text.clone();
                text[at] = 0x80;
                assert!(!Mask::new(key).apply(&mut naive(key, &text)), "length {len}, byte {at}");
            }
        }
    }
}
