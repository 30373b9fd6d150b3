//! What a hostile peer may try, and what it gets: GOAWAY with ENHANCE_YOUR_CALM, and never much memory.

use std::time::Duration;

use wire_h2ws::session::{Config, Event, Session, SessionEnd};

use crate::pair::{Pair, at};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0attacker";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const CALM: SessionEnd = SessionEnd::Error { code: 11, by_peer: false };

/// GET / of http://a on this stream, left open.
fn get(stream: u32) -> Vec<u8> {
    // ":method: GET", ":scheme: http", ":path: /" indexed, ":authority: a" literal.
    [b"\0\0\x06\x01\x04", &stream.to_be_bytes()[..], b"\x82\x86\x84\x01\x01a"].concat()
}

fn cancel(stream: u32) -> Vec<u8> {
    [b"\0\0\x04\x03\0", &stream.to_be_bytes()[..], &[0, 0, 0, 8]].concat()
}

fn server() -> Session {
    let mut server = Session::server(&Config::default());
    assert_eq!(server.receive(PREFACE, at(1)), PREFACE.len());
    server
}

/// Feeds a server until it ends, writing what it answers; says how many pieces it took.
fn attack(
    server: &mut Session,
    pieces: impl Iterator<Item = Vec<u8>>,
    now: impl Fn(usize) -> Duration,
) -> usize {
    let mut out = Vec::new();
    for (n, piece) in pieces.enumerate() {
        assert_eq!(server.receive(&piece, now(n)), piece.len());
        while let Some(event) = server.poll_event(now(n)) {
            drop(event);
        }
        out.clear();
        server.take_output(&mut out, now(n));
        if server.end().is_some() {
            // GOAWAY is the last frame, with ENHANCE_YOUR_CALM.
            assert!(out.windows(4).any(|bytes| bytes == b"\0\0\0\x0b"), "{out:x?}");
            return n;
        }
    }
    usize::MAX
}

#[test]
fn floods_of_pings_and_settings() {
    for frame in [PING, SETTINGS, b"\0\0\x05\x02\0\0\0\0\x01\0\0\0\0\x10", b"\0\0\0\xbb\0\0\0\0\0"] {
        let mut server = server();
        let n = attack(&mut server, (0..2_000).map(|_| frame.to_vec()), |_| at(1));
        assert_eq!((server.end(), n), (Some(CALM), 999), "SETTINGS of the preface is one");
        // At a rate that keepalives have it never ends.
        let mut server = self::server();
        let each = Duration::from_millis(100);
        let n = attack(&mut server, (0..5_000).map(|_| frame.to_vec()), |n| at(1) + each * n as u32);
        assert_eq!((server.end(), n), (None, usize::MAX));
    }
}

#[test]
fn rapid_reset_of_accepted_streams() {
    let mut server = server();
    let streams = (0..2_000).map(|n| [get(2 * n + 1), cancel(2 * n + 1)].concat());
    assert_eq!(attack(&mut server, streams, |_| at(1)), 200);
    assert_eq!(server.end(), Some(CALM));
}

#[test]
fn rapid_reset_in_one_go() {
    let mut server = server();
    let wire: Vec<u8> = (0..2_000).flat_map(|n| [get(2 * n + 1), cancel(2 * n + 1)].concat()).collect();
    attack(&mut server, std::iter::once(wire), |_| at(1));
    assert_eq!(server.end(), Some(CALM));
}

#[test]
fn resets_among_work_that_is_done_are_forgiven() {
    let mut server = server();
    let mut out = Vec::new();
    for n in 0..1_000 {
        let (reset, done) = (4 * n + 1, 4 * n + 3);
        let mut wire = [get(reset), cancel(reset), get(done)].concat();
        let end = wire.len() - 11;
        wire[end] |= 1; // END_STREAM
        assert_eq!(server.receive(&wire, at(1)), wire.len());
        while let Some(event) = server.poll_event(at(1)) {
            if let Event::Request { stream, end: true, .. } = event {
                server.respond(stream, http::Response::new(()), true).expect("asked");
            }
        }
        server.take_output(&mut out, at(1));
        assert_eq!(server.end(), None, "after {n}");
    }
}

