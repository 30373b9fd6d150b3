//! What the peer did wrong ([`Error`]) and what the caller did wrong ([`EncodeError`]).

use core::fmt;

/// Why a message was refused, and where.
///
/// Sticky: once [`decode`](crate::ServerConnection::decode) has returned it, every later call returns it again. The
/// server's encoder still works, so that a response of [`status`](Error::status) can go out; it says `Connection: close`.
/// A client closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where it is wrong: bytes from the start of the message, empty lines before it counted. The offending byte where
    /// there is one, the field's value where a value is wrong, the end of the head where the head as a whole is wrong.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The status code of the response that tells the peer. A refused response has nobody to tell; a gateway that waits for
    /// it answers 502 (RFC 9112 section 6.3).
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the message", self.kind, self.offset)
    }
}

impl core::error::Error for Error {}

/// The rule that a message broke. After each of them the connection closes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// More empty lines before a message than [`Config::max_empty_lines`](crate::Config::max_empty_lines)
    /// (RFC 9112 section 2.2).
    #[error("more empty lines before the message than the limit: raise `Config::max_empty_lines`")]
    TooManyEmptyLines,
    /// The request line does not begin with a token (of 255 bytes at most) and one space (RFC 9112 sections 3 and 3.1).
    #[error("malformed method")]
    InvalidMethod,
    /// The method is longer than any that exists: 32 bytes (RFC 9112 section 3). 501.
    #[error("method too long")]
    MethodTooLong,
    /// The request target is empty or has a byte that a URI cannot have: white space, a control, `#`, a backslash, a
    /// byte above 0x7E, a malformed percent encoding, `%00` (RFC 9112 section 3.2, RFC 3986 section 2).
    #[error("malformed request target")]
    InvalidTarget,
    /// The request target is longer than [`Config::max_target`](crate::Config::max_target) (RFC 9112 section 3). 414.
    #[error("request target over the limit: raise `Config::max_target`")]
    TargetTooLong,
    /// The target is none of the forms that its method may have: authority-form is for CONNECT alone, asterisk-form for
    /// OPTIONS alone (RFC 9112 sections 3.2.1 to 3.2.4).
    #[error("form of the request target does not fit the method")]
    InvalidTargetForm,
    /// The target's authority is empty or malformed, has user information, or a CONNECT names no port (RFC 9110
    /// sections 4.2.1, 4.2.4 and 9.3.6).
    #[error("malformed authority in the request target")]
    InvalidTargetAuthority,
    /// The request line does not end with one space, `HTTP/`, digit, dot, digit; or the status line does not begin so, with
    /// a space behind (RFC 9112 sections 2.3 and 4).
    #[error("missing or malformed HTTP version")]
    InvalidVersion,
    /// A version of HTTP with another major number than 1 (RFC 9110 section 15.6.6). 505.
    #[error("unsupported HTTP version")]
    UnsupportedVersion,
    /// A status code that is not three digits from 100 on with one space behind them (RFC 9112 section 4, RFC 9110
    /// section 15).
    #[error("malformed status code")]
    InvalidStatus,
    /// A control character in a reason phrase (RFC 9112 section 4).
    #[error("control character in the reason phrase")]
    InvalidReason,
    /// A reason phrase over [`Config::max_reason`](crate::Config::max_reason).
    #[error("reason phrase over the limit: raise `Config::max_reason`")]
    ReasonTooLong,
    /// A CR without LF (RFC 9112 section 2.2).
    #[error("bare CR")]
    BareCr,
    /// A line that ends with LF alone; a recipient may accept it (RFC 9112 section 2.2), and chains of recipients that
    /// disagree are how requests are smuggled.
    #[error("bare LF")]
    BareLf,
    /// White space between the first line and the first field (RFC 9112 section 2.2).
    #[error("white space before the first field")]
    LeadingWhitespace,
    /// A folded field line (RFC 9112 section 5.2).
    #[error("obsolete line folding")]
    ObsoleteFold,
    /// A field line without a colon, with an empty name, or with a name that is not a token (RFC 9112 section 5,
    /// RFC 9110 section 5.1).
    #[error("malformed field name")]
    InvalidFieldName,
    /// White space between a field name and its colon (RFC 9112 section 5.1).
    #[error("white space before the colon of a field line")]
    SpaceBeforeColon,
    /// A control character in a field value (RFC 9110 section 5.5).
    #[error("control character in a field value")]
    InvalidFieldValue,
    /// A header section over [`Config::max_field_section`](crate::Config::max_field_section), or a field name over
    /// 65,535 bytes (RFC 9110 section 5.4). 431.
    #[error("header section over the limit: raise `Config::max_field_section`")]
    FieldSectionTooLarge,
    /// More field lines than [`Config::max_fields`](crate::Config::max_fields) (RFC 9110 section 5.4). 431.
    #[error("more field lines than the limit: raise `Config::max_fields`")]
    TooManyFields,
    /// No Host field in an HTTP/1.1 request (RFC 9112 section 3.2).
    #[error("missing Host")]
    MissingHost,
    /// Two Host fields, even equal ones (RFC 9112 section 3.2).
    #[error("more than one Host")]
    DuplicateHost,
    /// A Host that is not `uri-host [ ":" port ]`, or that is empty (RFC 9112 section 3.2, RFC 9110 sections 4.2.1 and
    /// 7.2).
    #[error("malformed Host")]
    InvalidHost,
    /// A Content-Length that is not a decimal number below 2^64, or that has leading zeros (RFC 9110 section 8.6,
    /// RFC 9112 section 6.3).
    #[error("malformed Content-Length")]
    InvalidContentLength,
    /// Two Content-Length fields, even equal ones (RFC 9112 section 6.3).
    #[error("more than one Content-Length")]
    DuplicateContentLength,
    /// Content-Length next to Transfer-Encoding (RFC 9112 sections 6.1 and 6.3).
    #[error("Content-Length with Transfer-Encoding")]
    ContentLengthWithTransferEncoding,
    /// A Transfer-Encoding that is malformed or does not apply `chunked` once, at the end and without parameters
    /// (RFC 9112 sections 6.1, 6.3 and 7.1).
    #[error("malformed Transfer-Encoding")]
    InvalidTransferEncoding,
    /// A transfer coding besides `chunked` (RFC 9112 section 6.1). 501.
    #[error("unknown transfer coding")]
    UnknownTransferCoding,
    /// Transfer-Encoding in an HTTP/1.0 message (RFC 9112 section 6.1).
    #[error("Transfer-Encoding in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// Content in a request whose method has none, CONNECT and TRACE (RFC 9110 sections 9.3.6 and 9.3.8); fields that
    /// announce content in a 1xx or 204 response, where some recipients read it (RFC 9112 section 6.1, RFC 9110 section
    /// 8.6).
    #[error("content in a message that cannot have any")]
    UnexpectedContent,
    /// A Connection field that is not a list of tokens (RFC 9110 section 7.6.1).
    #[error("malformed Connection")]
    InvalidConnection,
    /// Two Content-Type fields: recipients disagree which one counts (RFC 9110 section 5.3).
    #[error("more than one Content-Type")]
    DuplicateContentType,
    /// An expectation besides `100-continue` (RFC 9110 section 10.1.1). 417.
    #[error("unknown expectation")]
    UnknownExpectation,
    /// A response although no request awaits one (RFC 9112 section 9.2).
    #[error("response without a request")]
    UnsolicitedResponse,
    /// More interim responses to one request than [`Config::max_interim`](crate::Config::max_interim) (RFC 9110 section
    /// 15.2).
    #[error("more interim responses than the limit: raise `Config::max_interim`")]
    TooManyInterimResponses,
    /// 101 to a request that offered no upgrade, or without an Upgrade field that Connection names (RFC 9110 sections 7.8
    /// and 15.2.2).
    #[error("switch of protocols that was not offered, or without an Upgrade that Connection names")]
    UnexpectedUpgrade,
    /// A chunk size that is not `1*HEXDIG` followed by its extensions and CRLF (RFC 9112 section 7.1).
    #[error("malformed chunk size")]
    InvalidChunkSize,
    /// A chunk size of 2^64 or more (RFC 9112 section 7.1).
    #[error("chunk size overflow")]
    ChunkSizeOverflow,
    /// A chunk extension that breaks the grammar (RFC 9112 section 7.1.1).
    #[error("malformed chunk extension")]
    InvalidChunkExtension,
    /// A chunk-size line over [`Config::max_chunk_line`](crate::Config::max_chunk_line).
    #[error("chunk-size line over the limit: raise `Config::max_chunk_line`")]
    ChunkLineTooLong,
    /// Chunk extensions over [`Config::max_chunk_extensions`](crate::Config::max_chunk_extensions) in one body (RFC
    /// 9112 section 7.1.1).
    #[error("chunk extensions over the limit: raise `Config::max_chunk_extensions`")]
    ChunkExtensionsTooLarge,
    /// Something else than CRLF behind the data of a chunk (RFC 9112 section 7.1).
    #[error("missing CRLF behind chunk data")]
    InvalidChunkEnd,
    /// A trailer section over [`Config::max_trailer_section`](crate::Config::max_trailer_section) (RFC 9110 section
    /// 5.4). 431.
    #[error("trailer section over the limit: raise `Config::max_trailer_section`")]
    TrailerSectionTooLarge,
    /// The input ended inside a message (RFC 9112 section 8).
    #[error("input ended inside the message")]
    Truncated,
    /// The input ended before the first byte of a response that a request awaits (RFC 9112 section 9.5): the server may
    /// have closed an idle connection at the same time. See [`outstanding`](crate::ClientConnection::outstanding).
    #[error("input ended before the response")]
    NoResponse,
}

