//! `Reader`: the tables of `conformance/ws` in pieces of any size, as `Bytes`.

use conformance::ws;
use testkit::alloc::measure;
use wire_ws::{Config, DataKind, MessageDecoder, Reader, Received, Role};

use crate::conformance::{config, owned};
use crate::frames::{BINARY, frame};
use crate::laws::Owned;

fn plain(received: Received) -> Owned {
    match received {
        Received::Message { kind, payload } => {
            Owned::Data { kind, payload: payload.into(), first: true, last: true }
        }
        Received::Ping(payload) => Owned::Ping(payload.into()),
        Received::Pong(payload) => Owned::Pong(payload.into()),
        Received::Close { code, reason } => Owned::Close(code, reason.into()),
    }
}

#[test]
fn the_tables() {
    for case in ws::cases() {
        let expected: Vec<Owned> = case.events().into_iter().map(owned).collect();
        for role in [Role::Server, Role::Client].into_iter().filter(|&role| case.is_for(role == Role::Server))
        {
            for size in [1, 7, 1000, usize::MAX] {
                let mut reader = Reader::new(MessageDecoder::new(role, &config(&case)));
                let mut got = Vec::new();
                let mut failed = None;
                for piece in case.bytes(role == Role::Server).chunks(size) {
                    reader.buffer.extend_from_slice(piece);
                    while failed.is_none() {
                        match reader.next() {
                            Ok(Some(received)) => got.push(plain(received)),
                            Ok(None) => break,
                            Err(error) => failed = Some(u16::from(error.close_code())),
                        }
                    }
                    assert!(failed.is_some() || reader.buffer.len() <= 130, "{}", case.id);
                }
                assert_eq!(got, expected, "{} in pieces of {size}", case.id);
                let failed = failed.or_else(|| Some(reader.decoder.decode_eof().err()?.close_code().into()));
                assert!(case.fail.is_none() || failed == case.fail, "{}: {failed:?}", case.id);
            }
        }
    }
}

#[test]
fn a_message_in_one_piece_is_not_copied() {
    let mut reader = Reader::new(MessageDecoder::new(Role::Server, &Config::default()));
    reader.buffer.extend_from_slice(&frame(BINARY, true, &[7; 100_000]));
    let (received, usage) = measure(|| reader.next());
    let Ok(Some(Received::Message { kind: DataKind::Binary, payload })) = received else {
        panic!("{received:?}")
    };
    assert!(payload == [7; 100_000][..] && usage.peak < 1000, "{usage:?}");
}
