//! Random conversations: what one role encodes the other decodes, however it is fragmented, cut and interrupted.

use testkit::laws::{Subject, run};
use testkit::rng::Rng;
use wire_ws::frame::{FrameHeader, Mask};
use wire_ws::{CloseCode, Config, DataKind, Decoder, EncodeError, Encoder, MessageDecoder, OpCode, Role};

use crate::laws::{Messages, Owned, Pieces};

fn encoder(role: Role, seed: u8) -> Encoder {
    match role {
        Role::Server => Encoder::server(),
        Role::Client => Encoder::client([seed; 32]),
    }
}

/// A payload of one of the length classes; text where asked.
fn payload(rng: &mut Rng, kind: DataKind) -> Vec<u8> {
    let len = match rng.below(8) {
        0 => 0,
        1..=4 => rng.below(126),
        5 => 126 + rng.below(10),
        6 => rng.below(3_000),
        _ => 65_530 + rng.below(12),
    };
    match kind {
        DataKind::Binary => {
            let mut bytes = vec![0; len];
            rng.fill(&mut bytes);
            bytes
        }
        DataKind::Text => {
            let mut text = String::new();
            while text.len() < len {
                let range = [0x7f, 0x7ff, 0xffff, 0x10_ffff][rng.below(4)];
                text.extend(char::from_u32(rng.below(range + 1) as u32));
            }
            text.into_bytes()
        }
    }
}

/// Sends random things, and returns what must come out.
fn converse(rng: &mut Rng, encoder: &mut Encoder, wire: &mut Vec<u8>) -> Vec<Owned> {
    let mut expected = Vec::new();
    let control = |rng: &mut Rng, encoder: &mut Encoder, wire: &mut Vec<u8>| {
        let mut bytes = vec![0; rng.below(126)];
        rng.fill(&mut bytes);
        if rng.below(2) == 0 {
            encoder.encode_ping(&bytes, wire).expect("short");
            Owned::Ping(bytes)
        } else {
            encoder.encode_pong(&bytes, wire).expect("short");
            Owned::Pong(bytes)
        }
    };
    for _ in 0..rng.below(12) {
        let kind = if rng.below(2) == 0 { DataKind::Text } else { DataKind::Binary };
        let payload = payload(rng, kind);
        match rng.below(4) {
            0 => expected.push(control(rng, encoder, wire)),
            1 => {
                encoder.encode_message(kind, &payload, wire).expect("open");
                expected.push(Owned::Data { kind, payload, first: true, last: true });
            }
            2 => {
                // A header and the payload by itself.
                let opcode = if kind == DataKind::Text { OpCode::Text } else { OpCode::Binary };
                let header = encoder.encode_header(opcode, true, payload.len() as u64).expect("open");
                wire.extend_from_slice(&header);
                let start = wire.len();
                wire.extend_from_slice(&payload);
                if let Some(mut mask) = header.mask() {
                    mask.apply(&mut wire[start..]);
                }
                expected.push(Owned::Data { kind, payload, first: true, last: true });
            }
            _ => {
                let mut rest = &payload[..];
                while rng.below(6) > 0 {
                    let (piece, next) = rest.split_at(rng.below(rest.len() + 1));
                    rest = next;
                    encoder.encode_fragment(kind, piece, false, wire).expect("open");
                    if rng.below(3) == 0 {
                        expected.push(control(rng, encoder, wire));
                    }
                }
                encoder.encode_fragment(kind, rest, true, wire).expect("open");
                expected.push(Owned::Data { kind, payload, first: true, last: true });
            }
        }
    }
    let code = CloseCode::new(3000 + rng.below(2000) as u16);
    encoder.encode_close(code, "Schluß", wire).expect("open");
    expected.push(Owned::Close(code, "Schluß".into()));
    expected
}

/// Pieces of one message joined, also over control frames, which then come before it.
fn joined(events: Vec<Owned>) -> Vec<Owned> {
    let mut out = Vec::new();
    let mut message: Option<Owned> = None;
    for event in events {
        match (&mut message, event) {
            (Some(begun), event @ Owned::Data { .. }) => {
                assert!(Pieces::merge(begun, &event), "{event:?} does not continue");
            }
            (None, event @ Owned::Data { first: true, .. }) => message = Some(event),
            (_, event) => out.push(event),
        }
        if matches!(message, Some(Owned::Data { last: true, .. })) {
            out.extend(message.take());
        }
    }
    out
}

#[test]
fn conversations() {
    for seed in 0..150 {
        for (sender, receiver) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let mut rng = Rng::new(seed);
            let mut wire = Vec::new();
            let expected = converse(&mut rng, &mut encoder(sender, seed as u8), &mut wire);
            let size = [usize::MAX / 2, 1 + rng.below(20), 1 + rng.below(5_000)][rng.below(3)];
            let mut cut = || 1 + rng.below(size);

            let mut pieces = Pieces { decoder: Decoder::new(receiver, &Config::default()), quiet: false };
            let got = run(&mut pieces, &wire, &mut cut);
            assert!(joined(got.events) == expected && got.end.is_ok(), "seed {seed}, {receiver:?}");

            let decoder = MessageDecoder::new(receiver, &Config::default());
            let mut messages = Messages { decoder, quiet: false, direct: seed % 2 == 0 };
            let got = run(&mut messages, &wire, &mut cut);
            assert!(got.events == expected && got.end.is_ok(), "seed {seed}, {receiver:?}");
        }
    }
}

