//! The transport that h2 sees: two buffers in memory. h2 owns one handle, the session the other.
//!
//! Nothing here wakes anybody: after each change the session polls h2 itself.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A handle of the pipe.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe(Arc<Mutex<Buffers>>);

#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// What h2 has not read is `input[read..]`.
    input: Vec<u8>,
    read: usize,
    eof: bool,
    output: Vec<u8>,
    /// So long may the output be.
    limit: usize,
}

impl Pipe {
    pub(super) fn lock(&self) -> MutexGuard<'_, Buffers> {
        // A panic elsewhere leaves nothing half done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let buffers = &mut *self.lock();
        let before = buffers.output.len();
        for part in parts {
            let room = buffers.limit.saturating_sub(buffers.output.len());
            buffers.output.extend_from_slice(&part[..part.len().min(room)]);
        }
        let written = buffers.output.len() - before;
        if written == 0 && parts.iter().any(|part| !part.is_empty()) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(written))
    }
}

impl Buffers {
    /// Most bytes that wait for h2.
    const INPUT: usize = 16 << 10;

    /// Takes what there is room for.
    pub(super) fn feed(&mut self, input: &[u8]) -> usize {
        if self.read == self.input.len() {
            self.input.clear();
            self.read = 0;
        }
        let taken = input.len().min(Self::INPUT - self.input.len());
        self.input.extend_from_slice(&input[..taken]);
        taken
    }

    pub(super) fn end_input(&mut self) {
        self.eof = true;
    }

    /// Moves the output behind `out`.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.output);
        } else {
            out.append(&mut self.output);
        }
    }

    /// So many more bytes of output are taken.
    pub(super) fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let buffers = &mut *self.lock();
        let rest = &buffers.input[buffers.read..];
        if rest.is_empty() && !buffers.eof {
            return Poll::Pending;
        }
        let len = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..len]);
        buffers.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(&[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
