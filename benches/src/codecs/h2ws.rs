//! What `wire-h2ws` does: two sessions that talk to each other, both of which count.

use std::hint::black_box;
use std::time::Duration;

use wire_h2ws::handshake::Target;
use wire_h2ws::session::{Config, Event, Session};
use wire_ws::DataKind;

use super::Workload;

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    ("requests", |count| {
        let mut pair = Pair::new();
        for _ in 0..count {
            let mut answers = 0;
            for _ in 0..STREAMS {
                let request = http::Request::get("https://example.com/hello").body(()).expect("a request");
                pair.client.request(request, true).expect("a stream");
            }
            pair.run(|event| answers += u32::from(matches!(event, Event::Response { .. })));
            assert_eq!(answers, STREAMS);
        }
    }),
    ("messages", |count| {
        let mut pair = Pair::new();
        let target = Target::parse("wss://example.com/chat").expect("a URL");
        let open = |pair: &mut Pair| pair.client.open_websocket(&target, &[], Default::default());
        let streams: Vec<u32> = (0..STREAMS).map(|_| open(&mut pair).expect("a stream")).collect();
        pair.run(drop);
        for _ in 0..count {
            let mut echoes = 0;
            for &stream in &streams {
                pair.client.send(stream, DataKind::Binary, black_box(&[7; 1 << 10])).expect("open");
            }
            pair.run(|event| echoes += u32::from(matches!(event, Event::Message { .. })));
            assert_eq!(echoes, STREAMS);
        }
    }),
];

/// Requests or messages at once.
const STREAMS: u32 = 32;

/// Nothing here takes long.
const NOW: Duration = Duration::ZERO;

struct Pair {
    client: Session,
    server: Session,
}

impl Pair {
    fn new() -> Self {
        let config = Config::default();
        let mut pair = Self { client: Session::client([7; 32], &config), server: Session::server(&config) };
        pair.run(drop);
        pair
    }

    /// Until both have said everything; `seen` is told what the client learns.
    fn run(&mut self, mut seen: impl FnMut(Event)) {
        loop {
            while let Some(event) = self.server.poll_event(NOW) {
                answer(&mut self.server, event);
            }
            while let Some(event) = self.client.poll_event(NOW) {
                seen(event);
            }
            let moved = carry(&mut self.client, &mut self.server) + carry(&mut self.server, &mut self.client);
            if moved == 0 {
                break;
            }
        }
    }
}

fn answer(server: &mut Session, event: Event) {
    match event {
        Event::Request { stream, .. } => server.respond(stream, http::Response::new(()), true),
        Event::WebSocketRequest { stream, request } => {
            server.accept_websocket(stream, &request, None, Default::default(), NOW)
        }
        Event::Message { stream, kind, data } => server.send(stream, kind, &data),
        _ => Ok(()),
    }
    .expect("an open stream");
}

fn carry(from: &mut Session, to: &mut Session) -> usize {
    let len = to.receive(from.output(NOW), NOW);
    from.written(len);
    len
}
