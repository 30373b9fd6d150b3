//! The response side: heads, bodies as they come, and the answers that the server gives by itself.

use bytes::Buf;
use http::StatusCode;
use http::header;
use http::response::Parts;
use http_body::Frame;
use wire_http1::{BodyLen, EncodeError, ServerConnection};

use super::link::{Current, Ending, Link};
use super::{BoxError, ConnectionError, Deadline, date};
use crate::body::BodyError;
use crate::conn::deadline::Moment;
use crate::file::FileRange;
use crate::io::WriteBuffer;
use crate::request::recycle_map;

/// A response head that is not encoded yet: its body may still turn out to have failed.
pub(super) struct Head {
    pub(super) parts: Parts,
    /// The length that the body says of itself.
    pub(super) exact: Option<u64>,
}

impl Head {
    /// The length to say, where the handler's own fields say `declared`.
    fn body_len(&self, declared: Option<u64>, bodyless: bool) -> BodyLen {
        match (self.exact, declared) {
            // To HEAD and with 304 a handler may say the length of what it does not send (RFC 9110 section 8.6).
            (Some(0), Some(declared)) if bodyless => BodyLen::Fixed(declared),
            // An empty body says nothing about the length that GET would have had.
            (Some(0), None) if bodyless => BodyLen::Streamed,
            (Some(exact), _) | (None, Some(exact)) => BodyLen::Fixed(exact),
            (None, None) => BodyLen::Streamed,
        }
    }

    /// Appends it to `out`, with the date of `now`.
    #[inline]
    fn encode(
        &self,
        http: &mut ServerConnection,
        bodyless: bool,
        now: Moment,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut writer = http.encode_head(self.parts.status.as_u16(), "", BodyLen::Streamed, out)?;
        let (mut declared, mut has_date) = (None, false);
        for (name, value) in &self.parts.headers {
            has_date |= *name == header::DATE;
            match writer.header(name, value) {
                Ok(()) => {}
                // Framing and connection are the codec's: what the handler says of them is taken into account and not sent.
                Err(EncodeError::CodecField(_)) => match *name {
                    header::CONTENT_LENGTH => {
                        declared = value.to_str().ok().and_then(|value| value.parse().ok());
                    }
                    header::CONNECTION if has_token(value.as_bytes(), b"close") => writer.set_close(),
                    _ => {}
                },
                Err(error) => return Err(error),
            }
        }
        if !has_date {
            date::with_date(now, |line| writer.lines(line));
        }
        writer.set_body(self.body_len(declared, bodyless));
        writer.finish()
    }
}

impl Current {
    /// Whether a response of this status has no content here, whatever its body is.
    fn is_bodyless(&self, status: StatusCode) -> bool {
        self.is_head || matches!(status.as_u16(), 204 | 205 | 304)
    }
}

impl<Io> Link<Io> {
    /// The handler has answered.
    #[inline(always)] // a head is large: where it is inlined it is moved once
    pub(super) fn begin_response(&mut self, head: Head) {
        self.unsent = Some(head);
        self.deadlines.clear(Deadline::Handler);
        self.withdraw_upgrade();
    }

    /// Whether a response that was not begun has nothing but its head.
    pub(super) fn needs_no_body(&self, body: &impl http_body::Body) -> bool {
        self.unsent
            .as_ref()
            .is_some_and(|head| self.current.is_bodyless(head.parts.status) || body.is_end_stream())
    }

    /// Encodes the head, unless that was done. False: it cannot be sent, and was replaced by a whole response.
    #[inline]
    pub(super) fn write_head(&mut self) -> bool {
        let Some(unsent) = &mut self.unsent else { return true };
        let bodyless = self.current.is_bodyless(unsent.parts.status);
        let encoded = unsent.encode(&mut self.http, bodyless, self.now, self.output.tail());
        recycle_map(&mut unsent.parts.headers);
        if let Err(error) = &encoded {
            tracing::error!(%error, status = %unsent.parts.status, "the handler's response cannot be sent");
            self.answer(500, "");
        }
        self.unsent = None;
        encoded.is_ok()
    }

