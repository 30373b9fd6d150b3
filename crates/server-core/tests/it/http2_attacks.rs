//! Clients that keep to the letter of HTTP/2 and mean harm. Each is told ENHANCE_YOUR_CALM or cut off, what it began is
//! dropped, and others notice nothing.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::StreamBody;
use server_core::{Body, Config, ConnectionError, Deadline, Handler, Http2Config, Request};

use crate::frames::*;
use crate::support::{Client, World, configured, get as http1_get, text};

fn world<H: Handler<Request> + 'static>(handler: H) -> World<H, Request> {
    configured(handler, |config: &mut Config| config.http2 = Some(Http2Config::default()))
}

/// Answers `/now` at once and anything else never; echoes what is posted.
async fn slow(mut request: Request) -> http::Response<Body> {
    match (request.method(), request.path()) {
        ("POST", _) => text(request.take_body()),
        (_, "/now") => text("now"),
        _ => pending().await,
    }
}

fn connect<H: Handler<Request> + 'static>(world: &World<H, Request>, settings: &[(u16, u32)]) -> Client {
    let client = world.connect();
    world.send(&client, hello(settings));
    let _ = received(&client);
    client
}

/// Sends until the connection ends, at most so often; returns how often, and the code of the GOAWAY.
fn flood<H: Handler<Request> + 'static>(
    world: &World<H, Request>,
    client: &Client,
    most: u32,
    mut make: impl FnMut(u32) -> Vec<u8>,
) -> (u32, Option<u32>) {
    let mut code = None;
    for round in 0..most {
        world.send(client, make(round));
        code = goaway(&received(client)).or(code);
        if code.is_some() {
            return (round, code);
        }
    }
    (most, code)
}

fn others_are_served<H: Handler<Request> + 'static>(world: &World<H, Request>) {
    let other = connect(world, &[]);
    world.send(&other, get(1, "/now"));
    assert_eq!(status(&received(&other), 1), Some(200));
    assert!(world.exchange(http1_get("/now")).starts_with("HTTP/1.1 200"));
}

#[test]
fn resets_of_accepted_streams_are_paid_for() {
    let world = world(slow);
    let client = connect(&world, &[]);
    let sibling = connect(&world, &[]);
    world.send(&sibling, get(1, "/never"));
    let (rounds, code) = flood(&world, &client, 10_000, |round| {
        // The handler runs before the reset comes.
        if round % 2 == 0 { get(round + 1, "/never") } else { reset(round) }
    });
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    assert!(rounds < 2000, "{rounds}");
    let stats = world.stats();
    assert_eq!((stats.in_flight, stats.peak), (1, 2), "the sibling's alone");
    others_are_served(&world);
    client.pipe.finish();
    world.sim.run();
    assert!(matches!(client.ended(), Some(Err(ConnectionError::Http2(_)))));
    assert!(sibling.ended().is_none());
}

/// Requests and their resets in one piece: h2 counts those that no handler has seen.
#[test]
fn resets_of_streams_that_wait_are_counted() {
    let world = world(slow);
    let client = connect(&world, &[]);
    let all: Vec<u8> = (0..200).flat_map(|n| [get(2 * n + 1, "/never"), reset(2 * n + 1)].concat()).collect();
    world.send(&client, all);
    assert_eq!(goaway(&received(&client)), Some(ENHANCE_YOUR_CALM));
    assert_eq!(world.stats().in_flight, 0);
    others_are_served(&world);
}

#[test]
fn control_frames_are_paid_for() {
    let kinds: [(&str, Vec<u8>); 6] = [
        ("PING", frame(PING, 0, 0, &[7; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16])),
        ("WINDOW_UPDATE", window_update(0, 1)),
        ("unknown", frame(0x42, 0, 0, b"hello")),
        ("PING acknowledged", frame(PING, ACK, 0, &[7; 8])),
    ];
    for (name, bytes) in kinds {
        let world = world(slow);
        let client = connect(&world, &[]);
        world.send(&client, get(1, "/never"));
        assert_eq!(world.stats().in_flight, 1);
        let (rounds, code) = flood(&world, &client, 3000, |_| bytes.clone());
        assert_eq!(code, Some(ENHANCE_YOUR_CALM), "{name}");
        assert!((900..1100).contains(&rounds), "{name}: {rounds}");
        assert_eq!(world.stats().in_flight, 0, "{name}: its handlers are dropped");
        others_are_served(&world);
    }
}

