//! The encoder of `multipart/byteranges` (RFC 9110 section 14.6): a 206 response of several ranges.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::boundary::Boundary;
use crate::class::{self, TEXT};
use crate::encode::{Encoder, Length, Sink};
use crate::error::EncodeError;

/// Encodes ranges of one representation.
///
/// Like [`Encoder`]: the caller sends the bytes of each range behind its head.
///
/// ```
/// use wire_multipart::{Boundary, ByteRangesEncoder};
///
/// let file = b"0123456789";
/// let mut encoder = ByteRangesEncoder::new(Boundary::new("b")?, "text/plain", Some(file.len() as u64))?;
/// assert_eq!(encoder.content_type(), "multipart/byteranges; boundary=b");
/// let length = encoder.content_length([0..2, 8..10])?;
/// let mut body = Vec::new();
/// for range in [0..2, 8..10] {
///     encoder.encode_range_head(range.start as u64..range.end as u64, &mut body)?;
///     body.extend_from_slice(&file[range]);
/// }
/// encoder.encode_end(&mut body)?;
/// assert_eq!(body.len() as u64, length);
/// assert!(body.starts_with(b"--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--b\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByteRangesEncoder<'a> {
    encoder: Encoder,
    content_type: &'a [u8],
    complete_length: Option<u64>,
}

impl<'a> ByteRangesEncoder<'a> {
    /// An encoder for a representation of this media type (empty: none is said) and length (`None`: unknown).
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidContentType`].
    pub fn new(
        boundary: Boundary,
        content_type: &'a (impl AsRef<[u8]> + ?Sized),
        complete_length: Option<u64>,
    ) -> Result<Self, EncodeError> {
        let content_type = content_type.as_ref();
        if !class::all(content_type, TEXT) {
            return Err(EncodeError::InvalidContentType);
        }
        Ok(Self { encoder: Encoder::new(boundary), content_type, complete_length })
    }

    /// The value of Content-Type for the whole response. The boundaries of [`Boundary::from_entropy`] need no quotes, which
    /// some clients get wrong (RFC 9110 section 14.6).
    #[must_use]
    pub fn content_type(&self) -> String {
        self.encoder.boundary().content_type("byteranges")
    }

    /// The length of a whole response of these ranges: what Content-Length says.
    ///
    /// # Errors
    ///
    /// As [`encode_range_head`](Self::encode_range_head); [`EncodeError::TooLong`].
    pub fn content_length(&self, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<u64, EncodeError> {
        let (mut encoder, mut length) = (Encoder::new(*self.encoder.boundary()), Length::default());
        for range in ranges {
            self.check(&range)?;
            encoder.delimiter(&mut length)?;
            self.write(&range, &mut length);
            length.add(range.end - range.start);
        }
        encoder.end(&mut length)?;
        length.total()
    }

    /// Appends the delimiter and the head of a range, whose bytes come next. `range` is half open: `0..1` is the first byte.
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidRange`], [`EncodeError::AlreadyComplete`]. Then nothing was appended.
    pub fn encode_range_head(&mut self, range: Range<u64>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check(&range)?;
        self.encoder.delimiter(out)?;
        self.write(&range, out);
        Ok(())
    }

    /// Appends the close delimiter.
    ///
    /// # Errors
    ///
    /// [`EncodeError::AlreadyComplete`].
    pub fn encode_end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encoder.encode_end(out)
    }

    fn check(&self, range: &Range<u64>) -> Result<(), EncodeError> {
        if range.is_empty() || self.complete_length.is_some_and(|length| range.end > length) {
            return Err(EncodeError::InvalidRange);
        }
        Ok(())
    }

    /// `first-byte-pos "-" last-byte-pos "/" ( complete-length / "*" )` (RFC 9110 section 14.4).
    fn write(&self, range: &Range<u64>, out: &mut impl Sink) {
        if !self.content_type.is_empty() {
            out.put(b"Content-Type: ");
            out.put(self.content_type);
            out.put(b"\r\n");
        }
        out.put(b"Content-Range: bytes ");
        let mut number = itoa::Buffer::new();
        out.put(number.format(range.start).as_bytes());
        out.put(b"-");
        out.put(number.format(range.end - 1).as_bytes());
        out.put(b"/");
        match self.complete_length {
            Some(length) => out.put(number.format(length).as_bytes()),
            None => out.put(b"*"),
        }
        out.put(b"\r\n\r\n");
    }
}
