//! What can go wrong, in two types: [`Error`] is the peer's fault, [`EncodeError`] the caller's.

/// What is wrong with content that a peer sent.
///
/// An error is sticky: once `decode` returned it, it always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// Which rule was broken.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How many bytes of the content had been consumed when it was found. The byte that is to blame lies there or
    /// later, within what was given to that call: decoders look ahead.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The status of the response to a request with such content: 400, 413 or 415. A 415 must carry
    /// [`accept_encoding`](crate::accept_encoding) (RFC 9110 section 12.5.3).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::UnsupportedCoding | ErrorKind::TooManyCodings => 415,
            ErrorKind::OutputTooBig
            | ErrorKind::InputTooBig
            | ErrorKind::RatioTooHigh
            | ErrorKind::TooManyMembers => 413,
            ErrorKind::Corrupt | ErrorKind::WindowTooBig | ErrorKind::TrailingData | ErrorKind::Truncated => {
                400
            }
        }
    }
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// RFC 9110 section 8.4: a coding that is unknown, or whose feature is off.
    #[error("unsupported content coding")]
    UnsupportedCoding,
    /// RFC 9110 section 8.4: more than two codings, one over the other.
    #[error("more than two content codings")]
    TooManyCodings,
    /// Over [`Config::max_output`](crate::Config::max_output).
    #[error("decoded content over the limit: raise `Config::max_output`")]
    OutputTooBig,
    /// Over [`Config::max_input`](crate::Config::max_input).
    #[error("encoded content longer than the limit `max_output` can need")]
    InputTooBig,
    /// Over [`Config::max_ratio`](crate::Config::max_ratio).
    #[error("content decodes to more times its size than the limit: raise `Config::max_ratio`")]
    RatioTooHigh,
    /// Over [`Config::max_members`](crate::Config::max_members).
    #[error("more gzip members or zstd frames than the limit: raise `Config::max_members`")]
    TooManyMembers,
    /// The content does not follow its coding (RFC 1950, 1951, 1952, 7932, 8878), or its checksum differs.
    #[error("content does not follow its coding")]
    Corrupt,
    /// RFC 9659 section 3: a zstd window of more than 8 MiB. A large window of brotli is [`Corrupt`](Self::Corrupt).
    #[error("zstd window of more than 8 MiB")]
    WindowTooBig,
    /// Something behind the end of the encoded content that is not part of it.
    #[error("data behind the end of the encoded content")]
    TrailingData,
    /// The content ended before its coding did. Empty content is truncated too: no coding makes it of anything.
    #[error("content ended before its coding did")]
    Truncated,
}

/// What the caller did wrong, or what its system lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The coding's feature is off.
    #[error("the feature of this coding is off")]
    Unsupported,
    /// Input behind [`Flush::Finish`](crate::Flush::Finish).
    #[error("the stream was finished already")]
    Finished,
    /// The compressor failed: it found no memory. What was encoded so far must not be taken for the whole.
    #[error("the compressor failed")]
    Failed,
}
