//! What the streams of a connection share with its driver: the time, the timer, and how much may be made before it is
//! written.
//!
//! Streams have deadlines, but no timer each: who waits puts a time and a waker into one table, and the connection's one
//! timer is set to the earliest. A deadline that moves away stays where it is in the table, fires early once, and is put
//! back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

pub(super) struct Scope {
    state: Mutex<State>,
    pub(super) body_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) handler_timeout: Option<Duration>,
    pub(super) linger_timeout: Duration,
    pub(super) max_discarded_body: u64,
    /// Bytes given to `h2` and not written yet, from which on no response body is polled.
    limit: usize,
}

struct State {
    now: Instant,
    timers: BTreeMap<Key, Waker>,
    next_id: u64,
    queued: usize,
    parked: Vec<Waker>,
    progress: Progress,
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
    pub(super) responses: u32,
    /// Pieces of bodies that were given to `h2` to their end.
    pub(super) pieces: u32,
    /// Bytes of content that were.
    pub(super) content: u64,
}

/// A stream's place in the table.
#[derive(Debug, Default)]
pub(super) struct Armed(Option<Key>);

impl Scope {
    pub(super) fn new(config: &crate::Config, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                now,
                timers: BTreeMap::new(),
                next_id: 0,
                queued: 0,
                parked: Vec::new(),
                progress: Progress::default(),
                drain_at: None,
                on_drain: BTreeMap::new(),
            }),
            body_timeout: config.body_timeout,
            write_timeout: config.write_timeout,
            handler_timeout: config.handler_timeout,
            linger_timeout: config.linger_timeout,
            max_discarded_body: config.max_discarded_body,
            limit: config.write_buffer,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver runs: it is `now`. Wakes the streams whose time has come, and says when the next one's is.
    pub(super) fn tick(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        state.now = now;
        while let Some(entry) = state.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            entry.remove().wake();
        }
        state.timers.first_key_value().map(|(key, _)| key.0)
    }

    pub(super) fn now(&self) -> Instant {
        self.state().now
    }

    /// Sees to it that the stream is woken at `at`.
    pub(super) fn arm(&self, armed: &mut Armed, at: Option<Instant>, cx: &Context<'_>) {
        let Some(at) = at else { return };
        let mut state = self.state();
        if let Some(key) = armed.0.filter(|key| key.0 > state.now) {
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
        let mut state = self.state();
        let may = state.queued < self.limit;
        if !may {
            state.parked.push(cx.waker().clone());
        }
        may
    }

    /// A stream gave `len` bytes of content to `h2`. `whole`: they are, or end, a piece that the body gave.
    pub(super) fn queued(&self, len: usize, whole: bool) {
        let mut state = self.state();
        state.queued += len;
        state.progress.content += len as u64;
        state.progress.pieces += u32::from(whole);
    }

    /// A response has ended.
    pub(super) fn responded(&self) {
        self.state().progress.responses += 1;
    }

    /// What was given to `h2` is written, or gathered for writing: the streams may go on. Returns what they achieved since.
    pub(super) fn release(&self) -> Progress {
        let mut state = self.state();
        state.queued = 0;
        // They run in this order, and the first may use up all that there is room for: next time it is the last.
        if !state.parked.is_empty() {
            state.parked.rotate_left(1);
        }
        state.parked.drain(..).for_each(Waker::wake);
        std::mem::take(&mut state.progress)
    }
}
