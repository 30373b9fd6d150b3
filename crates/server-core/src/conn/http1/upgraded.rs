//! After the 101: the driver carries bytes and watches the deadlines; the protocol is the WebSocket's business.

use std::task::{Context, Poll};

use tokio::io::AsyncRead;
use wire_http1::{BodyLen, EncodeError};
use wire_ws::CloseCode;

use super::link::{Ending, Link};
use super::{Config, ConnectionError, Deadline, Progress};
use crate::conn::duplex::Wants;
use crate::conn::{Duplex, InputEnd};
use crate::control::Counted;
use crate::io::poll_read_lease;

impl<Io> Link<Io> {
    /// Whether the connection has left HTTP.
    pub(super) fn upgraded(&self) -> bool {
        self.http.is_upgraded()
    }

    /// After the handler was polled: confirms the upgrade if it has accepted one, and learns what the WebSocket wants.
    pub(super) fn leave_duplex(&mut self, cx: &Context<'_>, duplex: &Duplex) {
        let confirmed = self.upgraded();
        let mut wants = duplex.leave(cx, confirmed.then_some(&mut self.output));
        if wants.accepted && self.confirm(duplex) {
            wants = duplex.leave(cx, Some(&mut self.output));
        }
        self.unwritten |= wants.moved;
        self.current.wants = Some(wants);
    }

    /// Encodes the 101 and hands over what came behind the request.
    fn confirm(&mut self, duplex: &Duplex) -> bool {
        let Some(fields) = duplex.take_accepted() else { return false };
        let encode = || -> Result<(), EncodeError> {
            let mut head = self.http.encode_head(101, "", BodyLen::Fixed(0), self.output.tail())?;
            for (name, value) in fields {
                head.field(name, value)?;
            }
            head.finish()
        };
        if let Err(error) = encode() {
            tracing::error!(%error, "cannot upgrade");
            duplex.disconnect();
            self.end(Ending::Linger);
            return false;
        }
        if !self.input.is_empty() {
            duplex.give_input(self.input.take_rest());
        }
        if self.eof {
            duplex.end_input(InputEnd::Eof);
        }
        self.current.counted = Some(Counted::websocket(self.control()));
        self.deadlines.clear(Deadline::Handler);
        self.deadlines.clear(Deadline::HalfClose);
        if self.draining {
            duplex.close(CloseCode::GOING_AWAY);
        }
        true
    }

    /// While the server shuts down, WebSockets get a Close 1001.
    pub(super) fn drain_upgraded(&self) {
        if let Some(duplex) = self.current.duplex.as_ref().filter(|_| self.upgraded()) {
            duplex.close(CloseCode::GOING_AWAY);
        }
    }

    /// Does what the WebSocket wants.
    pub(super) fn serve_upgraded(&mut self, config: &Config) {
        let Some(wants) = self.current.wants.filter(|_| self.ending == Ending::No) else { return };
        self.reading = wants.read;
        self.awaits_write = wants.flush;
        self.keep_alive(wants, config);
        if wants.close_sent && !wants.close_received {
            self.deadlines.start(Deadline::WebSocketClose, self.now + config.websocket_close_timeout);
        } else {
            self.deadlines.clear(Deadline::WebSocketClose);
        }
        if wants.flush {
            return;
        }
        // "the server MUST close the underlying TCP connection immediately" (RFC 6455, section 7.1.1).
        if wants.ended || (wants.close_sent && wants.close_received) {
            self.end(Ending::Close);
        } else if wants.gone {
            self.end(Ending::Linger);
        }
    }

    /// Sees to it that a peer that is gone without a word is noticed.
    fn keep_alive(&mut self, wants: Wants, config: &Config) {
        let Some(interval) = config.websocket_ping_interval.filter(|_| !wants.close_sent) else {
            self.deadlines.clear(Deadline::Ping);
            self.deadlines.clear(Deadline::Pong);
            return;
        };
        if self.deadlines.is_running(Deadline::Pong) {
            // The answer is waited for, also where the handler is busy with something else: one buffer is read for it.
            self.reading |= !wants.unread;
        } else {
            self.deadlines.start(Deadline::Ping, self.now + interval);
        }
    }

    /// Nothing has come for too long.
    pub(super) fn ping(&mut self, config: &Config) {
        if let Some(duplex) = &self.current.duplex {
            duplex.ping();
            self.deadlines.set(Deadline::Pong, self.now + config.websocket_pong_timeout);
        }
    }

    /// Nothing has come after the Ping either. Unless what has come was not looked at: then nobody can tell.
    pub(super) fn pong_timed_out(&mut self) {
        if !self.current.wants.is_some_and(|wants| wants.unread) {
            self.over(Some(ConnectionError::TimedOut(Deadline::Pong)));
        }
    }
}

impl<Io: AsyncRead + Unpin> Link<Io> {
    pub(super) fn poll_read_upgraded(&mut self, cx: &mut Context<'_>, config: &Config) -> Progress {
        let (Some(duplex), Some(io)) = (&self.current.duplex, &mut self.io) else { return Progress::Blocked };
        let Poll::Ready(read) = poll_read_lease(cx, io) else { return Progress::Blocked };
        self.reading = false;
        match read {
            Ok(read) if !read.is_empty() => {
                duplex.give_input(read);
                self.deadlines.clear(Deadline::Pong);
                if let Some(interval) = config.websocket_ping_interval {
                    self.deadlines.extend(Deadline::Ping, self.now + interval);
                }
            }
            end => {
                self.eof = true;
                duplex.end_input(end.map_or_else(|error| InputEnd::Failed(error.kind()), |_| InputEnd::Eof));
            }
        }
        Progress::Made
    }
}
