//! Encoding in the server role: interim heads, the final head, content, end. Appended to the caller's buffer; no queue.
//!
//! The head itself is written by [`HeadWriter`]; the rules of content stand in `sending.rs`. Every method that fails has
//! written nothing.

use alloc::vec::Vec;

use crate::class;
use crate::connection::ServerConnection;
use crate::error::EncodeError;
use crate::head_writer::{self, HeadWriter};
use crate::request_line::Version;
use crate::sending::{Outgoing, Sending};
use crate::status;

/// How much content a response has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLen {
    /// Exactly this many bytes: Content-Length. For HEAD and 304 the length that GET would have had; 0 says nothing in a
    /// 304. Ignored for 204 and 205.
    Fixed(u64),
    /// Not known: chunked to HTTP/1.1 clients, and until the connection closes to others.
    Streamed,
}

impl ServerConnection {
    /// Appends `100 Continue` if the client still waits for it ([`awaits_continue`](Self::awaits_continue)), and nothing
    /// otherwise: so call it whenever content is about to be read (RFC 9110 section 10.1.1).
    ///
    /// # Errors
    ///
    /// [`EncodeError::AlreadyStarted`] when a final head was written.
    pub fn encode_continue(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !self.awaits_continue() {
            return Ok(());
        }
        self.encode_interim(100, out)?.finish()
    }

