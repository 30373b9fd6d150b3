//! An HTTP/2 endpoint that carries requests and WebSockets over byte slices: no runtime, no socket, no thread.
//!
//! [`Session`] says how it is driven.

mod client;
mod config;
mod drive;
mod event;
mod guard;
mod pipe;
mod role;
mod send;
mod server;
mod socket;
mod stream;
mod wake;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use h2::Reason;
use wire_ws::CloseCode;

use guard::Guard;
use pipe::Pipe;
use role::Role;
use stream::Stream;
use wake::Wakes;

pub use config::Config;
pub use event::{Event, SessionEnd, StreamEnd, UseError, WebSocketRequest};

/// One end of an HTTP/2 connection.
///
/// 1. Bytes of the transport go in by [`receive`](Self::receive), its end by [`receive_eof`](Self::receive_eof).
/// 2. [`poll_event`](Self::poll_event) until there is no event, acting on each.
/// 3. Write what [`output`](Self::output) gives, and say so by [`written`](Self::written).
/// 4. Where `receive` did not take all, or something was written, go on at 1 or 2. While the transport takes no output,
///    go on reading as far as `receive` takes it: the peer may wait to be read before it reads.
/// 5. At [`next_deadline`](Self::next_deadline) call [`handle_timeout`](Self::handle_timeout).
/// 6. When there is an [`end`](Self::end), and the output is written, close the transport: its writing side first, so that
///    the peer gets what was written even where it has sent more than was read.
///
/// Every method may be called at any time. Times count from an epoch of the caller's and never run backwards.
///
/// **Backpressure.** What a peer sends is taken off its windows when `poll_event` gives it; a stream that is
/// [paused](Self::pause) keeps its own window closed and hinders no other. Content to be sent is taken as far as the
/// peer's windows and [`Config::max_send_buffer`] allow, messages up to
/// [`ConnectionConfig::hard_output_limit`](wire_ws::ConnectionConfig::hard_output_limit);
/// [`Writable`](Event::Writable) says when there is room again.
///
/// **Clocks.** h2 reads the system's clock for one thing: to forget streams that were reset (1 s after). Nothing
/// visible depends on it.
pub struct Session {
    config: Config,
    role: Role,
    pipe: Pipe,
    wakes: Arc<Wakes>,
    /// Marks the connection.
    waker: Waker,
    guard: Guard,
    streams: BTreeMap<u32, Stream>,
    /// Streams whose WebSocket has something to say.
    dirty: Vec<u32>,
    events: VecDeque<Event>,
    /// What was not written yet is `out[written..]`.
    out: Vec<u8>,
    written: usize,
    /// A buffer that no stream needs.
    spare: Vec<u8>,
    seed: [u8; 32],
    announced: bool,
    accepting: bool,
    shutting_down: bool,
    eof: bool,
    /// Why it is about to end.
    failure: Option<SessionEnd>,
    end: Option<SessionEnd>,
}

impl Session {
    /// A server's end. Its SETTINGS are in the output.
    #[must_use]
    pub fn server(config: &Config) -> Self {
        Self::new(true, config, [0; 32])
    }

    /// A client's end. Its preface and SETTINGS are in the output. `seed`, from the system's entropy, is what the
    /// masks of its WebSockets come from (RFC 6455 section 10.3).
    #[must_use]
    pub fn client(seed: [u8; 32], config: &Config) -> Self {
        Self::new(false, config, seed)
    }

    fn new(is_server: bool, config: &Config, seed: [u8; 32]) -> Self {
        let (pipe, wakes) = (Pipe::default(), Arc::new(Wakes::default()));
        let role =
            if is_server { Role::server(config, pipe.clone()) } else { Role::client(config, pipe.clone()) };
        wakes.connection();
        let mut session = Self {
            config: *config,
            role,
            pipe,
            waker: Arc::clone(&wakes).into(),
            wakes,
            guard: Guard::new(is_server, config),
            streams: BTreeMap::new(),
            dirty: Vec::new(),
            events: VecDeque::new(),
            out: Vec::new(),
            written: 0,
            spare: Vec::new(),
            seed,
            announced: is_server,
            accepting: false,
            shutting_down: false,
            eof: false,
            failure: None,
            end: None,
        };
        session.config.max_output = config.max_output.max(16 << 10);
        session.drive();
        session
    }

