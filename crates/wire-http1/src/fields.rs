//! A decoded field section with its bytes: what the views of heads and trailer sections share.

use core::ops::Range;

use crate::field::Field;
use crate::known::Known;

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

/// One field line as offsets into the consumed prefix: for callers that own the bytes and share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRange {
    /// Where the name lies.
    pub name: Range<usize>,
    /// Where the value lies, without the white space around it.
    pub value: Range<usize>,
    /// The name in the codec's table, if it stands there.
    pub known: Option<Known>,
}

/// The field lines of a head or of a trailer section.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    table: &'a [Field],
    /// What the table's offsets count from: the message, or the trailer section.
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(table: &'a [Field], bytes: &'a [u8]) -> Self {
        Self { table, bytes }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The field lines in their original order and case.
    pub fn fields(
        &self,
    ) -> impl ExactSizeIterator<Item = FieldView<'a>> + DoubleEndedIterator + Clone + use<'a> {
        let bytes = self.bytes;
        // Once for all names: as cheap as one or two of them. Not where a value is no text.
        let text = core::str::from_utf8(bytes).ok();
        self.table.iter().map(move |field| FieldView {
            name: match text {
                Some(text) => text.get(field.name_range()).unwrap_or_default(),
                None => ascii(&bytes[field.name_range()]),
            },
            value: &bytes[field.value_range()],
            known: field.known,
        })
    }

    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn get_known(&self, name: Known) -> Option<&'a [u8]> {
        self.get_all_known(name).next()
    }

    /// The values of all fields of this name, in any case, in order.
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        let (known, bytes) = (Known::from_name(name.as_bytes()), self.bytes);
        // By index where the table knows the name, by name otherwise.
        let same = move |field: &&Field| {
            field.known == known
                && (known.is_some() || bytes[field.name_range()].eq_ignore_ascii_case(name.as_bytes()))
        };
        self.table.iter().filter(same).map(move |field| &bytes[field.value_range()])
    }

    /// The values of all fields of this name, in order.
    pub fn get_all_known(&self, name: Known) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        let same = move |field: &&Field| field.known == Some(name);
        self.table.iter().filter(same).map(move |field| &bytes[field.value_range()])
    }
}

/// Bytes that were validated as ASCII when they were decoded; empty if the caller gave other bytes since.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
