//! Two connections, any operations on both, any cuts, delays and broken bytes between them: what each may rely on.

use std::collections::VecDeque;
use std::time::Duration;

use wire_ws::{Connection, ConnectionConfig, DataKind, End, MessageEvent, Payload};

/// One end, with what is on its way to it.
struct Side {
    connection: Connection,
    inbox: Vec<u8>,
    /// What the other sent and this has not received.
    due: VecDeque<Vec<u8>>,
    broken: bool,
    failed: bool,
    end: Option<End>,
}

const HARD_LIMIT: usize = 600;

impl Side {
    fn new(connection: Connection) -> Self {
        let connection = connection.with_fragment_size(70);
        Self { connection, inbox: Vec::new(), due: VecDeque::new(), broken: false, failed: false, end: None }
    }

    /// Decodes what has come.
    fn receive(&mut self, now: Duration) {
        loop {
            let step = match self.connection.decode(&mut self.inbox, now) {
                Ok(step) => step,
                Err(error) => {
                    assert!(self.broken, "{error}, and nothing was broken");
                    self.failed = true;
                    self.inbox.clear();
                    assert_eq!(self.connection.decode(&mut [], now), Err(error));
                    return;
                }
            };
            let Some(event) = &step.event else {
                self.inbox.drain(..step.consumed);
                assert!(self.inbox.len() <= 130);
                return;
            };
            if let MessageEvent::Message { payload, .. } = event
                && !self.broken
            {
                let payload = match payload {
                    Payload::Input(range) => &self.inbox[range.clone()],
                    Payload::Buffer => self.connection.decoder().buffer(),
                };
                let due = self.due.pop_front().expect("a message that was sent");
                assert_eq!(payload, due, "in order and whole");
            }
            self.inbox.drain(..step.consumed);
        }
    }

    /// What holds after every operation.
    fn check(&mut self) {
        if let Some(end) = self.end {
            assert_eq!(self.connection.end(), Some(end), "an end is the end");
        }
        self.end = self.connection.end();
        if self.end.is_some() {
            assert_eq!(self.connection.next_deadline(), None);
            assert!(!self.connection.is_writable());
        }
        if self.failed {
            assert!(!self.connection.is_writable());
        }
        // A message, a Pong, a Ping and a Close above the limit; headers of fragments.
        assert!(self.connection.output().len() <= 2 * HARD_LIMIT + 4 * 140);
    }
}

/// Pairs of bytes are operations.
pub fn ws_connection(data: &[u8]) {
    let Some((&choice, script)) = data.split_first() else { return };
    let mut config = ConnectionConfig::default();
    (config.soft_output_limit, config.hard_output_limit) = (200, HARD_LIMIT);
    if choice & 1 != 0 {
        config.ping_interval = None;
    }
    let mut now = Duration::from_secs(1_000);
    let (mut server, mut client) =
        (Connection::server(&config, now), Connection::client([choice; 32], &config, now));
    if choice & 2 != 0 {
        let mut params = wire_ws::deflate::DeflateParams::default();
        params.client_no_context_takeover = choice & 4 != 0;
        params.server_no_context_takeover = choice & 8 != 0;
        params.min_size = 10;
        (server, client) = (server.with_deflate(&params), client.with_deflate(&params));
    }
    let mut sides = [Side::new(server), Side::new(client)];
    for operation in script.chunks_exact(2) {
        let (what, size) = (operation[0], usize::from(operation[1]));
        let [a, b] = &mut sides;
        let (this, other) = if what & 1 == 0 { (a, b) } else { (b, a) };
        match (what >> 1) % 8 {
            0 | 1 => {
                let message = vec![what; size];
                match this.connection.send(DataKind::Binary, message) {
                    Ok(()) => other.due.push_back(vec![what; size]),
                    Err(refused) => assert_eq!(refused.message, vec![what; size]),
                }
            }
            2 | 3 => {
                let output = this.connection.output();
                let len = if size == 255 { output.len() } else { size.min(output.len()) };
                other.inbox.extend_from_slice(&output[..len]);
                this.connection.written(len);
                other.receive(now);
            }
            4 => {
                let _ = this.connection.close(wire_ws::CloseCode::new(1000 + size as u16), "", now);
            }
            5 => {
                now += Duration::from_millis(size as u64 * 100);
                for side in [&mut *this, &mut *other] {
                    side.connection.handle_timeout(now);
                    // Acting on a deadline moves it.
                    assert!(side.connection.next_deadline().is_none_or(|next| next > now));
                }
            }
            6 if size < 16 => {
                this.broken = true;
                this.inbox.push(what);
                this.receive(now);
            }
            6 => this.connection.shrink(),
            _ if size == 0 => {
                // What comes after the end is an error again and again.
                this.broken = true;
                let end = this.connection.decode_eof();
                assert_eq!(this.connection.end(), Some(end));
                assert!(end != End::Clean || !this.connection.is_writable());
            }
            _ => this.receive(now),
        }
        this.check();
        other.check();
    }
}
