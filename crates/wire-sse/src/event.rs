//! What the decoders say.

use core::ops::Range;
use core::time::Duration;

/// What one call of [`Decoder::decode`](crate::Decoder::decode) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// So many bytes at the start of the input are done with.
    pub consumed: usize,
    /// What they gave; `None`: more bytes, please, and all of the input was consumed.
    pub event: Option<Event>,
}

impl Step {
    /// Where the event's payload lies in the input: it is the tail of the consumed prefix.
    #[inline]
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        self.consumed - self.event.map_or(0, |event| event.payload_len())..self.consumed
    }

    /// The event's payload in the input that was decoded.
    ///
    /// # Panics
    ///
    /// Where `input` is shorter than what was consumed of it.
    #[inline]
    #[must_use]
    pub fn payload<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[self.payload_range()]
    }
}

/// What arrived, piece by piece. Payloads lie in the input: see [`Step::payload_range`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A piece of a field's value, or of a comment.
    ///
    /// Pieces end where the input or the line ends, and may end within a code point. The bytes are not checked: clients
    /// decode them as UTF-8 with replacement.
    Value {
        /// Whose value it is.
        field: Field,
        /// Length of the piece in bytes. 0 only where `last` is set.
        len: usize,
        /// The last piece of its line.
        last: bool,
    },
    /// A `retry` field of digits alone: the time to wait before reconnecting. Numbers past `u64::MAX` milliseconds are
    /// taken for that.
    Retry(Duration),
    /// An empty line: the event is complete. Without data before it there is nothing to dispatch.
    Dispatch,
}

impl Event {
    /// Length of the payload.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match *self {
            Self::Value { len, .. } => len,
            Self::Retry(_) | Self::Dispatch => 0,
        }
    }
}

/// What a line of an event stream can hold, beside `retry`. Fields of other names are ignored (section 9.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A comment.
    Comment,
    /// `event`: the event type.
    Event,
    /// `data`: a line of data.
    Data,
    /// `id`: the last event id. One that contains NUL must be ignored.
    Id,
}

/// What one call of [`EventDecoder::decode`](crate::EventDecoder::decode) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventStep {
    /// So many bytes at the start of the input are done with.
    pub consumed: usize,
    /// What they gave; `None`: more bytes, please, and all of the input was consumed.
    pub event: Option<StreamEvent>,
}

/// What an event stream does to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// An event to dispatch: [`EventDecoder`](crate::EventDecoder) holds it until the next call.
    Message,
    /// The time to wait before reconnecting.
    Retry(Duration),
}
