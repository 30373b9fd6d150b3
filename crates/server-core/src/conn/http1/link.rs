//! Everything of a connection but the handler: the stream, the codec, the buffers, the deadlines.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use wire_http1::ServerConnection;

use super::{Config, ConnectionError, Progress};
use crate::body::{BodySlot, BoxError, Demand};
use crate::conn::deadline::{Deadline, Deadlines};
use crate::conn::duplex::Wants;
use crate::conn::{Duplex, InputEnd};
use crate::control::{Control, Counted, Registration};
use crate::io::{ReadBuffer, WriteBuffer};
use crate::listener::ConnectionInfo;

/// Reads of what nobody wants before the task lets others run.
const LINGER_READS: usize = 16;

/// What a read costs of the budget: a buffer of 64 KiB is as much work as a few requests.
const READ_COST: u32 = 8;

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
    /// The stream is gone. The handler of a WebSocket may still be at work.
    Over,
}

pub(super) struct Link<Io> {
    pub(super) io: Option<Io>,
    pub(super) http: ServerConnection,
    pub(super) input: ReadBuffer,
    pub(super) output: WriteBuffer,
    pub(super) deadlines: Deadlines,
    /// The time of this poll.
    pub(super) now: Instant,
    pub(super) info: Arc<ConnectionInfo>,
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
    /// Output of a WebSocket is among what is not written yet.
    pub(super) unwritten: bool,
    /// Between requests once the output is written.
    pub(super) becomes_idle: bool,
    /// A deadline was acted on: look at everything again.
    pub(super) expired: bool,
    pub(super) draining: bool,
    pub(super) ending: Ending,
    /// What the connection's future is to say of its end.
    failure: Option<ConnectionError>,

    pub(super) current: Current,
}

/// What belongs to the current request. Made anew for each; dropped, it lets go those who wait for more of the old one.
#[derive(Default)]
pub(super) struct Current {
    /// The request, as long as it counts as in flight; or the WebSocket that it became.
    pub(super) counted: Option<Counted>,
    pub(super) is_head: bool,
    /// Its body, where that streams.
    pub(super) slot: Option<Arc<BodySlot>>,
    /// Unread body bytes thrown away.
    pub(super) discarded: u64,
    /// The rest of it cannot be read: it failed, or took too long.
    pub(super) failed: bool,
    /// The response is complete: what is left is the unread body.
    pub(super) responded: bool,
    /// Where it offers an upgrade that can still be accepted, or was.
    pub(super) duplex: Option<Arc<Duplex>>,
    /// What the WebSocket wanted when the handler last paused.
    pub(super) wants: Option<Wants>,
}

impl Drop for Current {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.disconnect();
        }
        if let Some(duplex) = &self.duplex {
            duplex.disconnect();
        }
    }
}

impl<Io> Link<Io> {
    pub(super) fn new(
        io: Io,
        input: ReadBuffer,
        info: ConnectionInfo,
        registration: Registration,
        config: &Config,
        now: Instant,
    ) -> Self {
        let mut deadlines = Deadlines::default();
        deadlines.set(Deadline::Head, now + config.head_timeout);
        Self {
            io: Some(io),
            http: ServerConnection::new(config.http1.clone()),
            reading: input.is_empty(),
            input,
            output: WriteBuffer::default(),
            deadlines,
            now,
            info: Arc::new(info),
            registration,
            waker: None,
            read_limit: usize::MAX,
            eof: false,
            awaits_write: false,
            unwritten: false,
            becomes_idle: false,
            expired: false,
            draining: false,
            ending: Ending::No,
            failure: None,
            current: Current::default(),
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
            self.deadlines.keep_only(&[Deadline::Write, Deadline::WebSocketClose, Deadline::Drain]);
            self.current.counted = None;
            if let Some(slot) = &self.current.slot {
                slot.disconnect();
            }
        }
    }

    /// The stream is done with, in good order or by `failure`. What waits for it is let go.
    pub(super) fn over(&mut self, failure: Option<ConnectionError>) {
        self.ending = Ending::Over;
        self.io = None;
        self.input = ReadBuffer::default();
        self.output = WriteBuffer::default();
        self.deadlines.keep_only(&[Deadline::Drain]);
        self.current = Current::default();
        self.failure = self.failure.take().or(failure);
    }

