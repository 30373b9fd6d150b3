//! Who has something to do: flags that h2 raises through wakers, and that the session looks at.
//!
//! A stream has one waker for both directions: when it is woken, all of the stream is looked at.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The flags of one session.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    connection: AtomicBool,
    ready: Mutex<VecDeque<u32>>,
}

impl Wakes {
    /// Marks the connection: it is to be polled.
    pub(super) fn connection(&self) {
        self.connection.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was marked; it no longer is.
    pub(super) fn take_connection(&self) -> bool {
        self.connection.swap(false, Ordering::Relaxed)
    }

    /// The stream that has waited longest. Mark it as [taken](StreamWake::taken).
    pub(super) fn pop(&self) -> Option<u32> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// All streams that wait, in their order; they keep their flags. Give them [back](Self::put_back).
    pub(super) fn take(&self) -> VecDeque<u32> {
        std::mem::take(&mut self.ready.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts streams before those that were queued meanwhile.
    pub(super) fn put_back(&self, mut first: VecDeque<u32>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        first.append(&mut ready);
        *ready = first;
    }

    fn push(&self, id: u32) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(id);
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.connection();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.connection();
    }
}

/// A stream's flag.
#[derive(Debug)]
pub(super) struct StreamWake {
    id: u32,
    queued: AtomicBool,
    wakes: Arc<Wakes>,
}

impl StreamWake {
    /// The flag, raised, and the waker that raises it.
    pub(super) fn new(id: u32, wakes: &Arc<Wakes>) -> (Arc<Self>, Waker) {
        let flag = Arc::new(Self { id, queued: AtomicBool::new(false), wakes: Arc::clone(wakes) });
        flag.raise();
        (Arc::clone(&flag), flag.into())
    }

    /// Queues the stream, once.
    pub(super) fn raise(&self) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.wakes.push(self.id);
        }
    }

    /// The stream was taken off the queue.
    pub(super) fn taken(&self) {
        self.queued.store(false, Ordering::Relaxed);
    }
}

impl Wake for StreamWake {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}
