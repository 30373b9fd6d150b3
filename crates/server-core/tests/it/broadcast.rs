//! One message for many WebSockets, and messages that are answered where they lie.

use std::cell::RefCell;
use std::rc::Rc;

use http::Response;
use server_core::ws::{Client, Message, PreparedMessage, SendError, WebSocket, WebSocketUpgrade};
use server_core::{Body, Config, ConnectionInfo, Handler, Http2Config, Request};
use testkit::alloc;
use testkit::sim::pipe;
use wire_ws::deflate::{DeflateConfig, DeflateOffer, DeflateParams};
use wire_ws::{DataKind, PreparedMessage as Frames};

use super::support::{CAPACITY, SimTimer, World, configured, with_sim};
use super::websocket::{Got, Peer, open, open_with};

type Sockets = Rc<RefCell<Vec<WebSocket>>>;

/// A server that keeps every WebSocket.
fn hub(configure: impl FnOnce(&mut Config)) -> (World<impl Handler<Request> + 'static, Request>, Sockets) {
    let sockets = Sockets::default();
    let kept = Rc::clone(&sockets);
    let handler = move |mut request: Request| {
        let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
        kept.borrow_mut().push(socket);
        async move { response }
    };
    (configured(handler, configure), sockets)
}

/// A peer that agrees to compression in its own way.
fn compressed<H: Handler<Request> + 'static>(
    world: &World<H, Request>,
    offer: &DeflateOffer,
) -> (Peer, DeflateParams) {
    let (peer, head) = open_with(world, &format!("Sec-WebSocket-Extensions: {}\r\n", offer.value()));
    let answer = head.split("Sec-WebSocket-Extensions: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let params = offer.verify([answer.as_bytes()]).unwrap().unwrap();
    (peer.compressed(&params), params)
}

#[test]
fn each_gets_it_by_its_own_terms() {
    let takeover = |config: &mut DeflateConfig| config.takeover = true;
    let (world, sockets) = hub(|config| {
        config.websocket_deflate = Some(DeflateConfig::default());
        config.websocket_deflate.as_mut().map(takeover);
    });
    let deflate = DeflateConfig::default();
    let mut small = deflate;
    small.peer_max_window_bits = 10;
    let plain = open(&world);
    let (default, params) = compressed(&world, &deflate.offer());
    assert!(!params.server_no_context_takeover);
    let (narrow, params) = compressed(&world, &small.offer());
    assert_eq!(params.server_max_window_bits, 10);
    let mut peers = [plain, default, narrow];

    for text in ["short", &"long and dull, ".repeat(100), &"larger than what is copied, ".repeat(1000)] {
        let prepared = PreparedMessage::deflated(text, &deflate);
        let plain = Frames::new(DataKind::Text, text.as_bytes());
        let mut sent = Vec::new();
        for (peer, socket) in peers.iter_mut().zip(&mut *sockets.borrow_mut()) {
            // Between others, whose context it takes away.
            socket.feed("before").unwrap();
            socket.feed(&prepared).unwrap();
            socket.feed("before").unwrap();
            world.sim.run();
            sent.push(peer.client.pipe.available() - 2 * 8);
            assert_eq!(peer.received(), ["before", text, "before"].map(|text| Got::Text(text.to_owned())));
        }
        let [plainly, pressed, narrowly] = sent.try_into().unwrap();
        assert_eq!(
            (plainly, narrowly),
            (plain.as_bytes().len(), plainly),
            "a window of 2^15 is too wide for it"
        );
        assert!(text.len() < deflate.min_size || pressed * 5 < plainly, "{pressed} of {plainly}");
    }
}

#[test]
fn over_http2_too() {
    let (world, sockets) = hub(|config| {
        config.http2 = Some(Http2Config::default());
        config.websocket_deflate = Some(DeflateConfig::default());
    });
    let (near, far) = pipe(CAPACITY);
    world.sim.spawn(world.server.connection(far, ConnectionInfo::default()));
    let timer = SimTimer(world.sim.clock().clone());
    let prepared = PreparedMessage::deflated(&*"to all of you, ".repeat(1000), &DeflateConfig::default());
    let task = world.sim.spawn({
        let (sim, prepared) = (Rc::clone(&world.sim), prepared.clone());
        async move {
            let client = Client::new("ws://a/").unwrap().deflate(DeflateConfig::default());
            let (client, connection) = client.handshake_http2(near, timer).await.unwrap();
            sim.spawn(connection);
            let mut socket = client.open("/ws").await.unwrap().0;
            let message = socket.recv().await.unwrap().unwrap();
            // A client masks what it sends.
            socket.send(&prepared).await.unwrap();
            socket.recv().await;
            message
        }
    });
    world.sim.run();
    let mut socket = sockets.borrow_mut().pop().unwrap();
    socket.feed(&prepared).unwrap();
    let answered = world.sim.spawn(async move { socket.recv().await.unwrap().unwrap() });
    world.sim.run();
    let expected = Message::from("to all of you, ".repeat(1000));
    assert!(answered.take().unwrap() == expected && task.take().unwrap() == expected);
}

/// Who does not read holds up nobody, and holds no copy.
#[test]
fn slow_readers_are_refused_more_and_share_its_memory() {
    let (world, sockets) = hub(|config| config.max_write_buffer = 1 << 20);
    let peers: Vec<_> = (0..16).map(|_| open(&world)).collect();
    for peer in &peers {
        peer.client.pipe.limit_peer_writes(0);
    }
    let payload = vec![7; 1 << 20];
    let ((), used) = alloc::measure(|| {
        let prepared = PreparedMessage::new(&payload[..]);
        for socket in &mut *sockets.borrow_mut() {
            socket.feed(&prepared).unwrap();
        }
        world.sim.run();
        for socket in &mut *sockets.borrow_mut() {
            // The connection has taken the first, and holds this.
            socket.feed(&prepared).unwrap();
            assert!(socket.feed(&prepared) == Err(SendError::Full(Message::from(payload.clone()))));
        }
    });
    assert!(used.peak < 5 << 20, "{} bytes", used.peak);
    let mut socket = sockets.borrow_mut().swap_remove(0);
    let sending =
        world.sim.spawn(async move { socket.send(&PreparedMessage::new("late")).await.map(|()| socket) });
    world.sim.run();
    assert!(sending.take().is_none(), "waits for room");
    let mut peer = peers.into_iter().next().unwrap();
    peer.client.pipe.limit_peer_writes(usize::MAX);
    let mut got = Vec::new();
    for _ in 0..100 {
        world.sim.run();
        got.extend(peer.received());
    }
    assert_eq!(got, [Got::Binary(1 << 20), Got::Binary(1 << 20), Got::Text("late".into())]);
    assert!(sending.take().unwrap().is_ok());
}

pub(crate) async fn echo_ref(mut request: Request) -> Response<Body> {
    let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
    upgrade
        .run(async |socket| {
            let (mut sender, mut receiver) = socket.split();
            while let Some(Ok(message)) = receiver.recv_ref().await {
                assert_eq!(message.as_text().is_some(), message.kind() == DataKind::Text);
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        })
        .await
}

/// However it comes: whole, in fragments, in pieces, read straight into a message, compressed.
#[test]
fn messages_are_answered_where_they_lie() {
    for deflate in [false, true] {
        let world = configured(echo_ref, |config| {
            config.websocket_deflate = deflate.then(DeflateConfig::default);
        });
        let mut peer =
            if deflate { compressed(&world, &DeflateConfig::default().offer()).0 } else { open(&world) };
        for len in [0, 1, 125, 126, 20_000, 65_536, 1 << 20] {
            let text = "x".repeat(len);
            let mut frames = peer.text(&text);
            frames.extend(peer.frames(|encoder, out| {
                encoder.encode_fragment(DataKind::Binary, &vec![1; len], false, out).unwrap();
                encoder.encode_ping(b"between", out).unwrap();
                encoder.encode_fragment(DataKind::Binary, b"end", true, out).unwrap();
                encoder.encode_message(DataKind::Binary, b"", out).unwrap();
            }));
            let mut got = Vec::new();
            for piece in frames.chunks(len / 7 + 1) {
                world.send(&peer.client, piece);
                got.extend(peer.received());
            }
            world.sim.run();
            while peer.client.pipe.available() > 0 {
                got.extend(peer.received());
                world.sim.run();
            }
            let pong = Got::Pong(b"between".to_vec());
            let expected = [Got::Text(text), pong, Got::Binary(len + 3), Got::Binary(0)];
            assert!(got == expected, "{len}: {} messages", got.len());
        }
    }
}

/// The halves know of each other's burst.
#[test]
fn a_burst_for_halves_is_answered_in_one_write() {
    let world = with_sim(|_| echo_ref);
    let mut peer = open(&world);
    let mut burst: Vec<u8> = (0..200).flat_map(|n| peer.text(&n.to_string())).collect();
    // It ends with what no message is.
    burst.extend(peer.frames(|encoder, out| encoder.encode_pong(b"", out).unwrap()));
    let writes = peer.client.pipe.peer_writes();
    world.send(&peer.client, burst);
    assert_eq!(peer.received().len(), 200);
    assert_eq!(peer.client.pipe.peer_writes() - writes, 1);
}
