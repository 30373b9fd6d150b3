//! The opening handshake of the WebSocket client: what it sends, and what it makes of answers.

use std::time::Duration;

use bytes::Bytes;
use conformance::ws as tables;
use http::Response;
use server_core::ws::{Client, ConnectError};
use server_core::{ConnectionInfo, Request};
use testkit::sim::pipe;
use wire_ws::handshake;

use super::client::{Connected, Server, client, connect};
use super::rules::deflate_config;
use super::support::{CAPACITY, world};

#[test]
fn urls() {
    for (url, host, port, request) in [
        ("ws://a", "a", 80, "GET / HTTP/1.1\r\nHost: a\r\n"),
        ("ws://a:80/", "a", 80, "GET / HTTP/1.1\r\nHost: a\r\n"),
        (
            "WS://A.example:8080/x/y?q=%20",
            "A.example",
            8080,
            "GET /x/y?q=%20 HTTP/1.1\r\nHost: A.example:8080\r\n",
        ),
        ("ws://a:?q", "a", 80, "GET /?q HTTP/1.1\r\nHost: a\r\n"),
        ("ws://[::1]:9/", "::1", 9, "GET / HTTP/1.1\r\nHost: [::1]:9\r\n"),
        ("wss://a", "a", 443, "GET / HTTP/1.1\r\nHost: a\r\n"),
        ("wss://a:80", "a", 80, "GET / HTTP/1.1\r\nHost: a:80\r\n"),
    ] {
        let client = Client::new(url).unwrap();
        assert_eq!((client.host(), client.port()), (host, port), "{url}");
        assert_eq!(client.is_secure(), url.starts_with("wss"));
        assert!(Server::new(client).request.starts_with(request), "{url}");
    }
    for url in [
        "",
        "a",
        "/ws",
        "http://a/",
        "ws:///",
        "ws://",
        "ws://a/#x",
        "ws://user@a/",
        "ws://user:pw@a/",
        "ws://a:0/",
        "ws://a:99999/",
        "ws://a b/",
        "ws://a/\r\nx: y",
        "ws://[]/",
    ] {
        let refused = Client::new(url);
        assert!(matches!(refused, Err(ConnectError::InvalidUrl(_))), "{url}: {refused:?}");
    }
}

#[test]
fn the_request() {
    let client = client().protocol("chat").protocol("superchat").origin("https://b").header("X-Y", "z");
    let server = Server::new(client.clone());
    for line in [
        "GET /ws HTTP/1.1\r\nHost: a\r\n",
        "\r\nUpgrade: websocket\r\n",
        "\r\nConnection: upgrade\r\n",
        "\r\nSec-WebSocket-Version: 13\r\n",
        "\r\nSec-WebSocket-Protocol: chat, superchat\r\n",
        "\r\nOrigin: https://b\r\n",
        "\r\nX-Y: z\r\n",
    ] {
        assert!(server.request.contains(line), "{line:?} in {}", server.request);
    }
    assert!(!server.request.contains("Extensions"));
    assert_ne!(server.accept_value(), Server::new(client).accept_value(), "a fresh key");

    for (name, value) in [
        ("Sec-WebSocket-Key", "x"),
        ("sec-websocket-protocol", "x"),
        ("upgrade", "x"),
        ("Connection", "close"),
        ("Host", "b"),
        ("Content-Length", "1"),
        ("a b", "x"),
        ("a", "x\r\ny: z"),
    ] {
        let refused = Server::new(self::client().header(name, value)).connecting.take().unwrap();
        assert!(matches!(refused, Err(ConnectError::Field { .. })), "{name}: {:?}", refused.err());
    }
    let refused = Server::new(self::client().protocol("x").protocol("x")).connecting.take().unwrap();
    assert!(matches!(refused, Err(ConnectError::Protocol(_))), "{:?}", refused.err());
}

