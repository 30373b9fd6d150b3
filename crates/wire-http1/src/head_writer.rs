//! Response heads: field lines by the caller, framing and connection fields by the codec.
//!
//! | response | Content-Length | Transfer-Encoding | Connection | RFC |
//! |---|---|---|---|---|
//! | interim | never | never | never | 9110 8.6, 9112 6.1 |
//! | 101 | never | never | `upgrade` | 9110 7.8 |
//! | 2xx to CONNECT | never | never | never | 9110 9.3.6 |
//! | 204 | never | never | as below | 9110 8.6 |
//! | 205 | `0` | never | as below | 9110 15.3.6 |
//! | 304 | if not 0 | never | as below | 9110 8.6 |
//! | to HEAD | if fixed | never | as below | 9110 9.3.2 |
//! | `Fixed(n)` | `n` | never | as below | 9112 6.2 |
//! | `Streamed` to HTTP/1.1 | never | `chunked` | as below | 9112 6.1 |
//! | `Streamed` to others | never | never | `close` | 9112 6.3 rule 8 |
//!
//! Connection says `close` when the connection will not persist, `keep-alive` when it will although the client speaks
//! HTTP/1.0, and names `upgrade` where the caller wrote an Upgrade field.

use alloc::vec::Vec;

use crate::connection::ServerConnection;
use crate::encode::BodyLen;
use crate::error::EncodeError;
use crate::field;
use crate::framing::BodyFraming;
use crate::known::Known;
use crate::request_line::{Method, Version};
use crate::sending::{Outgoing, Sending};

/// Writes the field lines of one response head.
///
/// Dropped without [`finish`](Self::finish), it takes back everything: the buffer ends where it ended before, and the
/// connection knows of no head.
#[derive(Debug)]
#[must_use = "a head that is not finished is taken back"]
pub struct HeadWriter<'a> {
    connection: &'a mut ServerConnection,
    pub(crate) out: &'a mut Vec<u8>,
    /// Where the head begins in `out`.
    start: usize,
    status: u16,
    kind: Kind,
    /// The caller wrote an Upgrade field.
    pub(crate) upgrade: bool,
    finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Interim,
    Final(BodyLen),
}

impl<'a> HeadWriter<'a> {
    #[inline(always)]
    pub(crate) fn new(
        connection: &'a mut ServerConnection,
        out: &'a mut Vec<u8>,
        start: usize,
        status: u16,
        kind: Kind,
    ) -> Self {
        Self { connection, out, start, status, kind, upgrade: false, finished: false }
    }

    /// Appends a field line.
    ///
    /// # Errors
    ///
    /// [`EncodeError::InvalidFieldName`], [`EncodeError::InvalidFieldValue`], and [`EncodeError::CodecField`] for
    /// Content-Length, Transfer-Encoding and Connection. The line was not written; the head can go on without it.
    pub fn field(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), EncodeError> {
        self.upgrade |= write_head_field(name.as_ref(), value.as_ref(), self.out)?;
        Ok(())
    }

    /// Appends field lines that were validated before: one copy.
    #[inline]
    pub fn lines(&mut self, lines: &FieldLines) {
        self.out.extend_from_slice(&lines.bytes);
        self.upgrade |= lines.upgrade;
    }

    /// Says anew how much content the response has: for those who learn it from fields that are not theirs to write. Of
    /// no meaning for an interim head.
    #[inline]
    pub fn set_body(&mut self, body: BodyLen) {
        if let Kind::Final(said) = &mut self.kind {
            *said = body;
        }
    }

    /// Closes the connection behind this exchange, as [`ServerConnection::set_close`].
    pub fn set_close(&mut self) {
        self.connection.set_close();
    }

    /// Completes the head with the fields of framing and connection.
    ///
    /// # Errors
    ///
    /// [`EncodeError::MissingUpgradeField`] for a 101 without Upgrade; the head is taken back.
    #[inline(always)]
    pub fn finish(mut self) -> Result<(), EncodeError> {
        match self.kind {
            Kind::Interim => {
                self.out.extend_from_slice(b"\r\n");
                self.connection.continued |= self.status == 100;
            }
            Kind::Final(_) if self.status == 101 && !self.upgrade => {
                return Err(EncodeError::MissingUpgradeField);
            }
            Kind::Final(body) => self.finish_final(body),
        }
        self.finished = true;
        Ok(())
    }

