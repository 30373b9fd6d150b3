//! The vocabulary of both directions: roles, kinds of messages, and what a decoder says.

use core::ops::Range;

use crate::CloseCode;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Frames that arrive must be masked, frames that are sent are not (section 5.1).
    Server,
    /// Frames that arrive must not be masked, frames that are sent are (section 5.1).
    Client,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// The kind of a message (section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// What one call of [`Decoder::decode`](crate::Decoder::decode) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// So many bytes at the start of the input are done with; they are the only ones that may have been modified.
    pub consumed: usize,
    /// What they gave; `None`: more bytes, please.
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

    /// As [`payload`](Self::payload), to be changed in place.
    ///
    /// # Panics
    ///
    /// Where `input` is shorter than what was consumed of it.
    #[inline]
    pub fn payload_mut<'a>(&self, input: &'a mut [u8]) -> &'a mut [u8] {
        &mut input[self.payload_range()]
    }
}

/// What arrived. Payloads lie in the input: see [`Step::payload_range`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A piece of a message.
    ///
    /// Pieces end where the input or a frame ends. A piece of a text message may end within a code point; it holds
    /// no byte that cannot be UTF-8. Of a compressed message they are pieces of compressed bytes, not checked.
    ///
    /// A piece ends its message where `last` is set, and its frame where
    /// [`Decoder::remaining`](crate::Decoder::remaining) is then 0.
    Data {
        /// The kind of the message.
        kind: DataKind,
        /// Length of the piece in bytes. 0 only where `last` is set.
        len: usize,
        /// The first piece of its message.
        first: bool,
        /// The last piece of its message.
        last: bool,
        /// The message is compressed (RSV1 of RFC 7692). Always `false` without
        /// [`Decoder::with_deflate`](crate::Decoder::with_deflate).
        deflated: bool,
    },
    /// A whole Ping. Obliges the caller to send a Pong with the same payload; where several wait, one for the
    /// latest is enough (section 5.5.3).
    Ping {
        /// Length of the payload, at most 125.
        len: usize,
    },
    /// A whole Pong.
    Pong {
        /// Length of the payload, at most 125.
        len: usize,
    },
    /// The peer's Close, the last event. Obliges the caller to send one too, unless it did before (section 5.5.1).
    Close {
        /// The code; `None`: the frame was empty (1005 to an application, section 7.1.5).
        code: Option<CloseCode>,
        /// Length of the reason, at most 123. The payload is the reason alone, in UTF-8.
        len: usize,
    },
}

impl Event {
    /// Length of the payload.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match *self {
            Self::Data { len, .. } | Self::Ping { len } | Self::Pong { len } | Self::Close { len, .. } => len,
        }
    }
}
