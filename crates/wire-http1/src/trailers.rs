//! Trailer sections (RFC 9112 section 7.1.2): a table of their own, never merged into the head.
//!
//! Fields that must not be trailers (RFC 9110 section 6.5.1: framing, routing, authentication, request modifiers, content
//! format) are dropped and counted. A server that merged them would let a client change a request after it was judged.

use alloc::vec::Vec;

use crate::error::ErrorKind;
use crate::field::{Field, FieldSink};
use crate::fields::Fields;
use crate::known::Known;

/// The trailer section of the current request, as offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers {
    /// Where the section begins in the consumed prefix: behind the last chunk where both came in one step.
    start: u32,
    fields: Vec<Field>,
    dropped: usize,
}

impl Trailers {
    /// Joins the table with its bytes: the consumed prefix of the step that reported it, or a copy of that.
    ///
    /// # Panics
    ///
    /// The view's methods panic when `prefix` is shorter than that prefix.
    #[must_use]
    pub fn view<'a>(&'a self, prefix: &'a [u8]) -> Fields<'a> {
        Fields::new(&self.fields, &prefix[self.start as usize..])
    }

    /// Number of field lines that were kept.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// Number of field lines that were dropped because they must not be trailers.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.fields.clear();
        self.dropped = 0;
    }

    pub(crate) fn set_start(&mut self, start: usize) {
        self.start = start as u32;
    }

    /// The sink that fills this table.
    pub(crate) fn sink(&mut self, max_fields: usize) -> TrailerSink<'_> {
        TrailerSink { trailers: self, max_fields }
    }
}

/// Keeps what may be a trailer.
pub(crate) struct TrailerSink<'a> {
    trailers: &'a mut Trailers,
    max_fields: usize,
}

impl FieldSink for TrailerSink<'_> {
    fn field(&mut self, field: Field, _value: &[u8]) -> Result<(), ErrorKind> {
        if self.trailers.fields.len() + self.trailers.dropped >= self.max_fields {
            return Err(ErrorKind::TooManyFields);
        }
        if field.known.is_some_and(Known::is_forbidden_trailer) {
            self.trailers.dropped += 1;
        } else {
            self.trailers.fields.push(field);
        }
        Ok(())
    }
}
