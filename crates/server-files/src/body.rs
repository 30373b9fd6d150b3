//! The body of a file response: pieces of files and of memory, in order.
//!
//! Reading: what the page cache holds is read at once (`preadv2` with `RWF_NOWAIT`), whatever needs a disk on tokio's
//! blocking pool (feature `rt-tokio`; without it, or outside a tokio runtime, in place).

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::pool::{self, Task};

/// Most bytes of one read, and so of what a response holds in memory.
const CHUNK: u64 = 256 << 10;

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

    fn next(&self) -> usize {
        usize::try_from(self.len.min(CHUNK)).unwrap_or(CHUNK as usize)
    }

    /// Reads what is in memory already; `None`: it takes a disk.
    #[cfg(target_os = "linux")]
    fn read_cached(&self) -> Option<io::Result<Bytes>> {
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
    fn read_cached(&self) -> Option<io::Result<Bytes>> {
        None
    }

    /// Reads, and waits for the disk.
    fn read(&self) -> io::Result<Bytes> {
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

fn filled(mut buffer: Vec<u8>, count: usize) -> io::Result<Bytes> {
    if count == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file became shorter while it was sent",
        ));
    }
    buffer.truncate(count);
    Ok(buffer.into())
}

impl AsFd for FileRange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// One piece of a body.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes in a file.
    File(FileRange),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.len,
        }
    }
}

/// The body of a file response: its length is known from the start.
///
/// As a [`Body`] it reads. A server that can send files by itself (`sendfile(2)`) takes the pieces out instead:
/// [`next_piece`](Self::next_piece).
#[derive(Default)]
pub struct FileBody {
    current: Option<Piece>,
    rest: std::vec::IntoIter<Piece>,
    /// Bytes that are not given yet.
    remaining: u64,
    reading: Option<Task<io::Result<Bytes>>>,
}

impl FileBody {
    /// The pieces, one after the other.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        let remaining = pieces.iter().map(Piece::len).sum();
        Self { current: None, rest: pieces.into_iter(), remaining, reading: None }
    }

    /// Takes the next piece out, for those who send files without reading them. `None`: that was all, or a read is
    /// under way, because the body was polled before.
    pub fn next_piece(&mut self) -> Option<Piece> {
        if self.reading.is_some() {
            return None;
        }
        let piece = self.current.take().or_else(|| self.rest.next())?;
        self.remaining -= piece.len();
        Some(piece)
    }
}

impl From<Bytes> for FileBody {
    fn from(bytes: Bytes) -> Self {
        let remaining = bytes.len() as u64;
        Self { current: Some(Piece::Bytes(bytes)), remaining, ..Self::default() }
    }
}

impl From<FileRange> for FileBody {
    fn from(range: FileRange) -> Self {
        let remaining = range.len;
        Self { current: Some(Piece::File(range)), remaining, ..Self::default() }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            let range = match &mut this.current {
                Some(Piece::File(range)) if !range.is_empty() => range,
                Some(Piece::Bytes(bytes)) if !bytes.is_empty() => {
                    let bytes = std::mem::take(bytes);
                    this.remaining -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                _ => match this.rest.next() {
                    Some(piece) => {
                        this.current = Some(piece);
                        continue;
                    }
                    None => return Poll::Ready(None),
                },
            };
            let read = match &mut this.reading {
                Some(task) => match Pin::new(task).poll(cx) {
                    Poll::Ready(read) => {
                        this.reading = None;
                        read
                    }
                    Poll::Pending => return Poll::Pending,
                },
                None => match range.read_cached() {
                    Some(read) => read,
                    None => {
                        let range = range.clone();
                        this.reading = Some(pool::run(move || range.read()));
                        continue;
                    }
                },
            };
            return Poll::Ready(Some(match read {
                Ok(bytes) => {
                    range.advance(bytes.len() as u64);
                    this.remaining -= bytes.len() as u64;
                    Ok(Frame::data(bytes))
                }
                Err(error) => {
                    // Nothing comes behind an error.
                    (this.current, this.rest, this.remaining) = (None, Vec::new().into_iter(), 0);
                    Err(error)
                }
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}
