//! Messages for many connections, and messages cut into frames.

use testkit::laws;
use testkit::rng::Rng;
use wire_ws::{Config, DataKind, EncodeError, Encoder, MessageDecoder, PreparedMessage, Role};

use crate::laws::{Messages, Owned};

fn events(receiver: Role, wire: &[u8]) -> Vec<Owned> {
    let decoder = MessageDecoder::new(receiver, &Config::default());
    laws::run(&mut Messages { decoder, quiet: false, direct: false }, wire, || usize::MAX).events
}

fn message(payload: &[u8]) -> Owned {
    Owned::Data { kind: DataKind::Binary, payload: payload.to_vec(), first: true, last: true }
}

#[test]
fn prepared_messages_are_as_others() {
    for len in [0, 1, 125, 126, 70_000] {
        let payload = vec![7; len];
        let prepared = PreparedMessage::new(DataKind::Binary, &payload);
        assert_eq!((prepared.kind(), prepared.payload()), (DataKind::Binary, &payload[..]));
        for fragment_size in [usize::MAX, 100] {
            let (mut server, mut other) = (Encoder::server(), Encoder::server());
            let mut client = Encoder::client([1; 32]);
            if fragment_size < usize::MAX {
                server = server.with_fragment_size(fragment_size);
                other = other.with_fragment_size(fragment_size);
                client = client.with_fragment_size(fragment_size);
            }
            let (mut wire, mut expected) = (Vec::new(), Vec::new());
            server.encode_prepared(&prepared, &mut wire).expect("open");
            other.encode_message(DataKind::Binary, &payload, &mut expected).expect("open");
            assert_eq!(wire, expected);
            let frame = server.prepared_frame(&prepared).expect("open");
            assert_eq!(frame, (len <= fragment_size).then_some(&expected[..]));
            let mut wire = Vec::new();
            client.encode_prepared(&prepared, &mut wire).expect("open");
            assert_eq!(client.prepared_frame(&prepared), Ok(None));
            assert_eq!(events(Role::Server, &wire), [message(&payload)]);
        }
    }
    let prepared = PreparedMessage::new(DataKind::Text, b"text");
    let (mut server, mut out) = (Encoder::server(), Vec::new());
    server.encode_fragment(DataKind::Text, b"a", false, &mut out).expect("open");
    out.clear();
    assert_eq!(server.encode_prepared(&prepared, &mut out), Err(EncodeError::UnfinishedMessage));
    server.encode_close(None, "", &mut out).expect("open");
    assert_eq!(server.prepared_frame(&prepared), Err(EncodeError::Closed));
    assert_eq!(server.encode_uncompressed(DataKind::Text, b"", &mut out), Err(EncodeError::Closed));
    assert_eq!(out, b"\x88\x00");
}

#[test]
fn long_messages_are_cut_where_that_is_asked_for() {
    let mut server = Encoder::server().with_fragment_size(3);
    let mut encode = |payload: &[u8]| {
        let mut out = Vec::new();
        server.encode_message(DataKind::Text, payload, &mut out).expect("open");
        out
    };
    assert_eq!(encode(b""), b"\x81\x00");
    assert_eq!(encode(b"abc"), b"\x81\x03abc");
    assert_eq!(encode(b"abcd"), b"\x01\x03abc\x80\x01d");
    assert_eq!(encode(b"abcdefghi"), b"\x01\x03abc\x00\x03def\x80\x03ghi");
    let mut out = Vec::new();
    Encoder::server().with_fragment_size(0).encode_message(DataKind::Binary, b"ab", &mut out).expect("open");
    assert_eq!(out, b"\x02\x01a\x80\x01b");

    let mut rng = Rng::new(1);
    for size in [1, 2, 125, 126, 127, 254, 255, 256, 1_000, usize::MAX] {
        let mut client = Encoder::client([2; 32]).with_fragment_size(size);
        for len in [0, 1, 124, 125, 126, 127, 1_000, 5_000] {
            let mut payload = vec![0; len];
            rng.fill(&mut payload);
            let mut wire = Vec::new();
            client.encode_message(DataKind::Binary, &payload, &mut wire).expect("open");
            assert_eq!(events(Role::Server, &wire), [message(&payload)]);
        }
    }
}

#[cfg(feature = "deflate")]
mod deflated {
    use wire_ws::deflate::DeflateParams;

    use super::*;

    fn params(no_takeover: bool, window_bits: u8) -> DeflateParams {
        let mut params = DeflateParams::default();
        params.server_no_context_takeover = no_takeover;
        params.server_max_window_bits = window_bits;
        params
    }

    #[test]
    fn compressed_where_the_connection_can_read_it() {
        let payload = b"the same for all, ".repeat(50);
        let prepared = PreparedMessage::deflated(DataKind::Binary, &payload, &params(true, 12));
        for (no_takeover, bits, compressed) in
            [(true, 15, true), (true, 12, true), (false, 12, true), (false, 11, false), (true, 9, false)]
        {
            let params = params(no_takeover, bits);
            let mut server = Encoder::server().with_deflate(&params);
            let config = Config::default();
            let decoder = MessageDecoder::new(Role::Client, &config).with_deflate(&params, &config);
            // Between messages of the connection's own, which take the context over where that was agreed on.
            let (mut wire, mut expected) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                server.encode_message(DataKind::Binary, &payload, &mut wire).expect("open");
                expected.push(message(&payload));
                let before = wire.len();
                server.encode_prepared(&prepared, &mut wire).expect("open");
                assert_eq!(wire[before], if compressed { 0xc2 } else { 0x82 });
                assert_eq!(server.prepared_frame(&prepared).expect("open"), Some(&wire[before..]));
                expected.push(message(&payload));
            }
            let mut subject = Messages { decoder, quiet: false, direct: false };
            assert_eq!(laws::run(&mut subject, &wire, || 99).events, expected);
        }
        // Without the extension, masked, and cut.
        let mut wire = Vec::new();
        Encoder::server().encode_prepared(&prepared, &mut wire).expect("open");
        assert_eq!(wire[0], 0x82);
        let mut wire = Vec::new();
        let params = DeflateParams::default();
        let mut client = Encoder::client([1; 32]).with_deflate(&params).with_fragment_size(10);
        client.encode_prepared(&prepared, &mut wire).expect("open");
        assert_eq!(wire[0], 0x42);
        let config = Config::default();
        let decoder = MessageDecoder::new(Role::Server, &config).with_deflate(&params, &config);
        let mut subject = Messages { decoder, quiet: false, direct: false };
        assert_eq!(laws::run(&mut subject, &wire, || 99).events, [message(&payload)]);
    }

    #[test]
    fn not_compressed_where_nothing_is_gained() {
        let mut random = vec![0; 1_000];
        Rng::new(1).fill(&mut random);
        for payload in [&random[..], b"short"] {
            let prepared = PreparedMessage::deflated(DataKind::Binary, payload, &params(true, 15));
            let mut wire = Vec::new();
            let mut server = Encoder::server().with_deflate(&params(true, 15));
            server.encode_prepared(&prepared, &mut wire).expect("open");
            assert_eq!(wire[0], 0x82);
        }
    }
}
