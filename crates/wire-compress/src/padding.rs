//! Random length for what is encoded, against the BREACH attack.

use core::fmt;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
use core::hash::Hasher;

#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
use alloc::vec::Vec;

#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
use siphasher::sip::SipHasher24;

/// Makes the length of encoded content harder to read.
///
/// **Padding only slows the attack.** BREACH (2013) guesses a secret of a response that also reflects what the
/// attacker sends: a right guess makes the encoded form shorter. With padding the attacker needs more guesses,
/// varied so that their lengths can be averaged; for the same content there is no averaging, since its length is drawn
/// from a checksum of it (SipHash-2-4 under `key`), not anew each time. What defends is not to compress such a
/// response ([`ResponseHead::secret`](crate::ResponseHead::secret)), not to reflect, or to mask the secret anew each
/// time.
///
/// The padding stands at the end, where the checksum of all of the content is known: one over its beginning alone
/// would be the same for all guesses behind it, and could be subtracted. It is made of what decoders skip: in gzip and
/// deflate, empty blocks (RFC 1951 section 3.2.4); in brotli, a metadata block (RFC 7932 section 9.2); in zstd, a
/// skippable frame (RFC 8878 section 3.1.2). What is flushed before the end can be told apart by its own length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    key: [u8; 16],
    max: u16,
}

impl Padding {
    /// Padding of up to `max` bytes, and 9 at most for the form. The key should come from the system's entropy, and
    /// stay the same for as long as the same content may be asked for: a new one gives the attacker a new sample.
    #[must_use]
    pub const fn new(key: [u8; 16], max: u16) -> Self {
        Self { key, max }
    }
}

impl fmt::Debug for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the key.
        f.debug_struct("Padding").field("max", &self.max).finish_non_exhaustive()
    }
}

/// The checksum of the content so far.
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
pub(crate) struct Drawing {
    hasher: SipHasher24,
    max: u16,
}

#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
impl Drawing {
    pub(crate) fn new(padding: &Padding) -> Self {
        Self { hasher: SipHasher24::new_with_key(&padding.key), max: padding.max }
    }

    pub(crate) fn update(&mut self, content: &[u8]) {
        self.hasher.write(content);
    }

    /// The length: 0 to `max`.
    pub(crate) fn draw(&self) -> usize {
        // The remainder of 64 bits favours no length noticeably.
        (self.hasher.finish() % (u64::from(self.max) + 1)) as usize
    }
}

/// `9 + len` bytes of empty blocks, between two bytes of a deflate stream.
///
/// A stored block that ends at a byte takes 5 bytes, which alone would leave the length modulo 5 as it was. Empty
/// blocks of fixed codes (10 bits) before it make 6, 7 and 9; with these every length from 9 on is a sum.
#[cfg(feature = "gzip")]
pub(crate) fn deflate(len: usize) -> Vec<u8> {
    const STORED: [u8; 5] = [0, 0, 0, 0xff, 0xff];
    const SIX: [u8; 6] = [0x02, 0, 0, 0, 0xff, 0xff];
    const SEVEN: [u8; 7] = [0x02, 0x08, 0, 0, 0, 0xff, 0xff];
    const NINE: [u8; 9] = [0x02, 0x08, 0x20, 0, 0, 0, 0, 0xff, 0xff];
    let total = len + 9;
    let mut out = Vec::with_capacity(total);
    match total % 5 {
        0 => {}
        1 => out.extend_from_slice(&SIX),
        2 => out.extend_from_slice(&SEVEN),
        3 => out.extend_from_slice(&[&SIX[..], &SEVEN].concat()),
        _ => out.extend_from_slice(&NINE),
    }
    while out.len() < total {
        out.extend_from_slice(&STORED);
    }
    out
}

/// A metadata block of `1 + len` bytes behind a header of 2 or 3, between two bytes of a brotli stream.
#[cfg(feature = "brotli")]
pub(crate) fn brotli(len: usize) -> Vec<u8> {
    // ISLAST 0, MNIBBLES 3 for "none", a reserved bit, MSKIPBYTES, MSKIPLEN - 1: from the lowest bit on.
    let bytes = if len < 1 << 8 { 1_u32 } else { 2 };
    let header = 0b0110 | bytes << 4 | (len as u32) << 6;
    let mut out = header.to_le_bytes()[..1 + bytes as usize].to_vec();
    out.resize(out.len() + len + 1, 0);
    out
}

/// A skippable frame with `len` bytes behind its 8.
#[cfg(feature = "zstd")]
pub(crate) fn zstd(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + len);
    out.extend_from_slice(&0x184d_2a50_u32.to_le_bytes());
    out.extend_from_slice(&(len as u32).to_le_bytes());
    out.resize(8 + len, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "gzip")]
    #[test]
    fn every_length_can_be_made_of_empty_blocks() {
        for len in 0..200 {
            let blocks = deflate(len);
            assert_eq!(blocks.len(), len + 9);
            let mut inflate = flate2::Decompress::new(false);
            let mut out = [0; 8];
            let stream = [&blocks[..], b"\x03\x00"].concat();
            let status = inflate.decompress(&stream, &mut out, flate2::FlushDecompress::None);
            assert!(matches!(status, Ok(flate2::Status::StreamEnd)), "{len}: {status:?}");
            assert_eq!((inflate.total_in(), inflate.total_out()), (stream.len() as u64, 0));
        }
    }

    #[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
    #[test]
    fn lengths_depend_on_content_and_key_not_on_how_it_was_cut() {
        let draw = |key, content: &[u8], cut| {
            let mut drawing = Drawing::new(&Padding::new([key; 16], 999));
            content.chunks(cut).for_each(|piece| drawing.update(piece));
            drawing.draw()
        };
        let content = b"a secret and what was reflected";
        assert_eq!(draw(1, content, 1), draw(1, content, 100));
        assert_eq!(draw(1, content, 7), draw(1, content, 100));
        let lens: Vec<usize> = (0..64).map(|key| draw(key, content, 100)).collect();
        assert!(lens.iter().any(|&len| len > 500) && lens.iter().any(|&len| len < 500));
        assert!((0..64).any(|last| draw(1, &[b'x', last], 100) != draw(1, b"xx", 100)));
    }
}
