//! A single-threaded executor that runs until nothing can move, then lets the test look.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Clock;

/// Polls of one [`Sim::run`] after which a test is taken to spin for ever.
const MAX_POLLS: u32 = 1_000_000;

struct Flag {
    woken: AtomicBool,
    wakes: AtomicU64,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

struct Entry {
    future: Pin<Box<dyn Future<Output = ()>>>,
    flag: Arc<Flag>,
    cancelled: Rc<Cell<bool>>,
}

/// A simulated world: tasks and a clock.
pub struct Sim {
    clock: Clock,
    tasks: RefCell<Vec<Entry>>,
    spawned: RefCell<Vec<Entry>>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("clock", &self.clock).field("tasks", &self.live_tasks()).finish()
    }
}

impl Sim {
    /// An empty world.
    #[expect(clippy::new_without_default, reason = "two worlds are never the same")]
    #[must_use]
    pub fn new() -> Self {
        Self { clock: Clock::new(), tasks: RefCell::default(), spawned: RefCell::default() }
    }

    /// The world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Adds a task; it first runs in the next [`run`](Sim::run).
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
    {
        let result = Rc::new(RefCell::new(None));
        let cancelled = Rc::new(Cell::new(false));
        let slot = Rc::clone(&result);
        self.spawned.borrow_mut().push(Entry {
            future: Box::pin(async move { *slot.borrow_mut() = Some(future.await) }),
            flag: Arc::new(Flag { woken: AtomicBool::new(true), wakes: AtomicU64::new(0) }),
            cancelled: Rc::clone(&cancelled),
        });
        Task { result, cancelled }
    }

    /// Polls every woken task until none is left.
    ///
    /// # Panics
    /// When that never happens: a task that wakes itself for ever is a bug.
    pub fn run(&self) {
        for _ in 0..MAX_POLLS {
            let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
            tasks.append(&mut self.spawned.borrow_mut());
            tasks.retain(|task| !task.cancelled.get());
            let mut progress = false;
            tasks.retain_mut(|task| {
                if !task.flag.woken.swap(false, Ordering::AcqRel) {
                    return true;
                }
                progress = true;
                let waker = Waker::from(Arc::clone(&task.flag));
                task.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending
            });
            *self.tasks.borrow_mut() = tasks;
            if !progress && self.spawned.borrow().is_empty() {
                return;
            }
        }
        panic!("the simulation never comes to rest");
    }

    /// Runs, then moves the clock by `duration`, stopping and running at every deadline on the way.
    pub fn advance(&self, duration: Duration) {
        self.run();
        let target = self.clock.now() + duration;
        while let Some(next) = self.clock.next_deadline().filter(|next| *next <= target) {
            self.clock.advance_to(next);
            self.run();
        }
        self.clock.advance_to(target);
        self.run();
    }

    /// Tasks that have not ended.
    #[must_use]
    pub fn live_tasks(&self) -> usize {
        let live = |tasks: &Vec<Entry>| tasks.iter().filter(|task| !task.cancelled.get()).count();
        live(&self.tasks.borrow()) + live(&self.spawned.borrow())
    }

    /// How often tasks that are still alive were woken: counts superfluous wake-ups.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.tasks.borrow().iter().map(|task| task.flag.wakes.load(Ordering::Relaxed)).sum()
    }
}

/// A spawned task: its result, when there is one. Dropping this does not end the task.
#[derive(Debug)]
pub struct Task<T> {
    result: Rc<RefCell<Option<T>>>,
    cancelled: Rc<Cell<bool>>,
}

impl<T> Task<T> {
    /// The task's result, once.
    pub fn take(&self) -> Option<T> {
        self.result.borrow_mut().take()
    }

    /// Drops the task's future at the next [`Sim::run`].
    pub fn cancel(&self) {
        self.cancelled.set(true);
    }
}
