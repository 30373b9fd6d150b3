//! Any operations on both ends, any pieces between them: nothing is stuck, nothing is lost, every stream is closed once.

use std::collections::{BTreeMap, BTreeSet};

use testkit::rng::Rng;
use wire_h2ws::handshake::Target;
use wire_h2ws::session::{Config, Event, StreamEnd};
use wire_ws::DataKind;

use crate::pair::{Pair, Side, at};

/// What one end knows of its streams.
#[derive(Default)]
struct Book {
    open: BTreeSet<u32>,
    /// Open WebSockets that have sent no Close.
    sockets: BTreeSet<u32>,
    /// Content that may be sent: the first of these is next.
    content: BTreeMap<u32, u8>,
    sent: BTreeMap<u32, Vec<u8>>,
    got: BTreeMap<u32, Vec<u8>>,
    /// Streams that one side cut off: what was on its way may be lost.
    cut: BTreeSet<u32>,
    /// Bytes that wait for a stream to be resumed.
    paused: BTreeSet<u32>,
    closed: usize,
}

impl Book {
    fn note(&mut self, side: &mut Side, now: std::time::Duration, rng: &mut Rng) {
        for event in side.take() {
            match event {
                Event::Request { stream, .. } => {
                    assert!(self.open.insert(stream));
                    // It may be over already: all events were taken before the first is looked at.
                    if side.session.respond(stream, http::Response::new(()), false).is_ok() {
                        self.content.insert(stream, 0);
                    }
                }
                Event::WebSocketRequest { stream, request } => {
                    assert!(self.open.insert(stream));
                    if rng.below(8) == 0 {
                        let mut refusal = http::Response::new(());
                        *refusal.status_mut() = http::StatusCode::NOT_FOUND;
                        let _ = side.session.respond(stream, refusal, true);
                    } else if side
                        .session
                        .accept_websocket(stream, &request, None, Default::default(), now)
                        .is_ok()
                    {
                        self.sockets.insert(stream);
                    }
                }
                Event::WebSocketOpen { stream, .. } => assert!(self.sockets.insert(stream)),
                Event::Data { stream, data, .. } | Event::Message { stream, data, .. } => {
                    assert!(self.open.contains(&stream) && !self.paused.contains(&stream));
                    self.got.entry(stream).or_default().extend_from_slice(&data);
                }
                Event::Close { stream, .. } => {
                    self.sockets.remove(&stream);
                }
                Event::Closed { stream, end } => {
                    assert!(self.open.remove(&stream), "{stream} closed twice");
                    self.closed += 1;
                    self.sockets.remove(&stream);
                    self.content.remove(&stream);
                    self.paused.remove(&stream);
                    if end != StreamEnd::Complete {
                        self.cut.insert(stream);
                    }
                }
                Event::Writable { stream } | Event::Response { stream, .. } => {
                    assert!(self.open.contains(&stream));
                }
                _ => {}
            }
        }
    }

    fn pick(&self, set: impl Iterator<Item = u32>, rng: &mut Rng) -> Option<u32> {
        let all: Vec<u32> = set.collect();
        if all.is_empty() { None } else { Some(all[rng.below(all.len())]) }
    }

