//! Field lines of a part's head: the table, and the scanner that fills it (RFC 2046 section 5.1, by the rules of RFC 9112
//! section 5).
//!
//! Invariants:
//! - a line is read once it is whole, so that neither an error nor its offset depend on the pieces in which it arrives;
//! - the search for its end keeps its place between calls: no byte is searched twice.

use alloc::vec::Vec;
use core::ops::Range;

use memchr::memchr;

use crate::class::{self, TEXT, TOKEN};
use crate::decode::LineEnd;
use crate::error::ErrorKind;

/// Where a field line lies: offsets from the start of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
}

impl Field {
    pub(crate) fn name(&self) -> Range<usize> {
        self.name as usize..(self.name + self.name_len) as usize
    }

    pub(crate) fn value(&self) -> Range<usize> {
        self.value as usize..(self.value + self.value_len) as usize
    }
}

/// One field line, borrowed: the name in its original case, the value without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldView<'a> {
    /// The name as it was sent.
    pub name: &'a str,
    /// The value; any bytes but controls (HTAB is allowed).
    pub value: &'a [u8],
}

/// What bounds a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
    /// What is left for all heads.
    pub(crate) total: usize,
}

/// Where the scanner stands in a head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldScanner {
    /// Start of the line.
    line: usize,
    /// No LF from there up to here.
    searched: usize,
}

impl FieldScanner {
    /// How much of the head has arrived, while it is not whole.
    pub(crate) fn searched(&self) -> usize {
        self.searched
    }

    /// Goes on in `input`, which begins where the head begins and has grown at its end. The length of the head, or `None`
    /// for more bytes; an error has its offset in `input`.
    pub(crate) fn scan(
        &mut self,
        input: &[u8],
        line_end: LineEnd,
        limits: HeadLimits,
        fields: &mut Vec<Field>,
    ) -> Result<Option<usize>, (ErrorKind, usize)> {
        let limit = limits.bytes.min(limits.total);
        let window = &input[..input.len().min(limit)];
        while let Some(at) = memchr(b'\n', window.get(self.searched..).unwrap_or_default()) {
            let lf = self.searched + at;
            let line = match (line_end, &window[self.line..lf]) {
                (LineEnd::Lf, line) => line,
                (_, [line @ .., b'\r']) => line,
                _ => return Err((ErrorKind::BareLf, lf)),
            };
            if line.is_empty() {
                return Ok(Some(lf + 1));
            }
            if fields.len() >= limits.lines {
                return Err((ErrorKind::TooManyFields, self.line));
            }
            fields.push(parse(line, self.line).map_err(|(kind, at)| (kind, self.line + at))?);
            *self = Self { line: lf + 1, searched: lf + 1 };
        }
        self.searched = window.len();
        if input.len() <= limit {
            return Ok(None);
        }
        let total = limits.total < limits.bytes;
        Err((if total { ErrorKind::FieldBytesTooLarge } else { ErrorKind::FieldSectionTooLarge }, limit))
    }
}

/// Reads a line, not empty, that begins at `start` of the head; an error has its offset in the line.
fn parse(line: &[u8], start: usize) -> Result<Field, (ErrorKind, usize)> {
    let name = class::skip(line, TOKEN);
    match line.get(name) {
        Some(b':') if name > 0 => {}
        Some(b' ' | b'\t') if name == 0 => return Err((ErrorKind::ObsoleteFold, 0)),
        Some(b'\r') => return Err((ErrorKind::BareCr, name)),
        _ => return Err((ErrorKind::InvalidFieldName, name)),
    }
    let untrimmed = &line[name + 1..];
    let control = class::skip(untrimmed, TEXT);
    match untrimmed.get(control) {
        None => {}
        Some(b'\r') => return Err((ErrorKind::BareCr, name + 1 + control)),
        Some(_) => return Err((ErrorKind::InvalidFieldValue, name + 1 + control)),
    }
    let from_value = class::trim_start(untrimmed);
    Ok(Field {
        name: start as u32,
        name_len: name as u32,
        value: (start + line.len() - from_value.len()) as u32,
        value_len: class::trim_end(from_value).len() as u32,
    })
}
