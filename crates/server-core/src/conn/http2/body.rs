//! Request bodies: straight from `h2`'s stream, which gets its window back as the handler takes what arrived.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use h2::RecvStream;
use parking_lot::{Mutex, MutexGuard};
use wire_http1::Known;

use super::handle::Http2Stream;
use crate::body::{BodyError, Part, Source, Trailers};

/// A body that arrives, as its reader holds it.
pub(super) struct Receiving {
    /// `None` once it is dropped.
    stream: Option<RecvStream>,
    watch: Arc<Watch>,
    /// The client waits for a 100 before it sends anything (RFC 9110 section 10.1.1).
    invite: Option<Http2Stream>,
    data_ended: bool,
    ended: bool,
}

impl Receiving {
    pub(super) fn new(stream: RecvStream, watch: Arc<Watch>, invite: Option<Http2Stream>) -> Self {
        Self { stream: Some(stream), watch, invite, data_ended: false, ended: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, h2::Error>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(Part::End)) };
        while !self.data_ended {
            match ready!(stream.poll_data(cx)?) {
                None => self.data_ended = true,
                Some(chunk) => {
                    // Taken is consumed: the peer may send as much again.
                    stream.flow_control().release_capacity(chunk.len())?;
                    if !chunk.is_empty() {
                        return Poll::Ready(Ok(Part::Chunk(chunk)));
                    }
                }
            }
        }
        if !self.ended
            && let Some(trailers) = ready!(stream.poll_trailers(cx)?)
        {
            self.ended = true;
            let allowed = trailers.iter().filter(|(name, _)| !is_forbidden_trailer(name.as_str()));
            let trailers: Trailers = allowed.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            return Poll::Ready(Ok(Part::Trailers(trailers)));
        }
        self.ended = true;
        Poll::Ready(Ok(Part::End))
    }
}

impl Source for Receiving {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        if let Some(error) = self.watch.failed() {
            return Poll::Ready(Err(error));
        }
        match self.poll(cx) {
            Poll::Ready(part) => {
                // Who sends needs no invitation.
                self.invite = None;
                match part {
                    Ok(Part::Chunk(_) | Part::Trailers(_)) => self.watch.stop(),
                    Ok(Part::End) | Err(_) => self.watch.close(None),
                }
                // Reset, or the connection is gone. Whose rules were broken, `h2` has told the client.
                Poll::Ready(part.map_err(|_| BodyError::Disconnected))
            }
            Poll::Pending => {
                if let Some(stream) = self.invite.take() {
                    // Refused where the final response is out: then nothing is invited any more.
                    let _ = stream.send_continue();
                }
                self.watch.wait(cx);
                Poll::Pending
            }
        }
    }

    fn is_spent(&self) -> bool {
        self.ended || self.stream.as_ref().is_none_or(RecvStream::is_end_stream)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // Who waits to be invited sends nothing, and who was too slow is waited for no longer.
        let sends = !self.is_spent() && self.invite.is_none() && self.watch.failed().is_none();
        self.watch.close(self.stream.take().filter(|_| sends));
    }
}

/// What its reader has left of a body. It is read and thrown away, so that the response is not lost to a reset: some
/// clients forget a response that they have not read when its stream is reset, for whatever reason.
pub(super) struct Unread {
    stream: RecvStream,
    /// Most bytes that are thrown away.
    left: u64,
}

impl Unread {
    pub(super) fn new(stream: RecvStream, limit: u64) -> Self {
        Self { stream, left: limit }
    }

    /// Ready at its end, or where there is too much of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(chunk)) = ready!(self.stream.poll_data(cx)) {
            let released = self.stream.flow_control().release_capacity(chunk.len());
            match self.left.checked_sub(chunk.len() as u64) {
                Some(left) if released.is_ok() => self.left = left,
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// RFC 9110 section 6.5.1.
pub(super) fn is_forbidden_trailer(name: &str) -> bool {
    Known::from_name(name.as_bytes()).is_some_and(Known::is_forbidden_trailer)
}

/// Whether somebody waits for more of a body, so that the stream can bound the time. The reader may live in another task.
#[derive(Default)]
pub(super) struct Watch(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: bool,
    /// How often a wait has ended.
    ended: u64,
    failed: Option<BodyError>,
    reader: Option<Waker>,
    /// Nobody reads any more.
    closed: bool,
    unread: Option<RecvStream>,
    /// The stream is being polled, and will look at this afterwards.
    driving: bool,
    stream: Option<Waker>,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    fn failed(&self) -> Option<BodyError> {
        self.state().failed.clone()
    }

    fn wait(&self, cx: &Context<'_>) {
        let mut state = self.state();
        state.reader = Some(cx.waker().clone());
        if !std::mem::replace(&mut state.waiting, true) && !state.driving {
            let stream = state.stream.take();
            drop(state);
            if let Some(stream) = stream {
                stream.wake();
            }
        }
    }

    fn stop(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.waiting) {
            state.ended += 1;
        }
        state.reader = None;
    }

    fn close(&self, unread: Option<RecvStream>) {
        self.stop();
        let mut state = self.state();
        state.closed = true;
        state.unread = unread;
        let stream = if state.driving { None } else { state.stream.take() };
        drop(state);
        if let Some(stream) = stream {
            stream.wake();
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// What was left unread, once.
    pub(super) fn take_unread(&self) -> Option<RecvStream> {
        self.state().unread.take()
    }

    /// The stream is about to poll what may read.
    pub(super) fn enter(&self) {
        self.state().driving = true;
    }

    /// It was polled. Returns the number of the wait, if the reader waits.
    pub(super) fn leave(&self, cx: &Context<'_>) -> Option<u64> {
        let mut state = self.state();
        state.driving = false;
        state.stream = Some(cx.waker().clone());
        state.waiting.then_some(state.ended)
    }

    /// Nothing more comes, for this reason.
    pub(super) fn fail(&self, error: BodyError) {
        let mut state = self.state();
        state.failed = Some(error);
        state.waiting = false;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}
