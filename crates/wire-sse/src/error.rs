//! What can go wrong, in two types: [`Error`] is the peer's fault, [`EncodeError`] the caller's.

/// What the server did wrong: it passed a limit. Nothing else in an event stream is an error (section 9.2.6).
///
/// An error is sticky: once `decode` returned it, it always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// Which limit was passed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The offset of the byte that passed it, counted from the first byte of the stream. Of data, the line end counts.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// The limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Over [`Config::max_data`](crate::Config::max_data).
    #[error("data of an event over the limit: raise `Config::max_data`")]
    DataTooBig,
    /// Over [`Config::max_event_type`](crate::Config::max_event_type).
    #[error("event type over the limit: raise `Config::max_event_type`")]
    EventTypeTooBig,
    /// Over [`Config::max_id`](crate::Config::max_id).
    #[error("id over the limit: raise `Config::max_id`")]
    IdTooBig,
}

/// What the caller asked for that an event stream cannot carry. Nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// CR in data or in a comment: every client would take it for the end of a line, and make a line feed of it.
    #[error("CR in data or comment would become a line feed")]
    CarriageReturn,
    /// CR or LF in an event type.
    #[error("line end in an event type")]
    LineEndInEventType,
    /// CR or LF in an id.
    #[error("line end in an id")]
    LineEndInId,
    /// NUL in an id: clients ignore such an id.
    #[error("NUL in an id")]
    NulInId,
    /// An event type without data: no client would dispatch it.
    #[error("an event type without data is never dispatched")]
    EventTypeWithoutData,
}