    /// Something that an application may do.
    fn act(&mut self, side: &mut Side, now: std::time::Duration, rng: &mut Rng) {
        match rng.below(12) {
            0..=3 => {
                let Some(id) = self.pick(self.sockets.iter().copied(), rng) else { return };
                let most = if rng.below(6) == 0 { 9_000 } else { 60 };
                let mut message = vec![0; rng.below(most)];
                rng.fill(&mut message);
                if side.session.send(id, DataKind::Binary, &message).is_ok() {
                    self.sent.entry(id).or_default().extend_from_slice(&message);
                }
            }
            4..=6 => {
                let Some(id) = self.pick(self.content.keys().copied(), rng) else { return };
                let mut data = vec![0; rng.below(3_000)];
                rng.fill(&mut data);
                let end = rng.below(5) == 0;
                let Ok(taken) = side.session.send_data(id, &data, end) else { return };
                self.sent.entry(id).or_default().extend_from_slice(&data[..taken]);
                if end && taken == data.len() {
                    self.content.remove(&id);
                }
            }
            7 if rng.below(3) == 0 => {
                let Some(id) = self.pick(self.sockets.iter().copied(), rng) else { return };
                if side.session.close(id, None, "", now).is_ok() {
                    self.sockets.remove(&id);
                }
            }
            8 if rng.below(6) == 0 => {
                let Some(id) = self.pick(self.open.iter().copied(), rng) else { return };
                let _ = side.session.reset(id, 8);
                self.cut.insert(id);
            }
            9 => {
                let Some(id) = self.pick(self.open.iter().copied(), rng) else { return };
                side.session.pause(id);
                self.paused.insert(id);
            }
            10 => {
                if let Some(id) = self.paused.pop_last() {
                    side.session.resume(id);
                }
            }
            _ => {
                let Some(id) = self.pick(self.sockets.iter().copied(), rng) else { return };
                let _ = side.session.ping(id, b"?");
            }
        }
    }
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::default();
    config.stream_window = [1, 7, 100, 5_000, 65_536][rng.below(5)];
    config.max_concurrent_streams = [3, 128][rng.below(2)];
    config.websocket.soft_output_limit = 1_000;
    config.websocket.hard_output_limit = 20_000;
    config.max_resets = 100_000;
    config.max_control_frames = 100_000;
    config
}

fn scenario(seed: u64) {
    let rng = &mut Rng::new(seed);
    let mut pair = Pair::ready(&config(rng), &config(rng));
    let (mut server, mut client) = (Book::default(), Book::default());
    for _ in 0..400 {
        let now = pair.now;
        let len = [1, 9, 50, 700, usize::MAX][rng.below(5)];
        match rng.below(10) {
            0 => {
                let target = Target::parse("ws://a/").expect("a URL");
                if let Ok(id) = pair.client.session.open_websocket(&target, &[], Default::default()) {
                    assert!(client.open.insert(id));
                }
            }
            1 => {
                let request = http::Request::post("http://a/").body(()).expect("a request");
                if let Ok(id) = pair.client.session.request(request, false) {
                    assert!(client.open.insert(id));
                    client.content.insert(id, 0);
                }
            }
            2 => drop(pair.client.write(&mut pair.server, len, now)),
            3 => drop(pair.server.write(&mut pair.client, len, now)),
            4 => drop(pair.server.receive(len, now)),
            5 => drop(pair.client.receive(len, now)),
            6 => {
                pair.server.poll(now);
                server.note(&mut pair.server, now, rng);
            }
            7 => {
                pair.client.poll(now);
                client.note(&mut pair.client, now, rng);
            }
            8 => server.act(&mut pair.server, now, rng),
            _ => client.act(&mut pair.client, now, rng),
        }
    }
    // All that was begun is brought to its end.
    for round in 0.. {
        assert!(round < 1_000, "seed {seed}: stuck with {:?} and {:?}", server.open, client.open);
        pair.run_by(1 + rng.below(2_000));
        let now = pair.now;
        for (book, side) in [(&mut server, &mut pair.server), (&mut client, &mut pair.client)] {
            book.note(side, now, rng);
            while let Some(id) = book.paused.pop_last() {
                side.session.resume(id);
            }
            for id in std::mem::take(&mut book.sockets) {
                let _ = side.session.close(id, None, "", now);
            }
            for id in book.content.keys().copied().collect::<Vec<_>>() {
                if side.session.send_data(id, b"", true).is_ok() {
                    book.content.remove(&id);
                }
            }
        }
        if server.open.is_empty() && client.open.is_empty() {
            break;
        }
    }
    for (from, to) in [(&server, &client), (&client, &server)] {
        for (id, sent) in &from.sent {
            if !from.cut.contains(id) && !to.cut.contains(id) {
                assert!(
                    to.got.get(id).map_or(&[][..], Vec::as_slice) == sent,
                    "seed {seed}: stream {id} lost bytes"
                );
            }
        }
    }
    assert_eq!((pair.server.session.open_streams(), pair.client.session.open_streams()), (0, 0));
    assert_eq!((pair.server.session.end(), pair.client.session.end()), (None, None), "seed {seed}");
    assert!(pair.server.session.next_deadline().is_none() && at(0) < pair.now);
}

#[test]
fn any_operations_in_any_pieces() {
    for seed in 0..60 {
        scenario(seed);
    }
}
