//! The turning of the wheel: h2 is polled, streams are looked at, and what ends is said to have ended.
//!
//! Invariants: a stream is in `streams` from the event or the method that names it until its `Closed` is queued; the
//! session has an end exactly when its role is over.

use std::task::{Context, Poll};
use std::time::Duration;

use h2::Reason;

use super::Session;
use super::event::{Event, SessionEnd, StreamEnd};
use super::guard::Violation;
use super::role::Role;
use super::stream::{Polled, Stream};

impl Session {
    pub(super) fn insert(&mut self, stream: Stream) {
        self.streams.insert(stream.id, stream);
    }

    /// Has a stream flushed, and looked at where it may be over.
    pub(super) fn touch(&mut self, id: u32) {
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
    pub(super) fn flush(&mut self, now: Duration) -> bool {
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

    pub(super) fn poll_stream(&mut self, id: u32, now: Duration) -> Option<Event> {
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
    pub(super) fn collect(&mut self) {
        let ready = self.wakes.take();
        for id in &ready {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.collect(&mut self.spare);
            }
        }
        self.wakes.put_back(ready);
    }

    /// A stream is over.
    pub(super) fn finish(&mut self, id: u32, end: StreamEnd) {
        if self.streams.remove(&id).is_some() {
            if end == StreamEnd::Complete {
                self.guard.stream_complete();
            }
            self.events.push_back(Event::Closed { stream: id, end });
        }
    }

    /// Has h2 read and write while there is a reason to.
    pub(super) fn drive(&mut self) {
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
    pub(super) fn fail(&mut self, violation: Violation) {
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
    pub(super) fn over(&mut self, result: Result<(), h2::Error>) {
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
