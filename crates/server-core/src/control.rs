//! What all connections of a server share: counters, and the word that it shuts down.

use std::future::poll_fn;
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

/// The word over the connections of one server, or of several that share it: reads the counters, shuts down. Clones are
/// the same.
///
/// A server makes its own ([`Server::control`](crate::Server::control)); a handler that wants to see the counters is
/// given one before, with [`Server::with_control`](crate::Server::with_control).
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
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
    /// A new one, for servers to come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.registry().open,
            in_flight: self.0.in_flight.load(Relaxed),
            peak: self.0.peak.load(Relaxed),
            requests: self.0.requests.load(Relaxed),
            websockets: self.0.websockets.load(Relaxed),
        }
    }

    /// Begins to shut down: `accept` ends, idle connections close, requests in flight are finished, WebSockets get a
    /// Close 1001. What is still open after [`Config::drain_timeout`](crate::Config::drain_timeout) is cut off.
    pub fn shutdown(&self) {
        self.0.draining.store(true, Relaxed);
        let mut registry = self.registry();
        let mut wakers: Vec<Waker> = registry.connections.iter_mut().filter_map(Option::take).collect();
        wakers.extend(registry.waiting.drain(..).map(|(_, waker)| waker));
        drop(registry);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until no connection is open.
    pub async fn closed(&self) {
        poll_fn(|cx| self.poll_open_below(cx, 1)).await;
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed)
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
        // Under the lock, so that `shutdown` either sees the waker or is seen here.
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
    control: Control,
    index: usize,
}

impl Registration {
    pub(crate) fn new(control: &Control) -> Self {
        let mut registry = control.registry();
        registry.open += 1;
        let index = registry.free.pop().unwrap_or_else(|| {
            registry.connections.push(None);
            registry.connections.len() - 1
        });
        drop(registry);
        Self { control: control.clone(), index }
    }

    pub(crate) fn control(&self) -> &Control {
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
    control: Control,
    what: What,
}

#[derive(Debug)]
enum What {
    Request,
    WebSocket,
}

impl Counted {
    pub(crate) fn request(control: &Control) -> Self {
        let now = control.0.in_flight.fetch_add(1, Relaxed) + 1;
        control.0.requests.fetch_add(1, Relaxed);
        if now > control.0.peak.load(Relaxed) {
            control.0.peak.fetch_max(now, Relaxed);
        }
        Self { control: control.clone(), what: What::Request }
    }

    pub(crate) fn websocket(control: &Control) -> Self {
        control.0.websockets.fetch_add(1, Relaxed);
        Self { control: control.clone(), what: What::WebSocket }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        match self.what {
            What::Request => self.control.0.in_flight.fetch_sub(1, Relaxed),
            What::WebSocket => self.control.0.websockets.fetch_sub(1, Relaxed),
        };
    }
}
