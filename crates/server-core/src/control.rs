//! What all connections of a server share: counters, and the word that it shuts down.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

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
    waiting: Vec<Waiting>,
    next_id: u64,
}

/// A task that waits until fewer than `limit` connections are open, or (`limit` 0) for the shutdown alone.
#[derive(Debug)]
struct Waiting {
    id: u64,
    limit: usize,
    waker: Waker,
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
        wakers.extend(registry.waiting.drain(..).map(|waiting| waiting.waker));
        drop(registry);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until the shutdown begins: for responses that would never end by themselves.
    pub async fn draining(&self) {
        let mut wait = self.wait(0);
        poll_fn(|cx| wait.poll_draining(cx)).await;
    }

    /// Waits until no connection is open.
    pub async fn closed(&self) {
        let mut wait = self.wait(1);
        poll_fn(|cx| wait.poll_room(cx)).await;
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed)
    }

    /// A wait for fewer than `limit` connections, or for the shutdown.
    pub(crate) fn wait(&self, limit: usize) -> Wait<'_> {
        Wait { control: self, limit, id: None }
    }
}

/// Somebody's wait. Dropped, it leaves nothing behind.
pub(crate) struct Wait<'a> {
    control: &'a Control,
    limit: usize,
    id: Option<u64>,
}

impl Wait<'_> {
    /// Ready while fewer connections are open than the limit says.
    pub(crate) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Decided and registered under one lock, so that no change falls in between.
        let mut registry = self.control.registry();
        if registry.open < self.limit {
            return Poll::Ready(());
        }
        self.id = Some(registry.wait(self.id, self.limit, cx));
        Poll::Pending
    }

    /// Ready from the shutdown on.
    pub(crate) fn poll_draining(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut registry = self.control.registry();
        if self.control.is_draining() {
            return Poll::Ready(());
        }
        self.id = Some(registry.wait(self.id, self.limit, cx));
        Poll::Pending
    }

    /// Takes a place for a connection, if there is room.
    pub(crate) fn poll_register(&mut self, cx: &Context<'_>) -> Poll<Registration> {
        let mut registry = self.control.registry();
        if registry.open < self.limit {
            return Poll::Ready(registry.register(self.control));
        }
        self.id = Some(registry.wait(self.id, self.limit, cx));
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.control.registry().waiting.retain(|waiting| waiting.id != id);
        }
    }
}

impl Registry {
    fn wait(&mut self, id: Option<u64>, limit: usize, cx: &Context<'_>) -> u64 {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| Some(waiting.id) == id) {
            waiting.waker.clone_from(cx.waker());
            return waiting.id;
        }
        self.next_id += 1;
        self.waiting.push(Waiting { id: self.next_id, limit, waker: cx.waker().clone() });
        self.next_id
    }

    fn register(&mut self, control: &Control) -> Registration {
        self.open += 1;
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        Registration { control: control.clone(), index }
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
        control.registry().register(control)
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
        let waiting: Vec<_> = registry.waiting.extract_if(.., |waiting| open < waiting.limit).collect();
        drop(registry);
        waiting.into_iter().for_each(|waiting| waiting.waker.wake());
    }
}

/// Counts a WebSocket for as long as it lives.
#[derive(Debug)]
pub(crate) struct CountedWebSocket(Control);

impl CountedWebSocket {
    pub(crate) fn new(control: &Control) -> Self {
        control.0.websockets.fetch_add(1, Relaxed);
        Self(control.clone())
    }
}

impl Drop for CountedWebSocket {
    fn drop(&mut self) {
        self.0.0.websockets.fetch_sub(1, Relaxed);
    }
}

impl Control {
    fn count_request(&self) {
        self.0.requests.fetch_add(1, Relaxed);
    }

    /// A request counts as in flight from here on.
    pub(crate) fn request_begins(&self) {
        let now = self.0.in_flight.fetch_add(1, Relaxed) + 1;
        self.count_request();
        if now > self.0.peak.load(Relaxed) {
            self.0.peak.fetch_max(now, Relaxed);
        }
    }

    /// It no longer does.
    pub(crate) fn request_ends(&self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Counts the requests of a connection that has one in flight at a time.
#[derive(Debug)]
pub(crate) struct InFlight {
    control: Control,
    counted: bool,
}

impl InFlight {
    pub(crate) fn new(control: Control) -> Self {
        Self { control, counted: false }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// The next one begins, at the place of the last one where that was not ended: pipelined ones change one counter.
    pub(crate) fn begin(&mut self) {
        if std::mem::replace(&mut self.counted, true) {
            self.control.count_request();
        } else {
            self.control.request_begins();
        }
    }

    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.counted) {
            self.control.request_ends();
        }
    }

    /// Whether a request is in flight.
    pub(crate) fn is_counted(&self) -> bool {
        self.counted
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.end();
    }
}
