//! The WebSocket that a handler holds, and its halves.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use wire_ws::{CloseCode, DataKind, MessageDecoder, MessageEvent, Payload};

use super::message::{CloseFrame, Message, Text};
use crate::conn::{Duplex, Input, InputEnd};
use crate::io::{Direct, ReadBuffer};

/// Messages that come out of buffered input before the task lets others run.
const BUDGET: u32 = 256;

/// An open WebSocket, whichever HTTP version carries it.
///
/// Pings are answered, a Close is returned, and the end of the connection is noticed while [`recv`](Self::recv) runs: a
/// handler that only sends should run it beside. Dropping it sends a Close 1000, or 1011 while the thread panics.
pub struct WebSocket {
    receiver: WebSocketReceiver,
    sender: WebSocketSender,
}

impl WebSocket {
    pub(crate) fn new(duplex: Arc<Duplex>, decoder: MessageDecoder) -> Self {
        Self {
            receiver: WebSocketReceiver(Box::new(Receiving {
                duplex: Arc::clone(&duplex),
                decoder,
                input: ReadBuffer::default(),
                budget: BUDGET,
                lent: false,
                close: None,
                closing: false,
                ended: false,
            })),
            sender: WebSocketSender { duplex },
        }
    }

    /// The next message; `None` after the peer's Close ([`close_frame`](Self::close_frame) has it) or an error. Both come
    /// when our own Close is written.
    ///
    /// What was sent is written before this waits. Cancelling loses nothing.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, WebSocketError>>> {
        self.receiver.recv()
    }

    /// Sends a message, and waits until it was handed to the system; unless the next message is already here, then it
    /// waits only for room, so that a burst is answered in one write.
    ///
    /// Cancelling this sends the message whole or not at all; who must know which uses [`ready`](Self::ready),
    /// [`feed`](Self::feed) and [`flush`](Self::flush).
    ///
    /// # Errors
    /// A Close was sent or received, or the connection is gone.
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), SendError>> {
        let more = self.receiver.0.is_ready();
        self.sender.send_among(message.into(), more)
    }

    /// Waits until there is room for a message. Cancel-safe.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn ready(&mut self) -> Result<(), SendError> {
        self.sender.ready().await
    }

    /// Queues a message without waiting. It is written when the handler, or the task that holds this, next pauses.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Full`].
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.sender.feed(message)
    }

    /// Waits until everything queued was handed to the system. Cancel-safe.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        self.sender.flush().await
    }

    /// Sends a Close and waits for the peer's, throwing away what comes before it. The connection ends when it takes
    /// longer than [`Config::websocket_close_timeout`](crate::Config::websocket_close_timeout).
    pub async fn close(mut self, code: CloseCode, reason: &str) {
        self.sender.close(code, reason);
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
        (self.sender, self.receiver)
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
        self.receiver.0.poll_recv(cx)
    }
}

impl Sink<Message> for WebSocket {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Pin::new(&mut self.sender).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.sender.feed(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Pin::new(&mut self.sender).poll_flush(cx)
    }

    /// Sends a Close 1000.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Pin::new(&mut self.sender).poll_close(cx)
    }
}

/// The receiving half. It answers Pings and Closes by itself.
pub struct WebSocketReceiver(Box<Receiving>);

/// Boxed, for futures move what they hold, and hold it twice.
struct Receiving {
    duplex: Arc<Duplex>,
    decoder: MessageDecoder,
    input: ReadBuffer,
    budget: u32,
    /// The message so far is lent to the driver.
    lent: bool,
    close: Option<CloseFrame>,
    /// Nothing more comes. Who is told so may end the program: first our Close is to be written.
    closing: bool,
    ended: bool,
}

impl WebSocketReceiver {
    /// See [`WebSocket::recv`].
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, WebSocketError>>> {
        poll_fn(|cx| self.0.poll_recv(cx))
    }

    /// The peer's Close, once it was received.
    #[must_use]
    pub fn close_frame(&self) -> Option<&CloseFrame> {
        self.0.close.as_ref()
    }
}

impl Receiving {
    /// Whether the next message lies in the input already.
    fn is_ready(&self) -> bool {
        self.budget > 0 && !self.input.is_empty() && self.decoder.is_ready(self.input.bytes())
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, WebSocketError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.budget == 0 {
            self.budget = BUDGET;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if let Some(message) = self.decode() {
                self.budget -= 1;
                return Poll::Ready(Some(Ok(message)));
            }
            if self.closing {
                ready!(self.duplex.poll_close_written(cx));
                // The decoder says an error as often as it is asked.
                let error = self.decoder.decode(&mut []).err();
                return self.end(error.map(|error| Err(error.into())));
            }
            let (decoder, lent) = (&mut self.decoder, &mut self.lent);
            let lend = || {
                let rest = usize::try_from(decoder.remaining()).unwrap_or(usize::MAX);
                if *lent || decoder.remaining() < Direct::WORTH {
                    return None;
                }
                let message = decoder.take_spare()?;
                *lent = true;
                Some(Direct { message, rest })
            };
            match ready!(self.duplex.poll_input(cx, lend)) {
                Ok((input, unused)) => {
                    self.budget = BUDGET;
                    let leased = match input {
                        Input::Leased(read) => Some(read),
                        Input::Direct(message) => {
                            if let Some(message) = self.take_back(message) {
                                self.budget -= 1;
                                return Poll::Ready(Some(Ok(message)));
                            }
                            None
                        }
                    };
                    if let Some(Direct { message, .. }) = unused {
                        self.take_back(message);
                    }
                    if let Some(read) = leased {
                        self.input.append(read);
                    }
                }
                Err(InputEnd::Eof) => {
                    let error = self.decoder.decode_eof().err();
                    return self.end(error.map(|error| Err(error.into())));
                }
                Err(InputEnd::Failed(kind)) => return self.end(Some(Err(WebSocketError::Io(kind)))),
            }
        }
    }

