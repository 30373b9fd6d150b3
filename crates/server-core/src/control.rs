//! What all connections of a server share: counters, and the word that it shuts down.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Counters of a server, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections open.
    pub connections: usize,
    /// Requests between the call of their handler and the end of their response; a WebSocket is none.
    pub in_flight: usize,
    /// Most requests that were in flight at once.
    pub peak: usize,
    /// Requests that reached a handler since the start.
    pub requests: u64,
    /// WebSockets open.
    pub websockets: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Control {
    in_flight: AtomicUsize,
    peak: AtomicUsize,
    requests: AtomicU64,
    websockets: AtomicUsize,
    draining: AtomicBool,
    registry: Mutex<Registry>,
}

/// The open connections, and who waits for their number or for the shutdown.
#[derive(Debug, Default)]
struct Registry {
    connections: Vec<Option<Waker>>,
    free: Vec<usize>,
    open: usize,
    /// Tasks that wait until fewer connections are open than the number says. All are woken at the shutdown; those that
    /// wait for nothing else say 0.
    waiting: Vec<(usize, Waker)>,
}

impl Control {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            connections: self.registry().open,
            in_flight: self.in_flight.load(Relaxed),
            peak: self.peak.load(Relaxed),
            requests: self.requests.load(Relaxed),
            websockets: self.websockets.load(Relaxed),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Tells every connection and every waiting task.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
        let mut registry = self.registry();
        let mut wakers: Vec<Waker> = registry.connections.iter_mut().filter_map(Option::take).collect();
        wakers.extend(registry.waiting.drain(..).map(|(_, waker)| waker));
        drop(registry);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until fewer than `limit` connections are open.
    pub(crate) fn poll_open_below(&self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        let mut registry = self.registry();
        if registry.open < limit {
            return Poll::Ready(());
        }
        registry.wait(cx, limit);
        Poll::Pending
    }

    /// Waits for the shutdown.
    pub(crate) fn poll_draining(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Under the lock, so that `drain` either sees the waker or is seen here.
        let mut registry = self.registry();
        if self.is_draining() {
            return Poll::Ready(());
        }
        registry.wait(cx, 0);
        Poll::Pending
    }
}

impl Registry {
    fn wait(&mut self, cx: &Context<'_>, limit: usize) {
        if !self.waiting.iter().any(|(at, waker)| *at == limit && waker.will_wake(cx.waker())) {
            self.waiting.push((limit, cx.waker().clone()));
        }
    }
}

/// A connection's entry: it counts as open while this lives.
#[derive(Debug)]
pub(crate) struct Registration {
    control: Arc<Control>,
    index: usize,
}

impl Registration {
    pub(crate) fn new(control: &Arc<Control>) -> Self {
        let mut registry = control.registry();
        registry.open += 1;
        let index = registry.free.pop().unwrap_or_else(|| {
            registry.connections.push(None);
            registry.connections.len() - 1
        });
        drop(registry);
        Self { control: Arc::clone(control), index }
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Asks to be woken at the shutdown. Needed once per waker.
    pub(crate) fn register(&self, waker: &Waker) {
        self.control.registry().connections[self.index] = Some(waker.clone());
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut registry = self.control.registry();
        registry.open -= 1;
        registry.connections[self.index] = None;
        registry.free.push(self.index);
        let open = registry.open;
        let waiting: Vec<_> = registry.waiting.extract_if(.., |(limit, _)| open < *limit).collect();
        drop(registry);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Counts one thing for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    control: Arc<Control>,
    what: What,
}

#[derive(Debug)]
enum What {
    Request,
    WebSocket,
}

impl Counted {
    pub(crate) fn request(control: &Arc<Control>) -> Self {
        let now = control.in_flight.fetch_add(1, Relaxed) + 1;
        control.requests.fetch_add(1, Relaxed);
        if now > control.peak.load(Relaxed) {
            control.peak.fetch_max(now, Relaxed);
        }
        Self { control: Arc::clone(control), what: What::Request }
    }

    pub(crate) fn websocket(control: &Arc<Control>) -> Self {
        control.websockets.fetch_add(1, Relaxed);
        Self { control: Arc::clone(control), what: What::WebSocket }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        match self.what {
            What::Request => self.control.in_flight.fetch_sub(1, Relaxed),
            What::WebSocket => self.control.websockets.fetch_sub(1, Relaxed),
        };
    }
}
