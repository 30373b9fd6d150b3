//! Keepalive, and peers that do not answer.

use wire_h2ws::session::{Config, Event, StreamEnd};
use wire_ws::{DataKind, Timeout};

use crate::pair::{Pair, at};

/// Moves time to the earliest deadline of both sides.
fn next(pair: &mut Pair) {
    let deadlines = [pair.server.session.next_deadline(), pair.client.session.next_deadline()];
    pair.now = deadlines.into_iter().flatten().min().expect("a deadline");
    pair.server.session.handle_timeout(pair.now);
    pair.client.session.handle_timeout(pair.now);
}

fn end(events: &[Event]) -> Option<StreamEnd> {
    events.iter().find_map(|event| match event {
        Event::Closed { end, .. } => Some(*end),
        _ => None,
    })
}

#[test]
fn pings_keep_it_open() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    pair.websocket();
    assert_eq!(pair.server.session.next_deadline(), Some(at(120)));
    for _ in 0..20 {
        next(&mut pair);
        pair.run();
    }
    assert!(pair.now >= at(300));
    assert!(pair.server.take().iter().any(|event| matches!(event, Event::Pong { .. })));
    assert_eq!(pair.server.session.open_streams(), 1);
}

#[test]
fn a_silent_peer_is_given_up_with_a_reset() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    let id = pair.websocket();
    pair.now = at(120);
    pair.server.session.handle_timeout(pair.now);
    assert_eq!(pair.server.session.next_deadline(), Some(at(140)));
    pair.server.session.handle_timeout(at(139));
    pair.server.poll(at(139));
    assert!(pair.server.take().is_empty());
    pair.server.session.handle_timeout(at(140));
    pair.server.poll(at(140));
    assert_eq!(end(&pair.server.take()), Some(StreamEnd::TimedOut(Timeout::Pong)));
    assert_eq!(pair.server.session.next_deadline(), None);
    pair.run();
    assert_eq!(end(&pair.client.take()), Some(StreamEnd::Reset { code: 8, by_peer: true }));
    assert_eq!(
        pair.client.session.send(id, DataKind::Text, b""),
        Err(wire_h2ws::session::UseError::UnknownStream)
    );
}

#[test]
fn a_close_that_is_not_answered() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    let id = pair.websocket();
    pair.client.session.pause(id);
    pair.server.session.close(id, None, "", pair.now).expect("open");
    pair.run();
    assert_eq!(pair.server.session.next_deadline(), Some(at(105)));
    next(&mut pair);
    pair.run();
    assert_eq!(end(&pair.server.take()), Some(StreamEnd::TimedOut(Timeout::Close)));
    assert_eq!(end(&pair.client.take()), Some(StreamEnd::Reset { code: 8, by_peer: true }));
}

#[test]
fn an_end_of_stream_that_does_not_come() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    let id = pair.websocket();
    // The client hears nothing of the answer, and so does not end its side.
    pair.client.session.close(id, None, "", pair.now).expect("open");
    let now = pair.now;
    pair.client.write(&mut pair.server, usize::MAX, now);
    pair.server.receive(usize::MAX, now);
    pair.server.poll(now);
    assert_eq!(end(&pair.server.take()), None);
    assert_eq!(pair.server.session.next_deadline(), Some(at(105)));
    pair.server.session.handle_timeout(at(105));
    pair.server.poll(at(105));
    assert_eq!(end(&pair.server.take()), Some(StreamEnd::Complete), "both said Close");
}

#[test]
fn a_paused_websocket_has_no_keepalive() {
    let mut pair = Pair::ready(&Config::default(), &Config::default());
    let id = pair.websocket();
    pair.server.session.pause(id);
    assert_eq!(pair.server.session.next_deadline(), None);
    pair.now = at(1_000);
    pair.server.session.resume(id);
    pair.run();
    next(&mut pair);
    pair.run();
    assert_eq!(pair.server.session.open_streams(), 1);
    assert!(pair.server.take().iter().any(|event| matches!(event, Event::Pong { .. })));
}
