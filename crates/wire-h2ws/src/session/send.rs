//! What an application says on a stream: content, messages, and how it holds the peer back.

use std::time::Duration;

use h2::Reason;
use http::HeaderMap;
use wire_ws::{CloseCode, Connection, DataKind, RefusedReason};

use super::Session;
use super::event::{StreamEnd, UseError};
use super::stream::Send;

impl Session {
    /// Sends content: as much as there is room for, which is returned. `end`: nothing follows, which counts only
    /// where all was taken.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`]; [`UseError::WrongState`] on a WebSocket, before the response or after the end.
    pub fn send_data(&mut self, stream: u32, data: &[u8], end: bool) -> Result<usize, UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let taken = state.send_data(data, end)?;
        self.guard.progress();
        self.touch(stream);
        Ok(taken)
    }

    /// Sends trailers, which end this side of the stream.
    ///
    /// # Errors
    ///
    /// As [`send_data`](Self::send_data), and [`UseError::Message`].
    pub fn send_trailers(&mut self, stream: u32, fields: HeaderMap) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let Send::Content(content) = &mut state.send else { return Err(UseError::WrongState) };
        if state.socket.is_some() || state.opening.is_some() {
            return Err(UseError::WrongState);
        }
        if content.send_trailers(fields).is_err() {
            return Err(state.refused());
        }
        state.send = Send::Ended;
        self.touch(stream);
        Ok(())
    }

    /// Sends a WebSocket message; text must be UTF-8. Messages gather until [`output`](Self::output) is called.
    ///
    /// # Errors
    ///
    /// [`UseError::Full`]; [`UseError::Encode`]; [`UseError::UnknownStream`]; [`UseError::WrongState`] where the
    /// stream is no open WebSocket.
    pub fn send(&mut self, stream: u32, kind: DataKind, message: &[u8]) -> Result<(), UseError> {
        let sent = self.socket(stream)?.send(kind, message);
        self.sent(stream, sent.map_err(|refused| refused.reason))
    }

    /// Sends a WebSocket Ping, beside those of the keepalive.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, stream: u32, payload: &[u8]) -> Result<(), UseError> {
        let sent = self.socket(stream)?.ping(payload);
        self.sent(stream, sent)
    }

    /// Starts the closing handshake of a WebSocket. [`Closed`](super::Event::Closed) follows, after
    /// [`ConnectionConfig::close_timeout`](wire_ws::ConnectionConfig::close_timeout) at the latest, twice that where
    /// the peer closes but does not end the stream.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without [`UseError::Full`].
    pub fn close(
        &mut self,
        stream: u32,
        code: Option<CloseCode>,
        reason: &str,
        now: Duration,
    ) -> Result<(), UseError> {
        let closed = self.socket(stream)?.close(code, reason, now);
        self.sent(stream, closed.map_err(RefusedReason::from))
    }

    /// Whether a stream takes more at little cost. If not, [`Writable`](super::Event::Writable) will say when.
    #[must_use]
    pub fn is_writable(&mut self, stream: u32) -> bool {
        let Some(state) = self.streams.get_mut(&stream) else { return false };
        let writable = state.is_writable();
        state.starved |= !writable;
        writable
    }

    /// From now on nothing that arrives on the stream is given, until it is [resumed](Self::resume). The peer may
    /// send until its window is used up. A WebSocket that is paused sends no keepalive and answers no Ping.
    pub fn pause(&mut self, stream: u32) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.paused = true;
        }
    }

    /// Undoes [`pause`](Self::pause). What arrived meanwhile is given.
    pub fn resume(&mut self, stream: u32) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.paused = false;
            state.flag.raise();
        }
    }

    /// Resets a stream (RFC 9113 section 6.4), with CANCEL (8) say. Its [`Closed`](super::Event::Closed) follows.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`].
    pub fn reset(&mut self, stream: u32, code: u32) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        state.reset(Reason::from(code));
        self.finish(stream, StreamEnd::Reset { code, by_peer: false });
        Ok(())
    }

    /// The WebSocket on a stream.
    fn socket(&mut self, stream: u32) -> Result<&mut Connection, UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        Ok(&mut state.socket.as_mut().ok_or(UseError::WrongState)?.connection)
    }

    /// Something was put into a WebSocket's output, or refused.
    fn sent(&mut self, stream: u32, sent: Result<(), RefusedReason>) -> Result<(), UseError> {
        match sent {
            Ok(()) => {
                self.guard.progress();
                self.touch(stream);
                Ok(())
            }
            Err(RefusedReason::Encode(error)) => Err(error.into()),
            Err(_) => {
                if let Some(state) = self.streams.get_mut(&stream) {
                    state.starved = true;
                }
                self.touch(stream);
                Err(UseError::Full)
            }
        }
    }
}
