//! The encoder: parts in, a form out (RFC 7578, quoted as WHATWG HTML, multipart/form-data encoding, has it).
//!
//! One writer serves both the form and its length: it appends to a `Vec`, or only counts.

use alloc::string::String;
use alloc::vec::Vec;

use crate::boundary::Boundary;
use crate::class::{self, TEXT};
use crate::error::EncodeError;

/// What is said about a part before its body.
///
/// Names are bytes, UTF-8 wherever the caller has the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    name: &'a [u8],
    filename: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
}

impl<'a> Part<'a> {
    /// A text field. Its body is the caller's; browsers write line breaks in it as CRLF.
    #[must_use]
    pub fn text(name: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { name: name.as_ref(), filename: None, content_type: None }
    }

    /// A file; `application/octet-stream` unless [`content_type`](Self::content_type) says better (RFC 7578 section 4.4).
    #[must_use]
    pub fn file(name: &'a (impl AsRef<[u8]> + ?Sized), filename: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            name: name.as_ref(),
            filename: Some(filename.as_ref()),
            content_type: Some(b"application/octet-stream"),
        }
    }

    /// This part, with a media type.
    #[must_use]
    pub fn content_type(self, content_type: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { content_type: Some(content_type.as_ref()), ..self }
    }

    /// Whether it can be written.
    fn check(&self) -> Result<(), EncodeError> {
        let breaks = |bytes: &[u8]| {
            bytes.split(|&byte| byte == b'\r' || byte == b'\n').all(|line| class::all(line, TEXT))
        };
        if !breaks(self.name) || !self.filename.is_none_or(breaks) {
            return Err(EncodeError::InvalidName);
        }
        if !self.content_type.is_none_or(|content_type| class::all(content_type, TEXT)) {
            return Err(EncodeError::InvalidContentType);
        }
        Ok(())
    }

    fn write(&self, out: &mut impl Sink) {
        out.put(b"Content-Disposition: form-data; name=\"");
        put_lines(self.name, out);
        out.put(b"\"");
        if let Some(filename) = self.filename {
            out.put(b"; filename=\"");
            put_quoted(filename, out);
            out.put(b"\"");
        }
        if let Some(content_type) = self.content_type {
            out.put(b"\r\nContent-Type: ");
            out.put(content_type);
        }
        out.put(b"\r\n\r\n");
    }
}

/// Encodes one form.
///
/// A part is its head, then its body, then the next head or the end. Bodies are never seen: between the calls the caller
/// sends their bytes as they are, from wherever they lie, of a length that need not be known. Nothing is searched for the
/// boundary, which must be one that nobody can guess: [`Boundary::from_entropy`].
///
/// ```
/// use wire_multipart::{Boundary, Encoder, Part};
///
/// let file = b"hello";
/// let parts = [Part::text("title"), Part::file("file", "a.txt").content_type("text/plain")];
/// let mut encoder = Encoder::new(Boundary::new("b")?);
/// let length = encoder.content_length([(&parts[0], 5), (&parts[1], file.len() as u64)])?;
///
/// let mut head = Vec::new();
/// encoder.encode_part(&parts[0], b"Title", &mut head)?;
/// encoder.encode_part_head(&parts[1], &mut head)?;
/// let mut end = Vec::new();
/// encoder.encode_end(&mut end)?;
/// // Three pieces for one vectored write.
/// let form = [&head[..], file, &end].concat();
/// assert_eq!(form.len() as u64, length);
/// assert_eq!(
///     String::from_utf8(form)?,
///     "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nTitle\r\n\
///      --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n\
///      --b--\r\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    boundary: Boundary,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing was written.
    Start,
    /// A part was begun.
    Part,
    /// The end was written.
    End,
}

impl Encoder {
    /// An encoder of one form.
    #[must_use]
    pub fn new(boundary: Boundary) -> Self {
        Self { boundary, place: Place::Start }
    }

    /// The boundary.
    #[must_use]
    pub fn boundary(&self) -> &Boundary {
        &self.boundary
    }

    /// The value of Content-Type for the whole form.
    #[must_use]
    pub fn content_type(&self) -> String {
        self.boundary.content_type("form-data")
    }

