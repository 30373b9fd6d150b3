//! Classes of bytes, as one table.

use crate::search::controls;

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
    let Some(mut rest) = bytes.get(from..) else { return bytes.len() };
    // Unrolled; most runs are short.
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        if let Some(at) = eight.iter().position(|&byte| !is(byte, class)) {
            return bytes.len() - rest.len() + at;
        }
        rest = behind;
    }
    bytes.len() - rest.len() + rest.iter().position(|&byte| !is(byte, class)).unwrap_or(rest.len())
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2), not empty.
#[inline]
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && all(bytes, |part| part.iter().fold(TOKEN, |all, &byte| all & CLASS[usize::from(byte)]) != 0)
}

/// Whether `bytes` may be a field value or a reason phrase: no control but HTAB (RFC 9110 section 5.5).
#[inline]
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    all(bytes, |part| match part.first_chunk() {
        Some(word) => controls(u64::from_le_bytes(*word)) == 0,
        None => part.iter().all(|&byte| is(byte, TEXT)),
    }) || bytes.iter().all(|&byte| is(byte, TEXT))
}

/// Whether all of `bytes` passes, in parts of 8 of which the last may overlap the one before it; or in one part if it is
/// shorter.
#[inline]
fn all(bytes: &[u8], passes: impl Fn(&[u8]) -> bool) -> bool {
    match bytes.last_chunk::<8>() {
        Some(last) => bytes.as_chunks::<8>().0.iter().all(|part| passes(part)) && passes(last),
        None => passes(bytes),
    }
}

/// `bytes` without the optional white space around it (RFC 9110 section 5.6.3).
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// `bytes` without the optional white space before it.
#[inline]
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// `bytes` without the optional white space behind it.
#[inline]
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, trimmed, empty ones included (RFC 9110 section 5.6.1).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_tokens_are_judged_to_the_byte() {
        assert!(is_text(b"") && !is_token(b""));
        for byte in 0..=255u8 {
            assert_eq!(is(byte, TEXT), byte == b'\t' || !byte.is_ascii_control(), "{byte:#x}");
            for (len, at) in (1..34).flat_map(|len| (0..len).map(move |at| (len, at))) {
                let mut bytes = alloc::vec![b'a'; len];
                bytes[at] = byte;
                assert_eq!(is_text(&bytes), is(byte, TEXT), "{bytes:?}");
                assert_eq!(is_token(&bytes), is(byte, TOKEN), "{bytes:?}");
            }
        }
    }

    #[test]
    fn lists_are_split_and_trimmed() {
        assert!(list(b" a,\t,b ,").eq([&b"a"[..], b"", b"b", b""]));
    }
}
