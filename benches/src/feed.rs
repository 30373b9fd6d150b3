//! A connection in memory: the same burst comes again and again, and what is written to it is thrown away.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use crate::http2::raise_streams;
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
    /// HTTP/2: what each burst adds to the streams of the one before it, and when the last one ended.
    http2: Option<(u32, Option<u64>)>,
}

impl Feed {
    /// `opening` first, then `burst` so many times, then the end.
    #[must_use]
    pub fn new(opening: &[u8], burst: &[u8], times: u64) -> Self {
        Self {
            opening: opening.to_vec(),
            burst: burst.to_vec(),
            opened: false,
            at: 0,
            left: times,
            http2: None,
        }
    }

    /// The burst is frames of HTTP/2, whose streams are each time higher by this. It comes when the connection has gone to
    /// sleep: who reads on meanwhile, as libraries of HTTP/2 do, would be sent more streams than it allows.
    #[must_use]
    pub fn http2(mut self, raise_streams: u32) -> Self {
        self.http2 = Some((raise_streams, None));
        self
    }

    /// The next bytes; `None`: nothing now, but at the next call.
    fn next(&mut self, most: usize) -> Option<&[u8]> {
        let len = if self.opened { self.burst.len() } else { self.opening.len() };
        if self.at < len {
            let start = self.at;
            self.at = len.min(start + most);
            let now = if self.opened { &self.burst } else { &self.opening };
            return Some(&now[start..self.at]);
        }
        if let Some((_, ended)) = &mut self.http2
            && *ended.get_or_insert_with(|| POLLS.get()) == POLLS.get()
        {
            return None;
        }
        if self.left == 0 {
            return Some(&[]);
        }
        self.left -= 1;
        if self.opened
            && let Some((raise, _)) = self.http2
        {
            raise_streams(&mut self.burst, raise);
        }
        (self.opened, self.at) = (true, 0);
        match &mut self.http2 {
            Some((_, ended)) => {
                *ended = None;
                self.next(most)
            }
            None => None,
        }
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
            if self.http2.is_none() {
                cx.waker().wake_by_ref();
            }
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

thread_local! {
    /// How often a connection was polled.
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// Polls a connection until it is ready. A [`Feed`] has always something after it had nothing, so nothing need wake it.
pub fn run<F: Future>(connection: F) -> F::Output {
    let mut connection = pin!(awake(connection));
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = connection.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

/// The same within a runtime.
pub async fn awake<F: Future>(connection: F) -> F::Output {
    let mut connection = pin!(connection);
    poll_fn(|cx| {
        POLLS.set(POLLS.get() + 1);
        cx.waker().wake_by_ref();
        connection.as_mut().poll(cx)
    })
    .await
}