    /// Encodes a piece of the body, the head first. True: the response is complete.
    #[inline(always)] // once for most responses
    pub(super) fn write_frame<D: Buf>(
        &mut self,
        frame: Frame<D>,
        last: bool,
    ) -> Result<bool, ConnectionError> {
        if !self.write_head() {
            return Ok(true);
        }
        let frame = match frame.into_data() {
            Ok(mut data) => {
                let data = data.copy_to_bytes(data.remaining());
                if WriteBuffer::takes_reference(&data) {
                    let around = self.http.encode_data_header(data.len() as u64).map_err(cut_off)?;
                    self.output.tail().extend_from_slice(around.as_bytes());
                    self.output.push_reference(data);
                    self.output.tail().extend_from_slice(around.suffix());
                } else {
                    self.http.encode_data(&data, self.output.tail()).map_err(cut_off)?;
                }
                return if last { self.complete() } else { Ok(false) };
            }
            Err(frame) => frame,
        };
        let Ok(trailers) = frame.into_trailers() else { return Ok(false) };
        match self.http.encode_end_with_trailers(&trailers, self.output.tail()) {
            Ok(()) => {
                self.current.responded = true;
                Ok(true)
            }
            // The framing has no place for them, or they may not stand there.
            Err(error @ (EncodeError::TrailersNotAllowed | EncodeError::ForbiddenTrailer)) => {
                tracing::debug!(%error, "trailers left out");
                self.end_response()
            }
            Err(error) => Err(cut_off(error)),
        }
    }

    /// Encodes a part of a file, the head first. True: the response is complete.
    pub(super) fn write_file(&mut self, range: FileRange, last: bool) -> Result<bool, ConnectionError> {
        if !self.write_head() {
            return Ok(true);
        }
        let around = self.http.encode_data_header(range.len()).map_err(cut_off)?;
        self.output.tail().extend_from_slice(around.as_bytes());
        self.output.push_file(range);
        self.output.tail().extend_from_slice(around.suffix());
        if last { self.complete() } else { Ok(false) }
    }

    /// The body is over.
    pub(super) fn end_response(&mut self) -> Result<bool, ConnectionError> {
        if self.write_head() { self.complete() } else { Ok(true) }
    }

    /// Its content is written.
    #[inline(always)] // once for each response
    fn complete(&mut self) -> Result<bool, ConnectionError> {
        self.http.encode_end(self.output.tail()).map_err(cut_off)?;
        self.current.responded = true;
        Ok(true)
    }

    /// The response body failed. Before its head is out, the client gets a status; else a response that is cut off.
    pub(super) fn body_failed(&mut self, error: BoxError) -> Result<bool, ConnectionError> {
        if self.unsent.take().is_none() {
            return Err(ConnectionError::Response(error));
        }
        if let Some(error) = error.downcast_ref::<BodyError>() {
            self.answer(error.status().as_u16(), &error.to_string());
        } else {
            tracing::error!(%error, "response body failed");
            self.answer(500, "");
        }
        Ok(true)
    }

    /// The handler panicked.
    pub(super) fn handler_panicked(&mut self, message: &str) {
        tracing::error!("handler {message}");
        self.deadlines.clear(Deadline::Handler);
        if !self.upgraded() {
            self.answer(500, "");
        }
    }

    /// Refuses what cannot be answered otherwise, and ends the connection behind the answer.
    pub(super) fn refuse(&mut self, status: u16, message: &str) {
        self.http.set_close();
        if self.http.response_started() {
            let peer = self.info.peer.map(tracing::field::display);
            tracing::debug!(peer, status, message, "too late to refuse: the response is cut off");
        } else {
            self.refuse_request(status, message);
        }
        self.end(Ending::Linger);
    }

    /// Refuses the current request alone.
    pub(super) fn refuse_request(&mut self, status: u16, message: &str) {
        let peer = self.info.peer.map(tracing::field::display);
        // No handler hears of it: nobody else tells the operator.
        tracing::debug!(peer, status, message, "request refused");
        self.answer(status, message);
    }

    /// The request is answered otherwise: nobody can accept the upgrade any more.
    fn withdraw_upgrade(&mut self) {
        if let Some(duplex) = self.current.duplex.take() {
            duplex.disconnect();
        }
    }

    /// A response of the server's own: the status in words and, where there is one, a line that says more.
    pub(super) fn answer(&mut self, status: u16, message: &str) {
        self.withdraw_upgrade();
        let reason = wire_http1::reason_phrase(status);
        let separator = if message.is_empty() { "" } else { "\n" };
        let text = format!("{status} {reason}{separator}{message}\n");
        let done = (|| {
            let out = self.output.tail();
            let mut head = self.http.encode_head(status, "", BodyLen::Fixed(text.len() as u64), out)?;
            head.field("content-type", "text/plain; charset=utf-8")?;
            date::with_date(self.now, |line| head.lines(line));
            head.finish()?;
            if self.http.response_has_body() {
                self.http.encode_data(text.as_bytes(), out)?;
            }
            self.http.encode_end(out)
        })();
        self.current.responded = true;
        if let Err(error) = done {
            tracing::error!(%error, status, "cannot answer");
            self.end(Ending::Linger);
        }
    }
}

fn cut_off(error: EncodeError) -> ConnectionError {
    ConnectionError::Response(error.into())
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|element| element.trim_ascii().eq_ignore_ascii_case(token))
}
