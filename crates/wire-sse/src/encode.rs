//! The encoder: messages and comments, appended (HTML Living Standard section 9.2.5).

use alloc::vec::Vec;
use core::time::Duration;

use crate::EncodeError;

/// One event for a stream.
///
/// ```
/// use wire_sse::Message;
///
/// let mut out = Vec::new();
/// Message::data("tick").id("41").encode(&mut out)?;
/// assert_eq!(out, b"id: 41\ndata: tick\n\n");
/// # Ok::<(), wire_sse::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    id: Option<&'a str>,
    event: Option<&'a str>,
    data: Option<&'a str>,
    retry: Option<Duration>,
}

impl<'a> Message<'a> {
    /// An event with this data; a line feed begins another line, and CR is refused.
    #[must_use]
    pub fn data(data: &'a str) -> Self {
        Self { data: Some(data), ..Self::default() }
    }

    /// No event, but the time after which a client that lost the connection comes back. Sent in whole milliseconds.
    #[must_use]
    pub fn retry(time: Duration) -> Self {
        Self { retry: Some(time), ..Self::default() }
    }

    /// With this type; without one it is `message`.
    #[must_use]
    pub fn event(self, event: &'a str) -> Self {
        Self { event: Some(event), ..self }
    }

    /// With this id, which clients send back as `Last-Event-ID` when they reconnect. An empty one makes them forget theirs.
    #[must_use]
    pub fn id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// With the time after which a client that lost the connection comes back. Sent in whole milliseconds.
    #[must_use]
    pub fn with_retry(self, time: Duration) -> Self {
        Self { retry: Some(time), ..self }
    }

    /// Appends the event, its empty line included.
    ///
    /// # Errors
    ///
    /// It holds what a stream cannot carry. Nothing was appended then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let has_line_end = |text: &str| memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some();
        if self.id.is_some_and(has_line_end) {
            return Err(EncodeError::LineEndInId);
        }
        if self.id.is_some_and(|id| id.contains('\0')) {
            return Err(EncodeError::NulInId);
        }
        if self.event.is_some_and(has_line_end) {
            return Err(EncodeError::LineEndInEventType);
        }
        if self.event.is_some() && self.data.is_none() {
            return Err(EncodeError::EventTypeWithoutData);
        }
        check_lines(self.data.unwrap_or_default())?;
        let line = |out: &mut Vec<u8>, name: &str, value: &str| {
            for part in [name, ": ", value, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        };
        if let Some(retry) = self.retry {
            line(out, "retry", itoa::Buffer::new().format(retry.as_millis()));
        }
        if let Some(id) = self.id {
            line(out, "id", id);
        }
        if let Some(event) = self.event {
            line(out, "event", event);
        }
        for text in self.data.iter().flat_map(|data| data.split('\n')) {
            line(out, "data", text);
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Appends a comment, which clients ignore: what keeps an idle connection open. A line feed begins another line.
///
/// An empty line follows it, so that proxies which forward event by event let it through.
///
/// # Errors
///
/// CR. Nothing was appended then.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check_lines(text)?;
    for line in text.split('\n') {
        for part in [": ", line, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.push(b'\n');
    Ok(())
}

fn check_lines(text: &str) -> Result<(), EncodeError> {
    match memchr::memchr(b'\r', text.as_bytes()) {
        Some(_) => Err(EncodeError::CarriageReturn),
        None => Ok(()),
    }
}
