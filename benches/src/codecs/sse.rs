//! What `wire-sse` does.

use std::hint::black_box;

use wire_sse::{Config, EventDecoder, Message, StreamEvent};

use super::Workload;

/// All of them, each with 16 messages of an id, a type and two lines.
pub const WORKLOADS: &[Workload] = &[
    ("encode", |count| {
        let mut out = Vec::new();
        for _ in 0..count {
            out.clear();
            stream(&mut out);
            black_box(&out);
        }
    }),
    ("decode", |count| decodes(count, usize::MAX)),
    ("bytes", |count| decodes(count, 1)),
];

fn stream(out: &mut Vec<u8>) {
    for id in ["1000", "1001", "1002", "1003"].repeat(4) {
        let data = black_box("{\"price\":1234,\"volume\":567}\nsecond line of the same message");
        Message::data(data).id(id).event("trade").encode(out).expect("a message");
    }
}

fn decodes(count: u64, piece: usize) {
    let mut input = Vec::new();
    stream(&mut input);
    let mut decoder = EventDecoder::new(&Config::default());
    for _ in 0..count {
        let mut messages = 0;
        for mut piece in black_box(&input).chunks(piece.min(input.len())) {
            loop {
                let step = decoder.decode(piece).expect("a stream");
                piece = &piece[step.consumed..];
                match step.event {
                    Some(StreamEvent::Message) => {
                        black_box(decoder.data_bytes());
                        messages += 1;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        }
        assert_eq!(messages, 16);
    }
}
