//! One stream: what arrives on it, what waits to be sent, and its end.
//!
//! A stream is over when both sides ended it, or one reset it. It is then dropped, and not before: h2 resets a stream
//! whose handles are gone, and a reset that overtakes an END_STREAM is an error to the peer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::Response;
use wire_ws::End;

use super::client::Opening;
use super::event::{Event, StreamEnd, UseError};
use super::socket::Socket;
use super::wake::{StreamWake, Wakes};

/// A stream that is not over.
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) recv: Receive,
    pub(super) send: Send,
    pub(super) flag: Arc<StreamWake>,
    waker: Waker,
    /// Nothing is to be taken from it.
    pub(super) paused: bool,
    /// The caller was told that there is no room.
    pub(super) starved: bool,
    /// It is in the session's list of those to be flushed.
    pub(super) dirty: bool,
    /// A server: it asks for a WebSocket.
    pub(super) tunnel: bool,
    /// A client: what was offered to the server.
    pub(super) opening: Option<Box<Opening>>,
    pub(super) socket: Option<Box<Socket>>,
    /// Until when the peer's end of the stream is waited for.
    pub(super) linger: Option<Duration>,
}

/// The peer's side.
pub(super) enum Receive {
    Response(ResponseFuture),
    Content(RecvStream),
    Ended,
}

/// This side.
pub(super) enum Send {
    Respond(SendResponse<Bytes>),
    Content(SendStream<Bytes>),
    Ended,
}

/// What a look at a stream gave.
pub(super) enum Polled {
    Event(Event),
    /// The stream is over.
    End(StreamEnd),
    /// The response to a request for a WebSocket: it has to be judged.
    Opened(Response<()>),
}

impl Stream {
    pub(super) fn new(id: u32, recv: Receive, send: Send, wakes: &Arc<Wakes>) -> Self {
        let (flag, waker) = StreamWake::new(id, wakes);
        Self {
            id,
            recv,
            send,
            flag,
            waker,
            paused: false,
            starved: false,
            dirty: false,
            tunnel: false,
            opening: None,
            socket: None,
            linger: None,
        }
    }

    /// Looks at it, and leaves the waker with h2. `over`: the connection has ended.
    pub(super) fn poll(&mut self, over: bool, spare: &mut Vec<u8>, now: Duration) -> Option<Polled> {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        if (!self.paused || over)
            && let Some(polled) = self.read(cx, spare, now)
        {
            return Some(polled);
        }
        if self.is_complete() {
            return Some(Polled::End(self.outcome(StreamEnd::Complete)));
        }
        match self.poll_reset(cx) {
            _ if over => return Some(Polled::End(self.outcome(StreamEnd::ConnectionEnded))),
            Poll::Ready(Ok(reason)) => {
                let end = StreamEnd::Reset { code: reason.into(), by_peer: true };
                return Some(Polled::End(self.outcome(end)));
            }
            Poll::Ready(Err(error)) => return Some(Polled::End(self.error(&error))),
            Poll::Pending => {}
        }
        if self.starved && self.room(cx) > 0 {
            self.starved = false;
            return Some(Polled::Event(Event::Writable { stream: self.id }));
        }
        None
    }

