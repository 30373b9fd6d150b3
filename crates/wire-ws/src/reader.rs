//! A reader that owns its buffer and hands out [`Bytes`] (feature `bytes`), built on the public contract alone.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::{CloseCode, DataKind, Error, MessageDecoder, MessageEvent, Payload};

/// What arrived, with its payload for keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole message.
    Message {
        /// Its kind. Text is valid UTF-8.
        kind: DataKind,
        /// The payload.
        payload: Bytes,
    },
    /// A Ping, to be answered with a Pong of the same payload.
    Ping(Bytes),
    /// A Pong.
    Pong(Bytes),
    /// The peer's Close, the last event, to be answered with a Close.
    Close {
        /// The code; `None`: the frame was empty.
        code: Option<CloseCode>,
        /// The reason, valid UTF-8.
        reason: Bytes,
    },
}

/// A decoder with the bytes that it has not consumed: fill [`buffer`](Self::buffer), take what came with
/// [`next`](Self::next), and use [`decoder`](Self::decoder) for everything else.
///
/// A message that arrived in one piece is a part of the buffer, split off without a copy: as long as it is alive it keeps
/// the memory of the read that it came with, and the buffer grows elsewhere. Others are the decoder's own buffer, moved.
///
/// ```
/// use wire_ws::{Config, DataKind, MessageDecoder, Reader, Received, Role};
///
/// let mut reader = Reader::new(MessageDecoder::new(Role::Client, &Config::default()));
/// reader.buffer.extend_from_slice(b"\x81\x05Hello\x89\x00\x01\x03Hel\x80\x02lo\x82");
/// let hello = Received::Message { kind: DataKind::Text, payload: "Hello".into() };
/// assert_eq!(reader.next()?, Some(hello.clone()));
/// assert_eq!(reader.next()?, Some(Received::Ping("".into())));
/// assert_eq!(reader.next()?, Some(hello)); // from two fragments
/// assert_eq!(reader.next()?, None); // more bytes, please
/// # Ok::<(), wire_ws::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    /// The decoder.
    pub decoder: MessageDecoder,
    /// What was received and not consumed. Append to it; bytes that are there already stay as they are.
    pub buffer: BytesMut,
}

impl Reader {
    /// A reader with an empty buffer.
    #[must_use]
    pub fn new(decoder: MessageDecoder) -> Self {
        Self { decoder, buffer: BytesMut::new() }
    }

    /// What came next, or `None`: more bytes, please.
    ///
    /// # Errors
    ///
    /// As [`MessageDecoder::decode`]; the buffer is left as it is.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end with the first `None`")]
    pub fn next(&mut self) -> Result<Option<Received>, Error> {
        let step = self.decoder.decode(&mut self.buffer)?;
        let range = match &step.event {
            Some(MessageEvent::Message { payload: Payload::Input(range), .. }) => range.clone(),
            Some(MessageEvent::Message { payload: Payload::Buffer, .. }) | None => {
                step.consumed..step.consumed
            }
            Some(
                MessageEvent::Ping { range }
                | MessageEvent::Pong { range }
                | MessageEvent::Close { range, .. },
            ) => range.clone(),
        };
        self.buffer.advance(range.start);
        let bytes = self.buffer.split_to(range.len()).freeze();
        self.buffer.advance(step.consumed - range.end);
        Ok(step.event.map(|event| match event {
            MessageEvent::Message { kind, payload: Payload::Input(_) } => {
                Received::Message { kind, payload: bytes }
            }
            MessageEvent::Message { kind, payload: Payload::Buffer } => {
                Received::Message { kind, payload: self.decoder.take_buffer().into() }
            }
            MessageEvent::Ping { .. } => Received::Ping(bytes),
            MessageEvent::Pong { .. } => Received::Pong(bytes),
            MessageEvent::Close { code, .. } => Received::Close { code, reason: bytes },
        }))
    }
}
