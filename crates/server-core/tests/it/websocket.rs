//! WebSockets over HTTP/1.1: upgrade, echo, gathering, backpressure, closing.

use http::Response;
use server_core::ws::{CloseCode, WebSocket, WebSocketError, WebSocketUpgrade};
use server_core::{Body, Incoming, Request};
use wire_ws::deflate::{DeflateConfig, DeflateParams};
use wire_ws::{DataKind, Encoder, MessageDecoder, MessageEvent, Payload, Role};

use super::support::{Client, World, configured, get, statuses, text, world};

pub(crate) const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

pub(crate) async fn echo(mut request: Request) -> Response<Body> {
    match WebSocketUpgrade::from_request(&mut request) {
        Ok(upgrade) => upgrade.protocols(&["echo", "other"]).run(echo_messages).await,
        Err(rejection) => rejection.into_response(),
    }
}

async fn echo_messages(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// A client's frames.
pub(crate) struct Peer {
    pub(crate) client: Client,
    encoder: Encoder,
    decoder: MessageDecoder,
    input: Vec<u8>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    Text(String),
    Binary(usize),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Peer {
    /// Whose handshake was sent; also the head of the response.
    pub(crate) fn new(client: Client) -> (Self, String) {
        let mut input = client.pipe.take();
        let head = input.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let frames = input.split_off(head);
        let head = String::from_utf8(input).unwrap();
        assert_eq!(statuses(&head), [101]);
        let peer = Self {
            client,
            encoder: Encoder::client([7; 32]),
            decoder: MessageDecoder::new(Role::Client, &wire_ws::Config::default()),
            input: frames,
        };
        (peer, head)
    }

    /// Where compression was agreed on.
    pub(crate) fn compressed(mut self, params: &DeflateParams) -> Self {
        self.encoder = self.encoder.with_deflate(params);
        self.decoder = self.decoder.with_deflate(params, &wire_ws::Config::default());
        self
    }

    pub(crate) fn frames(&mut self, encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut self.encoder, &mut out);
        out
    }

    pub(crate) fn text(&mut self, text: &str) -> Vec<u8> {
        self.frames(|encoder, out| encoder.encode_message(DataKind::Text, text.as_bytes(), out).unwrap())
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) -> Vec<u8> {
        self.frames(|encoder, out| encoder.encode_close(CloseCode::new(code), reason, out).unwrap())
    }

    pub(crate) fn received(&mut self) -> Vec<Got> {
        self.input.extend(self.client.pipe.take());
        let mut got = Vec::new();
        loop {
            let step = self.decoder.decode(&mut self.input).unwrap();
            match step.event {
                None => {
                    self.input.drain(..step.consumed);
                    return got;
                }
                Some(MessageEvent::Message { kind, payload }) => {
                    let bytes = match payload {
                        Payload::Input(range) => self.input[range].to_vec(),
                        Payload::Buffer => self.decoder.take_buffer(),
                    };
                    got.push(match kind {
                        DataKind::Text => Got::Text(String::from_utf8(bytes).unwrap()),
                        DataKind::Binary => Got::Binary(bytes.len()),
                    });
                }
                Some(MessageEvent::Pong { range }) => got.push(Got::Pong(self.input[range].to_vec())),
                Some(MessageEvent::Close { code, range }) => {
                    let reason = String::from_utf8(self.input[range].to_vec()).unwrap();
                    got.push(Got::Close(code.map(CloseCode::get), reason));
                }
                Some(other) => panic!("{other:?}"),
            }
            self.input.drain(..step.consumed);
        }
    }
}

pub(crate) fn open<H, R>(world: &World<H, R>) -> Peer
where
    H: server_core::Handler<R> + 'static,
    R: server_core::RequestKind + 'static,
{
    open_with(world, "").0
}

/// Opens one with more header fields; also gives the head of the response.
pub(crate) fn open_with<H, R>(world: &World<H, R>, fields: &str) -> (Peer, String)
where
    H: server_core::Handler<R> + 'static,
    R: server_core::RequestKind + 'static,
{
    let client = world.connect();
    world.send(&client, format!("{HANDSHAKE}{fields}\r\n"));
    Peer::new(client)
}

#[test]
fn the_handshake_of_the_rfc() {
    let world = world(echo);
    let got = world.exchange(format!("{HANDSHAKE}Sec-WebSocket-Protocol: x, other, echo\r\n\r\n"));
    for line in [
        "HTTP/1.1 101 Switching Protocols\r\n",
        "\r\nUpgrade: websocket\r\n",
        "\r\nConnection: upgrade\r\n",
        "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "\r\nSec-WebSocket-Protocol: echo\r\n",
    ] {
        assert!(got.contains(line), "{got}");
    }
    assert!(!got.contains("Content-Length") && !got.contains("Transfer-Encoding"), "{got}");
}

#[test]
fn wrong_handshakes_are_refused_and_the_connection_goes_on() {
    let world = world(echo);
    for (request, status) in [
        (get("/ws"), 426),
        (HANDSHAKE.replace("Version: 13", "Version: 8") + "\r\n", 426),
        (HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short") + "\r\n", 400),
        (HANDSHAKE.replace("GET", "PUT") + "\r\n", 405),
    ] {
        let client = world.connect();
        world.send(&client, &request);
        let got = client.text();
        assert_eq!(statuses(&got), [status], "{request}");
        assert_eq!(got.contains("sec-websocket-version: 13"), status == 426, "{got}");
        world.send(&client, get("/ws"));
        assert_eq!(client.statuses(), [426], "still HTTP");
    }
}

/// A declared body of no bytes is no body.
#[test]
fn a_handshake_with_content_length_0_is_accepted() {
    let world = world(echo);
    let got = world.exchange(HANDSHAKE.replace("Host: a\r\n", "Host: a\r\nContent-Length: 0\r\n") + "\r\n");
    assert_eq!(statuses(&got), [101], "{got}");
}

#[test]
fn messages_come_back_and_bytes_behind_the_handshake_count() {
    let world = world(echo);
    let client = world.connect();
    let mut encoder = Encoder::client([1; 32]);
    let mut early = format!("{HANDSHAKE}\r\n").into_bytes();
    encoder.encode_message(DataKind::Text, b"early", &mut early).unwrap();
    world.send(&client, early);
    let bytes = client.pipe.take();
    assert!(bytes.ends_with(b"\x81\x05early"), "{}", String::from_utf8_lossy(&bytes));

    let mut peer = open(&world);
    let frames = [peer.text("hello"), peer.text(""), peer.text("wörld")].concat();
    world.send(&peer.client, frames);
    assert_eq!(
        peer.received(),
        [Got::Text("hello".into()), Got::Text(String::new()), Got::Text("wörld".into())]
    );
    let fragments = peer.frames(|encoder, out| {
        encoder.encode_fragment(DataKind::Text, b"a", false, out).unwrap();
        encoder.encode_ping(b"between", out).unwrap();
        encoder.encode_fragment(DataKind::Text, b"b", true, out).unwrap();
    });
    for byte in fragments {
        world.send(&peer.client, [byte]);
    }
    assert_eq!(peer.received(), [Got::Pong(b"between".to_vec()), Got::Text("ab".into())]);
}

#[test]
fn a_burst_is_answered_in_one_write() {
    let world = world(echo);
    let mut peer = open(&world);
    let burst: Vec<u8> = (0..200).flat_map(|n| peer.text(&n.to_string())).collect();
    let writes = peer.client.pipe.peer_writes();
    world.send(&peer.client, burst);
    assert_eq!(peer.received().len(), 200);
    assert_eq!(peer.client.pipe.peer_writes() - writes, 1);
}

#[test]
fn large_messages_and_slow_readers() {
    let world = world(echo);
    let mut peer = open(&world);
    let payload = vec![0xAB; 3 << 20];
    let frame = peer.frames(|encoder, out| encoder.encode_message(DataKind::Binary, &payload, out).unwrap());
    peer.client.pipe.limit_peer_writes(10_000);
    for piece in frame.chunks(1 << 20) {
        world.send(&peer.client, piece);
    }
    let mut got = Vec::new();
    for _ in 0..1000 {
        got.extend(peer.received());
        world.sim.run();
    }
    assert_eq!(got, [Got::Binary(3 << 20)]);
}

/// The rest of a large message is read straight into it, however it is cut; what follows it is not.
#[test]
fn large_messages_in_pieces() {
    let world = world(echo);
    let text = "g\u{fc}t ".repeat(25_000);
    for piece in [5_000, 16_384, 70_000, 1 << 20] {
        let mut peer = open(&world);
        let frames = peer.frames(|encoder, out| {
            encoder.encode_fragment(DataKind::Text, text.as_bytes(), false, out).unwrap();
            encoder.encode_ping(b"between", out).unwrap();
            encoder.encode_fragment(DataKind::Text, text.as_bytes(), true, out).unwrap();
            encoder.encode_message(DataKind::Text, b"next", out).unwrap();
        });
        let mut got = Vec::new();
        for piece in frames.chunks(piece) {
            world.send(&peer.client, piece);
            got.extend(peer.received());
        }
        let expected = [Got::Pong(b"between".to_vec()), Got::Text(text.repeat(2)), Got::Text("next".into())];
        assert!(got == expected, "pieces of {piece}");
        // What is wrong with it shows at once.
        let mut bad = text.clone().into_bytes();
        bad[100_000] = 0xff;
        let frames = peer.frames(|encoder, out| encoder.encode_message(DataKind::Text, &bad, out).unwrap());
        for piece in frames[..110_000].chunks(piece) {
            world.send(&peer.client, piece);
        }
        assert_eq!(peer.received(), [Got::Close(Some(1007), String::new())], "pieces of {piece}");
        // And so does its end.
        let mut peer = open(&world);
        let frames = peer.frames(|encoder, out| {
            encoder.encode_message(DataKind::Text, text.as_bytes(), out).unwrap();
        });
        for piece in frames[..100_000].chunks(piece) {
            world.send(&peer.client, piece);
        }
        peer.client.pipe.finish();
        world.advance(5);
        assert!(peer.client.is_closed());
    }
    world.advance(5);
    assert_eq!((world.sim.live_tasks(), world.stats().websockets), (0, 0));
}

/// A message is not lost with the call that was waiting for its rest.
#[test]
fn a_large_message_outlives_a_cancelled_recv() {
    use super::support::{sleep, with_sim};
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let sim = std::rc::Rc::clone(&sim);
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade.run(async move |mut socket| {
                loop {
                    let mut tick = std::pin::pin!(sleep(&sim, 1));
                    let message = {
                        let mut recv = std::pin::pin!(socket.recv());
                        std::future::poll_fn(|cx| match recv.as_mut().poll(cx) {
                            std::task::Poll::Ready(message) => std::task::Poll::Ready(Some(message)),
                            std::task::Poll::Pending => tick.as_mut().poll(cx).map(|()| None),
                        })
                        .await
                    };
                    match message {
                        Some(Some(Ok(message))) => socket.send(message).await.unwrap(),
                        Some(_) => return,
                        None => {}
                    }
                }
            })
        }
    });
    let mut peer = open(&world);
    let frame = peer.frames(|encoder, out| {
        encoder.encode_message(DataKind::Binary, &[7; 200_000], out).unwrap();
    });
    for piece in frame.chunks(20_000) {
        world.send(&peer.client, piece);
        world.advance(3);
    }
    assert_eq!(peer.received(), [Got::Binary(200_000)]);
}

