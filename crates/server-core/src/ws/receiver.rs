//! The receiving half of a WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use wire_ws::{DataKind, MessageDecoder, MessageEvent, Payload};

use super::message::{CloseFrame, Message, MessageRef, Text};
use super::sender::WebSocketSender;
use crate::conn::{Duplex, Input, InputEnd};
use crate::io::{Direct, ReadBuffer};

/// Messages that come out of buffered input before the task lets others run.
const BUDGET: u16 = 256;

/// The receiving half. It answers Pings and Closes by itself.
pub struct WebSocketReceiver(Box<Receiving>);

/// Boxed, for futures move what they hold, and hold it twice.
struct Receiving {
    duplex: Arc<Duplex>,
    decoder: MessageDecoder,
    input: ReadBuffer,
    budget: u16,
    /// The message so far is lent to the driver.
    lent: bool,
    /// The buffers may hold memory for nothing.
    warm: bool,
    close: Option<Box<CloseFrame>>,
    /// Nothing more comes. Who is told so may end the program: first our Close is to be written.
    closing: bool,
    ended: bool,
    /// There is no sending half beside it.
    whole: bool,
}

/// A message that was decoded: until the next call it can be taken, or looked at.
#[derive(Clone, Copy)]
struct Decoded {
    kind: DataKind,
    place: Place,
}

/// Where its payload is.
#[derive(Clone, Copy)]
enum Place {
    /// So many bytes, the last ones of the input that were consumed.
    Input(usize),
    /// The decoder's buffer.
    Decoder,
}

/// What comes where the input has no message.
enum More {
    Input,
    /// It was read straight to where it belongs.
    Message(Decoded),
    /// Nothing, for this reason where it is not a closing handshake.
    End(Option<WebSocketError>),
}

impl WebSocketReceiver {
    /// With what the sending half would do.
    pub(super) fn whole(duplex: Arc<Duplex>, decoder: MessageDecoder) -> Self {
        Self(Box::new(Receiving {
            duplex,
            decoder,
            input: ReadBuffer::default(),
            budget: BUDGET,
            lent: false,
            warm: false,
            close: None,
            closing: false,
            ended: false,
            whole: true,
        }))
    }

    pub(super) fn duplex(&self) -> &Duplex {
        &self.0.duplex
    }

    pub(super) fn split(mut self) -> (WebSocketSender, Self) {
        self.0.whole = false;
        (WebSocketSender::new(Arc::clone(&self.0.duplex)), self)
    }

    /// See [`WebSocket::recv`](super::WebSocket::recv).
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, WebSocketError>>> {
        poll_fn(|cx| self.0.poll_recv(cx))
    }

    /// See [`WebSocket::recv_ref`](super::WebSocket::recv_ref).
    ///
    /// ```
    /// use server_core::ws::WebSocket;
    ///
    /// async fn echo(socket: WebSocket) {
    ///     let (mut sender, mut receiver) = socket.split();
    ///     while let Some(Ok(message)) = receiver.recv_ref().await {
    ///         if sender.send(message).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn recv_ref(&mut self) -> Option<Result<MessageRef<'_>, WebSocketError>> {
        let decoded = poll_fn(|cx| self.0.poll_decoded(cx)).await?;
        Some(decoded.map(|decoded| self.0.look_at(decoded)))
    }

    /// The peer's Close, once it was received.
    #[must_use]
    pub fn close_frame(&self) -> Option<&CloseFrame> {
        self.0.close.as_deref()
    }
}

