//! The byte stream below `h2`: it counts what comes in, and gathers what goes out.
//!
//! `h2` writes and flushes once for each larger DATA frame. Here all of that collects, and the driver writes it when
//! nothing moves any more: the answers of many streams leave in one write. What is gathered is bounded; then `h2` waits.
//!
//! `h2` also reads and writes for each request that it hands out. While the driver begins those that came with one read
//! it finds nothing to do here: see [`Shared::hold`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::Meter;
use crate::io::{ReadBuffer, WriteBuffer};

/// Once so much was read, or so many frames, streams are looked at again: `h2` holds each frame until its stream takes it.
const READ_ROUND: usize = 64 << 10;
const FRAMES_ROUND: u32 = 512;
/// Reads of what nobody wants before the task lets others run.
const LINGER_READS: usize = 16;
/// Length of the client's preface, which is no frame.
const PREFACE: usize = 24;

/// The stream and what lies around it.
pub(super) struct Transport<Io> {
    io: Io,
    /// What was read before the version was known.
    input: ReadBuffer,
    preface: usize,
    pub(super) meter: Meter,
    /// The meter has run out: nothing more is read.
    pub(super) overspent: bool,
    read_left: usize,
    output: WriteBuffer,
    /// Most that is gathered.
    limit: usize,
    eof: bool,
    /// The socket took something since the last look.
    progress: bool,
}

/// A handle on it: `h2` has one, the driver another.
pub(super) struct Shared<Io>(Arc<Handle<Io>>);

struct Handle<Io> {
    /// Changed and read by the connection's future alone.
    held: AtomicBool,
    transport: Mutex<Transport<Io>>,
}

impl<Io> Shared<Io> {
    pub(super) fn new(io: Io, input: ReadBuffer, limit: usize, meter: Meter) -> Self {
        let transport = Mutex::new(Transport {
            io,
            input,
            preface: PREFACE,
            meter,
            overspent: false,
            read_left: READ_ROUND,
            output: WriteBuffer::default(),
            limit,
            eof: false,
            progress: false,
        });
        Self(Arc::new(Handle { held: AtomicBool::new(false), transport }))
    }

    pub(super) fn handle(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Transport<Io>> {
        self.0.transport.lock()
    }

    /// From here on `h2` is told that nothing can be read or written, and works with what it has. Nothing wakes it.
    pub(super) fn hold(&self) {
        self.0.held.store(true, Relaxed);
    }

    /// The end of that. True: it was held, and `h2` must be polled again.
    pub(super) fn resume(&self) -> bool {
        let held = self.is_held();
        self.0.held.store(false, Relaxed);
        held
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.held.load(Relaxed)
    }
}

impl<Io> Transport<Io> {
    /// The next round may read.
    pub(super) fn begin_round(&mut self) {
        self.read_left = READ_ROUND;
        self.meter.begin_round();
    }

    /// Whether so much waits to be written that nothing more should be made.
    pub(super) fn is_full(&self) -> bool {
        self.output.len() >= self.limit
    }

    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Holds no more than what it must.
    pub(super) fn park(&mut self) {
        self.input.park();
    }

    /// Whether the socket took something since this was last asked.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Transport<Io> {
    /// Writes what was gathered, and flushes.
    pub(super) fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_write(cx, &mut self.io, &mut self.progress)
    }

    /// Ends our side, then reads what the client still sends. Ready: both sides have ended, or the client is gone.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.overspent && self.has_output() {
            // It may wait to be read before it reads.
            let _ = self.poll_discard(cx);
        }
        // Where the client is gone already there is nothing left to lose.
        if ready!(self.poll_write_out(cx)).is_err()
            || ready!(Pin::new(&mut self.io).poll_shutdown(cx)).is_err()
        {
            return Poll::Ready(());
        }
        self.poll_discard(cx)
    }

    /// Reads and throws away. Ready: the client has ended its side too, or is gone.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..LINGER_READS {
            if self.eof {
                return Poll::Ready(());
            }
            self.input = ReadBuffer::default();
            if let Ok(0) | Err(_) = ready!(self.input.poll_fill(cx, &mut self.io, usize::MAX)) {
                self.eof = true;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.overspent {
            // The driver is about to end the connection.
            return Poll::Pending;
        }
        if self.read_left == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = out.filled().len();
        if self.input.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, out))?;
        } else {
            let len = self.input.bytes().len().min(out.remaining());
            out.put_slice(&self.input.bytes()[..len]);
            self.input.consume(len);
            if self.input.is_empty() {
                self.input.park();
            }
        }
        let mut read = &out.filled()[before..];
        self.eof = read.is_empty();
        self.read_left = self.read_left.saturating_sub(read.len());
        let preface = self.preface.min(read.len());
        self.preface -= preface;
        read.advance(preface);
        self.overspent = !self.meter.received(read);
        if self.meter.frames() > FRAMES_ROUND {
            self.read_left = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_full() {
            ready!(self.poll_write_out(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for Shared<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_held() {
            return Poll::Pending;
        }
        self.lock().poll_read(cx, out)
    }
}

/// Not vectored: to one that is, `h2` hands all small pieces one by one, and here they are copied anyway.
impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Shared<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_held() {
            return Poll::Pending;
        }
        let mut transport = self.lock();
        ready!(transport.poll_room(cx))?;
        transport.output.tail().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// What is gathered leaves when the driver says so.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The driver ends the stream, once `h2` is done.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