/// A peer that sends and never reads fills its own pipe, not the server's memory.
#[test]
fn a_peer_that_never_reads_is_not_read_from() {
    let world = world(echo);
    let mut peer = open(&world);
    peer.client.pipe.limit_peer_writes(1000);
    let message =
        peer.frames(|encoder, out| encoder.encode_message(DataKind::Binary, &[1; 10_000], out).unwrap());
    for _ in 0..300 {
        world.send(&peer.client, &message);
    }
    assert!(peer.client.pipe.unread_by_peer() > 2_000_000, "{}", peer.client.pipe.unread_by_peer());
}

#[test]
fn pings_are_answered_with_the_latest_while_writing_is_blocked() {
    let world = world(echo);
    let mut peer = open(&world);
    let pings = peer.frames(|encoder, out| {
        for n in 0..100_000_u32 {
            encoder.encode_ping(&n.to_be_bytes(), out).unwrap();
        }
    });
    let close = peer.close(1000, "");
    peer.client.pipe.limit_peer_writes(1000);
    world.send(&peer.client, [pings, close].concat());
    let mut pongs = Vec::new();
    for _ in 0..1000 {
        pongs.extend(peer.received());
        world.sim.run();
    }
    assert_eq!(pongs.pop(), Some(Got::Close(Some(1000), String::new())));
    assert_eq!(pongs.last(), Some(&Got::Pong(99_999_u32.to_be_bytes().to_vec())));
    assert!(pongs.len() < 50_000, "{} pongs were queued", pongs.len());
}

