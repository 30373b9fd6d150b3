//! Everything of a connection but the handler: the stream, the codec, the buffers, the deadlines.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use super::codec::Codec;
use super::response::Head;
use super::{Config, ConnectionError, Progress};
use crate::body::{BodySlot, BoxError, Demand};
use crate::conn::Duplex;
use crate::conn::deadline::{Deadline, Deadlines, Moment};
use crate::control::{Control, InFlight};
use crate::file::SendFile;
use crate::io::{ReadBuffer, WriteBuffer, poll_discard};
use crate::listener::ConnectionInfo;

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
    /// The stream is gone.
    Over,
}

pub(super) struct Link<Io> {
    pub(super) io: Option<Io>,
    /// How it sends files, if it can.
    pub(super) send_file: Option<SendFile<Io>>,
    pub(super) http: Codec,
    pub(super) input: ReadBuffer,
    pub(super) output: WriteBuffer,
    pub(super) deadlines: Deadlines,
    /// The time of this poll.
    pub(super) now: Moment,
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) in_flight: InFlight,

    /// Somebody wants more input.
    pub(super) reading: bool,
    /// Most bytes that the next read takes.
    pub(super) read_limit: usize,
    /// The client has ended its side.
    pub(super) eof: bool,
    /// Something waits for the output to be written.
    pub(super) awaits_write: bool,
    /// Between requests once the output is written.
    pub(super) becomes_idle: bool,
    /// A deadline was acted on: look at everything again.
    pub(super) expired: bool,
    pub(super) draining: bool,
    pub(super) ending: Ending,
    /// What the connection's future is to say of its end. Boxed: most have nothing to say.
    failure: Option<Box<ConnectionError>>,

    pub(super) current: Current,
    /// The head of its response, once there is one and until it is encoded.
    pub(super) unsent: Option<Head>,
}

/// What belongs to the current request. Made anew for each; dropped, it lets go those who wait for more of the old one.
#[derive(Default)]
pub(super) struct Current {
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
        send_file: Option<SendFile<Io>>,
        input: ReadBuffer,
        info: ConnectionInfo,
        control: Control,
        config: &Config,
        now: Instant,
    ) -> Self {
        let now = Moment::from(now);
        let mut deadlines = Deadlines::default();
        deadlines.set(Deadline::Head, now + config.head_timeout);
        Self {
            io: Some(io),
            send_file,
            http: Codec::default(),
            reading: input.is_empty(),
            input,
            output: WriteBuffer::default(),
            deadlines,
            now,
            info: Arc::new(info),
            in_flight: InFlight::new(control),
            read_limit: usize::MAX,
            eof: false,
            awaits_write: false,
            becomes_idle: false,
            expired: false,
            draining: false,
            ending: Ending::No,
            failure: None,
            current: Current::default(),
            unsent: None,
        }
    }

    /// The server shuts down: no request after the current one, and that within the drain time.
    pub(super) fn drain(&mut self, config: &Config) {
        if !std::mem::replace(&mut self.draining, true) {
            self.deadlines.set(Deadline::Drain, self.now + config.drain_timeout);
            self.http.set_close();
        }
    }

    /// The connection ends once everything queued is written.
    pub(super) fn end(&mut self, ending: Ending) {
        if self.ending == Ending::No {
            self.ending = ending;
            self.reading = false;
            self.deadlines.keep_only(&[Deadline::Write, Deadline::Drain]);
            self.in_flight.end();
            if let Some(slot) = &self.current.slot {
                slot.disconnect();
            }
        }
    }

    /// The stream is done with. What waits for it is let go.
    pub(super) fn over(&mut self) {
        self.ending = Ending::Over;
        self.io = None;
        self.input = ReadBuffer::default();
        self.output = WriteBuffer::default();
        self.deadlines.keep_only(&[Deadline::Drain]);
        self.in_flight.end();
        self.current = Current::default();
    }

    /// Before the connection waits: it holds no more than what is unconsumed and unanswered.
    pub(super) fn park(&mut self) {
        self.input.park();
        self.http.park();
    }

    /// What the connection's future ends with.
    pub(super) fn result(&mut self) -> Result<(), ConnectionError> {
        self.failure.take().map_or(Ok(()), |failure| Err(*failure))
    }

    /// The response cannot be completed: what there is of it is written, and then the connection ends in its middle.
    pub(super) fn cut_off(&mut self, error: BoxError) {
        self.failure = Some(Box::new(ConnectionError::Response(error)));
        self.end(if self.http.request_complete() { Ending::Close } else { Ending::Linger });
    }

    /// Before the handler or the response body is polled.
    #[inline]
    pub(super) fn enter(&self) {
        if let Some(slot) = &self.current.slot {
            slot.enter();
        }
        if let Some(duplex) = &self.current.duplex {
            duplex.enter();
        }
    }

    /// After it was polled.
    #[inline]
    pub(super) fn leave(&mut self, cx: &Context<'_>) -> Demand {
        if self.current.duplex.is_some() {
            self.leave_duplex(cx);
        }
        self.current.slot.as_ref().map_or(Demand::None, |slot| slot.leave(cx))
    }

    /// The client has ended its side. What that means depends on what it had begun.
    fn client_ended(&mut self, config: &Config) -> Result<(), ConnectionError> {
        if !self.in_flight.is_counted() {
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
        *budget = budget.saturating_sub(READ_COST);
        Ok(Progress::Made)
    }

    /// Writes what has gathered. True: all of it is written and flushed.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
    ) -> Result<bool, ConnectionError> {
        let Some(io) = &mut self.io else { return Ok(true) };
        let mut progress = false;
        let done = self.output.poll_write_files(cx, io, self.send_file, &mut progress)?.is_ready();
        if done {
            self.deadlines.clear(Deadline::Write);
            if std::mem::take(&mut self.becomes_idle) {
                self.deadlines.set(Deadline::Idle, self.now + config.idle_timeout);
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
        self.input = ReadBuffer::default();
        poll_discard(cx, io)
    }
}
