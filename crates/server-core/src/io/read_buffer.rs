//! Input on its way to a decoder, in buffers that are leased for the time of a read.
//!
//! A thread has a few large buffers. A connection takes one to read into, decodes from it, and gives it back when it is
//! empty or when there is nothing more to read for now; a partial head or frame is copied out to its exact size. So an
//! idle connection holds no buffer at all.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::payload::copy_payload;

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

thread_local! {
    static POOL: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

fn lease() -> BytesMut {
    // `try_with`: buffers may come and go while the thread's storage is being dropped.
    while let Some(mut buffer) = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten() {
        // False while a payload that left by reference is alive: that payload owns the memory now.
        if buffer.try_reclaim(LEASE) {
            return buffer;
        }
    }
    BytesMut::with_capacity(LEASE)
}

fn give_back(mut buffer: BytesMut) {
    buffer.clear();
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < KEPT {
            pool.push(buffer);
        }
    });
}

/// Reads once into a leased buffer. An empty one means the end of the input.
pub(crate) fn poll_read_lease<Io: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    io: &mut Io,
) -> Poll<io::Result<BytesMut>> {
    let mut buffer = lease();
    match poll_read_buf(Pin::new(io), cx, &mut buffer) {
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
    bytes: BytesMut,
    /// What of `bytes` was consumed. Of a lease, or of a partial head or frame, whose lengths are limited.
    at: u32,
    leased: bool,
}

impl ReadBuffer {
    fn at(&self) -> usize {
        self.at as usize
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.at()..]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let at = self.at();
        &mut self.bytes[at..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at() == self.bytes.len()
    }

    pub(crate) fn consume(&mut self, len: usize) {
        self.at += len as u32;
        debug_assert!(self.at() <= self.bytes.len());
    }

    /// The last `len` bytes that were consumed; they are there until the next read.
    pub(crate) fn consumed(&self, len: usize) -> &[u8] {
        &self.bytes[self.at() - len..self.at()]
    }

    /// The same, for keeps.
    #[inline]
    pub(crate) fn take_consumed(&mut self, len: usize) -> Bytes {
        if len >= BY_REFERENCE { self.split_consumed(len) } else { copy_payload(self.consumed(len)) }
    }

    #[inline(never)]
    fn split_consumed(&mut self, len: usize) -> Bytes {
        self.bytes.advance(self.at() - len);
        self.at = 0;
        self.bytes.split_to(len).freeze()
    }

    /// Consumes `consumed` bytes and returns the payload that is their tail.
    pub(crate) fn take_payload(&mut self, consumed: usize, len: usize) -> Bytes {
        self.consume(consumed);
        self.take_consumed(len)
    }

    /// Takes over what was read.
    pub(crate) fn append(&mut self, read: BytesMut) {
        if self.is_empty() {
            self.release();
            self.bytes = read;
            self.leased = true;
        } else {
            self.unlease();
            // Only the new bytes are copied, and the rest grows by doubling: trickled input costs linear time.
            self.settle();
            self.bytes.extend_from_slice(&read);
            give_back(read);
        }
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
            self.settle();
            return poll_read_buf(Pin::new(io), cx, &mut (&mut self.bytes).limit(limit));
        }
        if self.is_empty() {
            self.start_over();
        }
        if self.leased && self.bytes.capacity() - self.bytes.len() >= MIN_READ {
            return poll_read_buf(Pin::new(io), cx, &mut self.bytes);
        }
        let read = ready!(poll_read_lease(cx, io))?;
        let len = read.len();
        self.append(read);
        Poll::Ready(Ok(len))
    }

    /// All was consumed: sees to it that there is a lease with all of its room, which payloads that left by reference take.
    fn start_over(&mut self) {
        self.bytes.clear();
        self.at = 0;
        if !self.leased || self.bytes.capacity() < LEASE {
            self.release();
            self.bytes = lease();
            self.leased = true;
        }
    }

    /// Called when there is nothing to read for now: holds no more than what is unconsumed.
    pub(crate) fn park(&mut self) {
        if self.is_empty() {
            self.release();
        } else {
            self.unlease();
        }
    }

    /// Gives up everything that was not consumed.
    pub(crate) fn take_rest(&mut self) -> BytesMut {
        self.settle();
        self.leased = false;
        std::mem::take(&mut self.bytes)
    }

    /// Lets go of what was consumed, so that its room serves again.
    fn settle(&mut self) {
        self.bytes.advance(std::mem::take(&mut self.at) as usize);
    }

    fn release(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.at = 0;
        if std::mem::take(&mut self.leased) {
            give_back(bytes);
        }
    }

    fn unlease(&mut self) {
        if self.leased {
            let rest = BytesMut::from(self.bytes());
            self.release();
            self.bytes = rest;
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.release();
    }
}