    /// The length of a whole form of these parts, each with the length of its body: what Content-Length says.
    ///
    /// # Errors
    ///
    /// As [`encode_part_head`](Self::encode_part_head); [`EncodeError::TooLong`].
    pub fn content_length<'p>(
        &self,
        parts: impl IntoIterator<Item = (&'p Part<'p>, u64)>,
    ) -> Result<u64, EncodeError> {
        let (mut encoder, mut length) = (Self::new(self.boundary), Length::default());
        for (part, body) in parts {
            part.check()?;
            encoder.delimiter(&mut length)?;
            part.write(&mut length);
            length.add(body);
        }
        encoder.end(&mut length)?;
        length.total()
    }

    /// Appends the delimiter and the head of a part, whose body comes next.
    ///
    /// CR and LF within names are written `%0D` and `%0A`, quotes `%22`; line breaks within a name, not a file name, become
    /// CRLF before that. Nothing else is changed.
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidName`], [`EncodeError::InvalidContentType`], [`EncodeError::AlreadyComplete`]. Then nothing was
    /// appended.
    pub fn encode_part_head(&mut self, part: &Part<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        part.check()?;
        self.delimiter(out)?;
        part.write(out);
        Ok(())
    }

    /// Appends a whole part: for bodies that are small enough to be copied.
    ///
    /// # Errors
    ///
    /// As [`encode_part_head`](Self::encode_part_head).
    pub fn encode_part(
        &mut self,
        part: &Part<'_>,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.encode_part_head(part, out)?;
        out.extend_from_slice(body);
        Ok(())
    }

    /// Appends the close delimiter. A form without parts is valid.
    ///
    /// # Errors
    ///
    /// [`EncodeError::AlreadyComplete`].
    pub fn encode_end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.end(out)
    }

    /// The line before the head of a part.
    pub(crate) fn delimiter(&mut self, out: &mut impl Sink) -> Result<(), EncodeError> {
        self.dashes(Place::Part, out)?;
        out.put(b"\r\n");
        Ok(())
    }

    pub(crate) fn end(&mut self, out: &mut impl Sink) -> Result<(), EncodeError> {
        self.dashes(Place::End, out)?;
        out.put(b"--\r\n");
        Ok(())
    }

    fn dashes(&mut self, next: Place, out: &mut impl Sink) -> Result<(), EncodeError> {
        out.put(match self.place {
            Place::Start => b"--",
            Place::Part => b"\r\n--",
            Place::End => return Err(EncodeError::AlreadyComplete),
        });
        out.put(self.boundary.as_bytes());
        self.place = next;
        Ok(())
    }
}

/// Takes the pieces of what is written.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Only counts.
#[derive(Debug, Default)]
pub(crate) struct Length {
    total: u64,
    overflow: bool,
}

impl Length {
    pub(crate) fn add(&mut self, bytes: u64) {
        let overflow;
        (self.total, overflow) = self.total.overflowing_add(bytes);
        self.overflow |= overflow;
    }

    pub(crate) fn total(&self) -> Result<u64, EncodeError> {
        if self.overflow { Err(EncodeError::TooLong) } else { Ok(self.total) }
    }
}

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.add(bytes.len() as u64);
    }
}

/// A field name: every line break as CRLF, then quoted.
fn put_lines(mut name: &[u8], out: &mut impl Sink) {
    while let Some(at) = memchr::memchr2(b'\r', b'\n', name) {
        put_quoted(&name[..at], out);
        out.put(b"%0D%0A");
        name = name[at..].strip_prefix(b"\r\n").unwrap_or(&name[at + 1..]);
    }
    put_quoted(name, out);
}

/// The inside of a quoted string.
fn put_quoted(mut text: &[u8], out: &mut impl Sink) {
    while let Some(at) = memchr::memchr3(b'"', b'\r', b'\n', text) {
        out.put(&text[..at]);
        out.put(match text[at] {
            b'"' => b"%22",
            b'\r' => b"%0D",
            _ => b"%0A",
        });
        text = &text[at + 1..];
    }
    out.put(text);
}
