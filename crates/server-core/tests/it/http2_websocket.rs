//! WebSockets over HTTP/2 (RFC 8441), with a client that writes its frames by hand.

use std::time::Duration;

use http::Response;
use server_core::ws::{WebSocket, WebSocketRejection, WebSocketUpgrade};
use server_core::{Body, Config, Handler, Http2Config, Incoming, Request, RequestKind};
use wire_ws::deflate::DeflateConfig;
use wire_ws::{CloseCode, DataKind, Encoder, MessageDecoder, MessageEvent, Payload, Role};

use crate::frames::*;
use crate::support::{Client, World, configured, text};
use crate::websocket::echo;

const INITIAL_WINDOW_SIZE: u16 = 4;
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

fn http2(config: &mut Config) {
    config.http2 = Some(Http2Config::default());
    config.websocket_ping_interval = None;
}

fn http2_with_pings(config: &mut Config) {
    http2(config);
    config.websocket_ping_interval = Some(Duration::from_secs(20));
}

/// `/ws` echoes, all else is a page.
async fn site(request: Request) -> Response<Body> {
    match request.path() {
        "/ws" => echo(request).await,
        _ => text("page"),
    }
}

fn connect_head(stream: u32, protocol: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let protocol = [(":protocol", protocol)];
    let head = request_fields("CONNECT", "/ws", &[&protocol[..], more].concat());
    frame(HEADERS, END_HEADERS, stream, &head)
}

fn open(stream: u32) -> Vec<u8> {
    connect_head(stream, "websocket", &[("sec-websocket-version", "13")])
}

fn encoder() -> Encoder {
    Encoder::client([7; 32])
}

fn message(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encoder().encode_message(DataKind::Text, text.as_bytes(), &mut out).unwrap();
    out
}

fn close(code: u16) -> Vec<u8> {
    let mut out = Vec::new();
    encoder().encode_close(CloseCode::new(code), "", &mut out).unwrap();
    out
}

fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

/// Messages in what a server sent; a Close is `close CODE`.
fn decode(mut bytes: Vec<u8>) -> Vec<String> {
    let mut decoder = MessageDecoder::new(Role::Client, &wire_ws::Config::default());
    let mut got = Vec::new();
    loop {
        let step = decoder.decode(&mut bytes).unwrap();
        match step.event {
            None => return got,
            Some(MessageEvent::Message { payload, .. }) => got.push(match payload {
                Payload::Input(range) => String::from_utf8(bytes[range].to_vec()).unwrap(),
                Payload::Buffer => String::from_utf8(decoder.take_buffer()).unwrap(),
            }),
            Some(MessageEvent::Close { code, .. }) => {
                got.push(format!("close {}", code.map_or(0, CloseCode::get)));
            }
            Some(MessageEvent::Ping { .. }) => got.push("ping".into()),
            Some(MessageEvent::Pong { .. }) => got.push("pong".into()),
        }
        bytes.drain(..step.consumed);
    }
}

fn ends(frames: &[Frame], stream: u32) -> bool {
    frames.iter().any(|frame| {
        frame.stream == stream && matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0
    })
}

impl<H, R> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    fn http2_client(&self, settings: &[(u16, u32)]) -> Client {
        let client = self.connect();
        self.send(&client, [hello(settings), frame(SETTINGS, ACK, 0, b"")].concat());
        client
    }

    /// Opens a WebSocket on each of these streams.
    fn open_all(&self, client: &Client, streams: impl Iterator<Item = u32> + Clone) {
        self.send(client, streams.clone().flat_map(open).collect::<Vec<_>>());
        let frames = received(client);
        for stream in streams {
            assert_eq!(status(&frames, stream), Some(200), "{stream}");
            assert!(!ends(&frames, stream));
        }
    }
}

fn started(configure: impl FnOnce(&mut Config)) -> (World<impl Handler<Request> + 'static, Request>, Client) {
    let world = configured(site, |config| {
        http2(config);
        configure(config);
    });
    let client = world.http2_client(&[]);
    world.open_all(&client, [1].into_iter());
    (world, client)
}

#[test]
fn the_server_says_that_it_can() {
    let world = configured(site, http2);
    let frames = received(&world.http2_client(&[]));
    let settings = frames.iter().find(|frame| frame.kind == SETTINGS && frame.flags == 0).unwrap();
    let said = settings.payload.chunks(6).find(|entry| entry[..2] == ENABLE_CONNECT_PROTOCOL.to_be_bytes());
    assert_eq!(said.unwrap()[2..], [0, 0, 0, 1]);
}

