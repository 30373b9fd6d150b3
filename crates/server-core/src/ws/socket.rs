//! The WebSocket that a handler holds.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use wire_ws::{CloseCode, MessageDecoder};

use super::message::{CloseFrame, Message, MessageRef};
use super::outgoing::Outgoing;
use super::receiver::{WebSocketError, WebSocketReceiver};
use super::sender::{self, SendError, WebSocketSender};
use crate::conn::Duplex;

/// An open WebSocket, whichever HTTP version carries it.
///
/// Pings are answered, a Close is returned, and the end of the connection is noticed while [`recv`](Self::recv) runs: a
/// handler that only sends should run it beside. Dropping it sends a Close 1000, or 1011 while the thread panics.
// One pointer, which a handler's future may hold more than once: the sending half is made when they are split.
pub struct WebSocket {
    receiver: WebSocketReceiver,
}

impl WebSocket {
    pub(crate) fn new(duplex: Arc<Duplex>, decoder: MessageDecoder) -> Self {
        Self { receiver: WebSocketReceiver::whole(duplex, decoder) }
    }

    fn duplex(&self) -> &Duplex {
        self.receiver.duplex()
    }

    /// The next message; `None` after the peer's Close ([`close_frame`](Self::close_frame) has it) or an error. Both come
    /// when our own Close is written.
    ///
    /// What was sent is written before this waits. Cancelling loses nothing.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, WebSocketError>>> {
        self.receiver.recv()
    }

    /// The next message, where it lies: nothing is copied, and nothing allocated. Otherwise as [`recv`](Self::recv).
    ///
    /// The buffer that it lies in, of 68 KiB most often, is held until the next call: who waits for long between the two
    /// takes the message by [`recv`](Self::recv). To answer it, [`split`](Self::split).
    pub fn recv_ref(&mut self) -> impl Future<Output = Option<Result<MessageRef<'_>, WebSocketError>>> {
        self.receiver.recv_ref()
    }

    /// Sends a message, and waits until it was handed to the system; unless the next message is already here, then it
    /// waits only for room, so that a burst is answered in one write.
    ///
    /// Cancelling this sends the message whole or not at all; who must know which uses [`ready`](Self::ready),
    /// [`feed`](Self::feed) and [`flush`](Self::flush).
    ///
    /// # Errors
    /// A Close was sent or received, or the connection is gone.
    pub fn send<'a>(
        &mut self,
        message: impl Into<Outgoing<'a>>,
    ) -> impl Future<Output = Result<(), SendError>> {
        sender::send(self.duplex(), message)
    }

    /// Waits until there is room for a message. Cancel-safe.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn ready(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.duplex().poll_room(cx)).await
    }

    /// Queues a message without waiting. It is written when the handler, or the task that holds this, next pauses.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Full`].
    pub fn feed<'a>(&mut self, message: impl Into<Outgoing<'a>>) -> Result<(), SendError> {
        self.duplex().queue(message.into())
    }

    /// Waits until everything queued was handed to the system. Cancel-safe.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.duplex().poll_flush(cx)).await
    }

    /// Sends a Close and waits for the peer's, throwing away what comes before it. The connection ends when it takes
    /// longer than [`Config::websocket_close_timeout`](crate::Config::websocket_close_timeout).
    pub async fn close(mut self, code: CloseCode, reason: &str) {
        sender::close(self.duplex(), code, reason);
        while self.recv().await.is_some() {}
    }

    /// The peer's Close, once it was received.
    #[must_use]
    pub fn close_frame(&self) -> Option<&CloseFrame> {
        self.receiver.close_frame()
    }

    /// Two halves for two tasks. They share no lock that is held while anything waits.
    #[must_use]
    pub fn split(self) -> (WebSocketSender, WebSocketReceiver) {
        self.receiver.split()
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, WebSocketError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}

impl Sink<Message> for WebSocket {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.duplex().poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.duplex().queue(message.into())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.duplex().poll_flush(cx)
    }

    /// Sends a Close 1000.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        sender::close(self.duplex(), CloseCode::NORMAL, "");
        self.duplex().poll_flush(cx)
    }
}
