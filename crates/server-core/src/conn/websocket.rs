//! The driver of an open WebSocket: carries its bytes over a byte stream, whichever that is, and watches its deadlines.
//! The protocol is the WebSocket's own business, at the other side of the [`Duplex`].
//!
//! A poll goes round until nothing moves, or others have their turn: *poll* whoever holds the WebSocket, where that lives in
//! the same future; *write* what was sent, always before waiting to read; *read*, if somebody wants it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use wire_ws::{CloseCode, Role};

use super::ConnectionError;
use super::deadline::{Alarm, Deadline, Deadlines, Moment};
use super::duplex::Duplex;
use super::handover::{Ends, Input, InputEnd, Wants};
use crate::control::CountedWebSocket;
use crate::io::{WriteBuffer, poll_discard, poll_read_lease};
use crate::timer::Timer;

/// What one poll may do before the task lets others run: going round costs 1, and a read, of 64 KiB at most, so much more.
const BUDGET: u32 = 256;
const READ_COST: u32 = 15;

/// How far the stream is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is not.
    No,
    /// What is queued is written, then our side ends.
    Close,
    /// The same, and then what the peer still sends is read and thrown away for a while: closing at once would make the
    /// system answer it with a reset, which destroys what the peer has not read yet.
    Linger,
    /// A client whose closing handshake is done, or whose holder is gone, gives the server time to close first: the
    /// connection then waits in the server's TIME_WAIT, or nowhere (RFC 6455 section 7.1.1).
    AwaitServer,
    /// Our side has ended; reading and throwing away.
    Lingering,
    /// The stream is gone. Whoever holds the WebSocket may still be at work.
    Over,
}

/// An open WebSocket's byte stream and its way to the [`Duplex`].
pub(crate) struct Driver<Io> {
    io: Option<Io>,
    duplex: Arc<Duplex>,
    role: Role,
    output: WriteBuffer,
    deadlines: Deadlines,
    /// The time of this poll.
    now: Moment,
    /// Counts the WebSocket as open.
    counted: Option<CountedWebSocket>,

    /// More input is wanted.
    reading: bool,
    /// What was read last was not taken yet.
    unread: bool,
    /// Both sides have sent a Close.
    closed: bool,
    /// What is read next belongs into a message, which the [`Duplex`] has.
    direct: bool,
    /// The input has ended.
    eof: bool,
    /// Something waits for the output to be written.
    awaits_write: bool,
    /// What was sent is among what is not written yet.
    unwritten: bool,
    /// All of it is written, which the handler learns when it is polled next.
    tells_written: bool,
    ending: Ending,
    /// What [`poll`](Self::poll) is to end with. Boxed: most have none.
    failure: Option<Box<ConnectionError>>,
}

impl<Io> Driver<Io> {
    /// Carries on where the opening handshake ended: `output` is what of it is not written yet.
    pub(crate) fn new(
        io: Io,
        duplex: Arc<Duplex>,
        role: Role,
        output: WriteBuffer,
        now: impl Into<Moment>,
    ) -> Self {
        Self {
            io: Some(io),
            duplex,
            role,
            output,
            deadlines: Deadlines::default(),
            now: now.into(),
            counted: None,
            reading: false,
            unread: false,
            closed: false,
            direct: false,
            eof: false,
            awaits_write: false,
            unwritten: false,
            tells_written: false,
            ending: Ending::No,
            failure: None,
        }
    }

    /// The byte stream, as long as there is one.
    #[cfg(feature = "http2")]
    pub(crate) fn io_mut(&mut self) -> Option<&mut Io> {
        self.io.as_mut()
    }

    /// Counts the WebSocket as open until it ends.
    pub(crate) fn count(&mut self, counted: CountedWebSocket) {
        self.counted = Some(counted);
    }

    /// The input has ended already.
    pub(crate) fn set_eof(&mut self) {
        self.eof = true;
        self.duplex.end_input(InputEnd::Eof);
    }

    /// The server shuts down: the peer is sent a Close 1001, and all must end by `at`.
    pub(crate) fn drain(&mut self, at: Instant) {
        if !self.deadlines.is_running(Deadline::Drain) {
            self.deadlines.set(Deadline::Drain, at);
            self.duplex.close(CloseCode::GOING_AWAY);
            // Nor does it wait for a client whose closing handshake is done already.
            if self.closed && matches!(self.ending, Ending::Linger | Ending::Lingering) {
                self.ending = Ending::Close;
            }
        }
    }

    /// Does what is wanted, or sees to it that it is done.
    #[inline(always)]
    fn heed(&mut self, wants: &Wants) {
        self.unwritten |= wants.moved;
        self.reading = false;
        if self.ending != Ending::No {
            return;
        }
        self.reading = wants.read;
        self.unread = wants.unread;
        self.direct = wants.direct;
        self.awaits_write = wants.flush;
        if let Some(ends) = wants.ends {
            self.begin_end(ends, wants.flush);
        } else {
            self.keep_alive();
        }
    }

