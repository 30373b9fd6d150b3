//! Everything of a connection but the handler: the stream, the codec, the buffers, the deadlines.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use http::response::Parts;
use tokio::io::{AsyncRead, AsyncWrite};
use wire_http1::ServerConnection;

use super::{Config, ConnectionError, Progress};
use crate::body::{BodySlot, BoxError, Demand};
use crate::conn::Duplex;
use crate::conn::deadline::{Deadline, Deadlines};
use crate::conn::duplex::Wants;
use crate::control::{Control, Counted, Registration};
use crate::io::{ReadBuffer, WriteBuffer};
use crate::listener::ConnectionInfo;
use crate::ws::Settings;

/// Reads of what nobody wants before the task lets others run.
const LINGER_READS: usize = 16;

/// How far a connection is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is not.
    No,
    /// What is queued is written, then our side ends.
    Close,
    /// The same, and then what the client still sends is read and thrown away for a while: closing at once would make
    /// the system answer it with a reset, which destroys what the client has not read yet (RFC 9112 section 9.6).
    Linger,
    /// Our side has ended; reading and throwing away.
    Lingering,
}

pub(super) struct Link<Io> {
    pub(super) io: Io,
    pub(super) http: ServerConnection,
    pub(super) input: ReadBuffer,
    pub(super) output: WriteBuffer,
    pub(super) deadlines: Deadlines,
    /// The time of this poll.
    pub(super) now: Instant,
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) settings: Arc<Settings>,
    registration: Registration,
    waker: Option<Waker>,

    /// Somebody wants more input.
    pub(super) reading: bool,
    /// Most bytes that the next read takes.
    pub(super) read_limit: usize,
    /// The client has ended its side.
    pub(super) eof: bool,
    /// Something waits for the output to be written.
    pub(super) awaits_write: bool,
    /// A deadline was acted on: look at everything again.
    pub(super) expired: bool,
    pub(super) ending: Ending,
    /// Why the last response was cut off.
    pub(super) failure: Option<BoxError>,

    /// The current request's body, where it streams.
    pub(super) slot: Option<Arc<BodySlot>>,
    /// The current request is a HEAD.
    pub(super) is_head: bool,
    /// Unread body bytes thrown away.
    pub(super) discarded: u64,
    /// The rest of the request cannot be read: it failed, or took too long.
    pub(super) request_failed: bool,
    /// The current request, as long as it counts as in flight; or the WebSocket that it became.
    pub(super) counted: Option<Counted>,
    /// The response head that is not encoded yet.
    pub(super) head: Option<Box<(Parts, wire_http1::BodyLen)>>,
    /// Between requests once the output is written.
    pub(super) becomes_idle: bool,
    /// The response is complete: what is left of the request is its unread body.
    pub(super) responded: bool,

    /// Where the request offers an upgrade.
    pub(super) duplex: Option<Arc<Duplex>>,
    /// The handler has accepted it.
    pub(super) accepted: bool,
    /// What the WebSocket wanted when the handler last paused.
    pub(super) wants: Option<Wants>,
    pub(super) draining: bool,
}

impl<Io> Link<Io> {
    pub(super) fn new(
        io: Io,
        info: ConnectionInfo,
        control: &Control,
        config: &Config,
        now: Instant,
    ) -> Self {
        let mut deadlines = Deadlines::default();
        deadlines.set(Deadline::Head, now + config.head_timeout);
        Self {
            io,
            http: ServerConnection::new(config.http1.clone()),
            input: ReadBuffer::default(),
            output: WriteBuffer::default(),
            deadlines,
            now,
            info: Arc::new(info),
            settings: Arc::new(Settings { limits: config.websocket, write_buffer: config.write_buffer }),
            registration: Registration::new(control),
            waker: None,
            reading: true,
            read_limit: usize::MAX,
            eof: false,
            awaits_write: false,
            expired: false,
            ending: Ending::No,
            failure: None,
            slot: None,
            is_head: false,
            discarded: 0,
            request_failed: false,
            counted: None,
            head: None,
            becomes_idle: false,
            responded: false,
            duplex: None,
            accepted: false,
            wants: None,
            draining: false,
        }
    }

    pub(super) fn control(&self) -> &Control {
        self.registration.control()
    }

