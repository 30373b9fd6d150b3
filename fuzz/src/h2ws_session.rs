//! Sessions of wire-h2ws: any frames to a server, and any operations on a pair. What each may rely on.

use std::collections::BTreeSet;
use std::time::Duration;

use wire_h2ws::handshake::Target;
use wire_h2ws::session::{Config, Event, Session};
use wire_ws::DataKind;

/// Limits that a short input can reach.
fn config(choice: u8) -> Config {
    let mut config = Config::default();
    config.stream_window = [1, 50, 2_000, 65_536][usize::from(choice & 3)];
    config.max_concurrent_streams = [2, 100][usize::from(choice >> 2 & 1)];
    config.max_header_list_size = 1_000;
    config.max_resets = 10;
    config.max_control_frames = 30;
    config.max_send_buffer = 500;
    config.websocket.soft_output_limit = 200;
    config.websocket.hard_output_limit = 600;
    config.websocket.limits.max_message_size = 5_000;
    if choice & 8 != 0 {
        config.deflate = Some(wire_ws::deflate::DeflateConfig::default());
    }
    config
}

/// One end, and the streams that it was told of and that are not closed.
struct Side {
    session: Session,
    inbox: Vec<u8>,
    open: BTreeSet<u32>,
}

impl Side {
    fn new(session: Session) -> Self {
        Self { session, inbox: Vec::new(), open: BTreeSet::new() }
    }

    fn poll(&mut self, now: Duration) {
        while let Some(event) = self.session.poll_event(now) {
            match event {
                Event::Request { stream, .. } => {
                    assert!(self.open.insert(stream));
                    let _ = self.session.respond(stream, http::Response::new(()), false);
                    let _ = self.session.send_data(stream, b"content", stream % 3 == 0);
                }
                Event::WebSocketRequest { stream, request } => {
                    assert!(self.open.insert(stream));
                    let protocol = request.offer().protocols().next().map(str::to_owned);
                    let fields = http::HeaderMap::new();
                    let _ = self.session.accept_websocket(stream, &request, protocol.as_deref(), fields, now);
                }
                Event::Message { stream, kind, data } => {
                    assert!(self.open.contains(&stream));
                    assert!(kind == DataKind::Binary || std::str::from_utf8(&data).is_ok());
                    let _ = self.session.send(stream, kind, &data);
                }
                Event::Closed { stream, .. } => assert!(self.open.remove(&stream), "closed twice"),
                Event::Data { stream, .. } | Event::Trailers { stream, .. } | Event::Close { stream, .. } => {
                    assert!(self.open.contains(&stream));
                }
                _ => {}
            }
        }
        assert_eq!(self.session.open_streams(), self.open.len());
    }

    fn receive(&mut self, len: usize, now: Duration) {
        let len = len.min(self.inbox.len());
        let taken = self.session.receive(&self.inbox[..len], now);
        assert!(taken <= len);
        self.inbox.drain(..taken);
    }

    fn write(&mut self, len: usize, now: Duration) -> Vec<u8> {
        let output = self.session.output(now);
        assert!(output.len() <= 90 << 10);
        let written = output[..len.min(output.len())].to_vec();
        self.session.written(written.len());
        written
    }

    /// After the transport's end every stream is closed, and nothing is due.
    fn end(&mut self, now: Duration) {
        self.session.receive_eof();
        self.poll(now);
        assert!(self.open.is_empty() && self.session.end().is_some());
        assert!(self.session.next_deadline().is_none());
    }
}

/// The first byte chooses; even: the rest are frames to a server; odd: pairs of bytes are operations on a pair.
pub fn h2ws_session(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    if choice & 1 == 0 {
        frames(choice >> 1, rest);
    } else {
        operations(choice >> 1, rest);
    }
}

/// What a frame is for a fuzzer: kind, flags, stream, and a payload of the length that it has.
fn frames(choice: u8, mut script: &[u8]) {
    let mut now = Duration::from_secs(1);
    let mut server = Side::new(Session::server(&config(choice)));
    server.inbox.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    while let [kind, flags, stream, len, tail @ ..] = script {
        let (payload, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        script = tail;
        server.inbox.extend_from_slice(&[0, 0, payload.len() as u8, *kind, *flags, 0, 0, 0, *stream]);
        server.inbox.extend_from_slice(payload);
        if choice & 16 == 0 {
            server.receive(usize::MAX, now);
            server.poll(now);
        }
        if choice & 32 == 0 {
            server.write(usize::MAX, now);
        }
        if kind & 0xf0 != 0 {
            now += Duration::from_secs(1);
            server.session.handle_timeout(now);
        }
    }
    server.receive(usize::MAX, now);
    server.poll(now);
    server.end(now);
}

fn operations(choice: u8, script: &[u8]) {
    let mut now = Duration::from_secs(1);
    let mut server = Side::new(Session::server(&config(choice)));
    let mut client = Side::new(Session::client([choice; 32], &config(choice >> 3)));
    // The settings.
    for _ in 0..2 {
        server.inbox.extend(client.write(usize::MAX, now));
        server.receive(usize::MAX, now);
        client.inbox.extend(server.write(usize::MAX, now));
        client.receive(usize::MAX, now);
        client.poll(now);
    }
    for operation in script.chunks_exact(2) {
        let (what, size) = (operation[0], usize::from(operation[1]));
        let (this, other) =
            if what & 1 == 0 { (&mut server, &mut client) } else { (&mut client, &mut server) };
        let stream = this.open.iter().nth(size % 8).copied().unwrap_or(1);
        match (what >> 1) % 14 {
            0 => {
                let target = Target::parse("ws://a/").expect("a URL");
                if let Ok(id) = this.session.open_websocket(&target, &["chat"], http::HeaderMap::new()) {
                    assert!(this.open.insert(id));
                }
            }
            1 => {
                let request = http::Request::post("http://a/").body(()).expect("a request");
                if let Ok(id) = this.session.request(request, size & 1 == 0) {
                    assert!(this.open.insert(id));
                }
            }
            2 => drop(this.session.send(stream, DataKind::Binary, &vec![what; size])),
            3 => {
                if let Ok(taken) = this.session.send_data(stream, &vec![what; size * 4], what > 200) {
                    assert!(taken <= size * 4);
                }
            }
            4 => drop(this.session.close(stream, wire_ws::CloseCode::new(1000), "", now)),
            5 if what > 200 => drop(this.session.reset(stream, size as u32)),
            6 => this.session.pause(stream),
            7 => this.session.resume(stream),
            8 => {
                now += Duration::from_millis(size as u64 * 50);
                this.session.handle_timeout(now);
                other.session.handle_timeout(now);
            }
            9 if what > 230 => this.session.shutdown(now),
            10 => drop(this.session.send_trailers(stream, http::HeaderMap::new())),
            11 if what > 240 => this.inbox.push(size as u8),
            _ => {
                let len = if size == 255 { usize::MAX } else { size * 8 };
                other.inbox.extend(this.write(len, now));
                other.receive(usize::MAX, now);
                other.poll(now);
                this.poll(now);
            }
        }
    }
    server.end(now);
    client.end(now);
}
