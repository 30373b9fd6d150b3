//! Simulated time: it stands still until somebody moves it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A clock that only [`advance_to`](Clock::advance_to) moves. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Instant,
    next_id: u64,
    sleepers: BTreeMap<(Instant, u64), Waker>,
}

impl Clock {
    /// A clock of its own, showing an arbitrary time.
    #[expect(clippy::new_without_default, reason = "two clocks are two worlds: making one is a decision")]
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { now: Instant::now(), next_id: 0, sleepers: BTreeMap::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.state().now
    }

    /// A future that is ready from `deadline` on.
    #[must_use]
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        let mut state = self.state();
        state.next_id += 1;
        Sleep { clock: self.clone(), deadline, id: state.next_id }
    }

    /// The earliest time that somebody waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.state().sleepers.keys().next().map(|key| key.0)
    }

    /// Moves time to `target` (never back) and wakes everybody whose deadline has come.
    pub fn advance_to(&self, target: Instant) {
        let mut state = self.state();
        state.now = state.now.max(target);
        let later = state.sleepers.split_off(&(target + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }
}

/// The future of [`Clock::sleep_until`].
#[derive(Debug)]
pub struct Sleep {
    clock: Clock,
    deadline: Instant,
    id: u64,
}

impl Sleep {
    /// Moves the deadline; the next poll counts from there.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.get_mut();
        this.clock.state().sleepers.remove(&(this.deadline, this.id));
        this.deadline = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.deadline {
            return Poll::Ready(());
        }
        state.sleepers.insert((self.deadline, self.id), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&(self.deadline, self.id));
    }
}