    /// Takes bytes of the transport, and says how many. Fewer than all: write the output first.
    ///
    /// What comes after the end of the session is taken and ignored.
    pub fn receive(&mut self, input: &[u8], now: Duration) -> usize {
        let mut taken = 0;
        while taken < input.len() {
            if self.end.is_some() || self.failure.is_some() {
                return input.len();
            }
            let rest = &input[taken..];
            let fed = self.pipe.lock().feed(rest);
            if fed == 0 {
                break;
            }
            taken += fed;
            self.accepting = true;
            self.wakes.connection();
            if let Err(violation) = self.guard.scan(&rest[..fed], now) {
                self.fail(violation);
            }
            self.drive();
            self.collect();
        }
        taken
    }

    /// The end of the transport's input: the session is over, and every stream gets its [`Closed`](Event::Closed).
    pub fn receive_eof(&mut self) {
        self.eof = true;
        self.pipe.lock().end_input();
        self.wakes.connection();
        self.drive();
        // Where h2 still has something to write to a peer that may not read it, that is no reason to wait.
        self.over(Ok(()));
    }

    /// What happened next. `None`: nothing, until more arrives or is written.
    pub fn poll_event(&mut self, now: Duration) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if let Some((last_stream, code)) = self.guard.take_go_away() {
                return Some(Event::GoAway { last_stream, code });
            }
            self.drive();
            if self.websockets_enabled() {
                return Some(Event::WebSocketsEnabled);
            }
            if let Some(event) = self.accept() {
                return Some(event);
            }
            if let Some(id) = self.wakes.pop() {
                if let Some(event) = self.poll_stream(id, now) {
                    return Some(event);
                }
                continue;
            }
            if !self.flush(now) {
                return None;
            }
        }
    }

    /// What is to be written to the transport.
    pub fn output(&mut self, now: Duration) -> &[u8] {
        self.flush(now);
        self.drive();
        &self.out[self.written..]
    }

    /// The first `len` bytes of [`output`](Self::output) were written.
    ///
    /// # Panics
    ///
    /// Where the output has less.
    pub fn written(&mut self, len: usize) {
        assert!(len <= self.queued(), "more was written than there is");
        self.written += len;
        // Moved when at least as much was written as is left, so that moving costs no more than writing.
        if self.written >= self.queued() {
            self.out.drain(..self.written);
            self.written = 0;
        }
        self.wakes.connection();
    }

    /// Appends all of [`output`](Self::output) to `out`; it counts as written.
    pub fn take_output(&mut self, out: &mut Vec<u8>, now: Duration) {
        loop {
            let output = self.output(now);
            if output.is_empty() {
                return;
            }
            let len = output.len();
            out.extend_from_slice(output);
            self.written(len);
        }
    }

    /// Ends gracefully (RFC 9113 section 6.8): a server sends a first GOAWAY and after a round trip a second one,
    /// with the last stream that it takes; a client sends no more requests. WebSockets are closed with 1001. The
    /// session ends when its streams have.
    pub fn shutdown(&mut self, now: Duration) {
        self.shutting_down = !self.role.shutdown();
        self.wakes.connection();
        let sockets = self.streams.values().filter(|stream| stream.socket.is_some());
        for id in sockets.map(|stream| stream.id).collect::<Vec<_>>() {
            // One that is closing already is content.
            let _ = self.close(id, Some(CloseCode::GOING_AWAY), "", now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. Every call may change it.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.streams.values().filter_map(Stream::next_deadline).min()
    }

    /// Does what is due: Pings, and the end of streams whose peer does not answer. Poll the events then.
    pub fn handle_timeout(&mut self, now: Duration) {
        let due = self.streams.values().filter(|stream| stream.next_deadline().is_some_and(|at| at <= now));
        for id in due.map(|stream| stream.id).collect::<Vec<_>>() {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            if stream.linger.is_some_and(|at| at <= now) {
                stream.reset(Reason::CANCEL);
                let end = stream.outcome(StreamEnd::Complete);
                self.finish(id, end);
                continue;
            }
            if let Some(socket) = &mut stream.socket {
                socket.connection.handle_timeout(now);
                // It is idle, or worse.
                socket.connection.shrink();
            }
            self.touch(id);
        }
    }

    /// How the session ended; `None`: it did not. The transport is to be closed when the output is written. There
    /// may be events left.
    #[must_use]
    pub fn end(&self) -> Option<SessionEnd> {
        self.end
    }

    /// Streams that are not over.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    fn queued(&self) -> usize {
        self.out.len() - self.written
    }
}

/// A seed for each WebSocket, so that no two use the same masks: keys of ChaCha that differ are independent.
fn client_seed(mut seed: [u8; 32], stream: u32) -> [u8; 32] {
    for (byte, id) in seed.iter_mut().zip(stream.to_le_bytes()) {
        *byte ^= id;
    }
    seed
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("streams", &self.streams.len())
            .field("queued", &self.queued())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