    /// The message that was lent, with what was read into it. It is given when it is whole.
    fn take_back(&mut self, message: Vec<u8>) -> Option<Message> {
        self.lent = false;
        match self.decoder.put_spare(message) {
            Ok(Some(MessageEvent::Message { kind, .. })) => {
                Some(self::message(kind, self.decoder.take_buffer().into()))
            }
            Ok(_) => None,
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// The peer broke the protocol.
    fn fail(&mut self, error: &wire_ws::Error) {
        self.duplex.send_close(Some(error.close_code()), "");
        self.closing = true;
    }

    /// The next message of the input. `None`: more input is needed, or nothing more comes.
    fn decode(&mut self) -> Option<Message> {
        while !self.input.is_empty() && !self.closing {
            let step = match self.decoder.decode(self.input.bytes_mut()) {
                Ok(step) => step,
                Err(error) => {
                    self.fail(&error);
                    break;
                }
            };
            match step.event {
                Some(MessageEvent::Message { kind, payload }) => {
                    let bytes = match payload {
                        Payload::Input(range) => {
                            let rest = step.consumed - range.end;
                            let bytes = self.input.take_payload(range.end, range.len());
                            self.input.consume(rest);
                            bytes
                        }
                        Payload::Buffer => {
                            self.input.consume(step.consumed);
                            Bytes::from(self.decoder.take_buffer())
                        }
                    };
                    if self.input.is_empty() {
                        // Whatever the handler does now, it may take its time: no buffer is held meanwhile.
                        self.park();
                    }
                    return Some(message(kind, bytes));
                }
                Some(MessageEvent::Ping { range }) => {
                    let payload = Bytes::copy_from_slice(&self.input.bytes()[range]);
                    self.input.consume(step.consumed);
                    self.duplex.pong(payload);
                }
                Some(MessageEvent::Close { code, range }) => {
                    let reason = String::from_utf8_lossy(&self.input.bytes()[range]).into_owned();
                    self.input.consume(step.consumed);
                    self.duplex.close_received(code, &reason);
                    self.close = Some(CloseFrame { code, reason });
                    self.closing = true;
                }
                // A Pong, or whatever a later version of the codec reports.
                Some(_) => self.input.consume(step.consumed),
                None => {
                    self.input.consume(step.consumed);
                    self.park();
                    break;
                }
            }
        }
        None
    }

    /// There is nothing to decode for now.
    fn park(&mut self) {
        self.input.park();
        self.decoder.shrink();
    }

    fn end(
        &mut self,
        last: Option<Result<Message, WebSocketError>>,
    ) -> Poll<Option<Result<Message, WebSocketError>>> {
        self.ended = true;
        self.input = ReadBuffer::default();
        Poll::Ready(last)
    }
}

fn message(kind: DataKind, payload: Bytes) -> Message {
    match kind {
        DataKind::Text => Message::Text(Text::validated(payload)),
        DataKind::Binary => Message::Binary(payload),
    }
}

impl Stream for WebSocketReceiver {
    type Item = Result<Message, WebSocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(cx)
    }
}

impl fmt::Debug for WebSocketReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketReceiver")
            .field("ended", &self.0.ended)
            .field("close", &self.0.close)
            .finish_non_exhaustive()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.duplex.drop_receiver();
    }
}

/// The sending half.
pub struct WebSocketSender {
    duplex: Arc<Duplex>,
}

impl WebSocketSender {
    /// Sends a message and waits until it was handed to the system. See [`WebSocket::send`] for what cancelling does.
    ///
    /// # Errors
    /// A Close was sent or received, or the connection is gone.
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), SendError>> {
        self.send_among(message.into(), false)
    }

    /// Sends a message; where there is `more` to come, it is not waited for.
    fn send_among(&mut self, message: Message, more: bool) -> impl Future<Output = Result<(), SendError>> {
        let mut message = Some(message);
        poll_fn(move |cx| self.duplex.poll_send(cx, &mut message, more))
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
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
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
        if !self.duplex.send_close(Some(code), reason) {
            self.duplex.send_close(Some(code), "");
        }
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
    /// [`Config::max_write_buffer`](crate::Config::max_write_buffer) bytes are queued. Here is the message back: wait for
    /// `ready` before feeding it again.
    #[error("too much is queued on the WebSocket")]
    Full(Message),
}

/// Why receiving ended without a closing handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The peer broke the protocol or passed a limit, and was sent a Close with the code that says so; or it ended the
    /// stream without a Close.
    #[error("{0}")]
    Protocol(#[from] wire_ws::Error),
    /// The connection failed.
    #[error("connection lost: {0}")]
    Io(std::io::ErrorKind),
}
