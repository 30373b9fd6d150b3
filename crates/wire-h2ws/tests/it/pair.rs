//! Two sessions and the transport between them.

use std::time::Duration;

use wire_h2ws::handshake::Target;
use wire_h2ws::session::{Config, Event, Session};

pub(crate) const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One end, what is on its way to it, and what it said.
pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) inbox: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Pair {
    pub(crate) server: Side,
    pub(crate) client: Side,
    pub(crate) now: Duration,
}

impl Side {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, inbox: Vec::new(), events: Vec::new() }
    }

    /// Takes at most `len` bytes of the inbox.
    pub(crate) fn receive(&mut self, len: usize, now: Duration) -> usize {
        let len = len.min(self.inbox.len());
        let taken = self.session.receive(&self.inbox[..len], now);
        self.inbox.drain(..taken);
        taken
    }

    pub(crate) fn poll(&mut self, now: Duration) {
        while let Some(event) = self.session.poll_event(now) {
            self.events.push(event);
        }
    }

    /// Writes at most `len` bytes to the other side.
    pub(crate) fn write(&mut self, to: &mut Self, len: usize, now: Duration) -> usize {
        let output = self.session.output(now);
        let len = len.min(output.len());
        to.inbox.extend_from_slice(&output[..len]);
        self.session.written(len);
        len
    }

    pub(crate) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

impl Pair {
    pub(crate) fn new(server: &Config, client: &Config) -> Self {
        Self {
            server: Side::new(Session::server(server)),
            client: Side::new(Session::client([9; 32], client)),
            now: at(100),
        }
    }

    /// Moves everything, in pieces of `len` bytes, until nothing moves.
    pub(crate) fn run_by(&mut self, len: usize) {
        for _ in 0..1_000_000 {
            let mut moved = 0;
            moved += self.client.write(&mut self.server, len, self.now);
            moved += self.server.write(&mut self.client, len, self.now);
            moved += self.server.receive(len, self.now);
            moved += self.client.receive(len, self.now);
            let before = self.server.events.len() + self.client.events.len();
            self.server.poll(self.now);
            self.client.poll(self.now);
            moved += self.server.events.len() + self.client.events.len() - before;
            if moved == 0 {
                assert!(self.server.inbox.is_empty() && self.client.inbox.is_empty(), "stuck");
                return;
            }
        }
        panic!("it never ends");
    }

    pub(crate) fn run(&mut self) {
        self.run_by(usize::MAX);
    }

    /// A pair past its SETTINGS.
    pub(crate) fn ready(server: &Config, client: &Config) -> Self {
        let mut pair = Self::new(server, client);
        pair.run();
        assert!(matches!(&pair.client.take()[..], [Event::WebSocketsEnabled]));
        assert!(pair.server.take().is_empty());
        pair
    }

    /// An open WebSocket.
    pub(crate) fn websocket(&mut self) -> u32 {
        let target = Target::parse("ws://a/chat").expect("a URL");
        let id = self.client.session.open_websocket(&target, &[], Default::default()).expect("enabled");
        self.run();
        let [Event::WebSocketRequest { stream, request }] = &self.server.take()[..] else { panic!() };
        assert_eq!(*stream, id);
        self.server
            .session
            .accept_websocket(id, request, None, Default::default(), self.now)
            .expect("just asked for");
        self.run();
        assert!(matches!(&self.client.take()[..], [Event::WebSocketOpen { .. }]));
        id
    }
}
