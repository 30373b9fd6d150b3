//! One port for HTTP/1 and HTTP/2: the first bytes decide.

use server_core::{Body, Http2Config, Request};

use crate::frames::{self, PREFACE, hello, received, status};
use crate::support::{World, configured, get, text};

async fn version(request: Request) -> http::Response<Body> {
    text(format!("{:?}", request.version()))
}

fn world() -> World<impl server_core::Handler<Request> + 'static, Request> {
    configured(version, |config| config.http2 = Some(Http2Config::default()))
}

#[test]
fn the_preface_makes_it_http2_however_it_arrives() {
    let world = world();
    let all = [hello(&[]), frames::get(1, "/")].concat();
    for step in [1, 5, PREFACE.len(), PREFACE.len() + 3, all.len()] {
        let client = world.connect();
        for piece in all.chunks(step) {
            world.send(&client, piece);
        }
        let frames = received(&client);
        assert_eq!(status(&frames, 1), Some(200), "in steps of {step}");
        assert_eq!(frames::content(&frames, 1), b"HTTP/2.0");
    }
}

#[test]
fn anything_else_is_http1_at_once() {
    let world = world();
    assert!(world.exchange(get("/")).ends_with("HTTP/1.1"));
    let client = world.connect();
    for byte in get("/").as_bytes() {
        world.send(&client, [*byte]);
    }
    assert!(client.text().ends_with("HTTP/1.1"));
    // Beginnings of the preface that go on otherwise.
    assert!(world.exchange("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").ends_with("HTTP/1.1"));
    for at in 1..PREFACE.len() {
        let client = world.connect();
        world.send(&client, &PREFACE[..at]);
        assert_eq!(client.text(), "", "{at} bytes prove nothing");
        world.send(&client, "\0");
        let expected = if at < 16 { "HTTP/1.1 400" } else { "HTTP/1.1 505" };
        assert!(client.text().starts_with(expected), "after {at} bytes");
    }
}

#[test]
fn half_a_preface_is_a_head_that_does_not_come() {
    let world = world();
    let (silent, half, ended) = (world.connect(), world.connect(), world.connect());
    world.send(&half, &PREFACE[..10]);
    world.send(&ended, &PREFACE[..3]);
    ended.pipe.finish();
    world.advance(9);
    assert!(ended.text().starts_with("HTTP/1.1 400"));
    assert!(!silent.is_closed() && !half.is_closed());
    world.advance(2);
    assert!(silent.is_closed() && silent.text().is_empty());
    assert!(half.is_closed());
    assert!(half.text().starts_with("HTTP/1.1 408"));
}

#[test]
fn without_http2_the_preface_is_a_bad_request() {
    let world = configured(version, |_| {});
    let text = world.exchange(hello(&[]));
    assert!(text.starts_with("HTTP/1.1 505"), "{text}");
}

#[test]
fn a_shutdown_ends_a_connection_that_has_said_nothing() {
    let world = world();
    let (silent, half) = (world.connect(), world.connect());
    world.send(&half, &PREFACE[..3]);
    world.server.shutdown();
    world.sim.run();
    assert!(silent.ended().is_some_and(|end| end.is_ok()));
    world.advance(11);
    assert!(half.is_closed());
}