#[test]
fn responses() {
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    for case in tables::responses() {
        let offered = case.offered.iter().fold(client(), Client::protocol);
        let server = Server::new(offered);
        let mut head = format!("HTTP/1.1 {} Reason\r\n", case.status);
        for (name, value) in case.fields() {
            head += &format!("{name}: {}\r\n", value.replace(ACCEPT, &server.accept_value()));
        }
        server.send(head + "\r\n");
        server.pipe.finish();
        server.sim.run();
        let result = server.connecting.take().unwrap();
        assert_eq!(result.is_ok(), case.ok, "{}: {:?}", case.id, result.err());
        if let Ok(connected) = result {
            let protocol = connected.response.headers().get("sec-websocket-protocol");
            assert_eq!(protocol.map(|name| name.to_str().unwrap()), case.protocol.as_deref(), "{}", case.id);
        }
    }
}

#[test]
fn answers_to_the_offer_of_compression() {
    for case in tables::negotiations().1 {
        let server = Server::new(client().deflate(deflate_config(&case.config)));
        let lines: String =
            case.answered.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
        server.send(server.answer(&lines));
        let result = server.connecting.take().unwrap();
        assert_eq!(result.is_ok(), case.ok, "{}: {:?}", case.id, result.err());
    }
}

#[test]
fn a_response_of_many_kilobytes_is_refused() {
    for (size, fits) in [(15 << 10, true), (17 << 10, false)] {
        let server = Server::new(client());
        server.send(server.answer(&format!("X: {}\r\n", "y".repeat(size))));
        let result = server.connecting.take().unwrap();
        assert_eq!(result.is_ok(), fits, "{size}: {:?}", result.err());
    }
}

fn rejected(result: Result<Connected, ConnectError>) -> (u16, Bytes) {
    match result {
        Err(ConnectError::Rejected(response)) => (response.status().as_u16(), response.into_body()),
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn other_answers_come_with_their_body() {
    for (answer, body) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", "gone"),
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2\r\nne\r\n0\r\n\r\n", "gone"),
        ("HTTP/1.0 404 x\r\n\r\ngone", "gone"),
        ("HTTP/1.1 404 x\r\nContent-Length: 5\r\n\r\ngone", "gone"),
        ("HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngone\r\nZ", "gone"),
    ] {
        let server = Server::new(client());
        server.send(answer);
        server.pipe.finish();
        server.sim.run();
        assert_eq!(rejected(server.connecting.take().unwrap()), (404, body.into()), "{answer}");
    }
    // Bounded.
    let server = Server::new(client());
    server.send("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n");
    for _ in 0..10 {
        server.send([b'x'; 10_000]);
    }
    assert_eq!(rejected(server.connecting.take().unwrap()).1.len(), 16 << 10);
    // And what has come in time.
    let server = Server::new(client());
    server.send("HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\nslow");
    server.advance(10);
    assert_eq!(rejected(server.connecting.take().unwrap()), (503, "slow".into()));
    // The server of this crate.
    let world = world(async |_: Request| Response::new(server_core::Body::from("no")));
    let (io, stream) = pipe(CAPACITY);
    world.sim.spawn(world.server.connection(stream, ConnectionInfo::default()));
    assert_eq!(rejected(connect(&world.sim, client(), io).take().unwrap()), (200, "no".into()));
}

#[test]
fn handshakes_that_fail() {
    let failed = |act: fn(&Server)| {
        let server = Server::new(client().handshake_timeout(Duration::from_secs(3)));
        act(&server);
        let error = server.connecting.take().expect("an end").err().expect("a failure");
        assert_eq!(server.sim.live_tasks(), 0);
        assert!(server.pipe.is_finished());
        error
    };
    assert!(matches!(failed(|server| server.advance(3)), ConnectError::TimedOut));
    let slow = failed(|server| {
        for _ in 0..3 {
            server.send("HTT");
            server.advance(1);
        }
    });
    assert!(matches!(slow, ConnectError::Http(_)), "{slow}");
    assert!(matches!(failed(|server| server.send("SSH-2.0\r\n")), ConnectError::Http(_)));
    assert!(matches!(
        failed(|server| {
            server.pipe.finish();
            server.sim.run();
        }),
        ConnectError::Http(_)
    ));
    assert!(matches!(
        failed(|server| {
            server.pipe.reset();
            server.sim.run();
        }),
        ConnectError::Io(_)
    ));
    let wrong = failed(|server| server.send(server.answer("").replace(&server.accept_value(), "x")));
    assert!(matches!(wrong, ConnectError::Handshake(handshake::ResponseError::Accept)), "{wrong}");
}