#[test]
fn closing_is_a_handshake() {
    let world = world(echo);
    let mut peer = open(&world);
    assert_eq!(world.stats().websockets, 1);
    assert_eq!(world.stats().in_flight, 0);
    let frames = [peer.text("last"), peer.close(4000, "bye")].concat();
    world.send(&peer.client, frames);
    assert_eq!(peer.received(), [Got::Text("last".into()), Got::Close(Some(4000), "bye".into())]);
    assert!(peer.client.is_closed());
    assert_eq!(world.stats().websockets, 0);
    peer.client.pipe.finish();
    world.sim.run();
    assert!(peer.client.ended().unwrap().is_ok());
    assert_eq!(world.sim.live_tasks(), 0);
}

/// A socket that is closed before everything is read is reset, and what the client has not read yet is lost.
#[test]
fn what_comes_behind_a_close_is_read_and_ignored() {
    let world = world(echo);
    let mut peer = open(&world);
    let pong = peer.frames(|encoder, out| encoder.encode_pong(b"late", out).unwrap());
    let frames = [peer.text("last"), peer.close(1000, "")].concat();
    world.send(&peer.client, frames);
    assert!(peer.client.is_closed());
    for _ in 0..3 {
        world.send(&peer.client, &pong);
        world.send(&peer.client, [0xff; 100_000]);
        assert_eq!(peer.client.pipe.unread_by_peer(), 0);
    }
    assert_eq!(peer.received(), [Got::Text("last".into()), Got::Close(Some(1000), String::new())]);
    // And not for ever.
    world.advance(5);
    assert!(peer.client.ended().unwrap().is_ok());
    assert_eq!(world.sim.live_tasks(), 0);
}

