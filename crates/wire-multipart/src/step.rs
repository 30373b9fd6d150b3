//! What a call of `decode` says: how many bytes it consumed, and what they were.

use core::ops::Range;

/// The result of one [`decode`](crate::Decoder::decode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are done with; they are not presented again.
    pub consumed: usize,
    /// What happened, or `None`: more bytes, please.
    pub event: Option<Event>,
}

/// What the decoder found: any number of parts, each `PartBegin`, any number of `Data`, `PartEnd`; then one `End`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part begins: its head is in the consumed prefix. Read it through
    /// [`head()`](crate::Decoder::head)`.view(prefix)`, and decide before the next call of `decode`: nothing (the limits of
    /// [`Config`](crate::Config) hold), [`limit_part`](crate::Decoder::limit_part),
    /// [`skip_part`](crate::Decoder::skip_part) or [`refuse`](crate::Decoder::refuse).
    PartBegin,
    /// A piece of the part's body: the last `len` bytes of the consumed prefix, never empty.
    Data {
        /// Length of the piece in bytes.
        len: usize,
    },
    /// The part is complete, and the delimiter behind it is valid.
    PartEnd,
    /// The close delimiter was read: the form is complete. What may follow is an epilogue, which is only counted: feed it
    /// all the same, or stop.
    End,
}

impl Step {
    /// Where the event's payload lies in the input: the content of `Data`, the consumed prefix of `PartBegin`, an empty
    /// range otherwise.
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        match self.event {
            Some(Event::Data { len }) => self.consumed - len..self.consumed,
            Some(Event::PartBegin) => 0..self.consumed,
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
}