    #[inline(always)] // once for each response
    fn finish_final(&mut self, body: BodyLen) {
        let request = &self.connection.request;
        let connect = request.method == Some(Method::Connect) && request.version.is_some();
        let success = (200..300).contains(&self.status);
        let switch = self.status == 101 || (connect && success && self.connection.receiver.error.is_none());
        if switch {
            let end: &[u8] = if self.status == 101 { b"Connection: upgrade\r\n\r\n" } else { b"\r\n" };
            self.out.extend_from_slice(end);
            self.connection.responding = Sending::Switched;
            return;
        }
        let outgoing = match (self.status, body) {
            (204 | 205 | 304, _) => Outgoing::None,
            _ if request.method == Some(Method::Head) => Outgoing::None,
            (_, BodyLen::Fixed(len)) => Outgoing::Fixed(len),
            (_, BodyLen::Streamed) if request.version == Some(Version::Http11) => Outgoing::Chunked,
            (_, BodyLen::Streamed) => Outgoing::UntilClose,
        };
        match (self.status, body) {
            (204, _) | (304, BodyLen::Fixed(0)) => {}
            (205, _) => self.out.extend_from_slice(b"Content-Length: 0\r\n"),
            (_, BodyLen::Fixed(len)) => write_framing(BodyFraming::Fixed(len), self.out),
            _ if outgoing == Outgoing::Chunked => write_framing(BodyFraming::Chunked, self.out),
            _ => {}
        }
        if outgoing == Outgoing::UntilClose || connect || self.connection.awaits_continue() {
            self.connection.close = true;
        }
        let http10 = request.version == Some(Version::Http10);
        let connection: &[u8] = match (self.connection.keep_alive(), self.upgrade) {
            (false, false) => b"Connection: close\r\n",
            (false, true) => b"Connection: close, upgrade\r\n",
            (true, false) if http10 => b"Connection: keep-alive\r\n",
            (true, true) if http10 => b"Connection: keep-alive, upgrade\r\n",
            (true, false) => b"",
            (true, true) => b"Connection: upgrade\r\n",
        };
        self.out.extend_from_slice(connection);
        self.out.extend_from_slice(b"\r\n");
        self.connection.responding = Sending::Body(outgoing);
    }
}

impl Drop for HeadWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

/// Field lines, validated once and written often: `Server`, `Date`, a set of security fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLines {
    bytes: Vec<u8>,
    upgrade: bool,
}

impl FieldLines {
    /// No lines.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), upgrade: false }
    }

    /// Appends a field line.
    ///
    /// # Errors
    ///
    /// As [`HeadWriter::field`].
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), EncodeError> {
        self.upgrade |= write_head_field(name.as_ref(), value.as_ref(), &mut self.bytes)?;
        Ok(())
    }

    /// Removes all lines and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.upgrade = false;
    }

    /// The lines as they go out.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes the field line that frames content (RFC 9112 sections 6.1 and 6.2).
#[inline]
pub(crate) fn write_framing(body: BodyFraming, out: &mut Vec<u8>) {
    match body {
        BodyFraming::None => {}
        BodyFraming::Fixed(len) => {
            let mut digits = itoa::Buffer::new();
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(digits.format(len).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
}

/// Writes a field line of a head, and tells whether it is an Upgrade.
#[inline]
pub(crate) fn write_head_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<bool, EncodeError> {
    let upgrade = is_upgrade(name)?;
    field::write(name, value, out)?;
    Ok(upgrade)
}

/// Whether this is the name of an Upgrade field; refuses the names that the codec writes itself.
#[inline]
pub(crate) fn is_upgrade(name: &[u8]) -> Result<bool, EncodeError> {
    // The four names that matter, by their lengths.
    let known = if matches!(name.len(), 7 | 10 | 14 | 17) { Known::from_name(name) } else { None };
    match known {
        Some(known @ (Known::ContentLength | Known::TransferEncoding | Known::Connection)) => {
            Err(EncodeError::CodecField(known.as_str()))
        }
        known => Ok(known == Some(Known::Upgrade)),
    }
}