    /// What the connection's future ends with.
    pub(super) fn result(&mut self) -> Result<(), ConnectionError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The response cannot be completed: what there is of it is written, and then the connection ends in its middle.
    pub(super) fn cut_off(&mut self, error: BoxError) {
        self.failure = Some(ConnectionError::Response(error));
        self.end(if self.http.request_complete() { Ending::Close } else { Ending::Linger });
    }

    /// Before the handler or the response body is polled.
    pub(super) fn enter(&self) {
        if let Some(slot) = &self.current.slot {
            slot.enter();
        }
        if let Some(duplex) = &self.current.duplex {
            duplex.enter();
        }
    }

    /// After it was polled.
    pub(super) fn leave(&mut self, cx: &Context<'_>) -> Demand {
        if let Some(duplex) = self.current.duplex.take() {
            self.leave_duplex(cx, &duplex);
            self.current.duplex = Some(duplex);
        }
        self.current.slot.as_ref().map_or(Demand::None, |slot| slot.leave(cx))
    }

    /// The client has ended its side. What that means depends on what it had begun.
    fn client_ended(&mut self, config: &Config) -> Result<(), ConnectionError> {
        if self.current.counted.is_none() {
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
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    /// Reads once, if that is wanted.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        budget: &mut u32,
    ) -> Result<Progress, ConnectionError> {
        if !self.reading || self.eof {
            return Ok(Progress::Blocked);
        }
        let progress = if self.upgraded() {
            self.poll_read_upgraded(cx, config)
        } else {
            let Some(io) = &mut self.io else { return Ok(Progress::Blocked) };
            let Poll::Ready(read) = self.input.poll_fill(cx, io, self.read_limit)? else {
                return Ok(Progress::Blocked);
            };
            self.reading = false;
            self.deadlines.clear(Deadline::Body);
            if read == 0 {
                self.eof = true;
                self.client_ended(config)?;
            }
            Progress::Made
        };
        if progress == Progress::Made {
            *budget = budget.saturating_sub(READ_COST);
        }
        Ok(progress)
    }

    /// Writes what has gathered. True: all of it is written and flushed.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
    ) -> Result<bool, ConnectionError> {
        let Some(io) = &mut self.io else { return Ok(true) };
        let mut progress = false;
        let done = match self.output.poll_write(cx, io, &mut progress) {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
            Poll::Ready(Err(error)) if self.upgraded() => {
                // Its handler learns of it by itself, and may have work of its own to finish.
                if let Some(duplex) = &self.current.duplex {
                    duplex.end_input(InputEnd::Failed(error.kind()));
                }
                self.over(Some(error.into()));
                return Ok(true);
            }
            Poll::Ready(Err(error)) => return Err(error.into()),
        };
        if done {
            self.deadlines.clear(Deadline::Write);
            if std::mem::take(&mut self.becomes_idle) {
                self.deadlines.set(Deadline::Idle, self.now + config.idle_timeout);
            }
            if std::mem::take(&mut self.unwritten)
                && let Some(duplex) = &self.current.duplex
            {
                duplex.written();
            }
        } else if progress {
            self.deadlines.set(Deadline::Write, self.now + config.write_timeout);
        } else {
            self.deadlines.start(Deadline::Write, self.now + config.write_timeout);
        }
        if progress && let Some(grace) = config.half_close_timeout {
            // A half-closed client that takes what is written is alive.
            self.deadlines.extend(Deadline::HalfClose, self.now + grace);
        }
        Ok(done)
    }

    /// Ends our side and, where that is needed, waits for the client's.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>, config: &Config) -> Poll<()> {
        self.deadlines.start(Deadline::Linger, self.now + config.linger_timeout);
        let Some(io) = &mut self.io else { return Poll::Ready(()) };
        if self.ending != Ending::Lingering {
            // The client may be gone already: there is nothing left to lose.
            let _ = ready!(Pin::new(&mut *io).poll_shutdown(cx));
            if self.ending == Ending::Close || self.eof {
                return Poll::Ready(());
            }
            self.ending = Ending::Lingering;
        }
        for _ in 0..LINGER_READS {
            self.input = ReadBuffer::default();
            if let Ok(0) | Err(_) = ready!(self.input.poll_fill(cx, io, usize::MAX)) {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
