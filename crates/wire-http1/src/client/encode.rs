//! Encoding in the client role: head, content, end. Appended to the caller's buffer; no queue.
//!
//! Fields and framing are written by [`RequestWriter`]; the rules of content stand in `sending.rs`. Every method that
//! fails has written nothing.

use alloc::vec::Vec;

use super::{ClientConnection, RequestWriter, Sent};
use crate::config::OFFSET_LIMIT;
use crate::encode::{BodyLen, DataHead};
use crate::error::EncodeError;
use crate::receive::StartLine as _;
use crate::request_line::{LineScanner, Method, RequestLine};
use crate::sending::Sending;

impl ClientConnection {
    /// Begins a request. `target` goes out as it is: path and query, an absolute URI to a proxy, `host:port` for CONNECT,
    /// `*` for OPTIONS (RFC 9112 section 3.2). `body` is `None` where there is no content; POST, PUT and PATCH then say
    /// `Content-Length: 0`, as RFC 9110 section 8.6 advises.
    ///
    /// The caller writes Host, and Expect, Upgrade or TE where wanted; the codec writes the Content-Length,
    /// Transfer-Encoding and Connection that belong to them. Requests may follow each other before their responses have come;
    /// RFC 9112 section 9.3.2 advises against it behind a method that is not idempotent.
    ///
    /// What has arrived must be decoded before: bytes that nobody asked for are refused while nothing is outstanding, and
    /// would be taken for this request's response afterwards (RFC 9112 section 9.2).
    ///
    /// # Errors
    ///
    /// [`EncodeError::Refused`] for a method or target that a request line cannot have; [`EncodeError::AlreadyStarted`]
    /// before the request before was ended; [`EncodeError::UpgradePending`], [`EncodeError::PipelineFull`],
    /// [`EncodeError::Closing`], [`EncodeError::ChunkedToHttp10`].
    pub fn encode_head<'a>(
        &'a mut self,
        method: &str,
        target: &str,
        body: Option<BodyLen>,
        out: &'a mut Vec<u8>,
    ) -> Result<RequestWriter<'a>, EncodeError> {
        if !self.request_complete() {
            return Err(EncodeError::AlreadyStarted);
        }
        if let Some(last) = self.requests.back() {
            if last.close {
                return Err(EncodeError::Closing);
            }
            if last.offers_upgrade || last.method == Method::Connect {
                return Err(self.behind_switch());
            }
        }
        if self.closing || self.receiver.error.is_some() {
            return Err(EncodeError::Closing);
        }
        if self.requests.len() >= self.receiver.config.max_pipelined {
            return Err(EncodeError::PipelineFull);
        }
        if self.http10 && body == Some(BodyLen::Streamed) {
            return Err(EncodeError::ChunkedToHttp10);
        }
        let start = out.len();
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        match request_line(&out[start..]) {
            Ok(line) => Ok(RequestWriter::new(self, out, start, line, body)),
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Behind a request that may switch protocols: not before its final head has come, and not if it has switched.
    fn behind_switch(&self) -> EncodeError {
        if self.is_upgraded() { EncodeError::Closing } else { EncodeError::UpgradePending }
    }

    /// Appends content: a chunk, or the bytes as they are. Empty `data` writes nothing (a chunk of length zero would be
    /// the end).
    ///
    /// # Errors
    ///
    /// [`EncodeError::NotStarted`], [`EncodeError::AlreadyComplete`], [`EncodeError::BodyNotAllowed`],
    /// [`EncodeError::BodyTooLong`].
    pub fn encode_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.sending.data(data, out)?;
        self.awaits_continue &= data.is_empty();
        Ok(())
    }

    /// Counts content of `len` bytes that the caller writes by itself, by reference: first
    /// [`DataHead::as_bytes`], then the content, then [`DataHead::suffix`].
    ///
    /// # Errors
    ///
    /// As [`encode_data`](Self::encode_data).
    pub fn encode_data_header(&mut self, len: u64) -> Result<DataHead, EncodeError> {
        let head = self.sending.data_header(len)?;
        self.awaits_continue &= len == 0;
        Ok(head)
    }

    /// Ends the request. Needed for each head, with content or without.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyIncomplete`] when content is missing: the connection cannot be kept.
    /// [`EncodeError::NotStarted`], [`EncodeError::AlreadyComplete`].
    pub fn encode_end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.sending.end(out)?;
        self.awaits_continue = false;
        Ok(())
    }

    /// Ends a chunked request with a trailer section (RFC 9110 section 6.5). Without trailers it is
    /// [`encode_end`](Self::encode_end).
    ///
    /// # Errors
    ///
    /// [`EncodeError::TrailersNotAllowed`] when the request is not chunked; [`EncodeError::ForbiddenTrailer`] for a field
    /// that must stand in the head; [`EncodeError::InvalidFieldName`], [`EncodeError::InvalidFieldValue`].
    pub fn encode_end_with_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (N, V)>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.sending.end_with_trailers(trailers, out)?;
        self.awaits_continue = false;
        Ok(())
    }

    /// Notes a request whose head was written.
    pub(super) fn sent(&mut self, request: Sent, sending: Sending, awaits_continue: bool) {
        self.requests.push_back(request);
        self.sending = sending;
        self.awaits_continue = awaits_continue;
    }
}

/// Judges a request line by the rules of those who receive it: no second copy of them.
fn request_line(bytes: &[u8]) -> Result<RequestLine, EncodeError> {
    use crate::error::ErrorKind;
    let mut line = RequestLine::default();
    match LineScanner::default().scan(bytes, OFFSET_LIMIT, &mut line) {
        // A line that ends early has a line end in its target.
        Ok(true) if line.len() == bytes.len() => Ok(line),
        Ok(_) => Err(EncodeError::Refused(ErrorKind::InvalidTarget)),
        Err((kind, _)) => Err(EncodeError::Refused(kind)),
    }
}