#[test]
fn violations_close_with_the_right_code() {
    let config = |config: &mut server_core::Config| config.websocket.max_message_size = 100;
    let world = configured(echo, config);
    for (bytes, code) in [
        (&b"\x81\x02hi"[..], 1002),             // not masked
        (b"\xc1\x80\0\0\0\0", 1002),            // RSV1
        (b"\x83\x80\0\0\0\0", 1002),            // reserved opcode
        (b"\x80\x80\0\0\0\0", 1002),            // continuation of nothing
        (b"\x81\x81\0\0\0\0\xff", 1007),        // not UTF-8
        (b"\x82\xfe\x00\x7f\0\0\0\0", 1009),    // 127 bytes declared
        (b"\x88\x82\0\0\0\0\x03\xed", 1002),    // Close 1005
        (b"\x81\x81\0\0\0\0a\x81\x02hi", 1002), // complete message first
    ] {
        let mut peer = open(&world);
        world.send(&peer.client, bytes);
        let got = peer.received();
        assert_eq!(got.last(), Some(&Got::Close(Some(code), String::new())), "{bytes:x?}: {got:?}");
        assert!(peer.client.is_closed(), "{bytes:x?}");
        world.advance(5);
        assert_eq!(world.sim.live_tasks(), 0, "{bytes:x?}");
    }
}