    /// Begins an interim response, such as 103 Early Hints; any number of them may precede the final one (RFC 9110
    /// section 15.2).
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidStatus`] outside of 100 to 199 and for 101, which is a final head here;
    /// [`EncodeError::InterimNotAllowed`] for an HTTP/1.0 client, or without a request;
    /// [`EncodeError::AlreadyStarted`] behind a final head.
    pub fn encode_interim<'a>(
        &'a mut self,
        status: u16,
        out: &'a mut Vec<u8>,
    ) -> Result<HeadWriter<'a>, EncodeError> {
        if !(100..200).contains(&status) || status == 101 {
            return Err(EncodeError::InvalidStatus(status));
        }
        if self.response_started() {
            return Err(EncodeError::AlreadyStarted);
        }
        if self.request.version != Some(Version::Http11) {
            return Err(EncodeError::InterimNotAllowed);
        }
        let start = out.len();
        status::write_line(status, "", out);
        Ok(HeadWriter::new(self, out, start, status, head_writer::Kind::Interim))
    }

    /// Begins the final response. `reason` is the reason phrase, `""` the standard one of the code.
    ///
    /// Works without a request and behind an error as well, so that a 400, 408 or 503 can go out; it closes the
    /// connection then. It also closes when the client still waits for a `100 Continue`, since nobody can know whether
    /// the content will follow, and when CONNECT is refused, since bytes that were meant for the tunnel may already be
    /// on their way.
    ///
    /// 101, for a request that offered an upgrade, confirms the switch of protocols: the caller adds the `Upgrade` field.
    /// A 2xx response to CONNECT confirms the tunnel. After `finish()` the response is complete and the decoder reports
    /// [`Event::Upgraded`](crate::Event::Upgraded).
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidStatus`], [`EncodeError::InvalidReason`], [`EncodeError::AlreadyStarted`]; for 101
    /// [`EncodeError::UpgradeNotOffered`], and [`EncodeError::RequestIncomplete`] before all content was received.
    #[inline(always)] // so that the writer need not be in memory
    pub fn encode_head<'a>(
        &'a mut self,
        status: u16,
        reason: &str,
        body: BodyLen,
        out: &'a mut Vec<u8>,
    ) -> Result<HeadWriter<'a>, EncodeError> {
        if status != 101 && !(200..600).contains(&status) {
            return Err(EncodeError::InvalidStatus(status));
        }
        if !class::is_text(reason.as_bytes()) {
            return Err(EncodeError::InvalidReason);
        }
        if self.response_started() {
            return Err(EncodeError::AlreadyStarted);
        }
        if status == 101 {
            if self.receiver.error.is_some() || !self.request.decision.offers_upgrade {
                return Err(EncodeError::UpgradeNotOffered);
            }
            // "the client can't change the protocol it is sending in the middle of a message" (RFC 9110, section 7.8).
            if !self.request_read() {
                return Err(EncodeError::RequestIncomplete);
            }
        }
        let start = out.len();
        status::write_line(status, reason, out);
        Ok(HeadWriter::new(self, out, start, status, head_writer::Kind::Final(body)))
    }

    /// Whether the response that was begun can have content: not for HEAD, 204, 205, 304, or when the protocol was
    /// switched. Before a head was written: whether the request's method allows it.
    #[must_use]
    pub fn response_has_body(&self) -> bool {
        match self.responding {
            Sending::Idle => self.request.method != Some(crate::Method::Head),
            Sending::Body(outgoing) => outgoing != Outgoing::None,
            Sending::Complete | Sending::Switched => false,
        }
    }

    /// Appends content: a chunk, or the bytes as they are. Empty `data` writes nothing (a chunk of length zero would be
    /// the end).
    ///
    /// # Errors
    ///
    /// [`EncodeError::NotStarted`], [`EncodeError::AlreadyComplete`], [`EncodeError::BodyNotAllowed`] (to HEAD, say: ask
    /// [`response_has_body`](Self::response_has_body)), [`EncodeError::BodyTooLong`].
    #[inline]
    pub fn encode_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.responding.data(data, out)
    }

    /// Counts content of `len` bytes that the caller writes by itself, by reference: first
    /// [`DataHead::as_bytes`], then the content, then [`DataHead::suffix`].
    ///
    /// # Errors
    ///
    /// As [`encode_data`](Self::encode_data).
    pub fn encode_data_header(&mut self, len: u64) -> Result<DataHead, EncodeError> {
        self.responding.data_header(len)
    }

    /// Ends the response. Needed for each final head but the ones that switch protocols, where it does nothing.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyIncomplete`] when content is missing: the peer sees that too, once the connection closes.
    /// [`EncodeError::NotStarted`], [`EncodeError::AlreadyComplete`].
    #[inline]
    pub fn encode_end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.responding.end(out)
    }

    /// Ends a chunked response with a trailer section (RFC 9110 section 6.5). Without trailers it is
    /// [`encode_end`](Self::encode_end).
    ///
    /// A client that did not say [`TE: trailers`](crate::RequestHead::accepts_trailers) may ignore them.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TrailersNotAllowed`] when the response is not chunked (HTTP/1.0, a fixed length, no content): end
    /// it with [`encode_end`](Self::encode_end). [`EncodeError::ForbiddenTrailer`] for a field that must stand in the
    /// head; [`EncodeError::InvalidFieldName`], [`EncodeError::InvalidFieldValue`].
    pub fn encode_end_with_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (N, V)>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.responding.end_with_trailers(trailers, out)
    }
}

/// What stands around a piece of content that is written by reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHead {
    /// A chunk-size line, at the end of the array: 16 digits at most, and CRLF.
    bytes: [u8; Self::MAX],
    start: u8,
}

impl DataHead {
    const MAX: usize = 18;

    /// Nothing around it.
    pub(crate) const RAW: Self = Self { bytes: [0; Self::MAX], start: Self::MAX as u8 };

    pub(crate) fn chunk(len: u64) -> Self {
        let mut bytes = *b"0123456789abcdef\r\n";
        let mut start = Self::MAX - 2;
        let mut rest = len;
        while rest > 0 {
            start -= 1;
            bytes[start] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
        }
        Self { bytes, start: start as u8 }
    }

    /// What goes out before the content; may be empty.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }

    /// What goes out behind the content; may be empty.
    #[must_use]
    pub fn suffix(&self) -> &'static [u8] {
        if usize::from(self.start) == Self::MAX { b"" } else { b"\r\n" }
    }
}
