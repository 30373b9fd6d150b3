//! A connection in memory: the same burst comes again and again, and what is written to it is thrown away.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The server's end. Between two bursts it has nothing to read once, as a socket between two wake-ups.
#[derive(Debug)]
pub struct Feed {
    opening: Vec<u8>,
    burst: Vec<u8>,
    /// Which of the two is read now, and how much of it was.
    opened: bool,
    at: usize,
    left: u64,
}

impl Feed {
    /// `opening` first, then `burst` so many times, then the end.
    #[must_use]
    pub fn new(opening: &[u8], burst: &[u8], times: u64) -> Self {
        Self { opening: opening.to_vec(), burst: burst.to_vec(), opened: false, at: 0, left: times }
    }

    /// The next bytes; `None`: nothing now, but at the next call.
    fn next(&mut self, most: usize) -> Option<&[u8]> {
        let now = if self.opened { &self.burst } else { &self.opening };
        if self.at < now.len() {
            let start = self.at;
            self.at = now.len().min(start + most);
            return Some(&now[start..self.at]);
        }
        if self.left == 0 {
            return Some(&[]);
        }
        self.left -= 1;
        (self.opened, self.at) = (true, 0);
        None
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(bytes) = self.next(buf.remaining()) {
            buf.put_slice(bytes);
            Poll::Ready(Ok(()))
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

impl AsyncWrite for Feed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
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

/// For libraries that block: nothing now is [`io::ErrorKind::WouldBlock`].
impl io::Read for Feed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(buf.len()).ok_or(io::ErrorKind::WouldBlock)?;
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl io::Write for Feed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Polls a future until it is ready. A [`Feed`] has always something after it had nothing, so nothing need wake it.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
