//! What the streams of a connection share with its driver: the time, the timer, and how much may be made before it is
//! written.
//!
//! Streams have deadlines, but no timer each: who waits puts a time and a waker into one table, and the connection's one
//! timer is set to the earliest. A deadline that moves away stays where it is in the table, fires early once, and is put
//! back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::control::Control;

pub(super) struct Scope {
    pub(super) control: Control,
    /// The time, as nanoseconds since `began`.
    now: Tally,
    began: Instant,
    /// What streams made since the last [`release`](Self::release).
    queued: Tally,
    content: Tally,
    pieces: Tally,
    responded: Tally,
    state: Mutex<State>,
    pub(super) body_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) handler_timeout: Option<Duration>,
    pub(super) linger_timeout: Duration,
    pub(super) max_discarded_body: u64,
    /// Bytes given to `h2` and not written yet, from which on no response body is polled.
    limit: u64,
}

/// A number that many streams have to do with, but one at a time, since the connection's one future polls them all: a
/// `Cell` that moves between threads with that future, which costs no lock.
#[derive(Default)]
struct Tally(AtomicU64);

impl Tally {
    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    fn add(&self, more: u64) {
        self.set(self.get() + more);
    }

    fn take(&self) -> u64 {
        let value = self.get();
        self.set(0);
        value
    }
}

struct State {
    timers: BTreeMap<Key, Waker>,
    next_id: u64,
    parked: Vec<Waker>,
    /// When all must have ended, once the server shuts down.
    drain_at: Option<Instant>,
    /// Who waits for that.
    on_drain: BTreeMap<u64, Waker>,
}

type Key = (Instant, u64);

/// What streams have achieved.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Responses that have ended.
    pub(super) responses: u64,
    /// Pieces of bodies that were given to `h2` to their end.
    pub(super) pieces: u64,
    /// Bytes of content that were.
    pub(super) content: u64,
}

/// A stream's place in the table.
#[derive(Debug, Default)]
pub(super) struct Armed(Option<Key>);

impl Scope {
    pub(super) fn new(config: &crate::Config, now: Instant, control: Control) -> Arc<Self> {
        Arc::new(Self {
            control,
            now: Tally::default(),
            began: now,
            queued: Tally::default(),
            content: Tally::default(),
            pieces: Tally::default(),
            responded: Tally::default(),
            state: Mutex::new(State {
                timers: BTreeMap::new(),
                next_id: 0,
                parked: Vec::new(),
                drain_at: None,
                on_drain: BTreeMap::new(),
            }),
            body_timeout: config.body_timeout,
            write_timeout: config.write_timeout,
            handler_timeout: config.handler_timeout,
            linger_timeout: config.linger_timeout,
            max_discarded_body: config.max_discarded_body,
            limit: config.write_buffer as u64,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The driver runs: it is `now`. Wakes the streams whose time has come, and says when the next one's is.
    pub(super) fn tick(&self, now: Instant) -> Option<Instant> {
        self.now.set(now.saturating_duration_since(self.began).as_nanos() as u64);
        let mut state = self.state();
        while let Some(entry) = state.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            entry.remove().wake();
        }
        state.timers.first_key_value().map(|(key, _)| key.0)
    }

    pub(super) fn now(&self) -> Instant {
        self.began + Duration::from_nanos(self.now.get())
    }

    /// Sees to it that the stream is woken at `at`.
    pub(super) fn arm(&self, armed: &mut Armed, at: Option<Instant>, cx: &Context<'_>) {
        let Some(at) = at else { return };
        let mut state = self.state();
        if let Some(key) = armed.0.filter(|key| key.0 > self.now()) {
            if key.0 <= at {
                if let Some(waker) = state.timers.get_mut(&key) {
                    waker.clone_from(cx.waker());
                }
                return;
            }
            state.timers.remove(&key);
        }
        state.next_id += 1;
        let key = (at, state.next_id);
        state.timers.insert(key, cx.waker().clone());
        armed.0 = Some(key);
    }

    /// The stream is over.
    pub(super) fn disarm(&self, armed: &mut Armed) {
        if let Some(key) = armed.0.take() {
            self.state().timers.remove(&key);
        }
    }

    /// The server shuts down, and all must have ended by `at`.
    pub(super) fn drain(&self, at: Instant) {
        let mut state = self.state();
        state.drain_at = Some(at);
        state.on_drain.values().for_each(Waker::wake_by_ref);
    }

    pub(super) fn drain_at(&self) -> Option<Instant> {
        self.state().drain_at
    }

    /// Sees to it that this waker is woken by [`drain`](Self::drain). `id`: from the call for an earlier one.
    pub(super) fn on_drain(&self, id: Option<u64>, waker: &Waker) -> u64 {
        let mut state = self.state();
        let id = id.unwrap_or_else(|| {
            state.next_id += 1;
            state.next_id
        });
        state.on_drain.insert(id, waker.clone());
        id
    }

    pub(super) fn forget_drain(&self, id: u64) {
        self.state().on_drain.remove(&id);
    }

    /// Whether a stream may make more output; if not, it is woken when it may.
    pub(super) fn may_send(&self, cx: &Context<'_>) -> bool {
        let may = self.queued.get() < self.limit;
        if !may {
            self.state().parked.push(cx.waker().clone());
        }
        may
    }

    /// A stream gave `len` bytes of content to `h2`. `whole`: they are, or end, a piece that the body gave.
    pub(super) fn queued(&self, len: usize, whole: bool) {
        self.queued.add(len as u64);
        self.content.add(len as u64);
        self.pieces.add(u64::from(whole));
    }

    /// A response has ended.
    pub(super) fn responded(&self) {
        self.responded.add(1);
    }

    /// What was given to `h2` is written, or gathered for writing: the streams may go on. Returns what they achieved since.
    pub(super) fn release(&self) -> Progress {
        self.queued.set(0);
        let mut state = self.state();
        // They run in this order, and the first may use up all that there is room for: next time it is the last.
        if !state.parked.is_empty() {
            state.parked.rotate_left(1);
        }
        state.parked.drain(..).for_each(Waker::wake);
        Progress {
            responses: self.responded.take(),
            pieces: self.pieces.take(),
            content: self.content.take(),
        }
    }
}