impl Receiving {
    #[inline]
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, WebSocketError>>> {
        match ready!(self.poll_decoded(cx)) {
            Some(Ok(decoded)) => Poll::Ready(Some(Ok(self.take(decoded)))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(None),
        }
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Decoded, WebSocketError>>> {
        loop {
            if self.budget > 0
                && let Some(decoded) = self.decode()
            {
                self.budget -= 1;
                let rest = self.input.bytes();
                self.duplex.set_more(self.budget > 0 && !rest.is_empty() && self.decoder.is_ready(rest));
                return Poll::Ready(Some(Ok(decoded)));
            }
            match ready!(self.poll_more(cx)) {
                More::Input => {}
                More::Message(decoded) => return Poll::Ready(Some(Ok(decoded))),
                More::End(last) => {
                    self.ended = true;
                    self.input = ReadBuffer::default();
                    return Poll::Ready(last.map(Err));
                }
            }
        }
    }

    /// The input has no message, or none may be taken for now.
    #[inline]
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<More> {
        if self.ended {
            return Poll::Ready(More::End(None));
        }
        if self.budget == 0 {
            self.budget = BUDGET;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.park();
        self.duplex.set_more(false);
        if self.closing {
            ready!(self.duplex.poll_close_written(cx));
            // The decoder says an error as often as it is asked.
            return Poll::Ready(More::End(self.decoder.decode(&mut []).err().map(Into::into)));
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
        let (input, unused) = match ready!(self.duplex.poll_input(cx, lend)) {
            Ok(input) => input,
            Err(InputEnd::Eof) => {
                return Poll::Ready(More::End(self.decoder.decode_eof().err().map(Into::into)));
            }
            Err(InputEnd::Failed(kind)) => return Poll::Ready(More::End(Some(WebSocketError::Io(kind)))),
        };
        self.budget = BUDGET;
        self.warm = true;
        let leased = match input {
            Input::Leased(read) => Some(read),
            Input::Direct(message) => {
                if let Some(decoded) = self.take_back(message) {
                    return Poll::Ready(More::Message(decoded));
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
        Poll::Ready(More::Input)
    }

    /// The message that was lent, with what was read into it. It is given when it is whole.
    #[inline(never)]
    fn take_back(&mut self, message: Vec<u8>) -> Option<Decoded> {
        self.lent = false;
        match self.decoder.put_spare(message) {
            Ok(Some(MessageEvent::Message { kind, .. })) => Some(Decoded { kind, place: Place::Decoder }),
            Ok(_) => None,
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// The peer broke the protocol.
    #[cold]
    fn fail(&mut self, error: &wire_ws::Error) {
        self.duplex.send_close(Some(error.close_code()), "");
        self.closing = true;
    }

    /// The next message of the input. `None`: more input is needed, or nothing more comes.
    #[inline]
    fn decode(&mut self) -> Option<Decoded> {
        loop {
            let input = self.input.bytes_mut();
            if input.is_empty() || self.closing {
                break;
            }
            let step = match self.decoder.decode(input) {
                Ok(step) => step,
                Err(error) => {
                    self.fail(&error);
                    break;
                }
            };
            // A payload is always the end of what is consumed.
            self.input.consume(step.consumed);
            match step.event {
                Some(MessageEvent::Message { kind, payload }) => {
                    let place = match payload {
                        Payload::Input(range) => Place::Input(range.len()),
                        Payload::Buffer => Place::Decoder,
                    };
                    return Some(Decoded { kind, place });
                }
                Some(event) => self.control(&event),
                None => break,
            }
        }
        None
    }

    /// Answers a control frame. Its payload is the end of what was consumed.
    #[cold]
    fn control(&mut self, event: &MessageEvent) {
        match event {
            MessageEvent::Ping { range } => self.duplex.pong(self.input.consumed(range.len())),
            MessageEvent::Close { code, range } => {
                let reason = String::from_utf8_lossy(self.input.consumed(range.len())).into_owned();
                self.duplex.close_received(*code, &reason);
                self.close = Some(Box::new(CloseFrame { code: *code, reason }));
                self.closing = true;
            }
            // A Pong, or whatever a later version of the codec reports.
            _ => {}
        }
    }

    /// The message, for keeps.
    #[inline]
    fn take(&mut self, Decoded { kind, place }: Decoded) -> Message {
        let payload = match place {
            Place::Input(len) => self.input.take_consumed(len),
            Place::Decoder => Bytes::from(self.decoder.take_buffer()),
        };
        if self.input.is_empty() {
            // Whatever the handler does now, it may take its time: no buffer is held meanwhile.
            self.park();
        }
        match kind {
            DataKind::Text => Message::Text(Text::validated(payload)),
            DataKind::Binary => Message::Binary(payload),
        }
    }

    /// The message, where it is.
    fn look_at(&self, Decoded { kind, place }: Decoded) -> MessageRef<'_> {
        let payload = match place {
            Place::Input(len) => self.input.consumed(len),
            Place::Decoder => self.decoder.buffer(),
        };
        MessageRef::new(kind, payload)
    }

    /// There is nothing to decode for now.
    #[inline]
    fn park(&mut self) {
        if self.warm {
            self.cool_down();
        }
    }

    #[inline(never)]
    fn cool_down(&mut self) {
        self.warm = false;
        self.input.park();
        self.decoder.shrink();
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
        self.duplex.set_more(false);
        self.duplex.drop_receiver();
        if self.whole {
            self.duplex.drop_sender();
        }
    }
}

/// Why receiving ended without a closing handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The peer broke the protocol or passed a limit, and was sent a Close with the code that says so; or it ended the
    /// stream without a Close.
    #[error("{0}")]
    Protocol(#[from] wire_ws::Error),
    /// The connection failed; with `TimedOut` where the peer did not answer a Ping or a Close, or did not read, in time.
    #[error("connection lost: {0}")]
    Io(std::io::ErrorKind),
}
