//! The sending half of a WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_sink::Sink;
use wire_ws::CloseCode;

use super::message::Message;
use super::outgoing::Outgoing;
use crate::conn::Duplex;

/// The sending half.
pub struct WebSocketSender {
    duplex: Arc<Duplex>,
}

impl WebSocketSender {
    pub(super) fn new(duplex: Arc<Duplex>) -> Self {
        Self { duplex }
    }

    /// Sends a message and waits until it was handed to the system, or for room: as [`WebSocket::send`], which says what
    /// cancelling does.
    ///
    /// # Errors
    /// A Close was sent or received, or the connection is gone.
    ///
    /// [`WebSocket::send`]: super::WebSocket::send
    pub fn send<'a>(
        &mut self,
        message: impl Into<Outgoing<'a>>,
    ) -> impl Future<Output = Result<(), SendError>> {
        send(&self.duplex, message)
    }

    /// Waits until there is room for a message. Cancel-safe.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn ready(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.duplex.poll_room(cx)).await
    }

    /// Queues a message without waiting. It is written when the connection's task next runs.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Full`].
    pub fn feed<'a>(&mut self, message: impl Into<Outgoing<'a>>) -> Result<(), SendError> {
        self.duplex.queue(message.into())
    }

    /// Waits until everything queued was handed to the system. Cancel-safe.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.duplex.poll_flush(cx)).await
    }

    /// Waits until nothing can be sent any more: a Close was sent or received, or the connection is gone.
    pub async fn closed(&self) {
        poll_fn(|cx| self.duplex.poll_closed(cx)).await;
    }

    /// Sends a Close, unless one was sent. The receiving half sees the peer's answer; dropping both ends the connection
    /// after it, or after [`Config::websocket_close_timeout`](crate::Config::websocket_close_timeout). A reason longer
    /// than 123 bytes is left out.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        close(&self.duplex, code, reason);
    }
}

/// See [`WebSocketSender::send`].
pub(super) fn send<'a>(
    duplex: &Duplex,
    message: impl Into<Outgoing<'a>>,
) -> impl Future<Output = Result<(), SendError>> {
    let mut message = Some(message.into());
    poll_fn(move |cx| duplex.poll_send(cx, &mut message))
}

/// See [`WebSocketSender::close`].
pub(super) fn close(duplex: &Duplex, code: CloseCode, reason: &str) {
    if !duplex.send_close(Some(code), reason) {
        duplex.send_close(Some(code), "");
    }
}

impl Sink<Message> for WebSocketSender {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.duplex.poll_room(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.feed(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.duplex.poll_flush(cx)
    }

    /// Sends a Close 1000.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.close(CloseCode::NORMAL, "");
        self.duplex.poll_flush(cx)
    }
}

impl fmt::Debug for WebSocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketSender").finish_non_exhaustive()
    }
}

impl Drop for WebSocketSender {
    fn drop(&mut self) {
        self.duplex.drop_sender();
    }
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A Close was sent or received, or the connection is gone.
    #[error("the WebSocket is closed")]
    Closed,
    /// [`Config::max_write_buffer`](crate::Config::max_write_buffer) bytes are queued. Here is the message back, a copy where
    /// it was borrowed: wait for `ready` before feeding it again.
    #[error("too much is queued on the WebSocket")]
    Full(Message),
}
