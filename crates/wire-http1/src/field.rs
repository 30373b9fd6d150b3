//! Field lines of header and trailer sections: the table, and the scanner that fills it (RFC 9112 section 5).
//!
//! One pass: the colon is found in a block of bytes, the name is hashed and compared (which validates it where it is known),
//! the value is searched by blocks for the first control character, which must be the CR of CRLF.
//!
//! Invariants:
//! - the scanner keeps its place between calls, to the byte: no byte is scanned more than a fixed number of times, in
//!   whatever pieces the section arrives;
//! - an error is reported as soon as its byte is there, so that neither kind nor offset depend on the pieces.

use alloc::vec::Vec;
use core::ops::Range;

use crate::class::{self, TEXT, TOKEN};
use crate::error::{EncodeError, ErrorKind};
use crate::known::{Known, WINDOW};
use crate::search;

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

/// What a section does with each field line as it is found.
pub(crate) trait FieldSink {
    /// Takes the line, whose value is `value`; `Err` refuses the request there.
    fn field(&mut self, field: Field, value: &[u8]) -> Result<(), ErrorKind>;
}

/// Where the scanner stands in a field section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldScanner {
    /// Start of the section.
    start: usize,
    /// Start of the line that is being scanned.
    line: usize,
    /// Its name, once the colon was found.
    name: Option<Name>,
    /// Valid bytes of the name, or of the value once the name is known: they need no second look.
    clean: usize,
}

/// A validated name at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    len: usize,
    known: Option<Known>,
}

impl FieldScanner {
    /// A scanner of the section that begins at `start`.
    pub(crate) fn new(start: usize) -> Self {
        Self { start, line: start, ..Self::default() }
    }

    /// Goes on in `view`, which begins where it began before and has grown at its end. The end of the section, behind
    /// its empty line, or `None` for more bytes; an error has its offset in `view`.
    #[inline(never)] // a loop of its own has the registers for itself
    pub(crate) fn scan(
        &mut self,
        view: &[u8],
        sink: &mut impl FieldSink,
    ) -> Result<Option<usize>, (ErrorKind, usize)> {
        let mut rest = &view[self.line..];
        let (mut name, mut clean) = (self.name, self.clean);
        loop {
            let line = view.len() - rest.len();
            let Name { len, known } = match name {
                Some(name) => name,
                None => {
                    let name = match rest {
                        [b'\r', b'\n', ..] => return Ok(Some(line + 2)),
                        [b'\r', _, ..] => return Err((ErrorKind::BareCr, line)),
                        _ => match known_name(rest) {
                            Some(name) => name,
                            None => match self.other_name(rest, line, clean)? {
                                Some(name) => name,
                                None => return Ok(None),
                            },
                        },
                    };
                    clean = 0;
                    name
                }
            };
            // Behind the colon; where an earlier call has looked already, from there on.
            let untrimmed = &rest[len + 1..];
            let control = search::from_control(&untrimmed[clean..]);
            clean = untrimmed.len() - control.len();
            let at = view.len() - control.len();
            let next = match control {
                [b'\r', b'\n', next @ ..] => next,
                [b'\r', _, ..] => return Err((ErrorKind::BareCr, at)),
                [b'\n', ..] => return Err((ErrorKind::BareLf, at)),
                [b'\t', ..] => {
                    name = Some(Name { len, known });
                    clean += 1;
                    continue;
                }
                [] | [b'\r'] => {
                    *self = Self { line, name: Some(Name { len, known }), clean, ..*self };
                    return Ok(None);
                }
                _ => return Err((ErrorKind::InvalidFieldValue, at)),
            };
            let (skipped, value) = trim(&untrimmed[..clean]);
            let start = line + len + 1 + skipped;
            let field = Field {
                name: line as u32,
                value: start as u32,
                value_len: value.len() as u32,
                name_len: len as u16,
                known,
            };
            sink.field(field, value).map_err(|kind| (kind, start))?;
            (name, clean, rest) = (None, 0, next);
        }
    }

    /// The class of bytes that go on with what the first `seen` bytes end in: a name or a value. None where a CR waits to be
    /// looked at again.
    pub(crate) fn goes_on_with(&self, seen: usize) -> u8 {
        match self.name {
            _ if self.from() + self.clean != seen => 0,
            Some(_) => TEXT,
            None => TOKEN,
        }
    }

    /// Notes that it went on with such bytes, up to `seen`.
    pub(crate) fn went_on(&mut self, seen: usize) {
        self.clean = seen - self.from();
    }

    /// Where the name begins, or the value once the name is known.
    fn from(&self) -> usize {
        self.line + self.name.map_or(0, |name| name.len + 1)
    }

    /// A name at the start of `rest` that is not known, or long, or near the end of the input, or wrong, or no line yet.
    #[inline(never)]
    fn other_name(
        &mut self,
        rest: &[u8],
        line: usize,
        clean: usize,
    ) -> Result<Option<Name>, (ErrorKind, usize)> {
        // Not by searching the colon: a line without one is refused at its first wrong byte.
        let len = class::skip(rest, clean, TOKEN);
        let kind = match rest.get(len) {
            Some(b':') if len > usize::from(u16::MAX) => ErrorKind::FieldSectionTooLarge,
            Some(b':') if len > 0 => return Ok(Some(Name { len, known: Known::from_name(&rest[..len]) })),
            None => {
                *self = Self { line, name: None, clean: len, ..*self };
                return Ok(None);
            }
            Some(b'\r') if rest.len() == 1 => {
                *self = Self { line, name: None, clean: 0, ..*self };
                return Ok(None);
            }
            Some(b' ' | b'\t') if len > 0 => ErrorKind::SpaceBeforeColon,
            Some(b' ' | b'\t') if line > self.start => ErrorKind::ObsoleteFold,
            Some(b' ' | b'\t') => ErrorKind::LeadingWhitespace,
            Some(b'\n') => ErrorKind::BareLf,
            Some(_) => ErrorKind::InvalidFieldName,
        };
        Err((kind, line + len))
    }
}

/// The value without the white space around it, and how much of that was before it.
#[inline]
fn trim(untrimmed: &[u8]) -> (usize, &[u8]) {
    // Nearly always it is one space.
    if let [b' ', value @ ..] = untrimmed
        && let [first, .., last] = value
        && *first > b' '
        && *last > b' '
    {
        return (1, value);
    }
    let from_value = class::trim_start(untrimmed);
    (untrimmed.len() - from_value.len(), class::trim_end(from_value))
}

/// The name that `rest` begins with, if the table knows it.
#[inline(always)]
fn known_name(rest: &[u8]) -> Option<Name> {
    let window = rest.first_chunk::<WINDOW>()?;
    let len = search::colon_in(window)?;
    Known::from_window(window, len).map(|known| Name { len, known: Some(known) })
}

/// Writes a field line with any name.
#[inline]
pub(crate) fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if !class::is_token(name) {
        return Err(EncodeError::InvalidFieldName);
    }
    if !class::is_text(value) {
        return Err(EncodeError::InvalidFieldValue);
    }
    write_valid(name, value, out);
    Ok(())
}

/// Writes a field line whose parts were validated.
#[inline(always)]
pub(crate) fn write_valid(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
