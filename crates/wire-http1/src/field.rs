//! Field lines of header and trailer sections: the table, and the scanner that fills it (RFC 9112 section 5).
//!
//! One pass: the colon is found by words, the name is hashed and compared (which validates it where it is known), the
//! value is searched by words for the first control character, which must be the CR of CRLF.
//!
//! Invariants:
//! - the scanner keeps its place between calls, to the byte: no byte is scanned more than a fixed number of times, in
//!   whatever pieces the section arrives;
//! - an error is reported as soon as its byte is there, so that neither kind nor offset depend on the pieces.

use core::ops::Range;

use crate::class::{self, TOKEN};
use crate::error::ErrorKind;
use crate::known::Known;

/// Where a field line lies: offsets from the start of the message (of the trailer section). 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    name: u32,
    value: u32,
    value_len: u32,
    name_len: u16,
    pub(crate) known: Option<Known>,
}

impl Field {
    pub(crate) fn name_range(&self) -> Range<usize> {
        self.name as usize..self.name as usize + usize::from(self.name_len)
    }

    pub(crate) fn value_range(&self) -> Range<usize> {
        self.value as usize..self.value as usize + self.value_len as usize
    }
}

/// One field line, borrowed: the name in its original case, the value without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldView<'a> {
    /// The name as it was sent.
    pub name: &'a str,
    /// The value; any bytes but controls (HTAB is allowed).
    pub value: &'a [u8],
    /// The name in the codec's table, if it stands there.
    pub known: Option<Known>,
}

/// Resolves a table of fields against the bytes that it was decoded from.
pub(crate) fn resolve<'a>(
    fields: &'a [Field],
    bytes: &'a [u8],
) -> impl ExactSizeIterator<Item = FieldView<'a>> + DoubleEndedIterator + Clone + 'a {
    fields.iter().map(|field| FieldView {
        name: ascii(&bytes[field.name_range()]),
        value: &bytes[field.value_range()],
        known: field.known,
    })
}

/// The values of the fields of this name: by index where the table knows it, by name otherwise.
pub(crate) fn named<'a, 'n>(
    fields: &'a [Field],
    bytes: &'a [u8],
    name: &'n str,
) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
    let known = Known::from_name(name.as_bytes());
    fields
        .iter()
        .filter(move |field| {
            field.known == known
                && (known.is_some() || bytes[field.name_range()].eq_ignore_ascii_case(name.as_bytes()))
        })
        .map(|field| &bytes[field.value_range()])
}

/// The values of the fields of this known name.
pub(crate) fn known<'a>(
    fields: &'a [Field],
    bytes: &'a [u8],
    name: Known,
) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
    fields.iter().filter(move |field| field.known == Some(name)).map(|field| &bytes[field.value_range()])
}

/// Bytes that were validated as ASCII when they were decoded; empty if the caller gave other bytes since.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// What a section does with each field line as it is found.
pub(crate) trait FieldSink {
    /// Takes the line; `Err` refuses the request at the field's value.
    fn field(&mut self, field: Field, view: &[u8]) -> Result<(), ErrorKind>;
}

/// Where the scanner stands in a field section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldScanner {
    /// Start of the line that is being scanned.
    line: usize,
    /// The next byte to look at.
    at: usize,
    /// The name of this line, once its colon was found.
    name: Option<Name>,
    /// Whether a field line came before: white space at the start of this one would fold it.
    after_field: bool,
}

/// A validated name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    end: usize,
    known: Option<Known>,
}

impl FieldScanner {
    /// A scanner of the section that begins at `start`.
    pub(crate) fn new(start: usize) -> Self {
        Self { line: start, at: start, name: None, after_field: false }
    }

    /// Goes on in `view`, which begins where it began before and has grown at its end. The end of the section, behind
    /// its empty line, or `None` for more bytes; an error has its offset in `view`.
    #[inline]
    pub(crate) fn scan(
        &mut self,
        view: &[u8],
        sink: &mut impl FieldSink,
    ) -> Result<Option<usize>, (ErrorKind, usize)> {
        loop {
            let name = match self.name {
                Some(name) => name,
                None => {
                    match view[self.line..] {
                        [b'\r', b'\n', ..] => return Ok(Some(self.line + 2)),
                        [b'\r', _, ..] => return Err((ErrorKind::BareCr, self.line)),
                        [] | [b'\r'] => return Ok(None),
                        _ => {}
                    }
                    let Some(name) = self.scan_name(view)? else { return Ok(None) };
                    name
                }
            };
            let end = class::find_control(view, self.at);
            match view[end..] {
                [b'\r', b'\n', ..] => {}
                [b'\r', _, ..] => return Err((ErrorKind::BareCr, end)),
                [] | [b'\r'] => {
                    (self.name, self.at) = (Some(name), end);
                    return Ok(None);
                }
                [b'\t', ..] => {
                    (self.name, self.at) = (Some(name), end + 1);
                    continue;
                }
                [b'\n', ..] => return Err((ErrorKind::BareLf, end)),
                _ => return Err((ErrorKind::InvalidFieldValue, end)),
            }
            let field = self.field(view, name, end);
            if let Err(kind) = sink.field(field, view) {
                return Err((kind, field.value as usize));
            }
            *self = Self { line: end + 2, at: end + 2, name: None, after_field: true };
        }
    }

    /// Finds and validates the name, and leaves the scanner at the value; `None` for more bytes.
    #[inline]
    fn scan_name(&mut self, view: &[u8]) -> Result<Option<Name>, (ErrorKind, usize)> {
        let end = class::find_colon(view, self.at);
        if end == view.len() {
            // No colon yet: what is here must be name, so that a line without one is refused at its first wrong byte.
            self.expect_token(view, self.at, end)?;
            self.at = end;
            return Ok(None);
        }
        let known = Known::from_range(view, self.line, end);
        if known.is_none() {
            self.expect_token(view, self.line, end)?;
            if end == self.line {
                return Err((ErrorKind::InvalidFieldName, end));
            }
            if end - self.line > usize::from(u16::MAX) {
                return Err((ErrorKind::FieldSectionTooLarge, end));
            }
        }
        self.at = end + 1;
        Ok(Some(Name { end, known }))
    }

    /// The table entry of the line, without the white space around the value.
    #[inline]
    fn field(&self, view: &[u8], name: Name, mut end: usize) -> Field {
        let mut start = name.end + 1;
        while matches!(view[start], b' ' | b'\t') {
            start += 1;
        }
        while end > start && matches!(view[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        Field {
            name: self.line as u32,
            value: start as u32,
            value_len: (end - start) as u32,
            name_len: (name.end - self.line) as u16,
            known: name.known,
        }
    }

    /// `view[from..end]`, part of this line's name, must be token.
    fn expect_token(&self, view: &[u8], from: usize, end: usize) -> Result<(), (ErrorKind, usize)> {
        let at = class::skip(&view[..end], from, TOKEN);
        if at == end {
            return Ok(());
        }
        let kind = match view[at] {
            b' ' | b'\t' if at == self.line && self.after_field => ErrorKind::ObsoleteFold,
            b' ' | b'\t' if at == self.line => ErrorKind::LeadingWhitespace,
            b' ' | b'\t' => ErrorKind::SpaceBeforeColon,
            b'\n' => ErrorKind::BareLf,
            _ => ErrorKind::InvalidFieldName,
        };
        Err((kind, at))
    }
}
