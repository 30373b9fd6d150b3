//! What the peer did wrong ([`Error`]) and what the caller did wrong ([`EncodeError`]).

use core::fmt;

/// Why a form was refused, and where.
///
/// Sticky: once [`decode`](crate::Decoder::decode) has returned it, every later call returns it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    #[cold]
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// Which rule was broken, or which limit was passed.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where: bytes from the first one that the decoder was given. The offending byte where there is one, the first byte over
    /// a limit, the end of a head that lacks something.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The status code of the response that tells the peer: 413 where a limit was passed, 400 otherwise.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl core::error::Error for Error {}

/// The rule that a form broke.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// The input ended, and there was no delimiter in it (RFC 2046 section 5.1.1). The usual cause is a boundary that is not
    /// the one in Content-Type.
    #[error("no line begins with the boundary of Content-Type")]
    NoBoundary,
    /// More before the first delimiter than [`Config::max_preamble`](crate::Config::max_preamble). 413.
    #[error("preamble over the limit: raise `Config::max_preamble`")]
    PreambleTooLarge,
    /// A line begins with `--boundary` and goes on with something else than `--`, or padding and a line end (RFC 2046 section
    /// 5.1.1); or such a line follows a head directly, which some read as a delimiter and others as content.
    #[error("malformed delimiter")]
    InvalidDelimiter,
    /// More white space behind a delimiter than [`Config::max_padding`](crate::Config::max_padding). 413.
    #[error("padding behind a delimiter over the limit: raise `Config::max_padding`")]
    PaddingTooLong,
    /// A CR that is not part of a line end.
    #[error("bare CR")]
    BareCr,
    /// A line that ends with LF alone; see [`Config::allow_bare_lf`](crate::Config::allow_bare_lf).
    #[error("bare LF")]
    BareLf,
    /// More parts than [`Config::max_parts`](crate::Config::max_parts). 413.
    #[error("more parts than the limit: raise `Config::max_parts`")]
    TooManyParts,
    /// A folded field line (RFC 5322 section 2.2.3, which HTTP has withdrawn: RFC 9112 section 5.2).
    #[error("obsolete line folding")]
    ObsoleteFold,
    /// A field line without a colon, or with a name that is not a token (RFC 9110 section 5.1).
    #[error("malformed field name")]
    InvalidFieldName,
    /// A control character in a field value (RFC 9110 section 5.5).
    #[error("control character in a field value")]
    InvalidFieldValue,
    /// More field lines in a part than [`Config::max_fields`](crate::Config::max_fields). 413.
    #[error("more field lines in a part than the limit: raise `Config::max_fields`")]
    TooManyFields,
    /// A part's field lines over [`Config::max_field_section`](crate::Config::max_field_section). 413.
    #[error("field lines of a part over the limit: raise `Config::max_field_section`")]
    FieldSectionTooLarge,
    /// Field lines of all parts over [`Config::max_total_field_bytes`](crate::Config::max_total_field_bytes). 413.
    #[error("field lines of the form over the limit: raise `Config::max_total_field_bytes`")]
    FieldBytesTooLarge,
    /// Two Content-Disposition, Content-Type or Content-Transfer-Encoding fields in a part, even equal ones.
    #[error("a field that may stand once in a part is there twice")]
    DuplicateField,
    /// A part without Content-Disposition (RFC 7578 section 4.2).
    #[error("part without Content-Disposition")]
    MissingDisposition,
    /// A Content-Disposition that is not `form-data` with well-formed parameters (RFC 7578 section 4.2).
    #[error("malformed Content-Disposition")]
    InvalidDisposition,
    /// A Content-Disposition without `name` (RFC 7578 section 4.2).
    #[error("Content-Disposition without a name")]
    MissingName,
    /// Two `name` or two `filename` parameters: recipients disagree which one counts.
    #[error("a parameter of Content-Disposition is there twice")]
    DuplicateParameter,
    /// A Content-Transfer-Encoding that changes the body's bytes (RFC 7578 section 4.7): some recipients would decode it and
    /// others not.
    #[error("Content-Transfer-Encoding other than 7bit, 8bit or binary")]
    UnsupportedTransferEncoding,
    /// A part's body over its limit: [`Config::max_text_size`](crate::Config::max_text_size),
    /// [`Config::max_file_size`](crate::Config::max_file_size), [`Config::part_sizes`](crate::Config::part_sizes), or what
    /// [`limit_part`](crate::Decoder::limit_part) said. 413.
    #[error(
        "part over its limit: raise `Config::max_text_size` (no file name), `Config::max_file_size` (file name) or its entry in `Config::part_sizes`, or call `Decoder::limit_part`"
    )]
    PartTooLarge,
    /// The input ended before the close delimiter (RFC 2046 section 5.1.1).
    #[error("input ended before the close delimiter")]
    Truncated,
    /// More behind the close delimiter than [`Config::max_epilogue`](crate::Config::max_epilogue). 413.
    #[error("epilogue over the limit: raise `Config::max_epilogue`")]
    EpilogueTooLarge,
    /// The caller called [`refuse`](crate::Decoder::refuse).
    #[error("the application refused the form")]
    Refused,
}

impl ErrorKind {
    /// The status code that tells the peer: 413 where a limit was passed, 400 otherwise.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::PreambleTooLarge
            | Self::PaddingTooLong
            | Self::TooManyParts
            | Self::TooManyFields
            | Self::FieldSectionTooLarge
            | Self::FieldBytesTooLarge
            | Self::PartTooLarge
            | Self::EpilogueTooLarge => 413,
            _ => 400,
        }
    }
}

/// Why a Content-Type gives no boundary, or bytes are none.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BoundaryError {
    /// Another media type than the one asked for. 415.
    #[error("the Content-Type is not multipart/form-data, or the other multipart type that was asked for")]
    OtherType,
    /// Not a media type with well-formed parameters (RFC 9110 sections 8.3.1 and 5.6.6).
    #[error("malformed Content-Type")]
    Malformed,
    /// No `boundary` parameter (RFC 2046 section 5.1.1).
    #[error("Content-Type without a boundary")]
    Missing,
    /// Two `boundary` parameters, even equal ones, or one in the pieces of RFC 2231 (`boundary*0`): a firewall and a server
    /// that pick different ones see different forms.
    #[error("more than one boundary, or one in pieces (`boundary*`)")]
    Duplicate,
    /// Not 1 to 70 of the characters that RFC 2046 section 5.1.1 allows, or a space at the end.
    #[error(
        "a boundary is 1 to 70 of the characters A-Z a-z 0-9 '()+_,-./:=? and space, and does not end with a space"
    )]
    Invalid,
}

impl BoundaryError {
    /// The status code that tells the peer: 415 for another media type, 400 otherwise.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::OtherType => 415,
            _ => 400,
        }
    }
}

/// What the caller asked the encoder to do and must not. Nothing was written, and nothing changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// A control character other than HTAB, CR and LF in a name or file name: no recipient may accept it (RFC 9110 section
    /// 5.5).
    #[error("control character in a name")]
    InvalidName,
    /// A control character in a content type: field injection.
    #[error("control character in a content type")]
    InvalidContentType,
    /// A range that is empty, or reaches behind the complete length (RFC 9110 section 14.4).
    #[error("range is empty or beyond the complete length")]
    InvalidRange,
    /// The end was written already.
    #[error("the form is complete")]
    AlreadyComplete,
    /// The total length is 2^64 or more.
    #[error("total length of 2^64 bytes or more")]
    TooLong,
}
