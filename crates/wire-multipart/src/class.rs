//! Classes of bytes, as one table.

/// `tchar` (RFC 9110 section 5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// `bchars` (RFC 2046 section 5.1.1), the space included.
pub(crate) const BOUNDARY: u8 = 2;
/// May stand in a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5).
pub(crate) const TEXT: u8 = 4;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let alphanumeric = b.is_ascii_alphanumeric();
        if alphanumeric || is_in(b, b"!#$%&'*+-.^_`|~") {
            table[byte] |= TOKEN;
        }
        if alphanumeric || is_in(b, b"'()+_,-./:=? ") {
            table[byte] |= BOUNDARY;
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

/// Index of the first byte that does not belong to `class`, or the length.
#[inline]
pub(crate) fn skip(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|&byte| CLASS[usize::from(byte)] & class == 0).unwrap_or(bytes.len())
}

/// Whether all of `bytes` belongs to `class`.
#[inline]
pub(crate) fn all(bytes: &[u8], class: u8) -> bool {
    skip(bytes, class) == bytes.len()
}

/// `bytes` without the optional white space before it (RFC 9110 section 5.6.3).
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// `bytes` without the optional white space behind it.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
