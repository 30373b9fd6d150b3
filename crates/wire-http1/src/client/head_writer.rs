//! Request heads: field lines by the caller, framing and connection fields by the codec.
//!
//! | request | Content-Length | Transfer-Encoding | RFC |
//! |---|---|---|---|
//! | without content | `0` for POST, PUT, PATCH | never | 9110 8.6 |
//! | `Fixed(n)` | `n` | never | 9112 6.2 |
//! | `Streamed` | never | `chunked` | 9112 6.1 |
//!
//! Connection says `close` after [`set_close`](ClientConnection::set_close), and names `upgrade` and `TE` where the caller
//! wrote these fields (RFC 9110 sections 7.8 and 10.1.4). The request is judged by the rules of `framing.rs`, which are
//! those of its recipient.

use alloc::vec::Vec;

use super::{ClientConnection, Sent};
use crate::encode::BodyLen;
use crate::error::{EncodeError, ErrorKind};
use crate::field::{Field, FieldScanner, FieldSink};
use crate::framing::{BodyFraming, Framing};
use crate::head_writer::{self, FieldLines};
use crate::known::Known;
use crate::request_line::{Method, RequestLine};
use crate::sending::{Outgoing, Sending};
use crate::target::Form;

/// Writes the field lines of one request head.
///
/// Dropped without [`finish`](Self::finish), it takes back everything: the buffer ends where it ended before, and the
/// connection knows of no request.
#[derive(Debug)]
#[must_use = "a head that is not finished is taken back"]
pub struct RequestWriter<'a> {
    connection: &'a mut ClientConnection,
    out: &'a mut Vec<u8>,
    /// Where the head begins in `out`.
    start: usize,
    line: RequestLine,
    body: Option<BodyLen>,
    /// What the fields say to the recipient.
    framing: Framing,
    /// The caller wrote a TE field.
    te: bool,
    finished: bool,
}

impl<'a> RequestWriter<'a> {
    pub(super) fn new(
        connection: &'a mut ClientConnection,
        out: &'a mut Vec<u8>,
        start: usize,
        line: RequestLine,
        body: Option<BodyLen>,
    ) -> Self {
        let framing = Framing::default();
        Self { connection, out, start, line, body, framing, te: false, finished: false }
    }

    /// Appends a field line.
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidFieldName`], [`EncodeError::InvalidFieldValue`]; [`EncodeError::CodecField`] for
    /// Content-Length, Transfer-Encoding and Connection; [`EncodeError::Refused`] for a Host or Content-Type that a server
    /// would refuse: malformed, twice, or (RFC 9112 section 3.2) another authority than the target's. The line was not
    /// written; the head can go on without it.
    pub fn field(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), EncodeError> {
        let (name, value) = (name.as_ref(), value.as_ref());
        let (end, before) = (self.out.len(), self.framing);
        head_writer::write_head_field(name, value, self.out)?;
        let judged = match Known::from_name(name).filter(|known| known.decides_framing()) {
            Some(known) => self.judge(known, crate::class::trim(value)),
            None => Ok(()),
        };
        judged.map_err(|kind| {
            self.out.truncate(end);
            self.framing = before;
            EncodeError::Refused(kind)
        })
    }

    /// Appends field lines that were validated before: one copy.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Refused`] as in [`field`](Self::field), for all of them together.
    pub fn lines(&mut self, lines: &FieldLines) -> Result<(), EncodeError> {
        let before = (self.framing, self.te);
        // The lines have no end of section: the scan runs through all of them and asks for more.
        let scanned = FieldScanner::new(0).scan(lines.as_bytes(), &mut Judge(self));
        if let Err((kind, _)) = scanned {
            (self.framing, self.te) = before;
            return Err(EncodeError::Refused(kind));
        }
        self.out.extend_from_slice(lines.as_bytes());
        Ok(())
    }

    fn judge(&mut self, known: Known, value: &[u8]) -> Result<(), ErrorKind> {
        self.framing.field(known, value)?;
        if known == Known::Host {
            let target = &self.out[self.start..][self.line.target_range()];
            let authority = match self.line.form {
                Form::Absolute { start, end } => Some(&target[start as usize..end as usize]),
                Form::Authority => Some(target),
                Form::Origin | Form::Asterisk => None,
            };
            // "a client MUST send a field value for Host that is identical to that authority component" (RFC 9112 section 3.2).
            if authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(value)) {
                return Err(ErrorKind::InvalidHost);
            }
        }
        self.te |= known == Known::Te;
        Ok(())
    }

    /// Completes the head with the fields of framing and connection.
    ///
    /// # Errors
    ///
    /// The head is taken back: [`EncodeError::Refused`] for a request that a server would refuse (no Host, content in
    /// CONNECT or TRACE, an unknown expectation), [`EncodeError::ExpectWithoutContent`].
    pub fn finish(mut self) -> Result<(), EncodeError> {
        let method = self.line.method;
        let (framing, outgoing) = match self.body {
            None if matches!(method, Method::Post | Method::Put | Method::Patch) => {
                (BodyFraming::Fixed(0), Outgoing::None)
            }
            None => (BodyFraming::None, Outgoing::None),
            Some(BodyLen::Fixed(length)) => (BodyFraming::Fixed(length), Outgoing::Fixed(length)),
            Some(BodyLen::Streamed) => (BodyFraming::Chunked, Outgoing::Chunked),
        };
        let close = self.connection.close;
        self.framing.written(framing, close);
        let decision = self.framing.decide(&self.line).map_err(EncodeError::Refused)?;
        if self.framing.has_expectation() && !decision.expects_continue {
            return Err(EncodeError::ExpectWithoutContent);
        }
        head_writer::write_framing(framing, self.out);
        let options = [(close, "close"), (self.framing.has_upgrade(), "upgrade"), (self.te, "TE")];
        let mut before: &[u8] = b"Connection: ";
        for (_, option) in options.iter().filter(|(wanted, _)| *wanted) {
            self.out.extend_from_slice(before);
            self.out.extend_from_slice(option.as_bytes());
            before = b", ";
        }
        self.out.extend_from_slice(if before == b", " { b"\r\n\r\n" } else { b"\r\n" });
        let request = Sent { method, offers_upgrade: decision.offers_upgrade, close };
        self.connection.sent(request, Sending::Body(outgoing), decision.expects_continue);
        self.finished = true;
        Ok(())
    }
}

impl Drop for RequestWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

/// Shows the lines that matter to the request's framing.
struct Judge<'w, 'a>(&'w mut RequestWriter<'a>);

impl FieldSink for Judge<'_, '_> {
    fn field(&mut self, field: Field, value: &[u8]) -> Result<(), ErrorKind> {
        match field.known.filter(|known| known.decides_framing()) {
            Some(known) => self.0.judge(known, value),
            None => Ok(()),
        }
    }
}
