//! permessage-deflate: any bytes as frames, any bytes as compressed data, any messages there and back.

use wire_ws::deflate::{DeflateParams, Inflater};
use wire_ws::{Config, DataKind, Encoder, Error, ErrorKind, MessageDecoder, MessageEvent, Payload, Role};

/// Limits that a short input can reach.
fn config() -> Config {
    let mut config = Config::default();
    config.max_message_size = 5_000;
    config.max_frame_size = 5_000;
    config.max_fragments = 40;
    config
}

fn params(choice: u8) -> DeflateParams {
    let mut params = DeflateParams::default();
    let no_takeover = choice & 1 != 0;
    (params.server_no_context_takeover, params.client_no_context_takeover) = (no_takeover, no_takeover);
    let bits = 9 + (choice >> 1) % 7;
    (params.server_max_window_bits, params.client_max_window_bits) = (bits, bits);
    params.min_size = usize::from(choice >> 4) * 4;
    params.level = 1 + choice % 9;
    params
}

/// The first byte chooses what is done, the second the parameters, the third how the rest is cut.
pub fn ws_deflate(data: &[u8]) {
    let [what, choice, len, data @ ..] = data else { return };
    let (params, len) = (params(*choice), 1 + usize::from(*len));
    let role = if what & 1 == 0 { Role::Server } else { Role::Client };
    match (what >> 1) % 3 {
        0 => frames(role, &params, len, data),
        1 => compressed(role, &params, len, data),
        _ => there_and_back(role, &params, len, data),
    }
}

type Transcript = (Vec<(u8, Vec<u8>)>, Result<(), Error>);

fn messages(mut decoder: MessageDecoder, len: usize, data: &[u8]) -> Transcript {
    let (mut events, mut rest) = (Vec::new(), Vec::new());
    for piece in data.chunks(len) {
        rest.extend_from_slice(piece);
        loop {
            let step = match decoder.decode(&mut rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut rest), Err(error));
                    assert_eq!(decoder.decode_eof(), Err(error));
                    return (events, Err(error));
                }
            };
            assert!(decoder.buffer().len() <= 5_000, "more is held than the limit");
            let more = step.event.is_some();
            events.extend(step.event.map(|event| match event {
                MessageEvent::Message { kind, payload } => {
                    let payload = match payload {
                        Payload::Input(range) => rest[range].to_vec(),
                        Payload::Buffer => decoder.buffer().to_vec(),
                    };
                    assert!(kind == DataKind::Binary || std::str::from_utf8(&payload).is_ok());
                    (if kind == DataKind::Text { 1 } else { 2 }, payload)
                }
                MessageEvent::Ping { range } => (9, rest[range].to_vec()),
                MessageEvent::Pong { range } => (10, rest[range].to_vec()),
                MessageEvent::Close { range, .. } => (8, rest[range].to_vec()),
            }));
            rest.drain(..step.consumed);
            if !more {
                break;
            }
        }
        decoder.shrink();
    }
    (events, decoder.decode_eof())
}

/// Any frames: the same messages and the same error however they are cut.
fn frames(role: Role, params: &DeflateParams, len: usize, data: &[u8]) {
    let run = |len| {
        let decoder = MessageDecoder::new(role, &config()).with_deflate(params, &config());
        messages(decoder, len, data)
    };
    let whole = run(usize::MAX);
    assert_eq!(run(len), whole);
    assert_eq!(run(1), whole);
}

/// Any compressed data as two messages: the same result however it is cut, and never more than the limit.
fn compressed(role: Role, params: &DeflateParams, len: usize, data: &[u8]) {
    let half = data.len() / 2;
    let run = |len| -> Vec<Result<Vec<u8>, ErrorKind>> {
        let mut inflater = Inflater::new(role, params, &config());
        [&data[..half], &data[half..]]
            .map(|message| {
                let mut out = Vec::new();
                let mut result = Ok(());
                for piece in message.chunks(len) {
                    result = result.and_then(|()| inflater.inflate(DataKind::Text, piece, false, &mut out));
                    assert!(out.capacity() <= 5_001, "{} held", out.capacity());
                }
                result = result.and_then(|()| inflater.inflate(DataKind::Text, b"", true, &mut out));
                inflater.shrink();
                result.map(|()| out)
            })
            .into()
    };
    let whole = run(usize::MAX);
    assert_eq!(run(len), whole);
    assert_eq!(run(1), whole);
    for text in whole.into_iter().flatten() {
        assert!(text.len() <= 5_000 && String::from_utf8(text).is_ok());
    }
}

/// A script of messages, encoded by one role and decoded by the other.
fn there_and_back(sender: Role, params: &DeflateParams, len: usize, mut script: &[u8]) {
    let encoder = match sender {
        Role::Client => Encoder::client([len as u8; 32]),
        Role::Server => Encoder::server(),
    };
    let mut encoder = encoder.with_deflate(params);
    if len.is_multiple_of(3) {
        encoder = encoder.with_fragment_size(len);
    }
    let (mut wire, mut sent) = (Vec::new(), Vec::new());
    while let [what, size, rest @ ..] = script {
        let (payload, rest) = rest.split_at(usize::from(*size).min(rest.len()));
        script = rest;
        // Something to compress, at most 255 * 16 bytes.
        let payload = payload.repeat(1 + usize::from(what >> 4));
        let kind = DataKind::Binary;
        match what % 4 {
            0 => encoder.encode_uncompressed(kind, &payload, &mut wire).expect("between messages"),
            1 => {
                for piece in payload.chunks(len) {
                    encoder.encode_fragment(kind, piece, false, &mut wire).expect("open");
                }
                encoder.encode_fragment(kind, b"", true, &mut wire).expect("open");
            }
            2 => {
                encoder.shrink();
                encoder.encode_message(kind, &payload, &mut wire).expect("open");
            }
            _ => encoder.encode_message(kind, &payload, &mut wire).expect("open"),
        }
        sent.push((2, payload));
    }
    let config = Config::default();
    let decoder = MessageDecoder::new(sender.peer(), &config).with_deflate(params, &config);
    assert_eq!(messages(decoder, len, &wire).0, sent);
}
