//! What can go wrong, in two types: [`Error`] is the peer's fault, [`EncodeError`] the caller's.

use crate::CloseCode;

/// What the peer did wrong: the connection has to be failed (RFC 6455 section 7.1.7), with
/// [`close_code`](Self::close_code).
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

    /// The offset of the byte that broke it, counted from the first byte the decoder was given.
    ///
    /// A length is blamed on its first byte, text that ends within a code point and a missing Close on the byte
    /// that should have followed; what inflating a compressed message shows, on the byte behind the frame that shows
    /// it (which may not have arrived), since no byte of it can be singled out.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The code for the Close frame that fails the connection: 1002, 1007 or 1009 (section 7.4.1).
    ///
    /// The end of the input without a Close is 1006 to an application (section 7.1.5), which must never be sent;
    /// where the transport can still be written to, 1002 says what happened.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        self.kind.close_code()
    }
}

/// The rule that was broken. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Section 5.2: RSV1, RSV2 or RSV3 is set and no extension owns it.
    #[error("a reserved bit is set that no extension owns")]
    ReservedBits,
    /// Section 5.2: opcode 3 to 7 or 11 to 15.
    #[error("reserved opcode")]
    ReservedOpCode,
    /// Section 5.5: a control frame without FIN.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// Section 5.4: a continuation frame outside a message.
    #[error("continuation frame outside a message")]
    UnexpectedContinuation,
    /// Section 5.4: a text or binary frame within an unfinished message.
    #[error("new message within an unfinished one")]
    UnfinishedMessage,
    /// Section 5.1: a frame from a client is not masked.
    #[error("unmasked frame from a client")]
    Unmasked,
    /// Section 5.1: a frame from a server is masked.
    #[error("masked frame from a server")]
    Masked,
    /// Section 5.5: a control frame that declares more than 125 bytes.
    #[error("control frame longer than 125 bytes")]
    ControlTooLong,
    /// Section 5.2: a length in more bytes than it needs.
    #[error("payload length in more bytes than needed")]
    NonMinimalLength,
    /// Section 5.2: the most significant bit of a 64-bit length is set.
    #[error("payload length of 2^63 or more")]
    LengthOverflow,
    /// Section 10.4: over [`Config::max_frame_size`](crate::Config::max_frame_size).
    #[error("frame over the limit: raise `Config::max_frame_size`")]
    FrameTooBig,
    /// Section 10.4: over [`Config::max_message_size`](crate::Config::max_message_size), once inflated where the
    /// message is compressed.
    #[error("message over the limit: raise `Config::max_message_size`")]
    MessageTooBig,
    /// Section 10.4: over [`Config::max_fragments`](crate::Config::max_fragments). Of a compressed message, final
    /// blocks of DEFLATE count too.
    #[error("message in more frames than the limit: raise `Config::max_fragments`")]
    TooManyFragments,
    /// Section 8.1: a byte of a text message that cannot be UTF-8 after those before it.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// Section 8.1: a text message ends within a code point.
    #[error("text ends within a code point")]
    IncompleteUtf8,
    /// RFC 7692 section 7.2.2: a compressed message is not DEFLATE, or ends within a block. No RFC names a code for
    /// it; 1007 is what most implementations send, since the data does not fit what its message says it is.
    #[error("compressed message is not DEFLATE")]
    InvalidDeflate,
    /// Section 5.5.1: a Close of one byte, where a code takes two.
    #[error("Close frame of one byte")]
    InvalidCloseLength,
    /// Section 7.4: a code that must not stand in a Close frame.
    #[error("illegal close code")]
    InvalidCloseCode,
    /// Section 5.5.1: a reason that is not UTF-8.
    #[error("close reason is not UTF-8")]
    InvalidCloseReason,
    /// Section 7.1.5 (code 1006 to an application): the input ended within a frame.
    #[error("input ended within a frame")]
    EndedWithinFrame,
    /// Section 7.1.5 (code 1006 to an application): the input ended between frames, but without a Close.
    #[error("input ended without a Close frame")]
    EndedWithoutClose,
}

impl ErrorKind {
    /// The code for the Close frame: see [`Error::close_code`].
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::IncompleteUtf8 | Self::InvalidCloseReason | Self::InvalidDeflate => {
                CloseCode::INVALID_DATA
            }
            Self::FrameTooBig | Self::MessageTooBig | Self::TooManyFragments => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL,
        }
    }
}

/// What the caller did wrong. Nothing was appended, nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A Close was sent: neither data nor another Close may follow it (section 5.5.1).
    #[error("a Close frame was sent already")]
    Closed,
    /// A new message within an unfinished one (section 5.4).
    #[error("a fragmented message is unfinished")]
    UnfinishedMessage,
    /// A continuation without a message that it could continue (section 5.4).
    #[error("no fragmented message to continue")]
    NoMessage,
    /// A fragment of another kind than its message (section 5.4).
    #[error("the fragmented message is of the other kind")]
    KindChanged,
    /// A control frame without FIN (section 5.5).
    #[error("control frames cannot be fragmented")]
    FragmentedControl,
    /// A Ping or Pong of more than 125 bytes, or a Close with a reason of more than 123 (section 5.5).
    #[error("control frame longer than 125 bytes")]
    ControlTooLong,
    /// A reason without a code, or the header of a Close of one byte (section 5.5.1).
    #[error("a close reason needs a code")]
    ReasonWithoutCode,
    /// A payload of 2^63 bytes or more (section 5.2).
    #[error("payload of 2^63 bytes or more")]
    PayloadTooLong,
    /// A header alone within a compressed message, whose fragments have to go through the compressor (RFC 7692
    /// section 6.1).
    #[error("the fragmented message is compressed")]
    Deflated,
    /// A subprotocol that is not a token (RFC 9110 section 5.6.2), or is given twice (section 4.1).
    #[error("subprotocols must be unique tokens")]
    InvalidProtocol,
}