    /// Sees to it that the shutdown wakes this task. Returns whether the waker is the one of the last poll.
    pub(super) fn register(&mut self, cx: &Context<'_>) -> bool {
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return true;
        }
        self.waker = Some(cx.waker().clone());
        self.registration.register(cx.waker());
        false
    }

    /// The server shuts down: no request after the current one, and that within the drain time.
    pub(super) fn drain(&mut self, config: &Config) {
        if !std::mem::replace(&mut self.draining, true) {
            self.deadlines.set(Deadline::Drain, self.now + config.drain_timeout);
            self.http.set_close();
            self.drain_upgraded();
        }
    }

    /// The connection ends once everything queued is written.
    pub(super) fn end(&mut self, ending: Ending) {
        if self.ending == Ending::No {
            self.ending = ending;
            self.reading = false;
            self.counted = None;
            for deadline in
                [Deadline::Head, Deadline::Idle, Deadline::Body, Deadline::Handler, Deadline::HalfClose]
            {
                self.deadlines.clear(deadline);
            }
        }
    }

    /// The response cannot be completed: what there is of it is written, and then the connection ends in its middle.
    pub(super) fn cut_off(&mut self, error: BoxError) {
        self.failure = Some(error);
        self.end(if self.http.request_complete() { Ending::Close } else { Ending::Linger });
    }

    /// Before the handler or the response body is polled.
    pub(super) fn enter(&self) {
        if let Some(slot) = &self.slot {
            slot.enter();
        }
        if let Some(duplex) = &self.duplex {
            duplex.enter();
        }
    }

    /// After it was polled.
    pub(super) fn leave(&mut self, cx: &Context<'_>) -> Demand {
        self.wants = self.duplex.as_ref().map(|duplex| duplex.leave(cx, &mut self.output));
        self.slot.as_ref().map_or(Demand::None, |slot| slot.leave(cx))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    /// Reads once, if that is wanted.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
    ) -> Result<Progress, ConnectionError> {
        if !self.reading || self.eof {
            return Ok(Progress::Blocked);
        }
        if self.upgraded() {
            return Ok(self.poll_read_upgraded(cx));
        }
        let Poll::Ready(read) = self.input.poll_fill(cx, &mut self.io, self.read_limit)? else {
            return Ok(Progress::Blocked);
        };
        self.reading = false;
        self.deadlines.clear(Deadline::Body);
        if read == 0 {
            self.eof = true;
            self.client_ended(config)?;
        }
        Ok(Progress::Made)
    }

    /// The client has ended its side. What that means depends on what it had begun.
    fn client_ended(&mut self, config: &Config) -> Result<(), ConnectionError> {
        if self.counted.is_none() {
            match self.http.decode_eof() {
                Ok(()) => self.end(Ending::Close),
                Err(error) => self.refuse(error.status(), &error.to_string()),
            }
            return Ok(());
        }
        match config.half_close_timeout {
            None => Ok(()),
            Some(grace) if grace.is_zero() => Err(ConnectionError::ClientGone),
            Some(grace) => {
                self.deadlines.set(Deadline::HalfClose, self.now + grace);
                Ok(())
            }
        }
    }

    /// Writes what has gathered. True: all of it is written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
    ) -> Result<bool, ConnectionError> {
        let mut progress = false;
        let done = self.output.poll_write(cx, &mut self.io, &mut progress)?.is_ready();
        if done {
            self.deadlines.clear(Deadline::Write);
            if std::mem::take(&mut self.becomes_idle) {
                self.deadlines.set(Deadline::Idle, self.now + config.idle_timeout);
            }
            if progress && let Some(duplex) = &self.duplex {
                duplex.written();
            }
        } else {
            let deadline = self.now + config.write_timeout;
            if progress {
                self.deadlines.set(Deadline::Write, deadline);
            } else {
                self.deadlines.start(Deadline::Write, deadline);
            }
        }
        Ok(done)
    }

    /// Ends our side and, where that is needed, waits for the client's.
    pub(super) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
    ) -> Poll<Result<(), ConnectionError>> {
        if self.ending != Ending::Lingering {
            // The client may be gone already: there is nothing left to lose.
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            if self.ending == Ending::Close || self.eof {
                return Poll::Ready(Ok(()));
            }
            self.ending = Ending::Lingering;
            self.deadlines.set(Deadline::Linger, self.now + config.linger_timeout);
        }
        for _ in 0..LINGER_READS {
            self.input = ReadBuffer::default();
            if let Ok(0) | Err(_) = ready!(self.input.poll_fill(cx, &mut self.io, usize::MAX)) {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<Io> Drop for Link<Io> {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.disconnect();
        }
        if let Some(duplex) = &self.duplex {
            duplex.disconnect();
        }
    }
}
