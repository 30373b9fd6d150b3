//! Two connected ends of a byte stream, with the faults of a network at hand: short reads, a peer that does not read,
//! half-close, reset.
//!
//! Each end is `AsyncRead + AsyncWrite` for the code under test, and has plain methods for the test itself:
//! [`Pipe::send`], [`Pipe::take`], [`Pipe::is_finished`].

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Connects two ends; each direction holds at most `capacity` bytes that nobody has read.
#[must_use]
pub fn pipe(capacity: usize) -> (Pipe, Pipe) {
    let (a, b) = (Direction::new(capacity), Direction::new(capacity));
    (Pipe { read: a.clone(), write: b.clone() }, Pipe { read: b, write: a })
}

/// One end. Dropping it closes both directions: the peer reads to the end, and its writes fail.
#[derive(Debug)]
pub struct Pipe {
    read: Direction,
    write: Direction,
}

#[derive(Clone, Debug)]
struct Direction(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Most bytes that one read returns.
    read_limit: usize,
    /// The writer has finished.
    finished: bool,
    /// The reader is gone.
    refused: bool,
    reset: bool,
    reads: usize,
    writes: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(State { capacity, read_limit: usize::MAX, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes both sides to look at it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        result
    }
}

impl Pipe {
    /// Writes `bytes` at once, beyond the capacity if need be.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.write.change(|state| state.bytes.extend(bytes.as_ref()));
    }

    /// Takes everything that has arrived.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        self.take_up_to(usize::MAX)
    }

    /// Takes at most `limit` bytes of what has arrived.
    #[must_use]
    pub fn take_up_to(&self, limit: usize) -> Vec<u8> {
        self.read.change(|state| {
            let len = state.bytes.len().min(limit);
            state.bytes.drain(..len).collect()
        })
    }

    /// Takes what has arrived into `out`, as much as it holds, without allocating. Returns how much that was.
    pub fn take_into(&self, out: &mut [u8]) -> usize {
        self.read.change(|state| {
            let len = state.bytes.len().min(out.len());
            out.iter_mut().zip(state.bytes.drain(..len)).for_each(|(to, byte)| *to = byte);
            len
        })
    }

    /// Bytes that wait to be taken here.
    #[must_use]
    pub fn available(&self) -> usize {
        self.read.state().bytes.len()
    }

    /// Bytes that were sent from here and that the peer has not read.
    #[must_use]
    pub fn unread_by_peer(&self) -> usize {
        self.write.state().bytes.len()
    }

    /// Ends this end's writing (a FIN); it may go on to read.
    pub fn finish(&self) {
        self.write.change(|state| state.finished = true);
    }

    /// Whether the peer has ended its writing, or is gone.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.read.state().finished
    }

    /// Kills the connection: both ends fail with `ConnectionReset`.
    pub fn reset(&self) {
        for direction in [&self.read, &self.write] {
            direction.change(|state| {
                state.reset = true;
                state.finished = true;
                state.bytes.clear();
            });
        }
    }

    /// From now on the peer's reads return at most `limit` bytes each.
    pub fn limit_peer_reads(&self, limit: usize) {
        self.write.state().read_limit = limit;
    }

    /// From now on at most `capacity` unread bytes are taken from the peer.
    pub fn limit_peer_writes(&self, capacity: usize) {
        self.read.change(|state| state.capacity = capacity);
    }

    /// How often the peer has asked for bytes so far, whether there were any or not.
    #[must_use]
    pub fn peer_reads(&self) -> usize {
        self.write.state().reads
    }

    /// How many write calls the peer has made so far: what system calls it would have cost.
    #[must_use]
    pub fn peer_writes(&self) -> usize {
        self.read.state().writes
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.write.change(|state| state.finished = true);
        self.read.change(|state| state.refused = true);
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.read.state();
        state.reads += 1;
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let len = state.bytes.len().min(out.remaining()).min(state.read_limit);
        if len == 0 && !state.finished && out.remaining() > 0 {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for byte in state.bytes.drain(..len) {
            out.put_slice(&[byte]);
        }
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.write.state();
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.refused || state.finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut room = state.capacity.saturating_sub(state.bytes.len());
        if room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let len = slice.len().min(room);
            state.bytes.extend(&slice[..len]);
            written += len;
            room -= len;
        }
        state.writes += 1;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}