#[test]
fn a_clients_keys_are_fresh_and_follow_the_seed() {
    let keys = |seed| {
        let mut client = Encoder::client([seed; 32]);
        let mut wire = Vec::new();
        (0..1_000)
            .map(|_| {
                wire.clear();
                client.encode_message(DataKind::Binary, b"same", &mut wire).expect("open");
                let (header, _) = FrameHeader::parse(&wire).expect("legal").expect("whole");
                let key = header.key.expect("a client masks");
                let mut payload = wire[6..].to_vec();
                Mask::new(key).apply(&mut payload);
                assert_eq!(payload, b"same");
                key
            })
            .collect::<Vec<_>>()
    };
    let (a, b) = (keys(1), keys(2));
    assert_eq!(a, keys(1));
    assert_ne!(a, b);
    let mut unique = a;
    unique.sort_unstable();
    unique.dedup();
    assert!(unique.len() >= 999);
    assert!(
        !format!("{:?}", Encoder::client([0x5a; 32])).contains("90"),
        "no state of the generator in Debug"
    );
}

#[test]
fn refused_calls_change_nothing() {
    use EncodeError as E;
    for role in [Role::Server, Role::Client] {
        let mut encoder = encoder(role, 0);
        let mut out = Vec::new();
        // Nothing to continue.
        assert_eq!(encoder.encode_header(OpCode::Continuation, true, 1), Err(E::NoMessage));
        assert_eq!(encoder.encode_header(OpCode::Text, true, 1 << 63), Err(E::PayloadTooLong));
        assert_eq!(encoder.encode_header(OpCode::Ping, false, 1), Err(E::FragmentedControl));
        assert_eq!(encoder.encode_header(OpCode::Pong, true, 126), Err(E::ControlTooLong));
        assert_eq!(encoder.encode_header(OpCode::Close, true, 1), Err(E::ReasonWithoutCode));
        assert_eq!(encoder.encode_ping(&[0; 126], &mut out), Err(E::ControlTooLong));
        assert_eq!(encoder.encode_pong(&[0; 126], &mut out), Err(E::ControlTooLong));
        assert_eq!(encoder.encode_close(None, "reason", &mut out), Err(E::ReasonWithoutCode));
        let long = "r".repeat(124);
        assert_eq!(encoder.encode_close(Some(CloseCode::NORMAL), &long, &mut out), Err(E::ControlTooLong));
        assert!(out.is_empty() && !encoder.is_closed());

        // Within a message.
        encoder.encode_fragment(DataKind::Text, b"a", false, &mut out).expect("open");
        let sent = out.len();
        assert_eq!(encoder.encode_message(DataKind::Text, b"b", &mut out), Err(E::UnfinishedMessage));
        assert_eq!(encoder.encode_fragment(DataKind::Binary, b"b", true, &mut out), Err(E::KindChanged));
        assert_eq!(encoder.encode_header(OpCode::Binary, true, 1), Err(E::UnfinishedMessage));
        assert_eq!(out.len(), sent);
        encoder.encode_ping(b"p", &mut out).expect("between fragments");
        encoder.encode_header(OpCode::Continuation, true, 0).expect("the last fragment");
        encoder.encode_message(DataKind::Text, b"next", &mut out).expect("open");

        // After a Close.
        encoder.encode_close(Some(CloseCode::NORMAL), &long[1..], &mut out).expect("123 bytes");
        assert!(encoder.is_closed());
        let sent = out.len();
        assert_eq!(encoder.encode_message(DataKind::Text, b"late", &mut out), Err(E::Closed));
        assert_eq!(encoder.encode_fragment(DataKind::Text, b"late", true, &mut out), Err(E::Closed));
        assert_eq!(encoder.encode_close(None, "", &mut out), Err(E::Closed));
        assert_eq!(encoder.encode_header(OpCode::Text, true, 0), Err(E::Closed));
        assert_eq!(encoder.encode_header(OpCode::Close, true, 0), Err(E::Closed));
        assert_eq!(out.len(), sent);
        encoder.encode_pong(b"p", &mut out).expect("a Pong may follow");
    }
}

#[test]
fn the_header_of_a_close_closes() {
    let mut encoder = Encoder::server();
    let header = encoder.encode_header(OpCode::Close, true, 2).expect("open");
    assert_eq!((header.as_bytes(), header.mask()), (&b"\x88\x02"[..], None));
    assert!(encoder.is_closed());
    assert_eq!(encoder.encode_message(DataKind::Text, b"", &mut Vec::new()), Err(EncodeError::Closed));
}