#[test]
fn echo_and_close_end_the_stream_in_good_order() {
    let (world, client) = started(|_| {});
    assert_eq!((world.stats().websockets, world.stats().in_flight), (1, 0));
    world.send(&client, data(1, &message("hello")));
    assert_eq!(decode(content(&received(&client), 1)), ["hello"]);
    world.send(&client, data(1, &close(1000)));
    let frames = received(&client);
    assert_eq!(decode(content(&frames, 1)), ["close 1000"]);
    assert!(ends(&frames, 1) && reset_of(&frames, 1).is_none());
    world.send(&client, frame(DATA, END_STREAM, 1, b""));
    world.advance(60);
    assert_eq!(reset_of(&received(&client), 1), None, "browsers take a reset here for a failure");
    assert_eq!(world.stats().websockets, 0);
}

/// A client that is told Close + END_STREAM and never ends its own side is waited for, and reset at last.
#[test]
fn who_does_not_end_the_stream_is_waited_for() {
    let (world, client) = started(|_| {});
    world.send(&client, data(1, &close(1000)));
    assert!(ends(&received(&client), 1));
    world.advance(4);
    assert_eq!(reset_of(&received(&client), 1), None);
    world.advance(2);
    assert!(reset_of(&received(&client), 1).is_some());
}

#[test]
fn the_server_closes_first() {
    let world = configured(
        |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade.run(|socket| async move { socket.close(CloseCode::GOING_AWAY, "").await }).await
        },
        http2,
    );
    let client = world.http2_client(&[]);
    world.send(&client, open(1));
    let frames = received(&client);
    assert_eq!(decode(content(&frames, 1)), ["close 1001"]);
    world.send(&client, frame(DATA, END_STREAM, 1, &close(1001)));
    let frames = received(&client);
    assert!(ends(&frames, 1) && reset_of(&frames, 1).is_none());
    world.advance(60);
    assert_eq!(reset_of(&received(&client), 1), None);
}

#[test]
fn frames_lie_in_data_as_they_like() {
    let (world, client) = started(|_| {});
    let three = ["one", "two", "three"];
    let bytes: Vec<u8> = three.iter().flat_map(|text| message(text)).collect();
    world.send(&client, data(1, &bytes));
    assert_eq!(decode(content(&received(&client), 1)), three, "many in one");
    let pieces: Vec<u8> = bytes.iter().flat_map(|byte| data(1, &[*byte])).collect();
    world.send(&client, pieces);
    assert_eq!(decode(content(&received(&client), 1)), three, "a byte in each");
    for byte in bytes {
        world.send(&client, data(1, &[byte]));
    }
    assert_eq!(decode(content(&received(&client), 1)), three, "a byte at a time");
}

#[test]
fn a_window_of_one_byte_is_enough() {
    let world = configured(site, http2);
    let client = world.http2_client(&[(INITIAL_WINDOW_SIZE, 1)]);
    world.open_all(&client, [1].into_iter());
    // Longer than the budget for WINDOW_UPDATEs, which progress refills.
    let text = "a byte at a time ".repeat(150);
    world.send(&client, data(1, &message(&text)));
    let mut got = content(&received(&client), 1);
    let want = 4 + text.len();
    for sent in 1..=want {
        assert_eq!(got.len(), sent);
        world.send(&client, window_update(1, 1));
        got.extend(content(&received(&client), 1));
    }
    assert_eq!(decode(got), [text]);
    world.send(&client, data(1, &close(1000)));
    world.send(&client, window_update(1, 100));
    assert!(ends(&received(&client), 1));
}

/// The window grows as the handler reads, so that any amount comes through; and no more than it is held for one that
/// does not.
#[test]
fn the_window_follows_the_reader() {
    let (world, client) = started(|config| config.http2.as_mut().unwrap().stream_window = 1000);
    let text = "x".repeat(5000);
    let bytes = message(&text);
    let (mut window, mut sent, mut got) = (1000, 0, Vec::new());
    while sent < bytes.len() {
        let len = window.min(bytes.len() - sent);
        assert!(len > 0, "the window does not grow");
        world.send(&client, data(1, &bytes[sent..sent + len]));
        (sent, window) = (sent + len, window - len);
        for frame in received(&client) {
            if (frame.kind, frame.stream) == (WINDOW_UPDATE, 1) {
                window += frame.code() as usize;
            }
            got.extend(content(&[frame], 1));
        }
    }
    assert_eq!(decode(got), [text]);
}

/// As many as the window has room for, each in a frame of its own and all of them at once, behind one that makes `h2` read
/// in larger pieces.
#[test]
fn small_messages_in_a_burst() {
    for split in [1, 7] {
        let (world, client) = started(|_| {});
        world.send(&client, [window_update(0, 1 << 20), window_update(1, 1 << 20)].concat());
        for _ in 0..9 {
            world.send(&client, data(1, &message(&"x".repeat(16_000))).repeat(2));
            assert_eq!(decode(content(&received(&client), 1)).len(), 2);
        }
        let burst = message("x").repeat(24_000 / 7);
        let frames: Vec<u8> = burst.chunks(split).flat_map(|piece| data(1, piece)).collect();
        world.send(&client, frames);
        let frames = received(&client);
        assert_eq!(goaway(&frames), None, "{split}");
        assert_eq!(decode(content(&frames, 1)).len(), 24_000 / 7);
    }
}