    /// Sees to it that a peer that is gone without a word is noticed.
    #[inline]
    fn keep_alive(&mut self) {
        let Some(interval) = self.duplex.settings().ping_interval else { return };
        if self.deadlines.is_running(Deadline::Pong) {
            // The answer is waited for, also where the handler is busy with something else: one buffer is read for it.
            self.reading |= !self.unread;
        } else {
            self.deadlines.start(Deadline::Ping, self.now + interval);
        }
    }

    /// Not all of the WebSocket is open any more: the stream ends when enough of it is not, and nothing waits to be written.
    #[cold]
    fn begin_end(&mut self, ends: Ends, flush: bool) {
        self.closed = ends.close_sent && ends.close_received;
        if ends.close_sent {
            self.deadlines.clear(Deadline::Ping);
            self.deadlines.clear(Deadline::Pong);
        } else {
            self.keep_alive();
        }
        if ends.close_sent && (self.role == Role::Client || !ends.close_received) {
            self.deadlines.start(Deadline::WebSocketClose, self.now + self.duplex.settings().close_timeout);
        } else {
            self.deadlines.clear(Deadline::WebSocketClose);
        }
        if flush {
            return;
        }
        match self.role {
            _ if ends.input => self.end(Ending::Close),
            Role::Client if self.closed || ends.halves => self.end(Ending::AwaitServer),
            // A shutdown does not wait for a client that has said all it had to say.
            Role::Server if self.closed && self.deadlines.is_running(Deadline::Drain) => {
                self.end(Ending::Close);
            }
            // "SHOULD initiate a TCP Close immediately", in a way that discards "any trailing bytes that may have been received"
            // (RFC 6455 section 7.1.1): behind a Close may come a Pong, say.
            Role::Server if self.closed || ends.halves => self.end(Ending::Linger),
            _ => {}
        }
    }

    /// The stream ends once everything queued is written.
    fn end(&mut self, ending: Ending) {
        self.ending = ending;
        self.reading = false;
        self.deadlines.keep_only(&[Deadline::Write, Deadline::WebSocketClose, Deadline::Drain]);
        self.counted = None;
    }

    /// The stream is done with, in good order or by `failure`. What waits for it is let go.
    fn over(&mut self, failure: Option<ConnectionError>) {
        self.ending = Ending::Over;
        self.io = None;
        self.output = WriteBuffer::default();
        self.counted = None;
        self.deadlines.keep_only(&[Deadline::Drain]);
        self.duplex.disconnect();
        self.failure = failure.map(Box::new);
    }

    /// Acts on the deadlines that have passed. Returns whether there were any.
    fn expire_all(&mut self) -> Result<bool, ConnectionError> {
        let mut expired = false;
        while let Some(deadline) = self.deadlines.take_expired(&Deadline::WEBSOCKET, self.now) {
            self.expire(deadline)?;
            expired = true;
        }
        Ok(expired)
    }

