//! Response heads as HTTP/2 wants them, and the pieces of a body that a window has room for.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use h2::SendStream;
use http::header::{self, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Response, StatusCode};

use super::MAX_RESERVED;
use super::scope::Scope;
use crate::conn::date;

/// A response whose head is not sent yet.
pub(super) struct Head {
    pub(super) parts: Parts,
    /// It has no body, whatever the handler gives.
    pub(super) bodyless: bool,
    /// The length that its body must have.
    pub(super) declared: Option<u64>,
}

impl Head {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, bodyless: false, declared: None }
    }

    /// Makes of it what is sent. `exact`: the length of the body, where that is known.
    pub(super) fn complete(&mut self, exact: Option<u64>, to_head: bool, now: Instant) {
        let parts = &mut self.parts;
        if parts.status.is_informational() {
            tracing::error!(status = %parts.status, "the handler's response cannot be sent");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        // Looking at the few names there are costs less than looking up each that matters.
        let (mut declared, mut has_date, mut of_connection) = (None, false, false);
        for (name, value) in &parts.headers {
            match name.as_str() {
                "content-length" => {
                    declared = Some(value.to_str().ok().and_then(|value| value.parse().ok()));
                }
                "date" => has_date = true,
                name => of_connection |= OF_CONNECTION.contains(&name),
            }
        }
        if of_connection {
            remove_connection_fields(&mut parts.headers);
        }
        let bodyless = to_head || matches!(parts.status.as_u16(), 204 | 205 | 304);
        let len = match (exact, declared.flatten()) {
            // There is none, and a length that says otherwise makes a message malformed (RFC 9113 section 8.1.1).
            _ if parts.status == StatusCode::RESET_CONTENT => Some(0),
            // To HEAD and with 304 a handler may say the length of what it does not send (RFC 9110 section 8.6).
            (Some(0), Some(declared)) if bodyless => Some(declared),
            (Some(0), None) if bodyless => None,
            (Some(exact), _) => Some(exact),
            (None, declared) => declared,
        };
        // No Content-Length with 204 (RFC 9110 section 8.6).
        match len.filter(|_| parts.status != StatusCode::NO_CONTENT) {
            Some(len) if declared != Some(Some(len)) => {
                parts.headers.insert(header::CONTENT_LENGTH, decimal(len));
            }
            None if declared.is_some() => {
                parts.headers.remove(header::CONTENT_LENGTH);
            }
            _ => {}
        }
        if !has_date {
            parts.headers.insert(header::DATE, date::date_value(now));
        }
        self.bodyless = bodyless;
        self.declared = len;
    }
}

/// `HeaderValue::from` allocates twice.
fn decimal(number: u64) -> HeaderValue {
    HeaderValue::from_str(itoa::Buffer::new().format(number)).expect("digits are a value")
}

/// A response of the server's own: the status in words and, where there is one, a line that says more.
pub(super) fn plain(status: u16, message: &str) -> (Parts, Bytes) {
    let reason = wire_http1::reason_phrase(status);
    let separator = if message.is_empty() { "" } else { "\n" };
    let text = format!("{status} {reason}{separator}{message}\n");
    let mut parts = Response::new(()).into_parts().0;
    parts.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    (parts, text.into())
}

/// What speaks of an HTTP/1 connection (RFC 9113 section 8.2.2).
const OF_CONNECTION: [&str; 6] =
    ["connection", "transfer-encoding", "upgrade", "te", "keep-alive", "proxy-connection"];

/// Takes out what HTTP/2 forbids.
pub(super) fn remove_connection_fields(headers: &mut HeaderMap) {
    OF_CONNECTION.iter().for_each(|name| drop(headers.remove(*name)));
}

/// The body on its way: no more of it is given to `h2` than the client's windows have room for.
pub(super) struct Sending {
    pub(super) stream: SendStream<Bytes>,
    /// A piece that had no room yet.
    rest: Bytes,
    /// Behind it the body ends.
    last: bool,
    /// What the declared length still lacks.
    left: Option<u64>,
    /// The client's windows took something since this was last asked.
    pub(super) progress: bool,
}

/// The body does not have the length that the head declared, or the stream is gone.
pub(super) struct Broken;

impl Sending {
    pub(super) fn new(stream: SendStream<Bytes>, declared: Option<u64>) -> Self {
        Self { stream, rest: Bytes::new(), last: false, left: declared, progress: false }
    }

    /// Takes the next piece. Only when [`poll_room`](Self::poll_room) was ready.
    pub(super) fn push(&mut self, data: Bytes, last: bool) -> Result<(), Broken> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(data.len() as u64).ok_or(Broken)?;
            if last && *left > 0 {
                return Err(Broken);
            }
        }
        self.rest = data;
        self.last = last;
        Ok(())
    }

    /// Whether the body may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.left.is_none_or(|left| left == 0)
    }

    /// Gives what there is to `h2`, as the windows allow; by reference, so that it costs no memory. Ready: all of it, and `last` says
    /// whether that was the end.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>, scope: &Scope) -> Poll<Result<bool, Broken>> {
        while !self.rest.is_empty() {
            self.stream.reserve_capacity(self.rest.len().min(MAX_RESERVED));
            let room = self.stream.capacity();
            if room == 0 {
                match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(_) => return Poll::Ready(Err(Broken)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let piece = self.rest.split_to(room.min(self.rest.len()));
            scope.queued(piece.len(), self.rest.is_empty());
            self.progress = true;
            let end = self.last && self.rest.is_empty();
            self.stream.send_data(piece, end).map_err(|_| Broken)?;
        }
        Poll::Ready(Ok(self.last))
    }
}