/// More tiny DATA frames than `h2` lets anybody leave unread.
#[test]
fn many_small_frames_for_a_handler_that_does_not_read() {
    let world = configured(
        |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let unread = |socket| async move {
                std::future::pending::<()>().await;
                drop::<WebSocket>(socket);
            };
            upgrade.run(unread).await
        },
        http2,
    );
    let client = world.http2_client(&[]);
    world.send(&client, open(1));
    for _ in 0..100 {
        world.send(&client, data(1, &message("x")).repeat(80));
    }
    let frames = received(&client);
    assert_eq!((goaway(&frames), reset_of(&frames, 1)), (None, None));
    assert_eq!(world.stats().websockets, 1);
}

#[test]
fn masking_is_still_checked() {
    let (world, client) = started(|_| {});
    world.send(&client, data(1, b"\x81\x01x"));
    let frames = received(&client);
    assert_eq!(decode(content(&frames, 1)), ["close 1002"]);
    assert!(ends(&frames, 1));
}

#[test]
fn a_reset_leaves_the_siblings_alone() {
    let world = configured(site, http2);
    let client = world.http2_client(&[]);
    world.open_all(&client, [1, 3].into_iter());
    world.send(&client, [data(1, &message("never")[..4]), reset(1)].concat());
    assert_eq!(world.stats().websockets, 1);
    world.send(&client, [data(3, &message("still here")), get(5, "/")].concat());
    let frames = received(&client);
    assert_eq!(decode(content(&frames, 3)), ["still here"]);
    assert_eq!(content(&frames, 5), b"page");
    assert_eq!((reset_of(&frames, 1), goaway(&frames)), (None, None));
}

#[test]
fn fifty_at_once_beside_requests() {
    let world = configured(site, http2);
    let client = world.http2_client(&[]);
    let streams = (0..50).map(|n| 2 * n + 1);
    world.open_all(&client, streams.clone());
    assert_eq!(world.stats().websockets, 50);
    let mut sent: Vec<u8> =
        streams.clone().flat_map(|stream| data(stream, &message(&format!("{stream}")))).collect();
    sent.extend(get(101, "/"));
    world.send(&client, sent);
    let frames = received(&client);
    for stream in streams {
        assert_eq!(decode(content(&frames, stream)), [stream.to_string()]);
    }
    assert_eq!(content(&frames, 101), b"page");
}

#[test]
fn a_shutdown_says_goodbye_to_each() {
    let world = configured(site, http2);
    let client = world.http2_client(&[]);
    world.open_all(&client, [1, 3].into_iter());
    world.server.shutdown();
    world.sim.run();
    let frames = received(&client);
    for stream in [1, 3] {
        assert_eq!(decode(content(&frames, stream)), ["close 1001"]);
        assert!(!ends(&frames, stream) && reset_of(&frames, stream).is_none());
        world.send(&client, frame(DATA, END_STREAM, stream, &close(1001)));
        let frames = received(&client);
        assert!(ends(&frames, stream) && reset_of(&frames, stream).is_none());
    }
    assert_eq!(world.stats().websockets, 0);
}

/// A peer that is gone without a word is noticed; the others of its connection are not cut off.
#[test]
fn silence_is_asked_about_and_ends_the_stream() {
    let (world, client) = started(|config| config.websocket_ping_interval = Some(Duration::from_secs(20)));
    world.advance(19);
    assert_eq!(content(&received(&client), 1), b"");
    world.advance(1);
    assert_eq!(decode(content(&received(&client), 1)), ["ping"]);
    world.advance(20);
    let frames = received(&client);
    assert_eq!((reset_of(&frames, 1), goaway(&frames)), (Some(CANCEL), None));
    assert_eq!(world.stats().websockets, 0);
}

/// The same where the handler knows nothing of it.
#[test]
fn a_handler_that_goes_on_does_not_hold_the_stream() {
    let world = configured(
        |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let (socket, response) = upgrade.accept();
            std::future::pending::<()>().await;
            drop((socket, request));
            response
        },
        http2_with_pings,
    );
    let client = world.http2_client(&[]);
    world.open_all(&client, [1].into_iter());
    world.advance(20);
    assert_eq!(decode(content(&received(&client), 1)), ["ping"]);
    world.advance(20);
    assert_eq!(reset_of(&received(&client), 1), Some(CANCEL));
    world.advance(10);
    assert_eq!((world.stats().websockets, world.stats().connections), (0, 1));
}

