//! A part of an open file: read, or sent by the kernel.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use bytes::Bytes;

/// Most bytes of one read, and so of what a response holds in memory.
const CHUNK: u64 = 256 << 10;
/// Most bytes that are handed to the kernel at once.
const SEND: u64 = 1 << 20;

/// A part of an open file, to be sent.
#[derive(Clone, Debug)]
pub struct FileRange {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl FileRange {
    /// `len` bytes of `file` from `offset`. If the file turns out to be shorter, the body that sends them fails.
    #[must_use]
    pub fn new(file: Arc<File>, offset: u64, len: u64) -> Self {
        Self { file, offset, len }
    }

    /// Where it begins, in bytes from the start of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes `count` bytes off the front, because they are sent.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn advance(&mut self, count: u64) {
        assert!(count <= self.len, "advanced past the end");
        self.offset += count;
        self.len -= count;
    }

    /// Sends the bytes of `before`, and behind them as much of the range as the socket takes at once; takes nothing off.
    /// How many of both together went out is the result. For a [`Listener`](crate::Listener) of one's own.
    ///
    /// It takes a `sendmsg(2)`, unless `before` is empty, and a `sendfile(2)`. The first is told that more follows
    /// (`MSG_MORE`), so that a head shares its packet with the first bytes of the file.
    ///
    /// # Errors
    /// `WouldBlock`: the socket takes nothing now. `UnexpectedEof`: the file became shorter. `InvalidInput`: this file system
    /// cannot do it. Else what the system says. Only where nothing went out: otherwise the next call has the error.
    #[cfg(target_os = "linux")]
    pub fn send_to(&self, socket: impl AsFd, before: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let sent = send_before(&socket, before)?;
        if sent < before.iter().map(|slice| slice.len()).sum() {
            return Ok(sent);
        }
        match self.send(socket) {
            Ok(more) => Ok(sent + more),
            Err(_) if sent > 0 => Ok(sent),
            Err(error) => Err(error),
        }
    }

    #[cfg(target_os = "linux")]
    fn send(&self, socket: impl AsFd) -> io::Result<usize> {
        let mut offset = self.offset;
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        match rustix::fs::sendfile(socket, &self.file, Some(&mut offset), len)? {
            0 if self.len > 0 => Err(shorter()),
            sent => Ok(sent),
        }
    }

    /// Its first bytes, at most so many.
    pub(super) fn first(&self, most: u64) -> Self {
        Self { file: Arc::clone(&self.file), offset: self.offset, len: self.len.min(most) }
    }

    /// The part from its start that is worth sending at once, if the page cache seems to hold that.
    pub(super) fn cached_part(&self) -> Option<Self> {
        let part = self.first(SEND);
        (part.has_cached(0) && part.has_cached(part.len - 1)).then_some(part)
    }

    /// Whether the page cache holds the byte at `at`.
    #[cfg(target_os = "linux")]
    fn has_cached(&self, at: u64) -> bool {
        let mut byte = [0];
        let mut slices = [io::IoSliceMut::new(&mut byte)];
        rustix::io::preadv2(&self.file, &mut slices, self.offset + at, rustix::io::ReadWriteFlags::NOWAIT)
            .is_ok_and(|count| count == 1)
    }

    #[cfg(not(target_os = "linux"))]
    fn has_cached(&self, _: u64) -> bool {
        false
    }

    fn next(&self) -> usize {
        usize::try_from(self.len.min(CHUNK)).unwrap_or(CHUNK as usize)
    }

    /// Reads what is in memory already; `None`: it takes a disk.
    #[cfg(target_os = "linux")]
    pub(super) fn read_cached(&self) -> Option<io::Result<Bytes>> {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        let mut buffer = vec![0; self.next()];
        let mut slices = [io::IoSliceMut::new(&mut buffer)];
        match preadv2(&self.file, &mut slices, self.offset, ReadWriteFlags::NOWAIT) {
            Ok(count) => Some(filled(buffer, count)),
            // Also file systems that cannot tell.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR | Errno::INVAL) => None,
            Err(errno) => Some(Err(errno.into())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn read_cached(&self) -> Option<io::Result<Bytes>> {
        None
    }

    /// Reads, and waits for the disk.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        let mut buffer = vec![0; self.next()];
        let mut count = 0;
        while count < buffer.len() {
            match rustix::io::pread(&self.file, &mut buffer[count..], self.offset + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        filled(buffer, count)
    }
}

/// By one call, with nothing else; what follows is said to follow.
#[cfg(target_os = "linux")]
fn send_before(socket: impl AsFd, before: &[io::IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    if before.is_empty() {
        return Ok(0);
    }
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, before, &mut SendAncillaryBuffer::default(), flags)?)
}

fn filled(mut buffer: Vec<u8>, count: usize) -> io::Result<Bytes> {
    if count == 0 {
        return Err(shorter());
    }
    buffer.truncate(count);
    Ok(buffer.into())
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent")
}

impl AsFd for FileRange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
