//! Targets for wire-ws. The first bytes of an input choose the role and how the rest is cut.

use wire_ws::frame::FrameHeader;
use wire_ws::handshake::{self, Extensions, Key, RequestLine};
use wire_ws::{
    Config, DataKind, Decoder, Encoder, Error, Event, MessageDecoder, MessageEvent, Payload, Role,
};

/// Limits that a short input can reach.
fn config() -> Config {
    let mut config = Config::default();
    config.max_message_size = 300;
    config.max_frame_size = 200;
    config.max_fragments = 6;
    config
}

/// The role and the length of pieces, and the rest.
fn choices(data: &[u8]) -> Option<(Role, usize, &[u8])> {
    let (&choice, rest) = data.split_first()?;
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    Some((role, 1 + usize::from(choice >> 1), rest))
}

/// What came out of a decoder.
#[derive(Debug, PartialEq)]
struct Transcript {
    /// Kind of event, payload; pieces of one message joined.
    events: Vec<(u8, Vec<u8>)>,
    end: Result<(), Error>,
}

/// Feeds `data` in pieces of `len` bytes to a decoder of pieces, and checks what every step promises.
fn pieces(role: Role, len: usize, data: &[u8]) -> Transcript {
    let mut decoder = Decoder::new(role, &config());
    let mut events: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut rest = Vec::new();
    let mut within = false;
    for piece in data.chunks(len) {
        rest.extend_from_slice(piece);
        loop {
            let before = rest.clone();
            let ready = decoder.is_ready(&rest);
            let step = match decoder.decode(&mut rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut rest), Err(error));
                    assert_eq!(decoder.decode_eof(), Err(error));
                    assert!(decoder.is_ready(&[]));
                    return Transcript { events, end: Err(error) };
                }
            };
            assert_eq!(rest[step.consumed..], before[step.consumed..], "the rest was modified");
            let payload = step.payload(&rest).to_vec();
            match step.event {
                Some(Event::Data { kind, len, first, last, deflated }) => {
                    assert_eq!(len, payload.len());
                    assert!(!deflated && (len > 0 || last) && first != within);
                    within = !last;
                    let kind = if kind == DataKind::Text { 1 } else { 2 };
                    match events.last_mut() {
                        Some((0, message)) if !first => message.extend(payload),
                        _ => events.push((0, payload)),
                    }
                    // An unfinished message is kind 0, for the next piece to be joined, also behind a control frame.
                    if last && let Some(event) = events.last_mut() {
                        event.0 = kind;
                    }
                }
                Some(Event::Ping { .. }) => insert(&mut events, 9, payload),
                Some(Event::Pong { .. }) => insert(&mut events, 10, payload),
                Some(Event::Close { code, .. }) => {
                    assert!(std::str::from_utf8(&payload).is_ok());
                    let code = code.map_or(0, u16::from);
                    insert(&mut events, 8, [&code.to_be_bytes()[..], &payload].concat());
                }
                None => {
                    assert!(!ready);
                    assert!(rest.len() - step.consumed <= 130);
                }
            }
            rest.drain(..step.consumed);
            if step.event.is_none() {
                break;
            }
        }
    }
    for (kind, payload) in &events {
        assert!(*kind != 1 || std::str::from_utf8(payload).is_ok(), "text that is not UTF-8");
    }
    Transcript { events, end: decoder.decode_eof() }
}

/// A control frame goes before the message that it came within.
fn insert(events: &mut Vec<(u8, Vec<u8>)>, kind: u8, payload: Vec<u8>) {
    let at = if events.last().is_some_and(|event| event.0 == 0) { events.len() - 1 } else { events.len() };
    events.insert(at, (kind, payload));
}

/// Any bytes to a decoder, at once and in pieces: no panic, the same transcript, and the header codec agrees with
/// itself.
pub fn ws_frames(data: &[u8]) {
    let Some((role, len, data)) = choices(data) else { return };
    let whole = pieces(role, usize::MAX, data);
    assert_eq!(pieces(role, len, data), whole);
    assert_eq!(pieces(role, 1, data), whole);
    if let Ok(Some((header, len))) = FrameHeader::parse(data) {
        assert_eq!(&*header.encode(), &data[..len]);
    }
}

