//! An HTTP/2 endpoint that carries requests and WebSockets over byte slices: no runtime, no socket, no thread.
//!
//! [`Session`] says how it is driven.

mod client;
mod config;
mod event;
mod guard;
mod pipe;
mod role;
mod server;
mod socket;
mod stream;
mod wake;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use h2::Reason;
use http::HeaderMap;
use wire_ws::{CloseCode, Connection, DataKind, RefusedReason};

use guard::{Guard, Violation};
use pipe::Pipe;
use role::Role;
use stream::{Polled, Send, Stream};
use wake::Wakes;

pub use config::Config;
pub use event::{Event, SessionEnd, StreamEnd, UseError, WebSocketRequest};

/// One end of an HTTP/2 connection.
///
/// 1. Bytes of the transport go in by [`receive`](Self::receive), its end by [`receive_eof`](Self::receive_eof).
/// 2. [`poll_event`](Self::poll_event) until there is no event, acting on each.
/// 3. Write what [`output`](Self::output) gives, and say so by [`written`](Self::written).
/// 4. Where `receive` did not take all, or something was written, go on at 1 or 2.
/// 5. At [`next_deadline`](Self::next_deadline) call [`handle_timeout`](Self::handle_timeout).
/// 6. When there is an [`end`](Self::end), and the output is written, close the transport.
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

    /// Sends content: as much as there is room for, which is returned. `end`: nothing follows, which counts only
    /// where all was taken.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`]; [`UseError::WrongState`] on a WebSocket, before the response or after the end;
    /// [`UseError::Message`] where the stream was reset.
    pub fn send_data(&mut self, stream: u32, data: &[u8], end: bool) -> Result<usize, UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let taken = state.send_data(data, end)?;
        self.guard.progress();
        self.touch(stream);
        Ok(taken)
    }

    /// Sends trailers, which end this side of the stream.
    ///
    /// # Errors
    ///
    /// As [`send_data`](Self::send_data).
    pub fn send_trailers(&mut self, stream: u32, fields: HeaderMap) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let Send::Content(content) = &mut state.send else { return Err(UseError::WrongState) };
        if state.socket.is_some() || state.opening.is_some() {
            return Err(UseError::WrongState);
        }
        content.send_trailers(fields).map_err(|_| UseError::Message)?;
        state.send = Send::Ended;
        self.touch(stream);
        Ok(())
    }

    /// Sends a WebSocket message; text must be UTF-8. Messages gather until [`output`](Self::output) is called.
    ///
    /// # Errors
    ///
    /// [`UseError::Full`]; [`UseError::Encode`]; [`UseError::UnknownStream`]; [`UseError::WrongState`] where the
    /// stream is no open WebSocket.
    pub fn send(&mut self, stream: u32, kind: DataKind, message: &[u8]) -> Result<(), UseError> {
        let sent = self.socket(stream)?.send(kind, message);
        self.sent(stream, sent.map_err(|refused| refused.reason))
    }

    /// Sends a WebSocket Ping, beside those of the keepalive.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, stream: u32, payload: &[u8]) -> Result<(), UseError> {
        let sent = self.socket(stream)?.ping(payload);
        self.sent(stream, sent)
    }

    /// Starts the closing handshake of a WebSocket. [`Closed`](Event::Closed) follows, after
    /// [`ConnectionConfig::close_timeout`](wire_ws::ConnectionConfig::close_timeout) at the latest, twice that where
    /// the peer closes but does not end the stream.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without [`UseError::Full`].
    pub fn close(
        &mut self,
        stream: u32,
        code: Option<CloseCode>,
        reason: &str,
        now: Duration,
    ) -> Result<(), UseError> {
        let closed = self.socket(stream)?.close(code, reason, now);
        self.sent(stream, closed.map_err(RefusedReason::from))
    }

    /// Whether a stream takes more at little cost. If not, [`Writable`](Event::Writable) will say when.
    #[must_use]
    pub fn is_writable(&mut self, stream: u32) -> bool {
        let Some(state) = self.streams.get_mut(&stream) else { return false };
        let writable = state.is_writable();
        state.starved |= !writable;
        writable
    }

    /// From now on nothing that arrives on the stream is given, until it is [resumed](Self::resume). The peer may
    /// send until its window is used up. A WebSocket that is paused sends no keepalive and answers no Ping.
    pub fn pause(&mut self, stream: u32) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.paused = true;
        }
    }

    /// Undoes [`pause`](Self::pause). What arrived meanwhile is given.
    pub fn resume(&mut self, stream: u32) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.paused = false;
            state.flag.raise();
        }
    }

    /// Resets a stream (RFC 9113 section 6.4), with CANCEL (8) say. Its [`Closed`](Event::Closed) follows.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`].
    pub fn reset(&mut self, stream: u32, code: u32) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        state.reset(Reason::from(code));
        self.finish(stream, StreamEnd::Reset { code, by_peer: false });
        Ok(())
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

    /// The WebSocket on a stream.
    fn socket(&mut self, stream: u32) -> Result<&mut Connection, UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        Ok(&mut state.socket.as_mut().ok_or(UseError::WrongState)?.connection)
    }

    /// Something was put into a WebSocket's output, or refused.
    fn sent(&mut self, stream: u32, sent: Result<(), RefusedReason>) -> Result<(), UseError> {
        match sent {
            Ok(()) => {
                self.guard.progress();
                self.touch(stream);
                Ok(())
            }
            Err(RefusedReason::Encode(error)) => Err(error.into()),
            Err(_) => {
                if let Some(state) = self.streams.get_mut(&stream) {
                    state.starved = true;
                }
                self.touch(stream);
                Err(UseError::Full)
            }
        }
    }

    fn insert(&mut self, stream: Stream) {
        self.streams.insert(stream.id, stream);
    }

    /// Has a stream flushed, and looked at where it may be over.
    fn touch(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(&id) {
            if stream.is_complete() {
                stream.flag.raise();
            }
            if !std::mem::replace(&mut stream.dirty, true) {
                self.dirty.push(id);
            }
        }
    }

    /// Hands WebSockets' output to h2. Whether something may have come of it.
    fn flush(&mut self, now: Duration) -> bool {
        let dirty = std::mem::take(&mut self.dirty);
        let any = !dirty.is_empty();
        for &id in &dirty {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.dirty = false;
            if let Some(end) = stream.flush(self.config.websocket.close_timeout, now) {
                self.finish(id, end);
            }
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
            self.dirty.clear();
        }
        any
    }

    fn poll_stream(&mut self, id: u32, now: Duration) -> Option<Event> {
        let stream = self.streams.get_mut(&id)?;
        stream.flag.taken();
        let polled = stream.poll(self.end.is_some(), &mut self.spare, now);
        if polled.is_some() {
            // There may be more.
            stream.flag.raise();
        }
        if stream.socket.is_some() {
            self.touch(id);
        }
        match polled? {
            Polled::Event(event) => {
                if matches!(event, Event::Data { .. } | Event::Message { .. } | Event::Response { .. }) {
                    self.guard.progress();
                }
                Some(event)
            }
            Polled::Opened(head) => self.opened(id, head, now),
            Polled::End(end) => {
                self.finish(id, end);
                None
            }
        }
    }

    /// Takes what arrived on WebSockets off h2.
    fn collect(&mut self) {
        let ready = self.wakes.take();
        for id in &ready {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.collect(&mut self.spare);
            }
        }
        self.wakes.put_back(ready);
    }

    /// A stream is over.
    fn finish(&mut self, id: u32, end: StreamEnd) {
        if self.streams.remove(&id).is_some() {
            if end == StreamEnd::Complete {
                self.guard.stream_complete();
            }
            self.events.push_back(Event::Closed { stream: id, end });
        }
    }

    /// Has h2 read and write while there is a reason to.
    fn drive(&mut self) {
        while self.end.is_none() && self.wakes.take_connection() {
            if self.shutting_down {
                self.shutting_down = !self.role.shutdown();
            }
            let room = self.config.max_output.saturating_sub(self.queued());
            self.pipe.lock().allow(room);
            let waker = self.waker.clone();
            let polled = self.role.poll(&mut Context::from_waker(&waker));
            self.pipe.lock().drain(&mut self.out);
            if let Poll::Ready(result) = polled {
                self.over(result);
            }
        }
    }

    /// Ends the session because of what the peer does.
    fn fail(&mut self, violation: Violation) {
        let (reason, end) = match violation {
            Violation::Flood => {
                let reason = Reason::ENHANCE_YOUR_CALM;
                (reason, SessionEnd::Error { code: reason.into(), by_peer: false })
            }
            Violation::Setting(invalid) => (Reason::PROTOCOL_ERROR, SessionEnd::Setting(invalid)),
        };
        self.failure = Some(end);
        self.role.abort(reason);
        if matches!(self.role, Role::Over) {
            self.over(Ok(()));
        }
    }

    /// The connection is over: every stream is looked at for the last time.
    fn over(&mut self, result: Result<(), h2::Error>) {
        if self.end.is_some() {
            return;
        }
        let end = self.failure.unwrap_or_else(|| match result {
            Ok(()) if self.eof && !self.streams.is_empty() => SessionEnd::Transport,
            Ok(()) => SessionEnd::Clean,
            Err(error) => match error.reason() {
                Some(code) => SessionEnd::Error { code: code.into(), by_peer: error.is_remote() },
                None => SessionEnd::Transport,
            },
        });
        self.end = Some(end);
        self.role = Role::Over;
        self.pipe.lock().drain(&mut self.out);
        for stream in self.streams.values() {
            stream.flag.raise();
        }
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