#[test]
fn a_writer_whose_peer_takes_nothing_is_cut_off() {
    let world = configured(site, http2);
    let client = world.http2_client(&[(INITIAL_WINDOW_SIZE, 0)]);
    world.open_all(&client, [1].into_iter());
    world.send(&client, data(1, &message("no room")));
    world.advance(29);
    assert_eq!(reset_of(&received(&client), 1), None);
    world.advance(1);
    assert_eq!(reset_of(&received(&client), 1), Some(CANCEL));
}

#[test]
fn other_connects_are_not_implemented() {
    let world = configured(site, http2);
    let plain = fields(&[(":method", "CONNECT"), (":authority", "a:1")]);
    // Nobody there who would hold the WebSocket: no 2xx, which would open one.
    let page = request_fields("CONNECT", "/page", &[(":protocol", "websocket")]);
    for (request, expected) in [
        (connect_head(1, "connect-udp", &[]), 501),
        (frame(HEADERS, END_HEADERS, 1, &plain), 501),
        (frame(HEADERS, END_HEADERS, 1, &page), 501),
        // What is no CONNECT is no handshake.
        (get(1, "/ws"), 400),
    ] {
        let client = world.http2_client(&[]);
        world.send(&client, request);
        assert_eq!(status(&received(&client), 1), Some(expected));
    }
}

#[test]
fn a_wrong_handshake_is_refused() {
    let world = configured(site, http2);
    for (more, expected) in [
        (&[("sec-websocket-version", "12")][..], 400),
        (&[][..], 400),
        (&[("sec-websocket-version", "13"), ("sec-websocket-protocol", "a,,a b")][..], 400),
        (&[("sec-websocket-version", "13"), ("sec-websocket-key", "ignored")][..], 200),
    ] {
        let client = world.http2_client(&[]);
        world.send(&client, connect_head(1, "websocket", more));
        assert_eq!(status(&received(&client), 1), Some(expected), "{more:?}");
    }
}

/// The table of requests, against the server. Those that are malformed by HTTP's own rules `h2` resets, some without an answer.
#[test]
fn the_table_of_requests() {
    let world = configured(echo, http2);
    for case in conformance::h2ws::tables().requests {
        let pseudo = [
            (":method", Some(case.method())),
            (":protocol", case.protocol()),
            (":scheme", case.scheme()),
            (":authority", case.authority()),
            (":path", case.path()),
        ];
        // HTTP/2 has no others.
        let more = case.fields().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let more: Vec<_> = more.collect();
        let head = pseudo.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let more = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let client = world.http2_client(&[]);
        world.send(&client, frame(HEADERS, END_HEADERS, 1, &fields(&head.chain(more).collect::<Vec<_>>())));
        let frames = received(&client);
        match status(&frames, 1) {
            Some(status) => assert_eq!(status, case.status, "{}", case.id),
            None => {
                assert_eq!(reset_of(&frames, 1), Some(PROTOCOL_ERROR), "{}", case.id);
                assert_ne!(case.status, 200, "{}", case.id);
            }
        }
    }
}

#[test]
fn compression_is_agreed_on() {
    let world = configured(site, |config| {
        http2(config);
        config.websocket_deflate = Some(DeflateConfig::default());
    });
    let client = world.http2_client(&[]);
    let terms = [("sec-websocket-version", "13"), ("sec-websocket-extensions", "permessage-deflate")];
    world.send(&client, connect_head(1, "websocket", &terms));
    let frames = received(&client);
    assert_eq!(status(&frames, 1), Some(200));
    let text = "to be pressed ".repeat(100);
    world.send(&client, data(1, &message(&text)));
    let answer = content(&received(&client), 1);
    assert_eq!(answer[0], 0xc1, "RSV1: compressed");
    assert!(answer.len() < 100);
}

/// The ecosystem's request type, and a WebSocket that another task holds.
#[test]
fn from_an_http_request() {
    let world = configured(
        |mut request: http::Request<Incoming>| async move {
            let upgraded: Result<_, WebSocketRejection> = WebSocketUpgrade::from_http(&mut request);
            upgraded
                .unwrap()
                .run(|mut socket| async move {
                    let _ = socket.send("welcome").await;
                    let _ = socket.recv().await;
                })
                .await
        },
        http2,
    );
    let client = world.http2_client(&[]);
    world.send(&client, open(1));
    assert_eq!(decode(content(&received(&client), 1)), ["welcome"]);
}

/// Ended without a Close, but in good order: the handler sees the end, and the stream ends.
#[test]
fn an_end_without_a_close() {
    let (world, client) = started(|_| {});
    world.send(&client, frame(DATA, END_STREAM, 1, b""));
    let frames = received(&client);
    assert!(ends(&frames, 1) || reset_of(&frames, 1).is_some());
    assert_eq!(world.stats().websockets, 0);
}