/// A megabyte of PINGs in one piece, from a client that reads nothing: what waits for it stays small.
#[test]
fn a_flood_in_one_piece_costs_no_memory() {
    let world = world(slow);
    let client = connect(&world, &[]);
    client.pipe.limit_peer_writes(0);
    client.pipe.send(frame(PING, 0, 0, &[7; 8]).repeat(60_000));
    let ((), usage) = testkit::alloc::measure(|| world.sim.run());
    assert!(usage.peak < 100 << 10, "{usage:?}");
    assert!(client.pipe.unread_by_peer() > 900 << 10, "the rest is not read");
    others_are_served(&world);
}

#[test]
fn honest_connections_live_long() {
    let world = world(slow);
    let client = connect(&world, &[]);
    for round in 0..5000 {
        let id = 2 * round + 1;
        let ping = if round % 2 == 0 { frame(PING, 0, 0, &[1; 8]) } else { window_update(0, 3) };
        world.send(&client, [ping, get(id, "/now")].concat());
        assert_eq!(status(&received(&client), id), Some(200), "request {round}");
    }
    // And those that are only kept alive.
    world.send(&client, get(10_001, "/never"));
    for _ in 0..3000 {
        world.send(&client, frame(PING, 0, 0, &[1; 8]));
        world.advance(10);
        assert_eq!(goaway(&received(&client)), None);
    }
    assert_eq!(world.stats().in_flight, 1);
}

/// Some clients acknowledge each DATA frame by itself, however short, to its stream and to the connection.
#[test]
fn each_piece_of_a_body_may_be_acknowledged() {
    const PIECES: usize = 3000;
    let world = world(|_: Request| async {
        let piece = || Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from_static(b"token")));
        http::Response::new(StreamBody::new(Pieces(std::iter::repeat_with(piece).take(PIECES))))
    });
    let client = connect(&world, &[]);
    world.send(&client, get(1, "/"));
    let mut seen = 0;
    loop {
        let frames = received(&client);
        assert_eq!(goaway(&frames), None, "after {seen} pieces");
        let lengths: Vec<u32> = frames
            .iter()
            .filter(|frame| frame.kind == DATA && !frame.payload.is_empty())
            .map(|frame| frame.payload.len() as u32)
            .collect();
        if lengths.is_empty() {
            break;
        }
        seen += lengths.len();
        for len in lengths {
            world.send(&client, [window_update(0, len), window_update(1, len)].concat());
        }
    }
    assert_eq!(seen, PIECES);
    assert!(client.ended().is_none());
}

/// But to make us cut a body into bytes is paid for.
#[test]
fn windows_that_open_byte_by_byte_are_paid_for() {
    let world = world(|_: Request| async { text("x".repeat(10_000)) });
    let client = connect(&world, &[(4, 0)]);
    world.send(&client, get(1, "/"));
    let (rounds, code) = flood(&world, &client, 3000, |_| window_update(1, 1));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    assert!((900..1100).contains(&rounds), "{rounds}");
}

#[test]
fn a_window_of_zero_is_waited_for_so_long() {
    let world = world(slow);
    let client = connect(&world, &[(4, 0)]);
    world.send(&client, get(1, "/now"));
    world.send(&client, window_update(0, 1));
    // A sibling takes its time, and its bytes.
    world.send(&client, get(3, "/now"));
    world.advance(20);
    world.send(&client, window_update(3, 1));
    world.advance(11);
    let frames = received(&client);
    assert_eq!(status(&frames, 1), Some(200));
    assert_eq!(reset_of(&frames, 1), Some(CANCEL));
    assert_eq!(reset_of(&frames, 3), None);
    world.send(&client, window_update(3, 2));
    let frames = received(&client);
    assert_eq!(content(&frames, 3), b"ow");
    assert_eq!(world.stats().in_flight, 0);
    world.advance(30);
    assert!(client.ended().is_none(), "the connection goes on");
}

