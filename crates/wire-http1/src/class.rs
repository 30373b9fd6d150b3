//! Classes of bytes, as one table, and word-wise searches over field lines.
//!
//! Invariant of the searches: they return the *first* hit. The word tricks may mark bytes behind the first hit wrongly,
//! never before it, and only the lowest mark is used.

/// `tchar` (RFC 9110 section 5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// May stand in a request target by itself: everything but `%`, which needs two digits behind it.
pub(crate) const TARGET: u8 = 2;
/// May stand in a registered name by itself: `unreserved / sub-delims` (RFC 3986 section 3.2.2) without the comma, which
/// would make two of a list.
pub(crate) const REG_NAME: u8 = 4;
/// `HEXDIG`, either case.
pub(crate) const HEX: u8 = 8;
/// `qdtext` and what a backslash may precede (RFC 9110 section 5.6.4): HTAB, SP, VCHAR, obs-text.
pub(crate) const TEXT: u8 = 16;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let alphanumeric = b.is_ascii_alphanumeric();
        if alphanumeric || is_in(b, b"!#$%&'*+-.^_`|~") {
            table[byte] |= TOKEN;
        }
        // RFC 3986: unreserved, gen-delims without `#`, sub-delims. The second set is not in its grammar, but browsers
        // send these unencoded (WHATWG URL, query percent-encode set), and no recipient gives them a meaning.
        if alphanumeric || is_in(b, b"-._~:/?[]@!$&'()*+,;=") || is_in(b, b"^`{|}") {
            table[byte] |= TARGET;
        }
        if alphanumeric || is_in(b, b"-._~!$&'()*+;=") {
            table[byte] |= REG_NAME;
        }
        if b.is_ascii_hexdigit() {
            table[byte] |= HEX;
        }
        if b == b'\t' || (b >= 0x20 && b != 0x7f) {
            table[byte] |= TEXT;
        }
        byte += 1;
    }
    table
};

const fn is_in(byte: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether `byte` belongs to `class`.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// Index of the first byte from `from` on that does not belong to `class`, or the length.
#[inline]
pub(crate) fn skip(bytes: &[u8], from: usize, class: u8) -> usize {
    let tail = bytes.get(from..).unwrap_or_default();
    from + tail.iter().position(|&byte| !is(byte, class)).unwrap_or(tail.len())
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2), not empty.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is(byte, TOKEN))
}

/// Whether `bytes` may be a field value or a reason phrase: no control but HTAB (RFC 9110 section 5.5).
#[inline]
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let mut from = 0;
    loop {
        from = find_control(bytes, from);
        match bytes.get(from) {
            None => return true,
            Some(b'\t') => from += 1,
            Some(_) => return false,
        }
    }
}

/// `bytes` without the optional white space around it (RFC 9110 section 5.6.3).
#[inline]
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, trimmed, empty ones included (RFC 9110 section 5.6.1).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// The high bit of each byte of `word` that is zero (exact up to the first one).
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The high bit of each byte of `word` that is a control: below 0x20 or 0x7F (exact up to the first one).
#[inline]
const fn controls(word: u64) -> u64 {
    (word.wrapping_sub(ONES * 0x20) & !word & HIGH) | zeros(word ^ (ONES * 0x7f))
}

#[inline]
fn find(bytes: &[u8], from: usize, marks: impl Fn(u64) -> u64, hit: impl Fn(u8) -> bool) -> usize {
    let tail = bytes.get(from..).unwrap_or_default();
    let (words, rest) = tail.as_chunks::<8>();
    let mut at = from;
    for word in words {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest.iter().position(|&byte| hit(byte)).unwrap_or(rest.len())
}

/// Index of the first `:` from `from` on, or the length.
#[inline]
pub(crate) fn find_colon(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |word| zeros(word ^ (ONES * 0x3a)), |byte| byte == b':')
}

/// Index of the first control character (HTAB included) from `from` on, or the length.
#[inline]
pub(crate) fn find_control(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, controls, |byte| byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_return_the_first_hit_at_every_alignment() {
        for hit in 0..=255u8 {
            for len in 0..40 {
                for at in 0..len {
                    // Bytes that differ from the hit by one bit or by a borrow, before and behind it.
                    let mut bytes = alloc::vec![b'a'; len];
                    bytes[at] = hit;
                    if at + 1 < len {
                        bytes[at + 1] = hit.wrapping_sub(1);
                    }
                    let naive = |f: fn(u8) -> bool| bytes.iter().position(|&b| f(b)).unwrap_or(len);
                    assert_eq!(find_control(&bytes, 0), naive(|b| b < 0x20 || b == 0x7f), "{bytes:?}");
                    assert_eq!(find_colon(&bytes, 0), naive(|b| b == b':'), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn searches_begin_where_told() {
        assert_eq!(find_colon(b"a:b:c", 2), 3);
        assert_eq!(find_colon(b"a:b", 3), 3);
        assert_eq!(find_colon(b"a:b", 9), 9);
    }

    #[test]
    fn text_is_everything_but_controls() {
        for byte in 0..=255u8 {
            assert_eq!(is_text(&[b'a', byte, b'b']), is(byte, TEXT), "{byte:#x}");
            assert_eq!(is_text(&[byte]), byte == b'\t' || !byte.is_ascii_control(), "{byte:#x}");
        }
    }

    #[test]
    fn lists_are_split_and_trimmed() {
        assert!(list(b" a,\t,b ,").eq([&b"a"[..], b"", b"b", b""]));
    }
}
