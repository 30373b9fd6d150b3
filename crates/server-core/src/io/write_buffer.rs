//! Output on its way to a byte stream: small pieces are flattened into one buffer, large ones go by reference, and all
//! of it leaves in as few vectored writes as the system takes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::pool::Pool;
use crate::file::{FileRange, SendFile};

/// Pieces from here on are not copied.
const BY_REFERENCE: usize = 4 << 10;
/// Slices of one write.
const SLICES: usize = 16;
/// Written bytes at the front of the flat buffer that are worth moving the rest for.
const COMPACT: usize = 64 << 10;
/// Buffers a thread keeps, and the largest that it keeps.
const KEPT: usize = 4;
const MAX_KEPT: usize = 256 << 10;

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    File(FileRange),
}

thread_local! {
    static POOL: Pool<Queue, KEPT> = const { Pool::new() };
}

/// Bytes queued for writing.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    /// Lent by the thread from the first piece until all is written and flushed: a connection that is idle holds none.
    queue: Option<Box<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    flat: Vec<u8>,
    /// What of `flat` has been written.
    written: usize,
    /// Pieces that go by reference, each with the length of the flat buffer before it.
    large: VecDeque<(usize, Piece)>,
    /// Bytes of `large` that lie in memory.
    large_len: usize,
    /// Files in `large`.
    files: usize,
    /// Something was written since the stream was last flushed.
    unflushed: bool,
}

impl WriteBuffer {
    /// Bytes in memory that wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.is_empty())
    }

    /// Holds `limit` bytes, or a file: nothing more should be queued for now.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.len() >= limit || self.queue.as_ref().is_some_and(|queue| queue.files > 0)
    }

    /// Nothing is left to write or to flush.
    #[inline]
    pub(crate) fn is_flushed(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.is_empty() && !queue.unflushed)
    }

    /// Where encoders append.
    #[inline]
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.queue().flat
    }

    #[inline]
    fn queue(&mut self) -> &mut Queue {
        self.queue.get_or_insert_with(unpark)
    }

    /// Whether `payload` would be queued by reference.
    #[inline]
    pub(crate) fn takes_reference(payload: &[u8]) -> bool {
        payload.len() >= BY_REFERENCE
    }

    /// Queues a payload by reference, behind what [`tail`](Self::tail) holds.
    pub(crate) fn push_reference(&mut self, payload: Bytes) {
        let queue = self.queue();
        queue.large_len += payload.len();
        queue.large.push_back((queue.flat.len(), Piece::Bytes(payload)));
    }

    /// Queues a part of a file, which should be in the page cache.
    pub(crate) fn push_file(&mut self, range: FileRange) {
        let queue = self.queue();
        queue.files += 1;
        queue.large.push_back((queue.flat.len(), Piece::File(range)));
    }

    /// [`poll_write_files`](Self::poll_write_files) where there are none.
    pub(crate) fn poll_write<Io: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        progress: &mut bool,
    ) -> Poll<io::Result<()>> {
        self.poll_write_files(cx, io, None, progress)
    }

    /// Writes everything and flushes. Returns with `Pending` as soon as the stream takes no more; `progress` says
    /// whether it took anything.
    pub(crate) fn poll_write_files<Io: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        send_file: Option<SendFile<Io>>,
        progress: &mut bool,
    ) -> Poll<io::Result<()>> {
        while let Some(queue) = self.queue.as_mut().filter(|queue| !queue.is_empty()) {
            let written = if queue.large.is_empty() {
                ready!(Pin::new(&mut *io).poll_write(cx, &queue.flat[queue.written..]))?
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (count, file) = queue.slices(&mut slices);
                let slices = &slices[..count];
                match (file, send_file) {
                    (Some(file), Some(send)) => match ready!(send(io, cx, slices, file)) {
                        // A file system whose files can only be read.
                        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                            queue.read_file()?;
                            continue;
                        }
                        sent => sent?,
                    },
                    (Some(_), None) if count == 0 => {
                        queue.read_file()?;
                        continue;
                    }
                    _ => ready!(Pin::new(&mut *io).poll_write_vectored(cx, slices))?,
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *progress = true;
            queue.unflushed = true;
            queue.advance(written);
        }
        if let Some(queue) = &self.queue {
            if queue.unflushed {
                ready!(Pin::new(io).poll_flush(cx))?;
            }
            self.park();
        }
        Poll::Ready(Ok(()))
    }

    /// Empty and flushed: holds no memory.
    fn park(&mut self) {
        if let Some(mut queue) = self.queue.take_if(|queue| queue.flat.capacity() <= MAX_KEPT) {
            queue.unflushed = false;
            let _ = POOL.try_with(|pool| pool.put(queue));
        }
        self.queue = None;
    }
}

