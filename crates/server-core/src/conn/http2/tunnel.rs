//! A stream of `h2` as a byte stream (RFC 8441 section 5): "the HTTP/2 stream is treated as if it were the TCP
//! connection". Where DATA frames begin and end means nothing.
//!
//! What arrives is taken from `h2` at once, so that many small frames of a slow reader's peer lie here as one buffer and
//! not as so many frames there, which `h2` counts and bounds. The peer gets its window back only as the bytes are read:
//! so the window bounds the buffer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::MAX_RESERVED;
use super::scope::Scope;

pub(crate) struct Tunnel {
    receiving: RecvStream,
    sending: SendStream<Bytes>,
    /// Bounds what the streams of a server's connection gather together.
    scope: Option<Arc<Scope>>,
    /// Arrived and not read.
    input: BytesMut,
    /// Nothing more comes during this poll: see [`look_again`](Self::look_again).
    dry: bool,
    /// How the input ended, once `input` is read.
    end: Option<Result<(), Option<Reason>>>,
    /// Our END_STREAM was given to `h2`, or the stream was found gone.
    ended: bool,
}

impl Tunnel {
    pub(super) fn new(receiving: RecvStream, sending: SendStream<Bytes>, scope: Option<Arc<Scope>>) -> Self {
        Self { receiving, sending, scope, input: BytesMut::new(), dry: false, end: None, ended: false }
    }

    /// A client's, which nothing bounds but the windows.
    pub(crate) fn over(receiving: RecvStream, sending: SendStream<Bytes>) -> Self {
        Self::new(receiving, sending, None)
    }

    /// The stream is polled anew. In a server what arrives does so between two polls, and `h2` need not be asked twice in one
    /// where it had no more.
    pub(super) fn look_again(&mut self) {
        self.dry = false;
    }

    /// The next DATA that has arrived. `None`: the input has ended.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.end.is_some() {
            return Poll::Ready(None);
        }
        if self.dry {
            return Poll::Pending;
        }
        let polled = self.receiving.poll_data(cx);
        // A client's connection runs in a task of its own, and something may come at any time.
        self.dry = polled.is_pending() && self.scope.is_some();
        self.end = Some(match ready!(polled) {
            Some(Ok(data)) => return Poll::Ready(Some(data)),
            None => Ok(()),
            Some(Err(error)) => Err(error.reason()),
        });
        Poll::Ready(None)
    }

    /// Takes what has arrived, as far as nobody has asked for it.
    pub(crate) fn take_input(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(data)) = self.poll_data(cx) {
            self.input.extend_from_slice(&data);
        }
    }

    /// These bytes were read: the peer may send as many.
    fn release(&mut self, len: usize) {
        // Refused where the stream is gone.
        let _ = self.receiving.flow_control().release_capacity(len);
    }

    /// How many bytes of `len` may be sent now.
    fn poll_capacity(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.scope.as_ref().is_some_and(|scope| !scope.may_send(cx)) {
            return Poll::Pending;
        }
        self.sending.reserve_capacity(len.min(MAX_RESERVED));
        loop {
            match self.sending.capacity() {
                0 => match ready!(self.sending.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    _ => return Poll::Ready(Err(self.gone())),
                },
                room => return Poll::Ready(Ok(room.min(len))),
            }
        }
    }

    fn gone(&mut self) -> io::Error {
        self.ended = true;
        io::ErrorKind::ConnectionReset.into()
    }

    fn send(&mut self, data: Bytes) -> io::Result<()> {
        if let Some(scope) = &self.scope {
            scope.queued(data.len(), false);
            // What a peer takes is progress, as a response is, and pays for its WINDOW_UPDATEs.
            scope.responded();
        }
        self.sending.send_data(data, false).map_err(|_| self.gone())
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.remaining();
        let len = self.input.len().min(out.remaining());
        out.put_slice(&self.input[..len]);
        self.input.advance(len);
        while out.remaining() > 0 {
            let Poll::Ready(Some(mut data)) = self.poll_data(cx) else { break };
            let len = data.len().min(out.remaining());
            out.put_slice(&data.split_to(len));
            self.input.extend_from_slice(&data);
        }
        let read = before - out.remaining();
        if self.input.is_empty() {
            // Idle, it holds no memory.
            self.input = BytesMut::new();
        }
        if read > 0 {
            self.release(read);
            return Poll::Ready(Ok(()));
        }
        match self.end {
            _ if before == 0 => Poll::Ready(Ok(())),
            None => Poll::Pending,
            Some(Ok(())) => Poll::Ready(Ok(())),
            // A peer that is done with us, and tells us so (RFC 9113 section 8.1).
            Some(Err(Some(Reason::NO_ERROR))) => Poll::Ready(Ok(())),
            Some(Err(_)) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = ready!(self.poll_capacity(cx, bytes.len()))?;
        self.send(Bytes::copy_from_slice(&bytes[..room]))?;
        Poll::Ready(Ok(room))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let room = ready!(self.poll_capacity(cx, len))?;
        let mut data = BytesMut::with_capacity(room);
        for slice in slices {
            let left = room - data.len();
            data.extend_from_slice(&slice[..slice.len().min(left)]);
        }
        self.send(data.freeze())?;
        Poll::Ready(Ok(room))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What `h2` has is on its way: the windows, and what may gather, bound it.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Sends END_STREAM, and waits for the peer's: a stream that is let go before is reset by `h2`, and clients take that
    /// for a failure.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.ended, true) {
            // Refused where the stream is gone.
            let _ = self.sending.send_data(Bytes::new(), true);
        }
        let unread = std::mem::take(&mut self.input).len();
        self.release(unread);
        while let Some(data) = ready!(self.poll_data(cx)) {
            self.release(data.len());
        }
        Poll::Ready(Ok(()))
    }
}

/// Before both sides have ended the stream that is an abnormal end (RFC 8441 section 5). `h2` would say so only once nobody
/// else holds the stream, as a handler may for long.
impl Drop for Tunnel {
    fn drop(&mut self) {
        if !self.ended || self.end.is_none() {
            self.sending.send_reset(Reason::CANCEL);
        }
    }
}