impl ErrorKind {
    /// The status code that tells the peer: 400 unless the kind says otherwise.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::UnknownExpectation => 417,
            Self::FieldSectionTooLarge | Self::TooManyFields | Self::TrailerSectionTooLarge => 431,
            Self::MethodTooLong | Self::UnknownTransferCoding => 501,
            Self::UnsupportedVersion => 505,
            _ => 400,
        }
    }
}

/// What the caller asked the encoder to do and must not. Nothing was written, and nothing changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// Not a status code of the kind that the method writes: 200 to 599 for a final response, 100 to 199 without 101
    /// for an interim one (RFC 9110 section 15).
    #[error("{0} is not a status code that can be sent here")]
    InvalidStatus(u16),
    /// A control character in a reason phrase (RFC 9112 section 4).
    #[error("control character in the reason phrase")]
    InvalidReason,
    /// A field name that is not a token (RFC 9110 section 5.1).
    #[error("field name is not a token")]
    InvalidFieldName,
    /// A CR, LF, NUL or another control character in a field value (RFC 9110 section 5.5): header injection.
    #[error("control character in a field value")]
    InvalidFieldValue,
    /// The codec writes this field itself: `Content-Length`, `Transfer-Encoding` or `Connection`.
    #[error("{0} is written by the codec")]
    CodecField(&'static str),
    /// A final head was written already; the request before it is not complete.
    #[error("the message was already started")]
    AlreadyStarted,
    /// Content or an end without a finished head.
    #[error("no message was started")]
    NotStarted,
    /// The message was complete.
    #[error("the message is complete")]
    AlreadyComplete,
    /// An interim response to an HTTP/1.0 client, or without a request (RFC 9110 section 15.2).
    #[error("the client cannot receive an interim response")]
    InterimNotAllowed,
    /// 101 to a request that offered no upgrade (RFC 9110 section 7.8).
    #[error("the request offered no upgrade")]
    UpgradeNotOffered,
    /// 101 without an `Upgrade` field (RFC 9110 section 7.8).
    #[error("101 needs an Upgrade field")]
    MissingUpgradeField,
    /// A switch of protocols in the middle of the request's content (RFC 9110 section 7.8).
    #[error("the request is not complete")]
    RequestIncomplete,
    /// Content in a message that cannot have any; see
    /// [`response_has_body`](crate::ServerConnection::response_has_body).
    #[error("this message cannot have content")]
    BodyNotAllowed,
    /// More content than `BodyLen::Fixed` promised.
    #[error("{excess} bytes more than the promised length")]
    BodyTooLong {
        /// Bytes over the promised length.
        excess: u64,
    },
    /// Less content than `BodyLen::Fixed` promised: the connection cannot be kept.
    #[error("{missing} bytes less than the promised length")]
    BodyIncomplete {
        /// Bytes missing.
        missing: u64,
    },
    /// Trailers in a message that is not chunked (RFC 9110 section 6.5.1).
    #[error("trailers need a chunked message")]
    TrailersNotAllowed,
    /// A field that must not stand in a trailer section (RFC 9110 section 6.5.1).
    #[error("this field cannot be a trailer")]
    ForbiddenTrailer,
    /// A request that the decoder of this crate would refuse, for this reason: method, target, Host (missing, malformed, twice,
    /// not the target's authority), content where the method has none, and so on.
    #[error("not a valid request: {0}")]
    Refused(ErrorKind),
    /// `Expect: 100-continue` in a request without content (RFC 9110 section 10.1.1).
    #[error("100-continue needs content")]
    ExpectWithoutContent,
    /// A request of unknown length to a server that answered in HTTP/1.0 (RFC 9112 section 6.1).
    #[error("the server does not know chunked content")]
    ChunkedToHttp10,
    /// [`Config::max_pipelined`](crate::Config::max_pipelined) requests await their responses.
    #[error("too many requests await their responses")]
    PipelineFull,
    /// A request behind one that offers an upgrade, or behind CONNECT: its bytes might belong to another protocol (RFC 9110
    /// sections 7.8 and 9.3.6).
    #[error("the request before may switch protocols")]
    UpgradePending,
    /// A request on a connection that closes: this side said so, the server did, or an error was found (RFC 9112 section
    /// 9.6).
    #[error("the connection closes")]
    Closing,
}
