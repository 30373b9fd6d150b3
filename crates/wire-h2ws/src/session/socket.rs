//! A WebSocket on a stream: bytes of DATA frames in, events out (RFC 8441 section 5). Where a DATA frame begins or ends
//! means nothing.

use std::time::Duration;

use bytes::Bytes;
use wire_ws::{Connection, End, MessageEvent, Payload};

use super::event::{Event, StreamEnd};

/// The WebSocket, and what of the stream's bytes it has not decoded.
pub(super) struct Socket {
    pub(super) connection: Connection,
    /// Not decoded yet is `input[start..]`.
    input: Vec<u8>,
    start: usize,
    /// Bytes that were taken and that the peer may not send again yet.
    held: usize,
    failed: bool,
}

impl Socket {
    pub(super) fn new(connection: Connection) -> Box<Self> {
        Box::new(Self { connection, input: Vec::new(), start: 0, held: 0, failed: false })
    }

    /// Largest buffer that is kept for others.
    const SPARE: usize = 64 << 10;

    /// Takes a piece of the stream, in a buffer that lay `spare`.
    pub(super) fn take(&mut self, data: &[u8], spare: &mut Vec<u8>) {
        self.held += data.len();
        if self.failed || self.connection.end().is_some() {
            return;
        }
        if spare.capacity() > self.input.capacity() && self.start == 0 {
            spare.extend_from_slice(&self.input);
            self.input = std::mem::take(spare);
        } else if self.start >= self.input.len() - self.start {
            // Moved when at least as much was decoded as is left, so that moving costs no more than decoding.
            self.input.drain(..self.start);
            self.start = 0;
        }
        self.input.extend_from_slice(data);
    }

    /// Bytes that were taken, and are decoded or in the message that is not whole: the peer may send as many.
    pub(super) fn release(&mut self) -> usize {
        std::mem::take(&mut self.held)
    }

    /// The next event in what was taken. Without one, the buffer goes back to `spare`.
    pub(super) fn next(&mut self, stream: u32, spare: &mut Vec<u8>, now: Duration) -> Option<Event> {
        if self.start < self.input.len() {
            let unread = &mut self.input[self.start..];
            match self.connection.decode(unread, now) {
                Ok(step) => {
                    let event = step.event.map(|event| named(stream, event, unread, &mut self.connection));
                    self.start += step.consumed;
                    if event.is_some() {
                        return event;
                    }
                }
                Err(_) => {
                    self.failed = true;
                    self.start = self.input.len();
                }
            }
        }
        // What is left of a frame is short: it moves to a place of its own size.
        let rest = self.input[self.start..].to_vec();
        let mut buffer = std::mem::replace(&mut self.input, rest);
        self.start = 0;
        if buffer.capacity() > spare.capacity() && buffer.capacity() <= Self::SPARE {
            buffer.clear();
            *spare = buffer;
        }
        None
    }

    /// The end of the peer's side. An end that must be answered by a reset comes back.
    pub(super) fn eof(&mut self) -> Option<wire_ws::Error> {
        match self.connection.decode_eof() {
            End::Abnormal(error) if !self.failed => Some(error),
            _ => None,
        }
    }

    /// How it ended, if it did.
    pub(super) fn outcome(&self) -> Option<StreamEnd> {
        Some(match self.connection.end()? {
            End::Abnormal(error) => StreamEnd::Abnormal(error),
            End::TimedOut(timeout) => StreamEnd::TimedOut(timeout),
            _ => StreamEnd::Complete,
        })
    }
}

fn named(stream: u32, event: MessageEvent, input: &[u8], connection: &mut Connection) -> Event {
    let copy = |range| Bytes::copy_from_slice(&input[range]);
    match event {
        MessageEvent::Message { kind, payload: Payload::Input(range) } => {
            Event::Message { stream, kind, data: copy(range) }
        }
        MessageEvent::Message { kind, payload: Payload::Buffer } => {
            Event::Message { stream, kind, data: connection.take_buffer().into() }
        }
        MessageEvent::Ping { range } => Event::Ping { stream, data: copy(range) },
        MessageEvent::Pong { range } => Event::Pong { stream, data: copy(range) },
        MessageEvent::Close { code, range } => Event::Close { stream, code, reason: copy(range) },
    }
}
