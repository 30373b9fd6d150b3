//! WebSockets between two sessions.

use wire_h2ws::handshake::{ResponseError, Target};
use wire_h2ws::session::{Config, Event, Session, SessionEnd, StreamEnd, UseError};
use wire_ws::{CloseCode, DataKind, EncodeError, ErrorKind};

use crate::pair::{Pair, at};

fn pair() -> Pair {
    Pair::ready(&Config::default(), &Config::default())
}

fn closed(events: &[Event]) -> Vec<(u32, StreamEnd)> {
    let closed = events.iter().filter_map(|event| match event {
        Event::Closed { stream, end } => Some((*stream, *end)),
        _ => None,
    });
    closed.collect()
}

/// Texts and Closes, shortly.
fn said(events: &[Event]) -> Vec<String> {
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    let said = events.iter().filter_map(|event| match event {
        Event::Message { kind: DataKind::Text, data, .. } => Some(text(data)),
        Event::Close { code, reason, .. } => {
            Some(format!("close {} {}", code.map_or(0, u16::from), text(reason)))
        }
        Event::Ping { data, .. } => Some(format!("ping {}", text(data))),
        Event::Pong { data, .. } => Some(format!("pong {}", text(data))),
        _ => None,
    });
    said.collect()
}

#[test]
fn a_conversation_in_pieces_of_any_size() {
    for len in [1, 2, 3, 5, 7, 9, 10, 16, 64, 1_000, usize::MAX] {
        let mut pair = Pair::new(&Config::default(), &Config::default());
        pair.run_by(len);
        assert!(matches!(&pair.client.take()[..], [Event::WebSocketsEnabled]));
        let target = Target::parse("wss://example.com/chat?room=1").expect("a URL");
        let id =
            pair.client.session.open_websocket(&target, &["a", "b"], Default::default()).expect("enabled");
        pair.run_by(len);
        let events = pair.server.take();
        let [Event::WebSocketRequest { stream, request }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(*stream, id);
        assert_eq!(request.head().uri(), "https://example.com/chat?room=1");
        let protocol = request.offer().select_protocol(&["b"]);
        pair.server
            .session
            .accept_websocket(id, request, protocol, Default::default(), pair.now)
            .expect("just asked for");
        pair.server.session.send(id, DataKind::Text, b"welcome").expect("open");
        pair.run_by(len);
        let events = pair.client.take();
        let Event::WebSocketOpen { protocol: Some(protocol), .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!((protocol.as_str(), said(&events)), ("b", vec!["welcome".to_owned()]));

        pair.client.session.ping(id, b"p").expect("open");
        pair.client.session.send(id, DataKind::Text, "grüße".as_bytes()).expect("open");
        pair.client.session.close(id, Some(CloseCode::NORMAL), "bye", pair.now).expect("open");
        pair.run_by(len);
        let events = pair.server.take();
        assert_eq!(said(&events), ["ping p", "grüße", "close 1000 bye"]);
        assert_eq!(closed(&events), [(id, StreamEnd::Complete)]);
        let events = pair.client.take();
        assert_eq!(said(&events), ["pong p", "close 1000 "]);
        assert_eq!(closed(&events), [(id, StreamEnd::Complete)]);
        assert_eq!((pair.client.session.open_streams(), pair.server.session.open_streams()), (0, 0));
    }
}

/// A transcript of a client, so that the server can be fed with it at will.
fn transcript() -> Vec<u8> {
    let mut pair = pair();
    let mut wire = Vec::new();
    // What `Pair` moved is lost: a fresh client, whose output does not depend on when it is read.
    pair.client.session = Session::client([9; 32], &Config::default());
    pair.client.session.receive(b"\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x01", at(1));
    assert!(matches!(pair.client.session.poll_event(at(1)), Some(Event::WebSocketsEnabled)));
    let target = Target::parse("ws://a/").expect("a URL");
    let id = pair.client.session.open_websocket(&target, &[], Default::default()).expect("enabled");
    pair.client.session.take_output(&mut wire, at(1));
    // ":status: 200", indexed.
    pair.client.session.receive(b"\0\0\x01\x01\x04\0\0\0\x01\x88", at(1));
    assert!(matches!(pair.client.session.poll_event(at(1)), Some(Event::WebSocketOpen { .. })));
    for text in ["one", "two", "three"] {
        pair.client.session.send(id, DataKind::Text, text.as_bytes()).expect("open");
        if text != "one" {
            pair.client.session.take_output(&mut wire, at(1));
        }
    }
    pair.client.session.close(id, None, "", at(1)).expect("open");
    pair.client.session.take_output(&mut wire, at(1));
    wire
}

#[test]
fn every_split_gives_the_same_events() {
    let wire = transcript();
    let run = |cuts: &[usize]| {
        let mut server = Session::server(&Config::default());
        let mut events = Vec::new();
        let mut start = 0;
        for &cut in cuts.iter().chain([&wire.len()]) {
            assert_eq!(server.receive(&wire[start..cut], at(1)), cut - start);
            start = cut;
            while let Some(event) = server.poll_event(at(1)) {
                if let Event::WebSocketRequest { stream, request } = &event {
                    server
                        .accept_websocket(*stream, request, None, Default::default(), at(1))
                        .expect("asked");
                }
                events.push(event);
            }
        }
        assert_eq!(said(&events), ["one", "two", "three", "close 0 "]);
        let mut out = Vec::new();
        server.take_output(&mut out, at(1));
        // Close, then END_STREAM, and no RST_STREAM (type 3).
        assert!(out.ends_with(b"\0\0\x02\0\0\0\0\0\x01\x88\0\0\0\0\0\x01\0\0\0\x01"), "{out:x?}");
    };
    for cut in 0..=wire.len() {
        run(&[cut]);
    }
    run(&(0..wire.len()).collect::<Vec<_>>());
}

#[test]
fn many_at_once_and_one_reset_among_them() {
    let mut pair = pair();
    let ids: Vec<u32> = (0..50).map(|_| pair.websocket()).collect();
    for (n, &id) in ids.iter().enumerate() {
        pair.client.session.send(id, DataKind::Text, n.to_string().as_bytes()).expect("open");
    }
    pair.client.session.reset(ids[20], 8).expect("open");
    pair.run();
    let events = pair.server.take();
    let texts = said(&events);
    assert!((0..50).filter(|n| *n != 20).all(|n| texts.contains(&n.to_string())));
    let reset = StreamEnd::Reset { code: 8, by_peer: true };
    assert_eq!(closed(&events), [(ids[20], reset)]);
    let local = StreamEnd::Reset { code: 8, by_peer: false };
    assert_eq!(closed(&pair.client.take()), [(ids[20], local)]);
    assert_eq!(pair.server.session.open_streams(), 49);
    assert_eq!(pair.client.session.reset(ids[20], 8), Err(UseError::UnknownStream));
}

#[test]
fn the_peers_windows_are_kept_down_to_one_byte() {
    let mut tiny = Config::default();
    tiny.stream_window = 1;
    for (server, client) in [(tiny, Config::default()), (Config::default(), tiny), (tiny, tiny)] {
        let mut pair = Pair::ready(&server, &client);
        let id = pair.websocket();
        let message = "x".repeat(700);
        pair.client.session.send(id, DataKind::Text, message.as_bytes()).expect("open");
        pair.server.session.send(id, DataKind::Text, message.as_bytes()).expect("open");
        pair.run();
        pair.server.session.close(id, Some(CloseCode::GOING_AWAY), "", pair.now).expect("open");
        pair.run();
        for side in [&mut pair.server, &mut pair.client] {
            let events = side.take();
            assert_eq!(said(&events), [message.as_str(), "close 1001 "]);
            assert_eq!(closed(&events), [(id, StreamEnd::Complete)]);
        }
    }
}

#[test]
fn a_broken_rule_fails_one_websocket_only() {
    let mut pair = pair();
    let (bad, good) = (pair.websocket(), pair.websocket());
    pair.server.session.send(bad, DataKind::Text, b"\xff").expect("not checked when sent");
    pair.server.session.send(good, DataKind::Text, b"good").expect("open");
    pair.run();
    let events = pair.client.take();
    assert_eq!(said(&events), ["good"]);
    let [(id, StreamEnd::Abnormal(error))] = closed(&events)[..] else { panic!("{events:?}") };
    assert_eq!((id, error.kind()), (bad, ErrorKind::InvalidUtf8));
    let events = pair.server.take();
    assert_eq!(said(&events), ["close 1007 "]);
    assert_eq!(closed(&events), [(bad, StreamEnd::Complete)]);
}

#[test]
fn an_unmasked_frame_is_refused_over_http2_too() {
    let mut server = Session::server(&Config::default());
    let mut wire = transcript();
    let masked = wire.windows(2).position(|bytes| bytes == b"\x81\x83").expect("the first frame");
    wire[masked + 1] &= 0x7f;
    assert_eq!(server.receive(&wire, at(1)), wire.len());
    let Some(Event::WebSocketRequest { stream, request }) = server.poll_event(at(1)) else { panic!() };
    server.accept_websocket(stream, &request, None, Default::default(), at(1)).expect("asked");
    assert!(server.poll_event(at(1)).is_none());
    let mut out = Vec::new();
    server.take_output(&mut out, at(1));
    assert!(out.ends_with(b"\0\0\x04\0\0\0\0\0\x01\x88\x02\x03\xea\0\0\0\0\x01\0\0\0\x01"), "{out:x?}");
}

#[test]
fn an_end_without_a_close_is_abnormal_and_cancelled() {
    let mut pair = pair();
    let id = pair.websocket();
    // An END_STREAM where a Close should have been.
    pair.server.inbox.extend_from_slice(b"\0\0\0\0\x01\0\0\0");
    pair.server.inbox.push(id as u8);
    pair.run();
    let [(_, StreamEnd::Abnormal(error))] = closed(&pair.server.take())[..] else { panic!() };
    assert_eq!(error.kind(), ErrorKind::EndedWithoutClose);
    assert_eq!(closed(&pair.client.take()), [(id, StreamEnd::Reset { code: 8, by_peer: true })]);
}

#[test]
fn the_end_of_the_transport_closes_every_stream_once() {
    let mut pair = pair();
    let ids = [pair.websocket(), pair.websocket(), pair.websocket()];
    pair.client.session.send(ids[0], DataKind::Text, b"last words").expect("open");
    pair.server.session.pause(ids[1]);
    let now = pair.now;
    pair.client.write(&mut pair.server, usize::MAX, now);
    pair.server.receive(usize::MAX, now);
    for side in [&mut pair.server, &mut pair.client] {
        side.session.receive_eof();
        side.poll(now);
        side.session.receive_eof();
        side.poll(now);
        assert_eq!(side.session.end(), Some(SessionEnd::Transport));
        assert_eq!(side.session.next_deadline(), None);
    }
    let events = pair.server.take();
    assert_eq!(said(&events), ["last words"]);
    let mut ends = closed(&events);
    ends.sort_by_key(|(id, _)| *id);
    assert_eq!(ends, ids.map(|id| (id, StreamEnd::ConnectionEnded)));
    assert_eq!(closed(&pair.client.take()).len(), 3);
    let late = pair.server.session.send(ids[0], DataKind::Text, b"");
    assert_eq!(late, Err(UseError::UnknownStream));
}

/// Nobody's mistake: the reset has come, and was not given yet.
#[test]
fn a_stream_that_is_reset_while_it_is_answered() {
    for content in [false, true] {
        let mut pair = pair();
        let target = Target::parse("ws://a/").expect("a URL");
        let id = pair.client.session.open_websocket(&target, &[], Default::default()).expect("enabled");
        let get = ::http::Request::get("http://a/").body(()).expect("a request");
        let other = pair.client.session.request(get, true).expect("room");
        pair.run();
        let [Event::WebSocketRequest { request, .. }, Event::Request { .. }] = &pair.server.take()[..] else {
            panic!()
        };
        if content {
            pair.server.session.respond(other, ::http::Response::new(()), false).expect("asked");
        }
        for stream in [id, other] {
            pair.client.session.reset(stream, 8).expect("open");
        }
        pair.client.write(&mut pair.server, usize::MAX, pair.now);
        pair.server.receive(usize::MAX, pair.now);
        let server = &mut pair.server.session;
        let accepted = server.accept_websocket(id, request, None, Default::default(), pair.now);
        assert_eq!(accepted, Err(UseError::UnknownStream));
        if content {
            assert_eq!(server.send_data(other, b"", true), Err(UseError::UnknownStream));
            assert_eq!(server.send_trailers(other, Default::default()), Err(UseError::UnknownStream));
        } else {
            let response = server.respond(other, ::http::Response::new(()), true);
            assert_eq!(response, Err(UseError::UnknownStream));
        }
        pair.run();
        let reset = StreamEnd::Reset { code: 8, by_peer: true };
        let mut ends = closed(&pair.server.take());
        ends.sort_by_key(|(id, _)| *id);
        assert_eq!(ends, [(id, reset), (other, reset)]);
        assert_eq!(pair.server.session.end(), None);
    }
}

#[test]
fn a_refusal_is_a_response() {
    let mut pair = pair();
    let target = Target::parse("ws://a/").expect("a URL");
    let id = pair.client.session.open_websocket(&target, &[], Default::default()).expect("enabled");
    pair.run();
    let [Event::WebSocketRequest { .. }] = &pair.server.take()[..] else { panic!() };
    let mut refusal = ::http::Response::new(());
    let success = pair.server.session.respond(id, refusal.clone(), true);
    assert_eq!(success, Err(UseError::WrongState), "2xx would accept");
    *refusal.status_mut() = ::http::StatusCode::FORBIDDEN;
    pair.server.session.respond(id, refusal, false).expect("asked");
    assert_eq!(pair.server.session.send_data(id, b"no", true), Ok(2));
    pair.run();
    let events = pair.client.take();
    let [
        Event::Response { head, end: false, .. },
        Event::Data { data, end: true, .. },
        Event::Closed { end, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((head.status().as_u16(), &data[..], *end), (403, &b"no"[..], StreamEnd::Complete));
    assert_eq!(closed(&pair.server.take()), [(id, StreamEnd::Complete)]);
}

#[test]
fn what_was_not_offered_is_refused_by_the_client() {
    let mut pair = pair();
    let target = Target::parse("ws://a/").expect("a URL");
    let id = pair.client.session.open_websocket(&target, &["a"], Default::default()).expect("enabled");
    pair.run();
    let [Event::WebSocketRequest { request, .. }] = &pair.server.take()[..] else { panic!() };
    let mut fields = ::http::HeaderMap::new();
    fields.insert("sec-websocket-protocol", "b".parse().expect("a value"));
    pair.server.session.accept_websocket(id, request, None, fields, pair.now).expect("asked");
    pair.run();
    let error = ResponseError::Terms(wire_ws::handshake::ResponseError::Protocol);
    assert_eq!(closed(&pair.client.take()), [(id, StreamEnd::Refused(error))]);
    assert_eq!(closed(&pair.server.take()), [(id, StreamEnd::Reset { code: 8, by_peer: true })]);
}

#[test]
fn compression_is_agreed_on() {
    let mut config = Config::default();
    config.deflate = Some(Default::default());
    for (client, compressed) in [(config, true), (Config::default(), false)] {
        let mut pair = Pair::ready(&config, &client);
        let id = pair.websocket();
        let text = "again and ".repeat(100);
        pair.client.session.send(id, DataKind::Text, text.as_bytes()).expect("open");
        let len = pair.client.session.output(pair.now).len();
        assert_eq!(len < 100, compressed, "{len}");
        pair.run();
        assert_eq!(said(&pair.server.take()), [text]);
    }
}

#[test]
fn the_setting_is_waited_for() {
    let mut client = Session::client([1; 32], &Config::default());
    let target = Target::parse("ws://a/").expect("a URL");
    let early = client.open_websocket(&target, &[], Default::default());
    assert_eq!(early, Err(UseError::WebSocketsDisabled));
    assert_eq!(client.receive(b"\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x00", at(1)), 15);
    assert!(client.poll_event(at(1)).is_none());
    assert_eq!(client.receive(b"\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x01", at(1)), 15);
    assert!(matches!(client.poll_event(at(1)), Some(Event::WebSocketsEnabled)));
    assert!(client.poll_event(at(1)).is_none());
    client.open_websocket(&target, &[], Default::default()).expect("enabled");
    let twice = client.open_websocket(&target, &["a", "a"], Default::default());
    assert_eq!(twice, Err(UseError::Encode(EncodeError::InvalidProtocol)));
    // It cannot be taken back (RFC 8441 section 3).
    client.receive(b"\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x00", at(1));
    assert!(matches!(client.end(), Some(SessionEnd::Setting(_))), "{:?}", client.end());
    assert_eq!(closed(&[client.poll_event(at(1)).expect("closed")]), [(1, StreamEnd::ConnectionEnded)]);
}

#[test]
fn backpressure_both_ways() {
    let mut pair = pair();
    let id = pair.websocket();
    pair.server.session.pause(id);
    let message = vec![b'x'; 30_000];
    let mut sent = 0;
    while pair.client.session.is_writable(id) {
        pair.client.session.send(id, DataKind::Text, &message).expect("below the soft limit");
        sent += 1;
        pair.run();
    }
    // The window, the limit of the WebSocket's output, and one message.
    assert!((4..=6).contains(&sent), "{sent}");
    while pair.client.session.send(id, DataKind::Text, &message).is_ok() {
        sent += 1;
    }
    pair.run();
    assert!(pair.server.take().is_empty() && pair.client.take().is_empty());
    pair.server.session.resume(id);
    pair.run();
    assert_eq!(said(&pair.server.take()).len(), sent);
    assert!(matches!(pair.client.take()[..], [Event::Writable { .. }]));
}

#[test]
fn many_small_messages_for_a_slow_consumer() {
    // Each in a DATA frame of its own, as browsers send them: what h2 takes for an attack where nobody reads.
    let mut pair = pair();
    let ids = [pair.websocket(), pair.websocket(), pair.websocket()];
    for id in ids {
        pair.server.session.pause(id);
    }
    let mut sent = 0;
    while ids.iter().all(|&id| pair.client.session.is_writable(id)) && sent < 9_000 {
        for id in ids {
            pair.client.session.send(id, DataKind::Text, b"tick").expect("open");
            let now = pair.now;
            pair.client.write(&mut pair.server, usize::MAX, now);
        }
        sent += 1;
        if sent % 100 == 0 {
            pair.run();
        }
    }
    pair.run();
    assert_eq!((pair.server.session.end(), pair.server.take().len()), (None, 0));
    for id in ids {
        pair.server.session.resume(id);
    }
    pair.run();
    assert!(sent > 6_000);
    assert_eq!(said(&pair.server.take()).len(), 3 * sent);
}
