//! What a call of `decode` says: how many bytes it consumed, and what they were.

use core::ops::Range;

/// The result of one [`decode`](crate::ServerConnection::decode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are done with; they are not presented again.
    pub consumed: usize,
    /// What happened, or `None`: more bytes, please.
    pub event: Option<Event>,
}

/// What the decoder found.
///
/// In the order of one exchange: `Head` (in the client role any number of interim ones before the final one), any number
/// of `Data`, at most one `Trailers`, `End`, then `Paused` until [`next_cycle`](crate::ServerConnection::next_cycle), or
/// `Upgraded` for the rest of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A head: the whole consumed prefix. Read it through
    /// [`head()`](crate::ServerConnection::head)`.view(prefix)`.
    Head,
    /// A piece of the message's content: the last `len` bytes of the consumed prefix, never empty. Chunk framing never
    /// shows.
    Data {
        /// Length of the piece in bytes.
        len: usize,
    },
    /// The trailer section, in the consumed prefix; not reported when it is empty. Read it through
    /// [`trailers()`](crate::ServerConnection::trailers)`.view(prefix)`.
    Trailers,
    /// The message is complete. Consumes nothing unless the end of a chunked body is in the prefix.
    End,
    /// The message is complete, and [`next_cycle`](crate::ServerConnection::next_cycle) has not gone on: the response to
    /// it is missing (server), nobody has asked for the next one (client), or the connection will close. Later bytes stay
    /// where they are, which is the backpressure of pipelining.
    Paused,
    /// The connection speaks another protocol now (101, or a 2xx answer to CONNECT): all bytes from here on, this
    /// input included, belong to it.
    Upgraded,
}

impl Step {
    /// Where the event's payload lies in the input: the content of `Data`, the consumed prefix of `Head` and `Trailers`,
    /// an empty range otherwise.
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        match self.event {
            Some(Event::Data { len }) => self.consumed - len..self.consumed,
            Some(Event::Head | Event::Trailers) => 0..self.consumed,
            _ => self.consumed..self.consumed,
        }
    }

    /// The event's payload, out of the same `input` that was decoded.
    ///
    /// # Panics
    ///
    /// When `input` is shorter than what was consumed of it, that is: another slice.
    #[must_use]
    pub fn payload<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.payload_range()]
    }

    /// Nothing to report: `consumed` bytes are done with, and more are needed.
    pub(crate) const fn more(consumed: usize) -> Self {
        Self { consumed, event: None }
    }

    /// An event.
    pub(crate) const fn event(consumed: usize, event: Event) -> Self {
        Self { consumed, event: Some(event) }
    }
}