#[test]
fn a_lost_connection_is_told_apart_from_a_close() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async |mut socket| {
                let error = socket.recv().await.unwrap().unwrap_err();
                assert!(matches!(error, WebSocketError::Protocol(_) | WebSocketError::Io(_)), "{error:?}");
                assert!(socket.recv().await.is_none() && socket.close_frame().is_none());
            })
            .await
    });
    let peer = open(&world);
    peer.client.pipe.finish();
    world.sim.run();
    assert_eq!(world.sim.live_tasks(), 0);
    let peer = open(&world);
    peer.client.pipe.reset();
    world.sim.run();
    assert_eq!(world.sim.live_tasks(), 0);
}

#[test]
fn the_server_closes_and_waits_for_the_answer() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade.run(async |socket| socket.close(CloseCode::new(3000).unwrap(), "enough").await).await
    });
    let mut peer = open(&world);
    assert_eq!(peer.received(), [Got::Close(Some(3000), "enough".into())]);
    assert!(!peer.client.is_closed());
    let frames = [peer.text("on its way"), peer.close(3000, "")].concat();
    world.send(&peer.client, frames);
    assert!(peer.client.is_closed());
    peer.client.pipe.finish();
    world.sim.run();
    assert!(peer.client.ended().unwrap().is_ok());
    // And not for ever.
    let mut peer = open(&world);
    assert_eq!(peer.received().len(), 1);
    world.advance(5);
    assert!(peer.client.is_closed());
    assert_eq!(world.sim.live_tasks(), 0);
}

#[test]
fn dropping_it_closes_normally_and_a_panic_closes_with_1011() {
    let world = world(async |mut request: Request| {
        let panic = request.query() == Some("panic");
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async move |mut socket| {
                let _ = socket.send("hello").await;
                assert!(!panic, "as asked");
            })
            .await
    });
    for (query, code) in [("", 1000), ("?panic", 1011)] {
        let client = world.connect();
        world.send(&client, format!("{}\r\n", HANDSHAKE.replace("/ws", &format!("/ws{query}"))));
        let mut bytes = client.pipe.take();
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(bytes.split_off(head), [&b"\x81\x05hello\x88\x02"[..], &u16::to_be_bytes(code)].concat());
        assert!(client.is_closed());
        world.advance(5);
        assert_eq!((world.sim.live_tasks(), world.stats().websockets), (0, 0));
    }
}

#[test]
fn shutdown_sends_1001_and_waits_for_the_answer() {
    let world = world(echo);
    let mut peer = open(&world);
    let silent = open(&world);
    world.server.shutdown();
    world.sim.run();
    assert_eq!(peer.received(), [Got::Close(Some(1001), String::new())]);
    let frame = peer.close(1001, "");
    world.send(&peer.client, frame);
    assert!(peer.client.is_closed());
    world.advance(5);
    assert!(silent.client.is_closed());
    assert_eq!(world.sim.live_tasks(), 0);
}

/// A server that has answered an upgrade does not answer it again, whatever became of the request's copies.
/// The handshake is done before or after the shutdown begins, and the client keeps its side open.
#[test]
fn shutdown_waits_for_nothing_behind_the_closing_handshake() {
    for closed_before in [false, true] {
        let world = world(echo);
        let mut peer = open(&world);
        let frame = peer.close(1000, "");
        if closed_before {
            world.send(&peer.client, &frame);
            assert!(peer.client.ended().is_none(), "it reads on");
        }
        world.server.shutdown();
        world.sim.run();
        if !closed_before {
            world.send(&peer.client, &frame);
        }
        assert!(peer.client.ended().is_some_and(|end| end.is_ok()), "{closed_before}");
        assert_eq!(world.sim.live_tasks(), 0);
    }
}

#[test]
fn an_upgrade_is_accepted_once() {
    let world = world(async |mut request: http::Request<Incoming>| {
        let mut copy = http::Request::new(());
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        let first = WebSocketUpgrade::from_http(&mut request).unwrap();
        assert!(WebSocketUpgrade::from_http(&mut copy).is_err());
        first.accept().1
    });
    let mut peer = open(&world);
    assert_eq!(peer.received(), [Got::Close(Some(1000), String::new())], "dropped, without a panic");
    world.advance(60);
    assert_eq!(world.sim.live_tasks(), 0);
}

