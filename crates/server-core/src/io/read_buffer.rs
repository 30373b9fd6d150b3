//! Input on its way to a decoder, in buffers that are leased for the time of a read.
//!
//! A thread has a few large buffers. A connection takes one to read into, decodes from it, and gives it back when it is
//! empty or when there is nothing more to read for now; a partial head or frame is copied out to its exact size. So an
//! idle connection holds no buffer at all.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::payload::copy_payload;
use super::pool::Pool;

/// A read of 64 KiB, and room for what a frame header or chunk line needs beside it.
const LEASE: usize = 68 << 10;
/// Buffers a thread keeps. A connection holds one only while it is polled, so that few are ever in use at once.
const KEPT: usize = 4;
/// Less room than this at the end of a lease is not worth a read.
const MIN_READ: usize = 4 << 10;
/// Payloads from here on leave the buffer by reference; smaller ones are copied, so that they do not keep 68 KiB alive.
const BY_REFERENCE: usize = 16 << 10;

/// Reads of what nobody wants before the task lets others run.
const DISCARDED_READS: usize = 16;

/// A buffer that changes hands without a copy.
pub(crate) type Lease = Box<BytesMut>;

thread_local! {
    static POOL: Pool<BytesMut, KEPT> = const { Pool::new() };
}

#[inline(always)]
fn lease() -> Lease {
    match kept() {
        Some(buffer) if buffer.capacity() >= LEASE => buffer,
        kept => reclaim(kept),
    }
}

#[inline(always)]
fn kept() -> Option<Lease> {
    // `try_with`: buffers may come and go while the thread's storage is being dropped.
    POOL.try_with(Pool::take).ok().flatten()
}

#[inline(never)]
fn reclaim(mut buffer: Option<Lease>) -> Lease {
    while let Some(mut used) = buffer {
        // False while a payload that left by reference is alive: that payload owns the memory now.
        if used.try_reclaim(LEASE) {
            return used;
        }
        buffer = kept();
    }
    Box::new(BytesMut::with_capacity(LEASE))
}

#[inline]
fn give_back(mut buffer: Lease) {
    buffer.clear();
    let _ = POOL.try_with(|pool| pool.put(buffer));
}

/// Reads once into a leased buffer. An empty one means the end of the input.
#[inline(always)]
pub(crate) fn poll_read_lease<Io: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    io: &mut Io,
) -> Poll<io::Result<Lease>> {
    let mut buffer = lease();
    match poll_read_buf(Pin::new(io), cx, &mut *buffer) {
        Poll::Ready(Ok(_)) => Poll::Ready(Ok(buffer)),
        Poll::Ready(Err(error)) => {
            give_back(buffer);
            Poll::Ready(Err(error))
        }
        Poll::Pending => {
            give_back(buffer);
            Poll::Pending
        }
    }
}

/// The rest of a large message, to be read straight into the message.
#[derive(Debug)]
pub(crate) struct Direct {
    /// The message so far, and room.
    pub(crate) message: Vec<u8>,
    /// What it lacks.
    pub(crate) rest: usize,
}

impl Direct {
    /// Less than this is read as everything else is, with what follows it.
    pub(crate) const WORTH: u64 = 16 << 10;

    /// Reads once, no more than the rest. `Ok(0)` is the end of the input.
    pub(crate) fn poll_fill<Io: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(io), cx, &mut (&mut self.message).limit(self.rest))
    }
}

