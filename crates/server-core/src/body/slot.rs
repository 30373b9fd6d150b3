//! The one place where a connection and the reader of a request body meet: room for one chunk.
//!
//! The connection fills it only when the reader asked, so backpressure reaches the peer's socket. The reader is mostly
//! polled by the connection's own task (it is the handler, or the response body): then no waker is woken at all. A
//! reader that moved to another task is woken, and wakes the connection.
//!
//! Invariant: what the reader changes while `driving` is false wakes the driver; while it is true, the driver looks
//! again before it sleeps ([`BodySlot::leave`]).

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::{BodyError, Trailers};

/// A chunk slot, shared by a connection and an [`Incoming`](super::Incoming).
#[derive(Debug)]
pub(crate) struct BodySlot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chunk: Option<Bytes>,
    trailers: Option<Trailers>,
    end: Option<Result<(), BodyError>>,
    wanted: bool,
    abandoned: bool,
    driving: bool,
    reader: Option<Waker>,
    driver: Option<Waker>,
}

/// What the reader wants of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing for now: it has not asked, or has not taken what it asked for.
    None,
    /// The next chunk.
    Chunk,
    /// It is gone: what comes may be thrown away.
    Abandoned,
}

/// What the reader finds.
#[derive(Debug)]
pub(crate) enum Part {
    Chunk(Bytes),
    Trailers(Trailers),
    End,
}

impl BodySlot {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// The driver is about to poll what may read.
    pub(crate) fn enter(&self) {
        self.state().driving = true;
    }

    /// The driver has polled it; it will act on the answer before it sleeps, or be woken.
    pub(crate) fn leave(&self, cx: &Context<'_>) -> Demand {
        let mut state = self.state();
        state.driving = false;
        if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
            state.driver = Some(cx.waker().clone());
        }
        if state.abandoned {
            Demand::Abandoned
        } else if state.wanted {
            Demand::Chunk
        } else {
            // The reader has not taken what lies here, although this task polled: it lives in another task, or
            // elsewhere in this one.
            let waiting = state.chunk.is_some() || state.end.is_some();
            if let Some(reader) = state.reader.take_if(|_| waiting) {
                drop(state);
                reader.wake();
            }
            Demand::None
        }
    }

    /// Puts the next chunk in. The driver polls the reader again, or [`leave`](Self::leave) wakes it.
    pub(crate) fn put(&self, chunk: Bytes) {
        let mut state = self.state();
        state.chunk = Some(chunk);
        state.wanted = false;
    }

    /// The body is over.
    pub(crate) fn end(&self, result: Result<Option<Trailers>, BodyError>) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        state.wanted = false;
        state.end = Some(result.map(|trailers| state.trailers = trailers));
    }

    /// The driver is gone: wakes a reader in another task, to find what is left and the end.
    pub(crate) fn disconnect(&self) {
        self.end(Err(BodyError::Disconnected));
        let mut state = self.state();
        state.driver = None;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The reader's next part.
    pub(crate) fn poll_part(&self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        let mut state = self.state();
        if let Some(chunk) = state.chunk.take() {
            return Poll::Ready(Ok(Part::Chunk(chunk)));
        }
        if let Some(trailers) = state.trailers.take() {
            return Poll::Ready(Ok(Part::Trailers(trailers)));
        }
        if let Some(end) = &state.end {
            return Poll::Ready(end.clone().map(|()| Part::End));
        }
        if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        state.wanted = true;
        wake_driver(state);
        Poll::Pending
    }

    /// Whether the body is over and everything was taken.
    pub(crate) fn is_spent(&self) -> bool {
        let state = self.state();
        state.end == Some(Ok(())) && state.chunk.is_none() && state.trailers.is_none()
    }

    /// The reader will not come back.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.chunk = None;
        wake_driver(state);
    }
}

fn wake_driver(mut state: MutexGuard<'_, State>) {
    if !state.driving {
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}
