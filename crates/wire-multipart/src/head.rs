//! The head of a part: offsets only, resolved against the bytes it was decoded from.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::disposition::{self, Disposition};
use crate::error::ErrorKind;
use crate::field::{Field, FieldView};
use crate::filename;

/// A part's head as offsets: it borrows nothing, copies nothing, and its table is used again for the next part.
///
/// [`view`](Self::view) joins it with the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    /// Where the head begins in the consumed prefix: behind a delimiter that came in the same step.
    start: usize,
    pub(crate) fields: Vec<Field>,
    disposition: Option<(Field, Disposition)>,
    content_type: Option<Field>,
}

impl PartHead {
    /// Joins the head with its bytes: the consumed prefix of the step that reported it, or a copy of that.
    ///
    /// # Panics
    ///
    /// When `prefix` is shorter than that prefix, here or in the view's methods; with other bytes they return nonsense.
    #[must_use]
    pub fn view<'a>(&'a self, prefix: &'a [u8]) -> PartView<'a> {
        PartView { head: self, bytes: &prefix[self.start..] }
    }

    /// Empties the table and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.fields.clear();
        self.disposition = None;
        self.content_type = None;
    }

    /// Whether the part has a file name, an empty one included.
    pub(crate) fn is_file(&self) -> bool {
        self.disposition.as_ref().is_some_and(|(_, disposition)| disposition.filename.is_some())
    }

    /// The decoded name, out of the head's own bytes.
    pub(crate) fn name_in<'a>(&'a self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        PartView { head: self, bytes }.name()
    }

    /// Reads the fields that count, once the table is complete; an error has its offset in `bytes`, the head.
    pub(crate) fn complete(
        &mut self,
        start: usize,
        bytes: &[u8],
        form_data: bool,
    ) -> Result<(), (ErrorKind, usize)> {
        self.start = start;
        let (mut disposition, mut encoding) = (None, None);
        for field in &self.fields {
            let slot = match &bytes[field.name()] {
                name if name.eq_ignore_ascii_case(b"content-disposition") => &mut disposition,
                name if name.eq_ignore_ascii_case(b"content-type") => &mut self.content_type,
                name if name.eq_ignore_ascii_case(b"content-transfer-encoding") => &mut encoding,
                // Content-Length among them, which must be ignored (RFC 7578 section 4.8).
                _ => continue,
            };
            if slot.replace(*field).is_some() {
                return Err((ErrorKind::DuplicateField, field.name().start));
            }
        }
        if !form_data {
            return Ok(());
        }
        if let Some(field) = encoding {
            let value = &bytes[field.value()];
            if !["7bit", "8bit", "binary"].iter().any(|known| value.eq_ignore_ascii_case(known.as_bytes())) {
                return Err((ErrorKind::UnsupportedTransferEncoding, field.value().start));
            }
        }
        let field = disposition.ok_or((ErrorKind::MissingDisposition, bytes.len()))?;
        let parsed = disposition::parse(&bytes[field.value()]);
        self.disposition = Some((field, parsed.map_err(|(kind, at)| (kind, field.value().start + at))?));
        Ok(())
    }
}

/// A part's head with its bytes.
///
/// Names are bytes: UTF-8 from every browser of today, but a page in another encoding makes forms in that encoding, and says
/// so in a part named `_charset_` (RFC 7578 section 4.6), which is a part like others here.
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    head: &'a PartHead,
    bytes: &'a [u8],
}

impl<'a> PartView<'a> {
    /// The name of the form's field, with `%22`, `%0D`, `%0A` (and `\"` of old clients) undone as browsers have it (WHATWG
    /// HTML, multipart/form-data encoding). Copied only if there is one of them. Empty where
    /// [`Config::form_data`](crate::Config::form_data) is off.
    #[must_use]
    pub fn name(&self) -> Cow<'a, [u8]> {
        disposition::decode(self.raw_name())
    }

    /// The name as it was sent, without quotes.
    #[must_use]
    pub fn raw_name(&self) -> &'a [u8] {
        self.parameter(|disposition| Some(&disposition.name)).unwrap_or_default()
    }

    /// The file name, undone like [`name`](Self::name): what the client says, to be shown and not to be trusted. An empty one
    /// is not an absent one: browsers send it for a file field without a file. `filename*` is ignored (RFC 7578 section 4.2).
    #[must_use]
    pub fn filename(&self) -> Option<Cow<'a, [u8]>> {
        self.raw_filename().map(disposition::decode)
    }

    /// The file name as it was sent, without quotes.
    #[must_use]
    pub fn raw_filename(&self) -> Option<&'a [u8]> {
        self.parameter(|disposition| disposition.filename.as_ref())
    }

    /// The base name of the file name, safe to be used in a folder of its own: no directories, controls, device names,
    /// streams or trailing dots, at most 255 bytes, valid UTF-8. `None` if there is no file name or nothing is left of it.
    /// It may still name a file that exists, and one that is executable.
    #[must_use]
    pub fn safe_filename(&self) -> Option<String> {
        filename::base_name(&self.filename()?)
    }

    /// The value of Content-Type. `None`: it is absent, which means `text/plain` (RFC 7578 section 4.4).
    #[must_use]
    pub fn content_type(&self) -> Option<&'a [u8]> {
        self.head.content_type.map(|field| &self.bytes[field.value()])
    }

    /// The field lines in their original order and case.
    pub fn fields(
        &self,
    ) -> impl ExactSizeIterator<Item = FieldView<'a>> + DoubleEndedIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.head.fields.iter().map(move |field| FieldView {
            name: core::str::from_utf8(&bytes[field.name()]).unwrap_or_default(),
            value: &bytes[field.value()],
        })
    }

    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.fields().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    fn parameter(&self, which: impl Fn(&'a Disposition) -> Option<&'a Range<u32>>) -> Option<&'a [u8]> {
        let (field, disposition) = self.head.disposition.as_ref()?;
        let range = which(disposition)?;
        self.bytes[field.value()].get(range.start as usize..range.end as usize)
    }
}
