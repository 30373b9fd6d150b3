//! Requests and responses between two sessions.

use http::{HeaderMap, Request, Response};
use wire_h2ws::session::{Config, Event, SessionEnd, StreamEnd, UseError};

use crate::pair::Pair;

fn pair() -> Pair {
    Pair::ready(&Config::default(), &Config::default())
}

fn post() -> Request<()> {
    Request::post("http://example.com/upload?x").body(()).expect("a request")
}

#[test]
fn content_and_trailers_both_ways() {
    for len in [1, 13, usize::MAX] {
        let mut pair = pair();
        let id = pair.client.session.request(post(), false).expect("room");
        assert_eq!(pair.client.session.send_data(id, b"ping", false), Ok(4));
        let mut trailers = HeaderMap::new();
        trailers.insert("checksum", "1".parse().expect("a value"));
        pair.client.session.send_trailers(id, trailers.clone()).expect("open");
        assert_eq!(pair.client.session.send_data(id, b"more", false), Err(UseError::WrongState));
        pair.run_by(len);
        let events = pair.server.take();
        let [
            Event::Request { head, end: false, .. },
            Event::Data { data, end: false, .. },
            Event::Trailers { fields, .. },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(
            (head.uri().path_and_query().expect("a path").as_str(), &data[..]),
            ("/upload?x", &b"ping"[..])
        );
        assert_eq!(fields, &trailers);
        assert_eq!(pair.server.session.send_data(id, b"early", false), Err(UseError::WrongState));
        pair.server.session.respond(id, Response::new(()), false).expect("asked");
        assert_eq!(pair.server.session.send_data(id, b"pong", true), Ok(4));
        pair.run_by(len);
        let events = pair.client.take();
        let [
            Event::Response { end: false, .. },
            Event::Data { data, end: true, .. },
            Event::Closed { end: StreamEnd::Complete, .. },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(&data[..], b"pong");
        assert!(matches!(pair.server.take()[..], [Event::Closed { end: StreamEnd::Complete, .. }]));
    }
}

#[test]
fn a_head_alone() {
    let mut pair = pair();
    let id = pair.client.session.request(Request::get("http://a/").body(()).expect("a request"), true);
    let id = id.expect("room");
    pair.run();
    assert!(matches!(pair.server.take()[..], [Event::Request { end: true, .. }]));
    pair.server.session.respond(id, Response::new(()), true).expect("asked");
    pair.run();
    assert!(matches!(pair.client.take()[..], [Event::Response { end: true, .. }, Event::Closed { .. }]));
    assert!(matches!(pair.server.take()[..], [Event::Closed { end: StreamEnd::Complete, .. }]));
    assert_eq!(pair.server.session.respond(id, Response::new(()), true), Err(UseError::UnknownStream));
}

/// An interim response is none that content or an end could follow.
#[test]
fn an_interim_response_is_no_answer() {
    let mut pair = pair();
    let id = pair.client.session.request(Request::get("http://a/").body(()).expect("a request"), true);
    let id = id.expect("room");
    pair.run();
    pair.server.take();
    for (status, end) in [(100, false), (103, true), (101, false)] {
        let head = Response::builder().status(status).body(()).expect("a response");
        assert_eq!(pair.server.session.respond(id, head, end), Err(UseError::Message), "{status}");
    }
    pair.server.session.respond(id, Response::new(()), true).expect("nothing has changed");
    pair.run();
    assert!(matches!(pair.client.take()[..], [Event::Response { end: true, .. }, Event::Closed { .. }]));
}

#[test]
fn what_does_not_fit_is_not_taken() {
    let mut pair = pair();
    let id = pair.client.session.request(post(), false).expect("room");
    pair.run();
    pair.server.session.pause(id);
    let content: Vec<u8> = (0..400_000_u32).map(|n| n as u8).collect();
    let mut sent = 0;
    loop {
        let taken = pair.client.session.send_data(id, &content[sent..], true).expect("open");
        sent += taken;
        pair.run();
        if taken == 0 {
            break;
        }
    }
    assert!((65_535..=65_536).contains(&sent), "the window of the stream: {sent}");
    pair.client.take();
    assert!(matches!(pair.server.take()[..], [Event::Request { .. }]));
    pair.server.session.resume(id);
    let mut got = Vec::new();
    while sent < content.len() {
        pair.run();
        assert!(matches!(pair.client.take()[..], [Event::Writable { .. }]));
        sent += pair.client.session.send_data(id, &content[sent..], true).expect("open");
    }
    pair.run();
    for event in pair.server.take() {
        let Event::Data { data, .. } = event else { panic!("{event:?}") };
        got.extend_from_slice(&data);
    }
    assert_eq!(got, content);
}

#[test]
fn a_graceful_end_in_two_steps() {
    let mut pair = pair();
    let first = pair.client.session.request(post(), false).expect("room");
    let websocket = {
        pair.run();
        pair.server.take();
        pair.websocket()
    };
    let now = pair.now;
    pair.server.session.shutdown(now);
    pair.server.write(&mut pair.client, usize::MAX, now);
    pair.client.receive(usize::MAX, now);
    pair.client.poll(now);
    let events = pair.client.take();
    assert!(events.iter().any(|event| matches!(event, Event::GoAway { last_stream: 0x7fff_ffff, code: 0 })));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Close { code: Some(code), .. } if code.get() == 1001))
    );
    pair.run();
    let events = pair.client.take();
    let last = events.iter().find_map(|event| match event {
        Event::GoAway { last_stream, code: 0 } => Some(*last_stream),
        _ => None,
    });
    assert_eq!(last, Some(websocket));
    assert_eq!(pair.client.session.request(post(), true), Err(UseError::GoingAway));
    assert_eq!((pair.server.session.end(), pair.server.session.open_streams()), (None, 1));
    // The request that was open is served.
    pair.server.take();
    pair.client.session.send_data(first, b"", true).expect("open");
    pair.server.session.respond(first, Response::new(()), true).expect("asked");
    pair.run();
    assert_eq!(pair.server.session.end(), Some(SessionEnd::Clean));
    let ended = |event: &Event| matches!(event, Event::Closed { stream, end: StreamEnd::Complete } if *stream == first);
    assert!(pair.client.take().iter().any(ended));
    assert_eq!(pair.client.session.end(), Some(SessionEnd::Clean));
}

#[test]
fn a_client_leaves() {
    let mut pair = pair();
    let id = pair.websocket();
    pair.client.session.shutdown(pair.now);
    assert_eq!(pair.client.session.request(post(), true), Err(UseError::GoingAway));
    pair.run();
    for side in [&mut pair.server, &mut pair.client] {
        let closed = |event: &Event| matches!(event, Event::Closed { stream, end: StreamEnd::Complete } if *stream == id);
        assert!(side.take().iter().any(closed));
        assert_eq!(side.session.end(), Some(SessionEnd::Clean));
    }
}
