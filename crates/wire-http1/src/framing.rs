//! Where a message ends, and what its connection does then: every rule against smuggling, in one place.
//!
//! | in the head of a request | reaction | RFC 9112 |
//! |---|---|---|
//! | Content-Length not `1*DIGIT` below 2^64 without leading zeros | 400 | 6.3 rule 5, RFC 9110 8.6 |
//! | Content-Length twice, or a list, even of equal values | 400 | 6.3 rule 5 (may be merged; we do not) |
//! | Content-Length and Transfer-Encoding | 400 | 6.1, 6.3 rule 3 |
//! | Transfer-Encoding in HTTP/1.0 | 400 | 6.1 |
//! | Transfer-Encoding empty, with empty elements, or with parameters | 400 | 6.1, 7 |
//! | `chunked` twice, or not last; `identity` | 400 | 6.1, 6.3 rule 4 |
//! | another coding before `chunked`, or alone | 501 | 6.1 |
//! | content in CONNECT or TRACE | 400 | RFC 9110 9.3.6, 9.3.8 |
//! | Transfer-Encoding: `chunked`, in any case | chunked | 6.3 rule 4 |
//! | Content-Length | that many bytes | 6.3 rule 6 |
//! | neither | no content | 6.3 rule 7 |
//! | no Host in HTTP/1.1; two of them; malformed; empty | 400 | 3.2, 3.2.2 |
//! | Content-Type twice | 400 | RFC 9110 5.3 |
//! | Connection not a list of tokens | 400 | RFC 9110 7.6.1 |
//! | `close` in Connection | closes | 9.3 |
//! | HTTP/1.0 without `keep-alive` in Connection | closes | 9.3 |
//! | Expect with anything but `100-continue` (ignored in HTTP/1.0) | 417 | RFC 9110 10.1.1 |
//! | Upgrade, named in Connection (ignored in HTTP/1.0) | proposal | RFC 9110 7.8 |
//! | CONNECT | proposal | RFC 9110 9.3.6 |
//! | `trailers` in TE (ignored in HTTP/1.0) | trailers are welcome | RFC 9110 10.1.4 |
//!
//! The status codes are a server's answers; a response is refused by the same rules, and a gateway answers 502.
//!
//! | response | framing | RFC 9112 |
//! |---|---|---|
//! | 1xx without 101 | no content, and another head follows | 6.3 rule 1 |
//! | 101 to a request that offered no upgrade, or is not written to its end | refused | RFC 9110 7.8 |
//! | 101 without Upgrade named in Connection | refused | RFC 9110 7.8 |
//! | 101 | no content; the protocol is switched | RFC 9110 15.2.2 |
//! | 2xx to CONNECT, whatever the fields say | no content; a tunnel | 6.3 rule 2, RFC 9110 9.3.6 |
//! | Content-Length and Transfer-Encoding; unknown coding; Transfer-Encoding in HTTP/1.0 | refused | 6.3 rules 3 and 4, 6.1 |
//! | 1xx or 204 with Transfer-Encoding, or a Content-Length that is not 0 | refused: others read content there | 6.1, RFC 9110 8.6 |
//! | 204, 304, to HEAD | no content | 6.3 rule 1 |
//! | Transfer-Encoding: `chunked` | chunked | 6.3 rule 4 |
//! | Content-Length | that many bytes | 6.3 rule 6 |
//! | neither | until the connection ends, which then closes | 6.3 rule 8 |
//! | `close` in Connection, of an interim head too | closes behind the response | 9.6 |
//!
//! Names are compared whole, as tokens: `Transfer_Encoding` is some other field.

use crate::chunked::Chunked;
use crate::class;
use crate::client::Sent;
use crate::error::ErrorKind;
use crate::known::Known;
use crate::receive::Reading;
use crate::request_line::{Method, RequestLine, Version};
use crate::status_line::StatusLine;
use crate::target;

/// How a request's content is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFraming {
    /// No content.
    #[default]
    None,
    /// This many bytes, as Content-Length said; may be 0.
    Fixed(u64),
    /// Chunked transfer coding.
    Chunked,
}

impl BodyFraming {
    /// Whether there can be content: not for `None` and `Fixed(0)`.
    #[must_use]
    pub const fn has_content(self) -> bool {
        !matches!(self, Self::None | Self::Fixed(0))
    }
}

impl From<BodyFraming> for Reading {
    /// What is received behind a head.
    fn from(body: BodyFraming) -> Self {
        match body {
            BodyFraming::None | BodyFraming::Fixed(0) => Self::End,
            BodyFraming::Fixed(length) => Self::Fixed(length),
            BodyFraming::Chunked => Self::Chunked(Chunked::default()),
        }
    }
}