/// Reads and throws away until the input ends, by an error or not; others run in between.
pub(crate) fn poll_discard<Io: AsyncRead + Unpin>(cx: &mut Context<'_>, io: &mut Io) -> Poll<()> {
    for _ in 0..DISCARDED_READS {
        match ready!(poll_read_lease(cx, io)) {
            Ok(read) if !read.is_empty() => give_back(read),
            _ => return Poll::Ready(()),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Bytes that were read and not yet consumed.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    buffer: Option<Lease>,
    /// What of it was consumed. Of a lease, or of a partial head or frame, whose lengths are limited.
    at: u32,
    leased: bool,
}

impl ReadBuffer {
    #[inline]
    fn at(&self) -> usize {
        self.at as usize
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |buffer| &buffer[self.at()..])
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let at = self.at();
        self.buffer.as_mut().map_or(&mut [], |buffer| &mut buffer[at..])
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.as_ref().is_none_or(|buffer| buffer.len() == self.at())
    }

    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.bytes().len());
        self.at += len as u32;
    }

    /// The last `len` bytes that were consumed; they are there until the next read.
    #[inline]
    pub(crate) fn consumed(&self, len: usize) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |buffer| &buffer[self.at() - len..self.at()])
    }

    /// The same, for keeps.
    #[inline]
    pub(crate) fn take_consumed(&mut self, len: usize) -> Bytes {
        if len >= BY_REFERENCE { self.split_consumed(len) } else { copy_payload(self.consumed(len)) }
    }

    #[inline(never)]
    fn split_consumed(&mut self, len: usize) -> Bytes {
        let start = std::mem::take(&mut self.at) as usize - len;
        self.buffer.as_mut().map_or_else(Bytes::new, |buffer| {
            buffer.advance(start);
            buffer.split_to(len).freeze()
        })
    }

    /// Consumes `consumed` bytes and returns the payload that is their tail.
    pub(crate) fn take_payload(&mut self, consumed: usize, len: usize) -> Bytes {
        self.consume(consumed);
        self.take_consumed(len)
    }

    /// Takes over what was read.
    #[inline]
    pub(crate) fn append(&mut self, read: Lease) {
        if self.is_empty() {
            self.release();
            self.buffer = Some(read);
            self.leased = true;
        } else {
            self.append_copy(read);
        }
    }

    #[inline(never)]
    fn append_copy(&mut self, read: Lease) {
        self.unlease();
        // Only the new bytes are copied, and the rest grows by doubling: trickled input costs linear time.
        self.settle().extend_from_slice(&read);
        give_back(read);
    }

    /// Reads once, behind what is here, at most `limit` bytes. `Ok(0)` is the end of the input.
    pub(crate) fn poll_fill<Io: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if limit < LEASE {
            self.unlease();
            return poll_read_buf(Pin::new(io), cx, &mut self.settle().limit(limit));
        }
        if self.is_empty() {
            self.start_over();
        }
        if self.leased
            && let Some(buffer) = &mut self.buffer
            && buffer.capacity() - buffer.len() >= MIN_READ
        {
            return poll_read_buf(Pin::new(io), cx, &mut **buffer);
        }
        let read = ready!(poll_read_lease(cx, io))?;
        let len = read.len();
        self.append(read);
        Poll::Ready(Ok(len))
    }

    /// All was consumed: sees to it that there is a lease with all of its room, which payloads that left by reference take.
    #[inline]
    fn start_over(&mut self) {
        match &mut self.buffer {
            Some(buffer) if self.leased && buffer.capacity() >= LEASE => {
                buffer.clear();
                self.at = 0;
            }
            _ => {
                self.release();
                self.buffer = Some(lease());
                self.leased = true;
            }
        }
    }

    /// Called when there is nothing to read for now: holds no more than what is unconsumed.
    #[inline]
    pub(crate) fn park(&mut self) {
        if self.is_empty() {
            self.release();
        } else {
            self.unlease();
        }
    }

    /// Gives up everything that was not consumed.
    pub(crate) fn take_rest(&mut self) -> Lease {
        self.settle();
        self.leased = false;
        self.buffer.take().unwrap_or_default()
    }

    /// Lets go of what was consumed, so that its room serves again.
    fn settle(&mut self) -> &mut BytesMut {
        let buffer = self.buffer.get_or_insert_default();
        buffer.advance(std::mem::take(&mut self.at) as usize);
        buffer
    }

    #[inline]
    fn release(&mut self) {
        self.at = 0;
        let leased = std::mem::take(&mut self.leased);
        if let Some(buffer) = self.buffer.take()
            && leased
        {
            give_back(buffer);
        }
    }

    fn unlease(&mut self) {
        if self.leased {
            let rest = BytesMut::from(self.bytes());
            self.release();
            self.buffer = Some(Box::new(rest));
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.release();
    }
}
