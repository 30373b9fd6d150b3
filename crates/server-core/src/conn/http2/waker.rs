//! The connection's own waker: what moves while the driver runs wakes nobody, the driver just looks again.
//!
//! `h2` wakes the connection whenever a stream has something to send, and each stream has a waker of its own that ends
//! here. Most of that happens inside the driver's own poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

const SLEEPING: u8 = 0;
const DRIVING: u8 = 1;
const WOKEN: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct DriverWaker {
    state: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl DriverWaker {
    /// The driver begins to run, in the task of this waker.
    pub(super) fn enter(&self, task: &Waker) {
        let mut known = self.task.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
        self.state.store(DRIVING, SeqCst);
    }

    /// Whether something moved since the last look.
    pub(super) fn take_woken(&self) -> bool {
        self.state.swap(DRIVING, SeqCst) == WOKEN
    }

    /// The driver is about to sleep. False: something has moved, and it must look again.
    pub(super) fn leave(&self) -> bool {
        self.state.compare_exchange(DRIVING, SLEEPING, SeqCst, SeqCst).is_ok()
    }

    /// The driver lets others run first.
    pub(super) fn yield_now(&self) {
        self.state.store(WOKEN, SeqCst);
        self.wake_task();
    }

    fn wake_task(&self) {
        let task = self.task.lock().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, SeqCst) == SLEEPING {
            self.wake_task();
        }
    }
}