#[inline(never)]
fn unpark() -> Box<Queue> {
    // `try_with`: a connection may be dropped when its thread's storage already is.
    POOL.try_with(Pool::take).ok().flatten().unwrap_or_default()
}

impl Queue {
    #[inline]
    fn len(&self) -> usize {
        self.flat.len() - self.written + self.large_len
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.len() == 0 && self.files == 0
    }

    /// What can be written up to the next file, and that file, if nothing else comes before it.
    fn slices<'a>(&'a self, out: &mut [IoSlice<'a>; SLICES]) -> (usize, Option<&'a FileRange>) {
        let (mut count, mut from) = (0, self.written);
        for (at, piece) in &self.large {
            push(out, &mut count, &self.flat[from..*at]);
            match piece {
                Piece::Bytes(bytes) => push(out, &mut count, bytes),
                Piece::File(range) if count < SLICES => return (count, Some(range)),
                Piece::File(_) => {}
            }
            if count == SLICES {
                return (count, None);
            }
            from = *at;
        }
        push(out, &mut count, &self.flat[from..]);
        (count, None)
    }

    #[inline]
    fn advance(&mut self, len: usize) {
        if self.large.is_empty() && len == self.flat.len() - self.written {
            self.flat.clear();
            self.written = 0;
        } else {
            self.advance_within(len);
        }
    }

    #[inline(never)]
    fn advance_within(&mut self, mut len: usize) {
        while len > 0 {
            let end = self.large.front().map_or(self.flat.len(), |front| front.0);
            let step = len.min(end - self.written);
            self.written += step;
            len -= step;
            if len == 0 {
                break;
            }
            let Some((_, piece)) = self.large.front_mut() else { break };
            let sent = match piece {
                Piece::Bytes(bytes) => {
                    let step = len.min(bytes.len());
                    bytes.advance(step);
                    self.large_len -= step;
                    len -= step;
                    bytes.is_empty()
                }
                Piece::File(range) => {
                    let step = range.len().min(len as u64);
                    range.advance(step);
                    len -= step as usize;
                    self.files -= usize::from(range.is_empty());
                    range.is_empty()
                }
            };
            if sent {
                self.large.pop_front();
            }
        }
        if self.is_empty() {
            self.flat.clear();
            self.written = 0;
        } else if self.written >= COMPACT {
            self.flat.drain(..self.written);
            for (at, _) in &mut self.large {
                *at -= self.written;
            }
            self.written = 0;
        }
    }

    /// Reads some of the next file, where it cannot be sent.
    fn read_file(&mut self) -> io::Result<()> {
        let next = self.large.iter_mut().enumerate().find_map(|(index, (at, piece))| match piece {
            Piece::File(range) => Some((index, *at, range)),
            Piece::Bytes(_) => None,
        });
        let Some((index, at, range)) = next else { return Ok(()) };
        let bytes = range.read()?;
        range.advance(bytes.len() as u64);
        self.large_len += bytes.len();
        if range.is_empty() {
            self.files -= 1;
            self.large.remove(index);
        }
        self.large.insert(index, (at, Piece::Bytes(bytes)));
        Ok(())
    }
}