/// A handler that sends and then waits for something else must not hold its bytes back.
#[test]
fn what_was_fed_leaves_when_the_handler_pauses() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async |mut socket| {
                socket.feed("one").unwrap();
                socket.feed("two").unwrap();
                std::future::pending::<()>().await;
            })
            .await
    });
    let client = world.connect();
    world.send(&client, format!("{HANDSHAKE}\r\n"));
    assert!(client.pipe.take().ends_with(b"\x81\x03one\x81\x03two"));
}

#[test]
fn the_ecosystems_request_upgrades_too() {
    let world =
        world(async |mut request: http::Request<Incoming>| match WebSocketUpgrade::from_http(&mut request) {
            Ok(upgrade) => upgrade.run(echo_messages).await,
            Err(_) => text("no"),
        });
    let mut peer = open(&world);
    let frame = peer.text("hello");
    world.send(&peer.client, frame);
    assert_eq!(peer.received(), [Got::Text("hello".into())]);
}

/// A peer that is silent is asked whether it is there; whatever it sends is an answer.
#[test]
fn silent_peers_are_pinged_and_given_up() {
    let world = world(echo);
    let mut peer = open(&world);
    world.advance(15);
    let frame = peer.text("here");
    world.send(&peer.client, frame);
    assert_eq!(peer.received(), [Got::Text("here".into())]);
    world.advance(19);
    assert_eq!(peer.client.pipe.available(), 0);
    world.advance(1);
    assert_eq!(peer.client.pipe.take(), b"\x89\x00");
    world.advance(19);
    let pong = peer.frames(|encoder, out| encoder.encode_pong(b"", out).unwrap());
    world.send(&peer.client, pong);
    world.advance(19);
    assert_eq!(peer.client.pipe.available(), 0, "counts from the answer");
    world.advance(1);
    assert_eq!(peer.client.pipe.take(), b"\x89\x00");
    world.advance(20);
    assert!(peer.client.is_closed());
    assert_eq!(world.sim.live_tasks(), 0);
}

/// The handler listens to nobody; its peer answers Pings, then dies without a word.
#[test]
fn keepalive_needs_no_receiver() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async |mut socket| {
                std::future::pending::<()>().await;
                let _ = socket.send("never").await;
            })
            .await
    });
    let mut peer = open(&world);
    world.advance(20);
    assert_eq!(peer.client.pipe.take(), b"\x89\x00");
    let pong = peer.frames(|encoder, out| encoder.encode_pong(b"", out).unwrap());
    world.send(&peer.client, pong);
    world.advance(30);
    assert!(!peer.client.is_closed());
    drop(peer);
    world.advance(120);
    assert_eq!(world.stats().websockets, 0);
    assert_eq!(world.sim.live_tasks(), 0);
}

#[test]
fn compression_is_agreed_on_and_used() {
    let offer = DeflateConfig::default().offer();
    let world = configured(echo, |config| config.websocket_deflate = Some(DeflateConfig::default()));
    let (peer, head) = open_with(&world, &format!("Sec-WebSocket-Extensions: {}\r\n", offer.value()));
    let answer = head.split("Sec-WebSocket-Extensions: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let params = offer.verify([answer.as_bytes()]).unwrap().unwrap();
    let mut peer = peer.compressed(&params);
    for text in ["short", &"long and dull, ".repeat(10_000)] {
        let frame = peer.text(text);
        world.send(&peer.client, frame);
        assert!(peer.client.pipe.available() < 2000, "{} bytes", peer.client.pipe.available());
        assert_eq!(peer.received(), [Got::Text(text.into())]);
    }
    // A client that does not offer it gets none.
    let mut peer = open(&world);
    let frame = peer.text("plain");
    world.send(&peer.client, frame);
    assert_eq!(peer.received(), [Got::Text("plain".into())]);
}
