//! No allocation once warm.

use testkit::alloc::measure;
use wire_ws::{Config, DataKind, Decoder, Encoder, Event, MessageDecoder, MessageEvent, Payload, Role};

/// What a client sends again and again: short and longer, whole and in fragments, with a Ping.
fn traffic(client: &mut Encoder, out: &mut Vec<u8>) {
    out.clear();
    client.encode_message(DataKind::Text, "kurz, aber nicht nur ASCII: äöü".as_bytes(), out).expect("open");
    client.encode_message(DataKind::Binary, &[7; 20_000], out).expect("open");
    client.encode_fragment(DataKind::Text, b"in ", false, out).expect("open");
    client.encode_ping(b"ping", out).expect("short");
    client.encode_fragment(DataKind::Text, &[b'x'; 30_000], true, out).expect("open");
}

#[test]
fn echoing_pieces_allocates_nothing() {
    let (mut client, mut server) = (Encoder::client([1; 32]), Encoder::server());
    let mut decoder = Decoder::new(Role::Server, &Config::default());
    let (mut input, mut out) = (Vec::new(), Vec::new());
    let mut round = || {
        traffic(&mut client, &mut input);
        out.clear();
        // In pieces, as a socket gives them.
        for piece in input.chunks_mut(4_096) {
            let mut start = 0;
            loop {
                let step = decoder.decode(&mut piece[start..]).expect("legal");
                let Some(event) = step.event else { break };
                let payload = step.payload(&piece[start..]);
                match event {
                    Event::Data { kind, last, .. } => server.encode_fragment(kind, payload, last, &mut out),
                    Event::Ping { .. } => server.encode_pong(payload, &mut out),
                    _ => Ok(()),
                }
                .expect("open");
                start += step.consumed;
            }
        }
    };
    // Frames are never cut within a header here, or the test would have to carry the rest over.
    round();
    let ((), usage) = measure(|| (0..50).for_each(|_| round()));
    assert_eq!(usage.count, 0);
}

#[test]
fn whole_messages_allocate_nothing_below_64_kib() {
    let mut client = Encoder::client([1; 32]);
    let mut decoder = MessageDecoder::new(Role::Server, &Config::default());
    let mut input = Vec::new();
    let mut round = || {
        traffic(&mut client, &mut input);
        let (mut start, mut bytes) = (0, 0);
        while let step = decoder.decode(&mut input[start..]).expect("legal")
            && let Some(event) = step.event
        {
            if let MessageEvent::Message { payload, .. } = event {
                bytes += match payload {
                    Payload::Input(range) => range.len(),
                    Payload::Buffer => decoder.buffer().len(),
                };
            }
            start += step.consumed;
        }
        assert!(bytes > 50_000);
    };
    round();
    let ((), usage) = measure(|| (0..50).for_each(|_| round()));
    assert_eq!(usage.count, 0);
}

#[test]
fn an_idle_connection_holds_nothing_on_the_heap() {
    let ((), usage) = measure(|| {
        let decoder = MessageDecoder::new(Role::Server, &Config::default());
        let encoder = Encoder::server();
        assert!(size_of_val(&decoder) + size_of_val(&encoder) <= 160);
    });
    assert_eq!(usage.count, 0);
}