/// What the head decided; kept by the connection when the head itself is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) body: BodyFraming,
    /// By version and Connection.
    pub(crate) keep_alive: bool,
    /// The client awaits a 100 before it sends content.
    pub(crate) expects_continue: bool,
    /// Upgrade, properly offered.
    pub(crate) offers_upgrade: bool,
    /// `TE: trailers`.
    pub(crate) accepts_trailers: bool,
}

/// How a response's content is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseFraming {
    /// No content: interim, 204, 304, to HEAD, or the protocol is switched.
    #[default]
    None,
    /// This many bytes, as Content-Length said; may be 0.
    Fixed(u64),
    /// Chunked transfer coding.
    Chunked,
    /// All bytes up to the end of the connection. Nobody can tell the end from a loss.
    UntilClose,
}

impl From<ResponseFraming> for Reading {
    /// What is received behind a final head.
    fn from(body: ResponseFraming) -> Self {
        match body {
            ResponseFraming::None => BodyFraming::None.into(),
            ResponseFraming::Fixed(length) => BodyFraming::Fixed(length).into(),
            ResponseFraming::Chunked => BodyFraming::Chunked.into(),
            ResponseFraming::UntilClose => Self::UntilClose,
        }
    }
}

/// What the head of a response decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseDecision {
    pub(crate) body: ResponseFraming,
    /// By version, Connection and framing.
    pub(crate) keep_alive: bool,
    /// 101, or 2xx to CONNECT.
    pub(crate) switches: bool,
}

/// What the fields seen so far say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Framing {
    host: Option<Host>,
    content_length: Option<u64>,
    transfer_encoding: Codings,
    content_type: bool,
    close: bool,
    keep_alive: bool,
    upgrade_option: bool,
    upgrade: bool,
    expects_continue: bool,
    unknown_expectation: bool,
    accepts_trailers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Empty,
    Named,
}

/// The codings of all Transfer-Encoding lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    Absent,
    /// `chunked` was the last one.
    Chunked {
        /// Another coding stands before it.
        unknown: bool,
    },
    /// Only others yet.
    Unknown,
}

