//! A reader that owns its buffer and hands out [`Bytes`] (feature `bytes`), built on the public contract alone.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::{ClientConnection, Error, Event, ServerConnection, Step};

/// A connection of either role, as far as decoding goes.
pub trait Decode {
    /// As [`ServerConnection::decode`] and [`ClientConnection::decode`].
    ///
    /// # Errors
    ///
    /// What the peer did wrong.
    fn decode(&mut self, input: &[u8]) -> Result<Step, Error>;
}

impl Decode for ServerConnection {
    fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        Self::decode(self, input)
    }
}

impl Decode for ClientConnection {
    fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        Self::decode(self, input)
    }
}

/// A connection with the bytes that it has not consumed: fill [`buffer`](Self::buffer), take events with
/// [`next`](Self::next), and use [`connection`](Self::connection) for everything else.
///
/// A payload is a part of the buffer, split off without a copy: as long as one is alive it keeps the memory of the read that
/// it came with, and the buffer grows elsewhere.
///
/// ```
/// use wire_http1::{Event, Reader, ServerConnection};
///
/// let mut reader = Reader::new(ServerConnection::default());
/// reader.buffer.extend_from_slice(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
/// let (event, prefix) = reader.next()?.expect("a head");
/// assert_eq!(event, Event::Head);
/// assert_eq!(reader.connection.head().view(&prefix).method(), "PUT");
/// assert_eq!(reader.next()?, Some((Event::Data { len: 5 }, "hello".into())));
/// # Ok::<(), wire_http1::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Reader<C> {
    /// The connection.
    pub connection: C,
    /// What was received and not consumed. Append to it; bytes that are there already stay as they are.
    pub buffer: BytesMut,
}

impl<C: Decode> Reader<C> {
    /// A reader with an empty buffer.
    #[must_use]
    pub fn new(connection: C) -> Self {
        Self { connection, buffer: BytesMut::new() }
    }

    /// The next event with its payload ([`Step::payload`]), or `None`: more bytes, please. `Paused` and `Upgraded` are
    /// reported again and again.
    ///
    /// # Errors
    ///
    /// As [`Decode::decode`]; the buffer is left as it is.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end with the first `None`")]
    pub fn next(&mut self) -> Result<Option<(Event, Bytes)>, Error> {
        let step = self.connection.decode(&self.buffer)?;
        let payload = step.payload_range();
        self.buffer.advance(payload.start);
        let bytes = self.buffer.split_to(payload.len()).freeze();
        self.buffer.advance(step.consumed - payload.end);
        Ok(step.event.map(|event| (event, bytes)))
    }
}