    /// Acts on a deadline that has passed.
    #[cold]
    fn expire(&mut self, deadline: Deadline) -> Result<(), ConnectionError> {
        match deadline {
            Deadline::Ping => {
                self.duplex.ping();
                self.deadlines.set(Deadline::Pong, self.now + self.duplex.settings().pong_timeout);
            }
            // Nothing has come after the Ping either. Unless what has come was not looked at: then nobody can tell.
            Deadline::Pong if self.unread => {}
            Deadline::Linger => self.over(None),
            // The handshake is done, only the server has not closed yet.
            Deadline::WebSocketClose if self.closed || self.ending == Ending::AwaitServer => self.over(None),
            Deadline::Drain => return Err(ConnectionError::TimedOut(deadline)),
            _ => {
                self.duplex.end_input(InputEnd::Failed(io::ErrorKind::TimedOut));
                self.over(Some(ConnectionError::TimedOut(deadline)));
            }
        }
        Ok(())
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Driver<Io> {
    /// Carries bytes until the stream has ended and `handler` is ready, which polls whoever holds the WebSocket in this
    /// future. What that changes needs no waker.
    pub(crate) fn poll<T: Timer>(
        &mut self,
        cx: &mut Context<'_>,
        timer: &T,
        mut alarm: Pin<&mut Alarm<T::Sleep>>,
        mut handler: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<Result<(), ConnectionError>> {
        self.now = timer.now().into();
        let mut budget = BUDGET;
        // What the last poll waited for has probably come.
        let mut progress = true;
        loop {
            let read = self.poll_read(cx, &mut budget);
            if budget == 0 {
                if let Poll::Ready(Some(read)) = read {
                    self.duplex.give_input(read);
                }
                self.expire_all()?;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            budget -= 1;
            if read.is_pending() && !progress && !self.expire_all()? {
                ready!(alarm.as_mut().poll(cx, timer, &self.deadlines, self.now));
                self.now = timer.now().into();
            }
            let read = if let Poll::Ready(read) = read { read } else { None };
            self.duplex.enter_with(read, std::mem::take(&mut self.tells_written));
            let handled = handler(cx);
            let written = self.leave(cx, budget == 0);
            progress = match self.ending {
                Ending::No => written && std::mem::take(&mut self.awaits_write),
                Ending::Over => false,
                _ => {
                    let ended = written && self.poll_end(cx).is_ready();
                    if ended {
                        self.over(None);
                    }
                    ended
                }
            };
            if self.ending == Ending::Over {
                if handled.is_ready() {
                    return Poll::Ready(self.failure.take().map_or(Ok(()), |failure| Err(*failure)));
                }
                self.deadlines.start(Deadline::Drain, self.now + self.duplex.settings().drain_timeout);
            }
        }
    }

    /// Reads once, if that is wanted: input, or `None` where it has ended.
    #[inline(always)]
    fn poll_read(&mut self, cx: &mut Context<'_>, budget: &mut u32) -> Poll<Option<Input>> {
        if self.reading && !self.eof { self.poll_read_io(cx, budget) } else { Poll::Pending }
    }

    #[inline(never)]
    fn poll_read_io(&mut self, cx: &mut Context<'_>, budget: &mut u32) -> Poll<Option<Input>> {
        let Some(io) = &mut self.io else { return Poll::Pending };
        let mut direct = if self.direct { self.duplex.take_direct() } else { None };
        let read = match &mut direct {
            None => poll_read_lease(cx, io).map_ok(|read| (!read.is_empty()).then_some(Input::Leased(read))),
            Some(direct) => direct
                .poll_fill(cx, io)
                .map_ok(|len| (len > 0).then(|| Input::Direct(std::mem::take(&mut direct.message)))),
        };
        let Poll::Ready(read) = read else {
            if let Some(direct) = direct {
                self.duplex.put_back(direct);
            }
            return Poll::Pending;
        };
        self.reading = false;
        *budget = budget.saturating_sub(READ_COST);
        match read {
            Ok(Some(read)) => {
                self.deadlines.clear(Deadline::Pong);
                if let Some(interval) = self.duplex.settings().ping_interval {
                    self.deadlines.extend(Deadline::Ping, self.now + interval);
                }
                Poll::Ready(Some(read))
            }
            end => {
                self.eof = true;
                let end = end.map_or_else(|error| InputEnd::Failed(error.kind()), |_| InputEnd::Eof);
                self.duplex.end_input(end);
                Poll::Ready(None)
            }
        }
    }

    /// After the handler was polled: learns what is wanted, and writes what was sent. True: all of it is written and
    /// flushed. `pauses`: the handler is not polled again at once, whatever was written.
    #[inline(always)]
    fn leave(&mut self, cx: &mut Context<'_>, pauses: bool) -> bool {
        loop {
            if let Some(wants) = self.duplex.leave(cx, &mut self.output) {
                self.heed(&wants);
                return self.poll_write(cx);
            }
            // Whoever waits for it goes on before anything else is looked at, if it can be written at once.
            (self.unwritten, self.awaits_write, self.reading) = (true, true, false);
            if self.poll_write(cx) && self.ending == Ending::No && !pauses {
                return true;
            }
        }
    }

    /// Writes what has gathered. True: all of it is written and flushed.
    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        self.output.is_flushed() || self.poll_write_all(cx)
    }

    #[inline(never)]
    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(io) = &mut self.io else { return true };
        let mut progress = false;
        match self.output.poll_write(cx, io, &mut progress) {
            Poll::Ready(Ok(())) => {
                self.deadlines.clear(Deadline::Write);
                if std::mem::take(&mut self.unwritten) {
                    if self.awaits_write && self.ending == Ending::No {
                        self.tells_written = true;
                    } else {
                        self.duplex.written();
                    }
                }
                true
            }
            Poll::Pending => {
                let at = self.now + self.duplex.settings().write_timeout;
                if progress {
                    self.deadlines.set(Deadline::Write, at);
                } else {
                    self.deadlines.start(Deadline::Write, at);
                }
                false
            }
            // Whoever holds the WebSocket learns of it by itself, and may have work of its own to finish.
            Poll::Ready(Err(error)) => {
                self.duplex.end_input(InputEnd::Failed(error.kind()));
                self.over(Some(error.into()));
                true
            }
        }
    }

    /// Ends our side, after or before the peer's.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(io) = &mut self.io else { return Poll::Ready(()) };
        if self.ending == Ending::AwaitServer {
            if !self.eof {
                ready!(poll_discard(cx, io));
            }
            self.ending = Ending::Close;
        }
        self.deadlines.start(Deadline::Linger, self.now + self.duplex.settings().linger_timeout);
        if self.ending != Ending::Lingering {
            // The peer may be gone already: there is nothing left to lose.
            let _ = ready!(Pin::new(&mut *io).poll_shutdown(cx));
            if self.ending == Ending::Close || self.eof {
                return Poll::Ready(());
            }
            self.ending = Ending::Lingering;
        }
        poll_discard(cx, io)
    }
}

impl<Io> Drop for Driver<Io> {
    fn drop(&mut self) {
        self.duplex.disconnect();
    }
}

impl<Io> fmt::Debug for Driver<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("role", &self.role)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