/// The peer opens all windows and reads nothing: one buffer fills, and the bodies wait.
#[test]
fn a_client_that_reads_nothing_holds_little() {
    let made = Rc::new(Cell::new(0_usize));
    let count = Rc::clone(&made);
    let handler = move |_: Request| {
        let count = Rc::clone(&count);
        let pieces = std::iter::repeat_with(move || {
            count.set(count.get() + (8 << 10));
            Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from_static(&[0; 8 << 10])))
        });
        async move { http::Response::new(StreamBody::new(Pieces(pieces))) }
    };
    let world = configured(handler, |config| config.http2 = Some(Http2Config::default()));
    let client = world.connect();
    client.pipe.limit_peer_writes(32 << 10);
    let hello = [hello(&[(4, 1 << 30)]), window_update(0, 1 << 30)].concat();
    world.send(&client, hello);
    for n in 0..100 {
        world.send(&client, get(2 * n + 1, "/"));
    }
    assert!(made.get() < 1 << 20, "{}", made.get());
    world.advance(31);
    assert!(matches!(client.ended(), Some(Err(ConnectionError::TimedOut(Deadline::Write)))));
    assert_eq!(world.stats().in_flight, 0);
}

pub(crate) struct Pieces<I>(pub(crate) I);

impl<I: Iterator + Unpin> futures_core::Stream for Pieces<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[test]
fn requests_in_flight_are_capped() {
    let world = world(slow);
    let client = connect(&world, &[]);
    let all: Vec<u8> = (0..150).flat_map(|n| get(2 * n + 1, "/never")).collect();
    world.send(&client, all);
    let frames = received(&client);
    assert_eq!(world.stats().in_flight, 128);
    assert_eq!(reset_of(&frames, 2 * 127 + 1), None);
    assert!((128..150).all(|n| reset_of(&frames, 2 * n + 1) == Some(REFUSED_STREAM)));
    world.send(&client, [reset(1), get(301, "/now")].concat());
    assert_eq!(status(&received(&client), 301), Some(200), "there is room again");
}

#[test]
fn large_field_sections_are_refused() {
    let world = world(slow);
    let client = connect(&world, &[]);
    let section = |size: usize| request_fields("GET", "/now", &[("x", &"y".repeat(size))]);
    let send = |id: u32, section: &[u8]| {
        let pieces: Vec<&[u8]> = section.chunks(16 << 10).collect();
        for (n, piece) in pieces.iter().enumerate() {
            let kind = if n == 0 { HEADERS } else { CONTINUATION };
            let end = if n + 1 == pieces.len() { END_HEADERS } else { 0 };
            world.send(&client, frame(kind, end | if n == 0 { END_STREAM } else { 0 }, id, piece));
        }
        received(&client)
    };
    assert_eq!(status(&send(1, &section(15 << 10)), 1), Some(200));
    assert_eq!(status(&send(3, &section(17 << 10)), 3), Some(431));
    assert_eq!(status(&send(5, &section(1 << 10)), 5), Some(200));
    assert_eq!(goaway(&send(7, &section(70 << 10))), Some(ENHANCE_YOUR_CALM));
    assert_eq!(world.stats().requests, 2);
    others_are_served(&world);
}

/// Frames that are wrong on a stream make us reset it; so many are enough (MadeYouReset).
#[test]
fn resets_that_we_are_made_to_send_are_counted() {
    let world = world(slow);
    let client = connect(&world, &[]);
    let (rounds, code) = flood(&world, &client, 1000, |round| {
        let id = 2 * round + 1;
        [get(id, "/never"), window_update(id, i32::MAX as u32)].concat()
    });
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    assert!(rounds <= 65, "{rounds}");
    assert_eq!(world.stats().in_flight, 0);
    others_are_served(&world);
}

#[test]
fn frames_without_content_are_refused() {
    let world = world(slow);
    let client = connect(&world, &[]);
    world.send(&client, post(1, "/never"));
    let (rounds, code) = flood(&world, &client, 3000, |_| frame(DATA, 0, 1, &[]));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    assert!(rounds < 1100);

    let client = connect(&world, &[]);
    world.send(&client, frame(HEADERS, END_STREAM, 1, &request_fields("GET", "/now", &[])));
    let (rounds, code) = flood(&world, &client, 100, |_| frame(CONTINUATION, 0, 1, &[]));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    assert!(rounds < 20);
    others_are_served(&world);
}

#[test]
fn a_head_that_does_not_end_is_waited_for_so_long() {
    let world = world(slow);
    let client = connect(&world, &[]);
    world.send(&client, get(1, "/never"));
    world.send(&client, frame(HEADERS, END_STREAM, 3, &request_fields("GET", "/now", &[])));
    world.advance(9);
    assert_eq!(goaway(&received(&client)), None);
    world.advance(2);
    assert_eq!(goaway(&received(&client)), Some(ENHANCE_YOUR_CALM));
    assert_eq!(world.stats().in_flight, 0);
}
