//! After the 101: the driver carries bytes and watches the deadlines; the protocol is the WebSocket's business.

use std::task::{Context, Poll};

use tokio::io::AsyncRead;
use wire_http1::{BodyLen, EncodeError};
use wire_ws::CloseCode;

use super::link::{Ending, Link};
use super::{Config, Deadline, Progress};
use crate::conn::InputEnd;
use crate::control::Counted;
use crate::io::poll_read_lease;

impl<Io> Link<Io> {
    /// Whether the connection has left HTTP.
    pub(super) fn upgraded(&self) -> bool {
        self.accepted
    }

    /// If the handler has accepted the upgrade: encodes the 101 and hands over what came behind the request.
    pub(super) fn check_accepted(&mut self) {
        let Some(duplex) = self.duplex.as_ref().filter(|_| !self.accepted) else { return };
        let Some(fields) = duplex.take_accepted() else { return };
        let encode = || -> Result<(), EncodeError> {
            let mut head = self.http.encode_head(101, "", BodyLen::Fixed(0), self.output.tail())?;
            for (name, value) in fields {
                head.field(name, value)?;
            }
            head.finish()
        };
        self.accepted = true;
        if let Err(error) = encode() {
            tracing::error!(%error, "cannot upgrade");
            duplex.disconnect();
            self.end(Ending::Linger);
            return;
        }
        if !self.input.is_empty() {
            duplex.give_input(self.input.take_rest());
        }
        self.counted = Some(Counted::websocket(self.control()));
        self.deadlines.clear(Deadline::Handler);
        self.deadlines.clear(Deadline::HalfClose);
        self.drain_upgraded();
    }

    /// While the server shuts down, WebSockets get a Close 1001.
    pub(super) fn drain_upgraded(&self) {
        if let Some(duplex) = self.duplex.as_ref().filter(|_| self.accepted && self.draining) {
            duplex.close(CloseCode::GOING_AWAY);
        }
    }

    /// Does what the WebSocket wants. `serving`: the handler has not returned.
    pub(super) fn serve_upgraded(&mut self, config: &Config, serving: bool) {
        let Some(wants) = self.wants else { return };
        self.reading = wants.read;
        self.awaits_write = wants.flush;
        if wants.close_sent && !wants.close_received {
            self.deadlines.start(Deadline::WebSocketClose, self.now + config.websocket_close_timeout);
        } else {
            self.deadlines.clear(Deadline::WebSocketClose);
        }
        if wants.gone && !wants.flush && !serving {
            self.end(if wants.close_received { Ending::Close } else { Ending::Linger });
        }
    }
}

impl<Io: AsyncRead + Unpin> Link<Io> {
    pub(super) fn poll_read_upgraded(&mut self, cx: &mut Context<'_>) -> Progress {
        let Some(duplex) = &self.duplex else { return Progress::Blocked };
        let Poll::Ready(read) = poll_read_lease(cx, &mut self.io) else { return Progress::Blocked };
        self.reading = false;
        match read {
            Ok(read) if read.is_empty() => {
                self.eof = true;
                duplex.end_input(InputEnd::Eof);
            }
            Ok(read) => duplex.give_input(read),
            Err(error) => {
                self.eof = true;
                duplex.end_input(InputEnd::Failed(error.kind()));
            }
        }
        Progress::Made
    }
}
