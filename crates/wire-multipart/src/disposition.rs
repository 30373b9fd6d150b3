//! Content-Disposition of a part (RFC 7578 section 4.2), as browsers write it (WHATWG HTML, multipart/form-data encoding).
//!
//! Within quotes only `%22`, `%0D` and `%0A` stand for something else, and a backslash is a backslash: `C:\x`, and also
//! `x\` before the closing quote. Old clients write `\"` for a quote. Where the value is well-formed with literal
//! backslashes, that is its meaning; only where it is not, `\"` is tried as a quote.
//!
//! No value is well-formed in both ways and has another meaning in the second. In the first reading quotes open and close in
//! turn, and one that opens stands behind `=`; so the first `\"`, and every other one, closes there. In the second reading
//! the quotes behind that first one have the opposite part: where the first reading closes, the second opens, so a further
//! `\"` would stand outside of quotes, which is not well-formed. With exactly one `\"`, one of the readings has an odd
//! number of quotes. A test goes through all short values.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use memchr::memchr2;

use crate::class::{self, TOKEN};
use crate::error::ErrorKind;
use crate::parameter::{Backslash, Parameters};

/// The parameters that count, as ranges of the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: Range<u32>,
    pub(crate) filename: Option<Range<u32>>,
}

/// Parses the value; an error has its offset in it.
pub(crate) fn parse(value: &[u8]) -> Result<Disposition, (ErrorKind, usize)> {
    match read(value, Backslash::Literal) {
        Err((ErrorKind::InvalidDisposition, at)) if value.contains(&b'\\') => {
            // The error of the standard's reading, unless the other one gets further.
            read(value, Backslash::BeforeQuote).map_err(|legacy| match legacy {
                (ErrorKind::InvalidDisposition, _) => (ErrorKind::InvalidDisposition, at),
                other => other,
            })
        }
        result => result,
    }
}

fn read(value: &[u8], backslash: Backslash) -> Result<Disposition, (ErrorKind, usize)> {
    let len = class::skip(value, TOKEN);
    if !value[..len].eq_ignore_ascii_case(b"form-data") {
        return Err((ErrorKind::InvalidDisposition, 0));
    }
    let (mut name, mut filename, mut twice) = (None, None, None);
    for parameter in (Parameters { value, at: len, backslash }) {
        let parameter = parameter.map_err(|at| (ErrorKind::InvalidDisposition, at))?;
        let found = &value[parameter.name.clone()];
        let slot = if found.eq_ignore_ascii_case(b"name") {
            &mut name
        } else if found.eq_ignore_ascii_case(b"filename") {
            &mut filename
        } else {
            // `filename*` among them, which RFC 7578 section 4.2 forbids.
            continue;
        };
        let range = parameter.value.start as u32..parameter.value.end as u32;
        if slot.replace(range).is_some() {
            twice = twice.or(Some(parameter.name.start));
        }
    }
    // Only once the whole is well-formed: in the other reading it might not be there twice.
    if let Some(at) = twice {
        return Err((ErrorKind::DuplicateParameter, at));
    }
    Ok(Disposition { name: name.ok_or((ErrorKind::MissingName, value.len()))?, filename })
}

/// A name or file name as its sender had it: `%22`, `%0D`, `%0A` and `\"` undone, everything else as it is.
pub(crate) fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut decoded = Vec::new();
    // What is not copied yet, and where in it to look next.
    let (mut rest, mut from) = (raw, 0);
    while let Some(at) = memchr2(b'%', b'\\', &rest[from..]) {
        let at = from + at;
        let (byte, len) = match &rest[at..] {
            [b'%', b'2', b'2', ..] => (b'"', 3),
            [b'%', b'0', b'd' | b'D', ..] => (b'\r', 3),
            [b'%', b'0', b'a' | b'A', ..] => (b'\n', 3),
            [b'\\', b'"', ..] => (b'"', 2),
            _ => {
                from = at + 1;
                continue;
            }
        };
        decoded.extend_from_slice(&rest[..at]);
        decoded.push(byte);
        (rest, from) = (&rest[at + len..], 0);
    }
    if decoded.is_empty() {
        return Cow::Borrowed(raw);
    }
    decoded.extend_from_slice(rest);
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let parsed = parse(value).ok()?;
        let text = |range: Range<u32>| decode(&value[range.start as usize..range.end as usize]).into_owned();
        Some((text(parsed.name), parsed.filename.map(text)))
    }

    #[test]
    fn backslashes() {
        let name = |value: &[u8]| names(value).map(|(name, _)| name);
        assert_eq!(name(br#"form-data; name="C:\x""#).as_deref(), Some(&br"C:\x"[..]));
        assert_eq!(name(br#"form-data; name="x\""#).as_deref(), Some(&br"x\"[..]));
        assert_eq!(name(br#"form-data; name="a\"b""#).as_deref(), Some(&br#"a"b"#[..]));
        assert_eq!(name(br#"form-data; name="\\s\f\""#).as_deref(), Some(&br"\\s\f\"[..]));
        assert_eq!(
            names(br#"form-data; name="x\"; filename="y\""#),
            Some((br"x\".to_vec(), Some(br"y\".to_vec())))
        );
        assert_eq!(
            names(br#"form-data; name="a\"; filename=\"b""#).map(|(name, file)| (name.len(), file)),
            Some((b"a\"; filename=\"b".len(), None))
        );
    }

    /// The claim at the head of this file.
    #[test]
    fn no_value_has_two_meanings() {
        const ALPHABET: &[u8; 5] = b"\"\\;=a";
        let (mut both, mut legacy) = (0, 0);
        let mut value = Vec::from(&b"form-data;name=a;"[..]);
        let start = value.len();
        for len in 0..=8_usize {
            for mut number in 0..5_usize.pow(len as u32) {
                value.truncate(start);
                for _ in 0..len {
                    value.push(ALPHABET[number % 5]);
                    number /= 5;
                }
                let (a, b) = (read(&value, Backslash::Literal), read(&value, Backslash::BeforeQuote));
                if let (Ok(a), Ok(b)) = (&a, &b) {
                    both += 1;
                    assert_eq!(a, b);
                    assert!(!value.windows(2).any(|pair| pair == b"\\\""), "{:?}", value.escape_ascii());
                } else {
                    legacy += usize::from(b.is_ok());
                }
            }
        }
        assert!(both > 100 && legacy > 10, "{both} {legacy}");
    }

    #[test]
    fn decoding_copies_only_what_changes() {
        assert!(matches!(decode(br"100% C:\x %2G %0"), Cow::Borrowed(_)));
        assert_eq!(decode(b"%22a%0d%0Ab\\\"c%").as_ref(), b"\"a\r\nb\"c%");
        assert_eq!(decode(b"a%b%22c%d%22").as_ref(), b"a%b\"c%d\"");
    }
}
