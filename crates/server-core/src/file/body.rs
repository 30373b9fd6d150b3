//! The body of a file response: pieces of files and of memory, in order.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{Blocking, FileRange};

/// Up to here reading costs less than the system calls of sending.
const SMALL: u64 = 8 << 10;
/// Most bytes that are read before the client has taken any.
const FIRST: u64 = 64 << 10;

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
            Self::File(range) => range.len(),
        }
    }
}

/// The body of a file response: its length is known from the start.
///
/// Over HTTP/1 in cleartext, on a socket whose listener can ([`Listener::send_file`](crate::Listener::send_file)), the
/// kernel sends what is large (`sendfile(2)`). Everywhere else it reads, as any [`Body`] does: what the page cache holds at
/// once (`preadv2` with `RWF_NOWAIT`), whatever needs a disk on tokio's blocking pool.
#[derive(Default)]
pub struct FileBody {
    current: Option<Piece>,
    rest: std::vec::IntoIter<Piece>,
    /// Bytes that are not given yet.
    remaining: u64,
    /// Bytes that were read. No more than that is read ahead, or [`FIRST`]: a client that takes nothing, on any number of
    /// streams, has little held for it.
    read: u64,
    reading: Option<Blocking<io::Result<Bytes>>>,
}

impl FileBody {
    /// The pieces, one after the other.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        let remaining = pieces.iter().map(Piece::len).sum();
        Self { rest: pieces.into_iter(), remaining, ..Self::default() }
    }

    /// Whether it is worth sending by the kernel: less is sent with the head in one write.
    pub(super) fn is_large(&self) -> bool {
        self.remaining > SMALL
    }

    /// The next piece for a driver that sends files without reading them: a part of a file if that lies in the page cache,
    /// else what was read, by [`poll_frame`](Body::poll_frame), off the executor.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Piece>>> {
        self.skip_empty();
        if let (None, Some(Piece::File(range))) = (&self.reading, &mut self.current)
            && range.len() > SMALL
            && let Some(part) = range.cached_part()
        {
            range.advance(part.len());
            self.remaining -= part.len();
            return Poll::Ready(Some(Ok(Piece::File(part))));
        }
        let frame = ready!(Pin::new(self).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map(|frame| Piece::Bytes(frame.into_data().unwrap_or_default()))))
    }

    /// Nothing is left to give.
    pub(crate) fn is_done(&self) -> bool {
        self.remaining == 0
    }

    /// Goes on to the next piece that has bytes, unless the current one has.
    fn skip_empty(&mut self) {
        while self.current.as_ref().is_none_or(|piece| piece.len() == 0) {
            let Some(piece) = self.rest.next() else { return };
            self.current = Some(piece);
        }
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
        let remaining = range.len();
        Self { current: Some(Piece::File(range)), remaining, ..Self::default() }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            this.skip_empty();
            let range = match &mut this.current {
                Some(Piece::File(range)) if !range.is_empty() => range,
                Some(Piece::Bytes(bytes)) if !bytes.is_empty() => {
                    let bytes = std::mem::take(bytes);
                    this.remaining -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                _ => return Poll::Ready(None),
            };
            let read = match &mut this.reading {
                Some(task) => match Pin::new(task).poll(cx) {
                    Poll::Ready(read) => {
                        this.reading = None;
                        read
                    }
                    Poll::Pending => return Poll::Pending,
                },
                None => {
                    let part = range.first(this.read.max(FIRST));
                    match part.read_cached() {
                        Some(read) => read,
                        None => {
                            this.reading = Some(Blocking::run(move || part.read()));
                            continue;
                        }
                    }
                }
            };
            return Poll::Ready(Some(match read {
                Ok(bytes) => {
                    range.advance(bytes.len() as u64);
                    this.remaining -= bytes.len() as u64;
                    this.read += bytes.len() as u64;
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