fn push<'a>(out: &mut [IoSlice<'a>; SLICES], count: &mut usize, bytes: &'a [u8]) {
    if !bytes.is_empty() && *count < SLICES {
        out[*count] = IoSlice::new(bytes);
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any mix of small and large pieces leaves in order, whatever the stream takes at a time.
    #[test]
    fn order_is_kept_through_partial_writes() {
        for limit in [1, 3, 100, 5000, 100_000] {
            let mut buffer = WriteBuffer::default();
            let mut expected = Vec::new();
            let mut got = Vec::new();
            for round in 0..40_usize {
                let piece = vec![round as u8; if round % 3 == 0 { BY_REFERENCE + round } else { round }];
                expected.extend_from_slice(&piece);
                if WriteBuffer::takes_reference(&piece) {
                    buffer.push_reference(Bytes::from(piece));
                } else {
                    buffer.tail().extend_from_slice(&piece);
                }
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (count, _) = buffer.queue().slices(&mut slices);
                let bytes: Vec<u8> =
                    slices[..count].iter().flat_map(|slice| slice.to_vec()).take(limit).collect();
                buffer.queue().advance(bytes.len());
                got.extend(bytes);
            }
            while !buffer.is_empty() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (count, _) = buffer.queue().slices(&mut slices);
                let bytes: Vec<u8> =
                    slices[..count].iter().flat_map(|slice| slice.to_vec()).take(limit).collect();
                assert!(!bytes.is_empty());
                buffer.queue().advance(bytes.len());
                got.extend(bytes);
            }
            assert!(got == expected, "limit {limit}");
        }
    }

    /// What was asked for and left empty, as at the end of a body of known length, is not kept either.
    #[test]
    fn an_empty_buffer_is_given_back() {
        let mut buffer = WriteBuffer::default();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for piece in [&b"x"[..], b""] {
            buffer.tail().extend_from_slice(piece);
            assert!(buffer.poll_write(&mut cx, &mut tokio::io::sink(), &mut false).is_ready());
            assert!(buffer.queue.is_none(), "{piece:?}");
        }
    }

    /// Takes so many bytes at once.
    #[cfg(feature = "files")]
    struct Narrow(Vec<u8>, usize);

    #[cfg(feature = "files")]
    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = bytes.len().min(self.1);
            self.0.extend_from_slice(&bytes[..len]);
            Poll::Ready(Ok(len))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Files leave in their place, whether the stream can send them or they are read; a file that is too short is an error.
    #[cfg(feature = "files")]
    #[test]
    fn files_keep_their_place() -> io::Result<()> {
        let path = std::env::current_exe()?;
        let (content, file) = (std::fs::read(&path)?, std::sync::Arc::new(std::fs::File::open(&path)?));
        let send: SendFile<Narrow> = |io, _, before, range| {
            Poll::Ready(range.read().map(|bytes| {
                let bytes = before.iter().flat_map(|slice| slice.iter()).chain(&bytes);
                let len = io.0.len();
                io.0.extend(bytes.take(io.1));
                io.0.len() - len
            }))
        };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for (limit, send_file) in [(7, None), (5000, None), (5000, Some(send)), (1 << 30, Some(send))] {
            let mut buffer = WriteBuffer::default();
            let range = |offset, len| FileRange::new(std::sync::Arc::clone(&file), offset, len);
            buffer.tail().extend_from_slice(b"head");
            buffer.push_file(range(10, 300_000));
            buffer.tail().extend_from_slice(b"between");
            buffer.push_reference(Bytes::from(vec![b'x'; BY_REFERENCE]));
            buffer.push_file(range(0, 5));
            buffer.push_file(range(5, 1));
            buffer.tail().extend_from_slice(b"end");
            for _ in 0..2 * SLICES {
                buffer.push_reference(Bytes::from(vec![b'y'; BY_REFERENCE]));
            }
            buffer.push_file(range(6, 1));
            assert!(buffer.is_full(usize::MAX));
            let (mut io, mut progress) = (Narrow(Vec::new(), limit), false);
            let written = buffer.poll_write_files(&mut cx, &mut io, send_file, &mut progress);
            assert!(matches!(written, Poll::Ready(Ok(()))) && buffer.is_flushed());
            let expected: [&[u8]; 8] = [
                b"head",
                &content[10..300_010],
                b"between",
                &[b'x'; BY_REFERENCE],
                &content[..6],
                b"end",
                &[b'y'; 2 * SLICES * BY_REFERENCE],
                &content[6..7],
            ];
            assert!(io.0 == expected.concat(), "limit {limit}");

            buffer.tail().push(b'a');
            buffer.push_file(range(0, 1));
            let written = buffer.poll_write_files(&mut cx, &mut io, send_file, &mut progress);
            assert!(written.is_ready() && buffer.tail().is_empty(), "no memory of what was written");

            buffer.push_file(range(content.len() as u64 - 1, 2));
            let written = buffer.poll_write_files(&mut cx, &mut io, send_file, &mut progress);
            assert!(
                matches!(written, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof)
            );
        }
        Ok(())
    }
}