#[test]
fn resets_that_the_peer_provokes() {
    // A window beyond 2^31-1 is a stream error that this side answers with a reset (MadeYouReset).
    let mut server = server();
    let pieces = (0..500_u32).map(|n| {
        let id = 2 * n + 1;
        [&get(id)[..], b"\0\0\x04\x08\0", &id.to_be_bytes(), &[0x7f, 255, 255, 255]].concat()
    });
    let n = attack(&mut server, pieces, |_| at(1));
    assert!(n <= 70 && server.end() == Some(CALM), "{n}: {:?}", server.end());
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let mut server = server();
    let mut requests = 0;
    for n in 0..140_u32 {
        let wire = get(2 * n + 1);
        server.receive(&wire, at(1));
        while let Some(event) = server.poll_event(at(1)) {
            requests += u32::from(matches!(event, Event::Request { .. }));
        }
    }
    assert_eq!((requests, server.open_streams(), server.end()), (128, 128, None));
}

#[test]
fn a_header_list_that_is_too_long() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    let request =
        http::Request::get("http://a/").header("x", "y".repeat(20_000)).body(()).expect("a request");
    pair.client.session.request(request, true).expect("room");
    pair.run();
    assert!(pair.server.take().is_empty());
    let events = pair.client.take();
    assert!(matches!(&events[0], Event::Response { head, .. } if head.status() == 431), "{events:?}");
    assert_eq!(pair.server.session.end(), None);
}

#[test]
fn a_peer_that_never_reads_costs_little() {
    let mut server = server();
    let ((), usage) = testkit::alloc::measure(|| {
        let mut taken = 0;
        // Each asks for a Pong; nothing is written.
        for n in 0..500_u32 {
            let wire = [get(2 * n + 1), PING.to_vec()].concat();
            taken += server.receive(&wire, at(1));
            while let Some(event) = server.poll_event(at(1)) {
                if let Event::Request { stream, .. } = event {
                    server.respond(stream, http::Response::new(()), false).expect("asked");
                    while server.send_data(stream, &[0; 16 << 10], false).expect("open") > 0 {}
                }
            }
        }
        assert!(taken > 0);
        assert!(server.output(at(1)).len() <= 80 << 10);
    });
    // Flow control allows 64 KiB for all streams of a peer that never says more.
    assert!(usage.peak < 1 << 20, "{usage:?}");
}

#[test]
fn malformed_frames_end_the_session_with_a_goaway() {
    for (bytes, code) in [
        (&b"\0\0\x07\x06\0\0\0\0\0attack"[..], 1),
        (b"\xff\xff\xff\0\0\0\0\0\x01", 6),
        (b"\0\0\0\x09\x04\0\0\0\x01", 1),
    ] {
        let mut server = server();
        server.receive(bytes, at(1));
        server.receive(&[0; 64], at(1));
        assert!(server.poll_event(at(1)).is_none());
        let mut out = Vec::new();
        server.take_output(&mut out, at(1));
        assert_eq!(server.end(), Some(SessionEnd::Error { code, by_peer: false }), "{bytes:x?}");
        assert!(out.windows(4).any(|bytes| bytes == [0, 0, 0, code as u8]), "{out:x?}");
    }
    let mut server = Session::server(&Config::default());
    server.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", at(1));
    assert_eq!(server.end(), Some(SessionEnd::Error { code: 1, by_peer: false }));
}

#[test]
fn connects_that_open_no_websocket_are_answered() {
    // CONNECT a, without :protocol.
    let mut server = server();
    let head = b"\x02\x07CONNECT\x01\x01a";
    let wire = [&b"\0\0\x0c\x01\x04\0\0\0\x01"[..], head].concat();
    server.receive(&wire, at(1));
    assert!(server.poll_event(at(1)).is_none());
    let mut out = Vec::new();
    server.take_output(&mut out, at(1));
    // ":status" is name 8 of the static table.
    assert!(out.windows(5).any(|bytes| bytes == b"\x48\x03501" || bytes[..2] == *b"\x48\x82"), "{out:x?}");
    assert_eq!((server.open_streams(), server.end()), (0, None));
}