    /// The peer's reset of what we send.
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        match &mut self.send {
            Send::Respond(respond) => respond.poll_reset(cx),
            Send::Content(content) => content.poll_reset(cx),
            Send::Ended => Poll::Pending,
        }
    }

    /// Why h2 did not take what was to be sent: the peer has reset the stream, which nobody could know, or the caller is at
    /// fault.
    pub(super) fn refused(&mut self) -> UseError {
        let waker = self.waker.clone();
        match self.poll_reset(&mut Context::from_waker(&waker)) {
            Poll::Ready(_) => UseError::UnknownStream,
            Poll::Pending => UseError::Message,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!((&self.recv, &self.send), (Receive::Ended, Send::Ended))
    }

    /// Takes the next thing that arrived.
    fn read(&mut self, cx: &mut Context<'_>, spare: &mut Vec<u8>, now: Duration) -> Option<Polled> {
        let content = match &mut self.recv {
            Receive::Response(response) => {
                return match Pin::new(response).poll(cx) {
                    Poll::Pending => None,
                    Poll::Ready(Ok(response)) => Some(self.response(response)),
                    Poll::Ready(Err(error)) => Some(Polled::End(self.error(&error))),
                };
            }
            Receive::Content(content) => content,
            Receive::Ended => return None,
        };
        let stream = self.id;
        loop {
            if let Some(socket) = &mut self.socket {
                if let Some(event) = socket.next(stream, spare, now) {
                    return Some(Polled::Event(event));
                }
                release(content, socket.release());
            } else if self.tunnel && matches!(self.send, Send::Respond(_)) {
                // It is not decided yet whose bytes these are.
                return None;
            }
            match content.poll_data(cx) {
                Poll::Pending => return None,
                Poll::Ready(Some(Ok(data))) => {
                    let end = content.is_end_stream();
                    if let Some(socket) = &mut self.socket {
                        socket.take(&data, spare);
                        continue;
                    }
                    release(content, data.len());
                    if !self.tunnel && (end || !data.is_empty()) {
                        if end {
                            self.recv = Receive::Ended;
                        }
                        return Some(Polled::Event(Event::Data { stream, data, end }));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Some(Polled::End(self.error(&error))),
                Poll::Ready(None) => break,
            }
        }
        if let Some(socket) = &mut self.socket {
            self.recv = Receive::Ended;
            let error = socket.eof()?;
            self.reset(Reason::CANCEL);
            return Some(Polled::End(StreamEnd::Abnormal(error)));
        }
        let event = match content.poll_trailers(cx) {
            Poll::Pending => return None,
            Poll::Ready(Err(error)) => return Some(Polled::End(self.error(&error))),
            Poll::Ready(Ok(Some(fields))) => Event::Trailers { stream, fields },
            Poll::Ready(Ok(None)) => Event::Data { stream, data: Bytes::new(), end: true },
        };
        self.recv = Receive::Ended;
        (!self.tunnel).then_some(Polled::Event(event))
    }

    /// Takes a WebSocket's bytes off h2, which holds each frame of them by itself: small ones cost it more than they
    /// are long, and it ends the connection over them. The peer's window stays closed.
    pub(super) fn collect(&mut self, spare: &mut Vec<u8>) {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        if let (Some(socket), Receive::Content(content)) = (&mut self.socket, &mut self.recv) {
            while let Poll::Ready(Some(Ok(data))) = content.poll_data(cx) {
                socket.take(&data, spare);
            }
        }
    }

    fn response(&mut self, response: Response<RecvStream>) -> Polled {
        let (head, content) = response.into_parts();
        let (head, end) = (Response::from_parts(head, ()), content.is_end_stream());
        if self.opening.is_some() {
            self.recv = Receive::Content(content);
            return Polled::Opened(head);
        }
        self.recv = if end { Receive::Ended } else { Receive::Content(content) };
        Polled::Event(Event::Response { stream: self.id, head, end })
    }

    /// Content that is sent: how much of it was taken.
    pub(super) fn send_data(&mut self, data: &[u8], end: bool) -> Result<usize, UseError> {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        let Send::Content(content) = &mut self.send else { return Err(UseError::WrongState) };
        if self.socket.is_some() || self.opening.is_some() {
            return Err(UseError::WrongState);
        }
        let taken = if data.is_empty() { 0 } else { room(content, data.len(), cx).min(data.len()) };
        let last = end && taken == data.len();
        if taken > 0 || last {
            let piece = Bytes::copy_from_slice(&data[..taken]);
            if content.send_data(piece, last).is_err() {
                return Err(self.refused());
            }
        }
        if last {
            self.send = Send::Ended;
        } else if taken < data.len() {
            room(content, data.len() - taken, cx);
            self.starved = true;
        }
        Ok(taken)
    }

    /// Whether it takes something now. If not, the waker was left with h2.
    pub(super) fn is_writable(&mut self) -> bool {
        let waker = self.waker.clone();
        self.room(&mut Context::from_waker(&waker)) > 0
    }

    /// Bytes that it would take now. With 0, the waker was left with h2.
    fn room(&mut self, cx: &mut Context<'_>) -> usize {
        match (&mut self.socket, &mut self.send) {
            (Some(socket), _) => usize::from(socket.connection.is_writable()),
            (None, Send::Content(content)) => room(content, 1, cx),
            _ => 0,
        }
    }

    /// Sends what the WebSocket has to say, and ends this side when that was all. The end, where there is one.
    pub(super) fn flush(&mut self, close_timeout: Duration, now: Duration) -> Option<StreamEnd> {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        let Some(socket) = &mut self.socket else {
            if self.tunnel && matches!(self.send, Send::Ended) {
                self.linger.get_or_insert(now.saturating_add(close_timeout));
            }
            return None;
        };
        let mut flushed = true;
        if let Send::Content(content) = &mut self.send {
            loop {
                let output = socket.connection.output();
                if output.is_empty() {
                    break;
                }
                let len = room(content, output.len(), cx).min(output.len());
                if len == 0 || content.send_data(Bytes::copy_from_slice(&output[..len]), false).is_err() {
                    flushed = false;
                    break;
                }
                socket.connection.written(len);
            }
        }
        if self.starved && socket.connection.is_writable() {
            self.flag.raise();
        }
        match socket.connection.end()? {
            End::TimedOut(timeout) => {
                self.reset(Reason::CANCEL);
                return Some(StreamEnd::TimedOut(timeout));
            }
            _ if flushed => {
                // An orderly end, as that of TCP (RFC 8441 section 5). An error here is a stream that was reset.
                if let Send::Content(content) = &mut self.send {
                    let _ = content.send_data(Bytes::new(), true);
                    self.send = Send::Ended;
                }
            }
            _ => {}
        }
        if self.is_complete() {
            return Some(self.outcome(StreamEnd::Complete));
        }
        self.linger.get_or_insert(now.saturating_add(close_timeout));
        None
    }

    /// Resets it, unless this side has ended: then it is enough to drop it.
    pub(super) fn reset(&mut self, reason: Reason) {
        match &mut self.send {
            Send::Respond(respond) => respond.send_reset(reason),
            Send::Content(content) => content.send_reset(reason),
            Send::Ended => {}
        }
    }

    /// How it ended, where a WebSocket that has ended before knows better.
    pub(super) fn outcome(&self, end: StreamEnd) -> StreamEnd {
        self.socket.as_ref().and_then(|socket| socket.outcome()).unwrap_or(end)
    }

    fn error(&self, error: &h2::Error) -> StreamEnd {
        self.outcome(match error.reason() {
            Some(code) if error.is_reset() => {
                StreamEnd::Reset { code: code.into(), by_peer: error.is_remote() }
            }
            _ => StreamEnd::ConnectionEnded,
        })
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let socket = self.socket.as_ref().and_then(|socket| {
            // Nobody can say that a peer is silent who does not listen.
            let listens = !self.paused || socket.connection.is_closing();
            if listens { socket.connection.next_deadline() } else { None }
        });
        [socket, self.linger].into_iter().flatten().min()
    }
}

/// The peer may send so many bytes more.
fn release(content: &mut RecvStream, len: usize) {
    if len > 0 {
        // An error would be more than has arrived.
        let released = content.flow_control().release_capacity(len);
        debug_assert!(released.is_ok(), "{released:?}");
    }
}

/// Bytes that the stream would take, where so many are `wanted`. With 0, the waker was left with h2.
fn room(content: &mut SendStream<Bytes>, wanted: usize, cx: &mut Context<'_>) -> usize {
    content.reserve_capacity(wanted.min(MAX_RESERVED));
    loop {
        let room = content.capacity();
        if room > 0 || !matches!(content.poll_capacity(cx), Poll::Ready(Some(Ok(_)))) {
            return room;
        }
    }
}

/// Most that is asked of a window at once: more than any send buffer, and less than what h2 can add up.
const MAX_RESERVED: usize = 1 << 30;