/// Any bytes to a decoder of messages, through the input and straight into its buffer: the same messages as from
/// the pieces.
pub fn ws_message(data: &[u8]) {
    let Some((role, len, data)) = choices(data) else { return };
    let mut expected = pieces(role, usize::MAX, data);
    // A message that an error, a Close or the end cuts off does not come out.
    expected.events.retain(|event| event.0 != 0);
    for direct in [false, true] {
        assert_eq!(messages(role, len, data, direct), expected);
    }
}

fn messages(role: Role, len: usize, data: &[u8], direct: bool) -> Transcript {
    let mut decoder = MessageDecoder::new(role, &config());
    let mut events = Vec::new();
    let mut rest = Vec::new();
    for mut piece in data.chunks(len) {
        while direct
            && rest.is_empty()
            && !piece.is_empty()
            && let Ok(remaining) = usize::try_from(decoder.remaining())
            && let Some(spare) = decoder.spare()
        {
            let (head, tail) = piece.split_at(remaining.min(piece.len()));
            spare.extend_from_slice(head);
            piece = tail;
            assert!(spare.capacity() <= 2 * spare.len().max(4 << 10));
            match decoder.filled() {
                Ok(None) => {}
                Ok(Some(MessageEvent::Message { kind, payload: Payload::Buffer })) => {
                    events.push((if kind == DataKind::Text { 1 } else { 2 }, decoder.take_buffer()));
                }
                Ok(Some(event)) => panic!("{event:?}"),
                Err(error) => return Transcript { events, end: Err(error) },
            }
        }
        rest.extend_from_slice(piece);
        loop {
            let ready = decoder.is_ready(&rest);
            let step = match decoder.decode(&mut rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode_eof(), Err(error));
                    return Transcript { events, end: Err(error) };
                }
            };
            assert_eq!(step.event.is_some(), ready);
            let more = step.event.is_some();
            events.extend(step.event.map(|event| match event {
                MessageEvent::Message { kind, payload } => {
                    let payload = match payload {
                        Payload::Input(range) => rest[range].to_vec(),
                        Payload::Buffer => decoder.buffer().to_vec(),
                    };
                    (if kind == DataKind::Text { 1 } else { 2 }, payload)
                }
                MessageEvent::Ping { range } => (9, rest[range].to_vec()),
                MessageEvent::Pong { range } => (10, rest[range].to_vec()),
                MessageEvent::Close { code, range } => {
                    (8, [&code.map_or(0, u16::from).to_be_bytes()[..], &rest[range]].concat())
                }
            }));
            rest.drain(..step.consumed);
            if !more {
                break;
            }
        }
    }
    Transcript { events, end: decoder.decode_eof() }
}

