//! Lists in field values (RFC 9110 sections 5.6.1 to 5.6.3).

/// Whether `value`, a comma-separated list, has this element, whatever the case.
pub(super) fn contains(value: &[u8], element: &str) -> bool {
    elements(value).any(|found| found.eq_ignore_ascii_case(element.as_bytes()))
}

/// The elements of a comma-separated list without quoted strings. Empty ones do not count (section 5.6.1.2).
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// A value without the white space around it.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// `value` as a token.
pub(super) fn token(value: &[u8]) -> Option<&str> {
    let (token, rest) = split_token(value);
    if rest.is_empty() && !token.is_empty() { Some(token) } else { None }
}

/// Splits a token, possibly empty, off the start of `value`.
pub(super) fn split_token(value: &[u8]) -> (&str, &[u8]) {
    let len = value.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(value.len());
    let (token, rest) = value.split_at(len);
    // Token characters are ASCII.
    (core::str::from_utf8(token).unwrap_or_default(), rest)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
