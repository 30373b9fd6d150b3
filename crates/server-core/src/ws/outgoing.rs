//! What can be sent: messages that are handed over, that stay with the caller, or that were prepared for many.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::{DeflateConfig, DeflateParams};

use super::message::{Message, MessageRef, Text};

/// What [`WebSocket::send`](super::WebSocket::send) takes. Everything that is sent converts to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// Handed over: where it is large, it is sent from where it lies.
    Message(Message),
    /// It stays with the caller, and is copied.
    Ref(MessageRef<'a>),
    /// One of many.
    Prepared(&'a PreparedMessage),
}

impl Outgoing<'_> {
    /// For who cannot send it now.
    pub(crate) fn into_message(self) -> Message {
        match self {
            Self::Message(message) => message,
            Self::Ref(message) => message.to_message(),
            Self::Prepared(prepared) => {
                MessageRef::new(prepared.message.kind(), prepared.message.payload()).to_message()
            }
        }
    }
}

impl From<Message> for Outgoing<'_> {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<Text> for Outgoing<'_> {
    fn from(text: Text) -> Self {
        Self::Message(text.into())
    }
}

impl From<String> for Outgoing<'_> {
    fn from(text: String) -> Self {
        Self::Message(text.into())
    }
}

impl From<Bytes> for Outgoing<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Message(bytes.into())
    }
}

impl From<Vec<u8>> for Outgoing<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Message(bytes.into())
    }
}

impl<'a> From<MessageRef<'a>> for Outgoing<'a> {
    fn from(message: MessageRef<'a>) -> Self {
        Self::Ref(message)
    }
}

impl<'a> From<&'a Message> for Outgoing<'a> {
    fn from(message: &'a Message) -> Self {
        Self::Ref(message.into())
    }
}

impl<'a> From<&'a str> for Outgoing<'a> {
    fn from(text: &'a str) -> Self {
        Self::Ref(text.into())
    }
}

impl<'a> From<&'a [u8]> for Outgoing<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Ref(bytes.into())
    }
}

impl<'a> From<&'a PreparedMessage> for Outgoing<'a> {
    fn from(message: &'a PreparedMessage) -> Self {
        Self::Prepared(message)
    }
}

/// A message for many WebSockets: framed once, and compressed once. Clones share it.
///
/// Each WebSocket sends it as its own terms of compression allow. Where it is large it is sent from where it lies, so that it
/// takes its memory once, however many have not read it yet. (A client's WebSocket masks, and so copies.)
///
/// ```
/// use server_core::ws::{PreparedMessage, SendError, WebSocketSender};
///
/// async fn to_all(sockets: &mut [WebSocketSender], news: &str) -> Result<(), SendError> {
///     let message = PreparedMessage::new(news);
///     for socket in sockets {
///         // Queued at once: a slow peer holds up nobody. Above `Config::max_write_buffer` it is refused.
///         socket.feed(&message)?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct PreparedMessage {
    message: Arc<wire_ws::PreparedMessage>,
    /// Its memory.
    bytes: Bytes,
}

impl PreparedMessage {
    /// A message that goes out uncompressed.
    pub fn new<'a>(message: impl Into<MessageRef<'a>>) -> Self {
        let message = message.into();
        Self::share(wire_ws::PreparedMessage::new(message.kind(), message.as_bytes()))
    }

    /// A message that goes out compressed, with `level` and `max_window_bits` of `config`, to those who agreed on such a
    /// window or a larger one, and uncompressed to the others; to all where it is shorter than `min_size` or would not
    /// become shorter.
    ///
    /// A WebSocket with context takeover loses its context by it.
    #[cfg(feature = "ws-deflate")]
    pub fn deflated<'a>(message: impl Into<MessageRef<'a>>, config: &DeflateConfig) -> Self {
        let message = message.into();
        let mut params = DeflateParams::default();
        params.server_max_window_bits = config.max_window_bits;
        (params.level, params.min_size) = (config.level, config.min_size);
        Self::share(wire_ws::PreparedMessage::deflated(message.kind(), message.as_bytes(), &params))
    }

    fn share(message: wire_ws::PreparedMessage) -> Self {
        let message = Arc::new(message);
        let bytes = Bytes::from_owner(Memory(Arc::clone(&message)));
        Self { message, bytes }
    }

    /// For an encoder.
    pub(crate) fn message(&self) -> &wire_ws::PreparedMessage {
        &self.message
    }

    /// What an encoder chose of it, without a copy.
    pub(crate) fn slice(&self, frame: &[u8]) -> Bytes {
        self.bytes.slice_ref(frame)
    }
}

impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.message, f)
    }
}

struct Memory(Arc<wire_ws::PreparedMessage>);

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
