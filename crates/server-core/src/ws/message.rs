//! What travels over a WebSocket.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use wire_ws::{CloseCode, DataKind};

/// A message, whole. Pings, Pongs and the closing handshake are the [`WebSocket`](super::WebSocket)'s own business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(Text),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    pub(crate) fn kind(&self) -> DataKind {
        match self {
            Self::Text(_) => DataKind::Text,
            Self::Binary(_) => DataKind::Binary,
        }
    }

    /// The payload, whatever the type.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => &text.0,
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload, whatever the type.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.0,
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

/// A message where it lies: borrowed from the WebSocket that received it, or from who sends it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageRef<'a> {
    kind: DataKind,
    payload: &'a [u8],
}

impl<'a> MessageRef<'a> {
    /// A payload that is valid UTF-8 where it is text.
    pub(super) fn new(kind: DataKind, payload: &'a [u8]) -> Self {
        Self { kind, payload }
    }

    /// Text or binary.
    #[must_use]
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// The payload, whatever the type.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.payload
    }

    /// The text of a text message, which is checked once more: see [`Text::as_str`].
    #[must_use]
    pub fn as_text(&self) -> Option<&'a str> {
        match self.kind {
            DataKind::Text => Some(simdutf8::basic::from_utf8(self.payload).expect("validated when it came")),
            DataKind::Binary => None,
        }
    }

    /// A copy for keeps.
    #[must_use]
    pub fn to_message(&self) -> Message {
        let payload = Bytes::copy_from_slice(self.payload);
        match self.kind {
            DataKind::Text => Message::Text(Text::validated(payload)),
            DataKind::Binary => Message::Binary(payload),
        }
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        Self::new(message.kind(), message.as_bytes())
    }
}

impl<'a> From<&'a str> for MessageRef<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(DataKind::Text, text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for MessageRef<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(DataKind::Binary, bytes)
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_text() {
            Some(text) => f.debug_tuple("Text").field(&text).finish(),
            None => f.debug_tuple("Binary").field(&self.payload).finish(),
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// Text in shared memory: a [`Bytes`] that is valid UTF-8. Clones share it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(Bytes);

impl Text {
    /// What a decoder has already validated.
    pub(crate) fn validated(bytes: Bytes) -> Self {
        debug_assert!(simdutf8::basic::from_utf8(&bytes).is_ok());
        Self(bytes)
    }

    /// The text. It is checked once more for the compiler's sake, at several GB/s; [`into_bytes`](Self::into_bytes)
    /// costs nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        simdutf8::basic::from_utf8(&self.0).expect("validated when it was made")
    }

    /// The text's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// A Close frame (RFC 6455 section 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Why; `None` where the frame was empty.
    pub code: Option<CloseCode>,
    /// Text for a log, at most 123 bytes.
    pub reason: String,
}