impl Framing {
    /// Takes a field for which [`Known::decides_framing`] holds.
    #[inline]
    pub(crate) fn field(&mut self, known: Known, value: &[u8]) -> Result<(), ErrorKind> {
        match known {
            Known::Host => self.host(value),
            Known::ContentLength => self.content_length(value),
            Known::TransferEncoding => self.transfer_encoding(value),
            Known::Connection => self.connection(value),
            Known::Expect => {
                self.expect(value);
                Ok(())
            }
            Known::Upgrade => {
                self.upgrade |= class::list(value).any(|protocol| !protocol.is_empty());
                Ok(())
            }
            Known::Te => {
                self.accepts_trailers |= class::list(value).any(|te| te.eq_ignore_ascii_case(b"trailers"));
                Ok(())
            }
            Known::ContentType if self.content_type => Err(ErrorKind::DuplicateContentType),
            Known::ContentType => {
                self.content_type = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The decision at the end of the head.
    #[inline]
    pub(crate) fn decide(&self, line: &RequestLine) -> Result<Decision, ErrorKind> {
        let http11 = line.version == Version::Http11;
        match self.host {
            // An empty Host says that the target URI has no authority, and there is no such http URI (RFC 9110, 4.2.1).
            Some(Host::Empty) => return Err(ErrorKind::InvalidHost),
            None if http11 => return Err(ErrorKind::MissingHost),
            _ => {}
        }
        let body = self.body(line.version)?;
        if body.has_content() && matches!(line.method, Method::Connect | Method::Trace) {
            return Err(ErrorKind::UnexpectedContent);
        }
        if self.unknown_expectation && http11 {
            return Err(ErrorKind::UnknownExpectation);
        }
        Ok(Decision {
            body,
            keep_alive: self.persists(line.version),
            expects_continue: http11 && self.expects_continue && body.has_content(),
            offers_upgrade: http11 && self.upgrade && self.upgrade_option,
            accepts_trailers: http11 && self.accepts_trailers,
        })
    }

    /// The decision at the end of the head of a response to `request`, which is `written` to its end or not.
    pub(crate) fn decide_response(
        &self,
        line: &StatusLine,
        request: Sent,
        written: bool,
    ) -> Result<ResponseDecision, ErrorKind> {
        let switched = self.upgrade && self.upgrade_option && line.version == Version::Http11;
        // "the client can't change the protocol it is sending in the middle of a message" (RFC 9110, section 7.8).
        if line.status == 101 && !(request.offers_upgrade && written && switched) {
            return Err(ErrorKind::UnexpectedUpgrade);
        }
        if line.tunnel {
            return Ok(ResponseDecision { switches: true, ..ResponseDecision::default() });
        }
        let said = self.body(line.version)?;
        let body = match (line.status, said) {
            (..200 | 204, BodyFraming::Chunked | BodyFraming::Fixed(1..)) => {
                return Err(ErrorKind::UnexpectedContent);
            }
            (..200 | 204 | 304, _) => ResponseFraming::None,
            _ if request.method == Method::Head => ResponseFraming::None,
            (_, BodyFraming::Fixed(length)) => ResponseFraming::Fixed(length),
            (_, BodyFraming::Chunked) => ResponseFraming::Chunked,
            (_, BodyFraming::None) => ResponseFraming::UntilClose,
        };
        let persists = self.persists(line.version);
        let switches = line.status == 101;
        Ok(ResponseDecision {
            body,
            keep_alive: persists && body != ResponseFraming::UntilClose && !switches,
            switches,
        })
    }

    /// Notes what the encoder itself writes into the head of a request, so that [`decide`](Self::decide) can judge it.
    pub(crate) fn written(&mut self, body: BodyFraming, close: bool) {
        match body {
            BodyFraming::None => {}
            BodyFraming::Fixed(length) => self.content_length = Some(length),
            BodyFraming::Chunked => self.transfer_encoding = Codings::Chunked { unknown: false },
        }
        self.close = close;
        self.upgrade_option = self.upgrade;
    }

    /// Whether a request with these fields offers an upgrade, once Connection names it.
    pub(crate) fn has_upgrade(&self) -> bool {
        self.upgrade
    }

    /// Whether `100-continue` was expected, with content or without.
    pub(crate) fn has_expectation(&self) -> bool {
        self.expects_continue
    }

    /// What Content-Length and Transfer-Encoding say together.
    #[inline]
    fn body(&self, version: Version) -> Result<BodyFraming, ErrorKind> {
        Ok(match (self.transfer_encoding, self.content_length) {
            (Codings::Absent, None) => BodyFraming::None,
            (Codings::Absent, Some(length)) => BodyFraming::Fixed(length),
            (_, Some(_)) => return Err(ErrorKind::ContentLengthWithTransferEncoding),
            _ if version != Version::Http11 => return Err(ErrorKind::TransferEncodingInHttp10),
            (Codings::Unknown | Codings::Chunked { unknown: true }, _) => {
                return Err(ErrorKind::UnknownTransferCoding);
            }
            (Codings::Chunked { unknown: false }, None) => BodyFraming::Chunked,
        })
    }

    /// RFC 9112 section 9.3.
    #[inline]
    fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    #[inline]
    fn host(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        if self.host.is_some() {
            return Err(ErrorKind::DuplicateHost);
        }
        self.host = match target::authority(value) {
            _ if value.is_empty() => Some(Host::Empty),
            Some(authority) if !authority.empty_host => Some(Host::Named),
            _ => return Err(ErrorKind::InvalidHost),
        };
        Ok(())
    }

    #[inline]
    fn content_length(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        if self.content_length.is_some() {
            return Err(ErrorKind::DuplicateContentLength);
        }
        let length = match value {
            [] | [b'0', _, ..] => None,
            digits => digits.iter().try_fold(0u64, |length, byte| {
                let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
                length.checked_mul(10)?.checked_add(digit)
            }),
        };
        self.content_length = Some(length.ok_or(ErrorKind::InvalidContentLength)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        for coding in class::list(value) {
            // No coding that we could ever accept has parameters (RFC 9112, 7.1 and 7.2), so: a token.
            if !class::is_token(coding) || coding.eq_ignore_ascii_case(b"identity") {
                return Err(ErrorKind::InvalidTransferEncoding);
            }
            self.transfer_encoding = match self.transfer_encoding {
                Codings::Chunked { .. } => return Err(ErrorKind::InvalidTransferEncoding),
                before if coding.eq_ignore_ascii_case(b"chunked") => {
                    Codings::Chunked { unknown: before == Codings::Unknown }
                }
                _ => Codings::Unknown,
            };
        }
        Ok(())
    }

    #[inline]
    fn connection(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        // What browsers send.
        if value == b"keep-alive" {
            self.keep_alive = true;
            return Ok(());
        }
        for option in class::list(value) {
            if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade_option = true;
            } else if !option.is_empty() && !class::is_token(option) {
                return Err(ErrorKind::InvalidConnection);
            }
        }
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) {
        for expectation in class::list(value) {
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expects_continue = true;
            } else if !expectation.is_empty() {
                self.unknown_expectation = true;
            }
        }
    }
}