/// Any header fields to both sides of the handshake. A line is a field, `Name: value`.
pub fn ws_handshake(data: &[u8]) {
    let fields = || {
        data.split(|&byte| byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
    };
    let request = RequestLine { method: "GET", http_11_or_later: true };
    match handshake::accept(&request, fields()) {
        Ok(offer) => {
            assert!(handshake::is_upgrade(fields()));
            let protocols: Vec<_> = offer.protocols().collect();
            let chosen = offer.select_protocol(&protocols);
            assert_eq!(chosen, protocols.first().copied());
            // What we answer, our client takes.
            let key = fields().find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
            let key = key.and_then(|(_, value)| Key::parse(value.trim_ascii())).expect("it was accepted");
            let response = offer.response_fields(chosen).chain([("Connection", "Upgrade")]);
            let accepted = handshake::verify(
                101,
                response.map(|(name, value)| (name, value.as_bytes())),
                &key,
                &protocols,
            );
            assert_eq!(accepted.expect("our own response").protocol, chosen);
            for value in offer.extensions() {
                for extension in Extensions::new(value) {
                    for param in extension.expect("it was accepted").params() {
                        assert!(param.value().is_none_or(|value| !value.is_empty()));
                    }
                }
            }
        }
        Err(rejection) => assert!([400, 405, 426].contains(&rejection.status())),
    }
    let _ = handshake::verify(101, fields(), &Key::from_random([7; 16]), &["chat"]);
}

/// A script of what to send, encoded by one role and decoded by the other: what comes out is what went in.
pub fn ws_round_trip(data: &[u8]) {
    let Some((role, len, mut script)) = choices(data) else { return };
    let mut encoder = match role {
        Role::Server => Encoder::client([len as u8; 32]),
        Role::Client => Encoder::server(),
    };
    let mut wire = Vec::new();
    let mut sent: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut message: Option<Vec<u8>> = None;
    while let [what, size, rest @ ..] = script {
        let (payload, rest) = rest.split_at(usize::from(*size).min(rest.len()));
        script = rest;
        let before = wire.len();
        // Binary: text that is cut anywhere is the other targets' matter.
        let result = match what % 8 {
            0 | 1 => encoder.encode_message(DataKind::Binary, payload, &mut wire).map(|()| {
                sent.push((2, payload.to_vec()));
            }),
            2 | 3 => encoder.encode_fragment(DataKind::Binary, payload, what % 8 == 3, &mut wire).map(|()| {
                let message = message.get_or_insert_default();
                message.extend_from_slice(payload);
                if what % 8 == 3 {
                    sent.push((2, std::mem::take(message)));
                }
            }),
            4 => encoder.encode_ping(payload, &mut wire).map(|()| {
                sent.push((9, payload.to_vec()));
            }),
            5 => encoder.encode_pong(payload, &mut wire).map(|()| {
                sent.push((10, payload.to_vec()));
            }),
            6 => {
                let opcode = wire_ws::OpCode::new(size & 0xf).unwrap_or(wire_ws::OpCode::Ping);
                // Only frames that leave the decoder where it is.
                if opcode.is_control() && opcode != wire_ws::OpCode::Close {
                    encoder.encode_header(opcode, true, 0).map(|header| {
                        wire.extend_from_slice(&header);
                        sent.push((opcode as u8, Vec::new()));
                    })
                } else {
                    Ok(())
                }
            }
            _ => {
                let reason = std::str::from_utf8(payload).unwrap_or("");
                encoder.encode_close(wire_ws::CloseCode::new(1000), reason, &mut wire).map(|()| {
                    sent.push((8, [&1000_u16.to_be_bytes()[..], reason.as_bytes()].concat()));
                })
            }
        };
        if result.is_err() {
            assert_eq!(wire.len(), before, "a refused call appended");
        }
        if encoder.is_closed() {
            break;
        }
    }
    let mut config = Config::default();
    config.max_message_size = u64::MAX;
    let mut decoder = MessageDecoder::new(role, &config);
    let mut got = Vec::new();
    let mut rest = Vec::new();
    for piece in wire.chunks(len) {
        rest.extend_from_slice(piece);
        while let step = decoder.decode(&mut rest).expect("what the encoder makes is legal")
            && {
                got.extend(step.event.clone().map(|event| match event {
                    MessageEvent::Message { payload: Payload::Input(range), .. } => (2, rest[range].to_vec()),
                    MessageEvent::Message { .. } => (2, decoder.take_buffer()),
                    MessageEvent::Ping { range } => (9, rest[range].to_vec()),
                    MessageEvent::Pong { range } => (10, rest[range].to_vec()),
                    MessageEvent::Close { code, range } => {
                        (8, [&code.map_or(0, u16::from).to_be_bytes()[..], &rest[range]].concat())
                    }
                }));
                rest.drain(..step.consumed);
                step.event.is_some()
            }
        {}
    }
    assert_eq!(got, sent);
    assert_eq!(decoder.decode_eof().is_ok(), encoder.is_closed());
}
