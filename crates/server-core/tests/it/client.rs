//! The WebSocket client: against the server, and against a server made by hand.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use conformance::ws as tables;
use http::Response;
use server_core::ws::{
    Client, CloseCode, ConnectError, Message, WebSocket, WebSocketError, WebSocketUpgrade,
};
use server_core::{ConnectionError, ConnectionInfo, Deadline, Request};
use testkit::sim::{Pipe, Sim, Task, pipe};
use wire_ws::deflate::DeflateConfig;
use wire_ws::handshake::{self, RequestLine};
use wire_ws::{Encoder, MessageDecoder, MessageEvent, Payload, Role};

use super::support::{CAPACITY, SimTimer, World, configured, world};
use super::websocket::echo;

const URL: &str = "ws://a/ws";

pub(crate) fn client() -> Client {
    Client::new(URL).unwrap()
}

/// An open WebSocket and the task that carries it.
pub(crate) struct Connected {
    pub(crate) socket: WebSocket,
    pub(crate) response: Response<()>,
    pub(crate) connection: Task<Result<(), ConnectionError>>,
}

pub(crate) fn connect(sim: &Rc<Sim>, client: Client, io: Pipe) -> Task<Result<Connected, ConnectError>> {
    let world = Rc::clone(sim);
    let task = sim.spawn(async move {
        let (socket, response, connection) = client.handshake(io, SimTimer(world.clock().clone())).await?;
        Ok(Connected { socket, response, connection: world.spawn(connection) })
    });
    sim.run();
    task
}

/// Connects to the server of a world, and spawns what is done with the WebSocket.
fn talk<H, T: 'static>(
    world: &World<H, Request>,
    client: Client,
    talk: impl AsyncFnOnce(Connected) -> T + 'static,
) -> Task<T>
where
    H: server_core::Handler<Request> + 'static,
{
    let (io, server) = pipe(CAPACITY);
    world.sim.spawn(world.server.connection(server, ConnectionInfo::default()));
    let connecting = connect(&world.sim, client, io);
    let task = world.sim.spawn(talk(connecting.take().expect("an answer").expect("a WebSocket")));
    world.sim.run();
    task
}

/// A server that does what the test says.
pub(crate) struct Server {
    pub(crate) sim: Rc<Sim>,
    pub(crate) pipe: Pipe,
    pub(crate) connecting: Task<Result<Connected, ConnectError>>,
    pub(crate) request: String,
    encoder: Encoder,
}

impl Server {
    pub(crate) fn new(client: Client) -> Self {
        let sim = Rc::new(Sim::new());
        let (io, pipe) = pipe(CAPACITY);
        let connecting = connect(&sim, client, io);
        let request = String::from_utf8(pipe.take()).unwrap();
        Self { sim, pipe, connecting, request, encoder: Encoder::server() }
    }

    /// One that has answered rightly.
    fn open(client: Client) -> (Self, Connected) {
        let server = Self::new(client);
        server.send(server.answer(""));
        let connected = server.connecting.take().expect("an answer").expect("a WebSocket");
        (server, connected)
    }

    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        self.pipe.send(bytes);
        self.sim.run();
    }

    fn fields(&self) -> Vec<(&str, &[u8])> {
        let lines = self.request.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name, value.as_bytes())).collect()
    }

    pub(crate) fn accept_value(&self) -> String {
        let line = RequestLine { method: "GET", http_11_or_later: true };
        handshake::accept(&line, self.fields()).unwrap().accept_value().to_owned()
    }

    pub(crate) fn answer(&self, fields: &str) -> String {
        let accept = self.accept_value();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
        )
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sim.advance(Duration::from_secs(seconds));
    }

    fn close(&mut self, code: u16) {
        let mut out = Vec::new();
        self.encoder.encode_close(CloseCode::new(code), "", &mut out).unwrap();
        self.send(out);
    }

    /// The frames of the client that have come: opcode and payload.
    fn received(&self) -> Vec<(u8, Vec<u8>)> {
        let mut decoder = MessageDecoder::new(Role::Server, &wire_ws::Config::default());
        let (mut input, mut got) = (self.pipe.take(), Vec::new());
        loop {
            let step = decoder.decode(&mut input).unwrap();
            match step.event {
                None => return got,
                Some(MessageEvent::Message { kind, payload: Payload::Input(range) }) => {
                    got.push((if kind == wire_ws::DataKind::Text { 1 } else { 2 }, input[range].to_vec()));
                }
                Some(MessageEvent::Ping { range }) => got.push((9, input[range].to_vec())),
                Some(MessageEvent::Pong { range }) => got.push((10, input[range].to_vec())),
                Some(MessageEvent::Close { code, .. }) => {
                    got.push((8, code.map_or(Vec::new(), |code| code.get().to_string().into_bytes())));
                }
                Some(other) => panic!("{other:?}"),
            }
            input.drain(..step.consumed);
        }
    }
}

fn closed(code: &str) -> Vec<(u8, Vec<u8>)> {
    vec![(8, code.as_bytes().to_vec())]
}

#[test]
fn messages_come_back_from_the_server() {
    for deflate in [false, true] {
        let world = configured(echo, |config| {
            config.websocket_deflate = deflate.then(DeflateConfig::default);
        });
        let client = client().protocol("echo");
        let client = if deflate { client.deflate(DeflateConfig::default()) } else { client };
        let task = talk(&world, client, async |connected: Connected| {
            let fields = connected.response.headers();
            assert_eq!(fields["sec-websocket-protocol"], "echo");
            let compressed = fields.contains_key("sec-websocket-extensions");
            let mut socket = connected.socket;
            let large = Bytes::from((0..3_u32 << 20).map(|n| (n % 251) as u8).collect::<Vec<_>>());
            let text = "wörld ".repeat(20_000);
            let messages =
                ["".into(), "hello".into(), text.into(), Bytes::new().into(), Message::from(large)];
            for message in messages {
                socket.send(message.clone()).await.unwrap();
                assert!(socket.recv().await.unwrap().unwrap() == message);
            }
            socket.close(CloseCode::NORMAL, "done").await;
            compressed
        });
        assert_eq!(task.take(), Some(deflate));
        assert_eq!((world.sim.live_tasks(), world.stats().websockets), (0, 0));
    }
}

#[test]
fn a_burst_leaves_in_one_write() {
    let (server, connected) = Server::open(client());
    let mut socket = connected.socket;
    server.sim.spawn(async move {
        for n in 0..100 {
            socket.feed(n.to_string()).unwrap();
        }
        socket.flush().await.unwrap();
        std::future::pending::<()>().await;
    });
    let writes = server.pipe.peer_writes();
    server.sim.run();
    assert_eq!(server.pipe.peer_writes() - writes, 1);
    assert_eq!(server.received().len(), 100);
}

#[test]
fn every_frame_has_a_key_of_its_own() {
    let sent = || {
        let (server, connected) = Server::open(client());
        let mut socket = connected.socket;
        let task = server.sim.spawn(async move {
            socket.feed("same").unwrap();
            socket.feed("same").unwrap();
            socket.flush().await.unwrap();
            socket
        });
        server.sim.run();
        let bytes = server.pipe.take();
        assert!(task.take().is_some());
        [bytes[2..6].to_vec(), bytes[12..16].to_vec()]
    };
    let (one, other) = (sent(), sent());
    assert!(one[0] != one[1] && one[0] != other[0] && one[1] != other[1]);
}

#[test]
fn what_comes_behind_the_response_counts() {
    for trickled in [false, true] {
        let server = Server::new(client());
        let bytes = [server.answer("").as_bytes(), b"\x01\x03Hel\x89\x01p\x80\x02lo\x82\x01!"].concat();
        let step = if trickled { 1 } else { bytes.len() };
        bytes.chunks(step).for_each(|piece| server.send(piece));
        let mut socket = server.connecting.take().unwrap().unwrap().socket;
        let task = server.sim.spawn(async move {
            let first = socket.recv().await.unwrap().unwrap();
            (first, socket.recv().await.unwrap().unwrap(), socket)
        });
        server.sim.run();
        let (text, binary, _socket) = task.take().unwrap();
        assert_eq!((text, binary), ("Hello".into(), Bytes::from_static(b"!").into()));
        assert_eq!(server.received(), [(10, b"p".to_vec())]);
    }
}

/// What a client makes of frames.
#[test]
fn frames() {
    for case in tables::cases().iter().filter(|case| case.is_for(false)) {
        let mut limits = wire_ws::Config::default();
        limits.max_message_size = case.limits.message.unwrap_or(limits.max_message_size);
        limits.max_frame_size = case.limits.frame.unwrap_or(limits.max_frame_size);
        limits.max_fragments = case.limits.fragments.unwrap_or(limits.max_fragments);
        let (server, connected) = Server::open(client().limits(limits));
        let mut socket = connected.socket;
        let task = server.sim.spawn(async move {
            let mut messages = Vec::new();
            loop {
                match socket.recv().await {
                    Some(Ok(message)) => messages.push(message),
                    Some(Err(WebSocketError::Protocol(error))) => {
                        return (messages, Some(error.close_code().get()), None);
                    }
                    Some(Err(error)) => panic!("{error}"),
                    None => return (messages, None, socket.close_frame().cloned()),
                }
            }
        });
        server.send(case.bytes(false));
        let sent = server.received();
        server.pipe.finish();
        server.sim.run();
        let (messages, failed, close) = task.take().expect("an end");
        let (mut expected, mut close_expected) = (Vec::new(), None);
        for event in case.events() {
            match event {
                tables::Event::Text(text) => expected.push(Message::from(String::from_utf8(text).unwrap())),
                tables::Event::Binary(bytes) => expected.push(Message::from(bytes)),
                tables::Event::Close(code, reason) => close_expected = Some((code, reason)),
                _ => {}
            }
        }
        assert_eq!(messages, expected, "{}", case.id);
        let close = close.map(|close| (close.code.map(CloseCode::get), close.reason.into_bytes()));
        assert_eq!(close, close_expected, "{}", case.id);
        if let Some(code) = case.fail {
            assert_eq!((failed, sent.last()), (Some(code), closed(&code.to_string()).last()), "{}", case.id);
        }
        server.advance(5);
        assert_eq!(server.sim.live_tasks(), 0, "{}", case.id);
    }
}

/// "the server MUST close first, the client SHOULD wait" (RFC 6455 section 7.1.1).
#[test]
fn the_client_closes_and_lets_the_server_close_first() {
    for late in [false, true] {
        let (mut server, Connected { mut socket, connection, .. }) = Server::open(client());
        let closing = server.sim.spawn(async move { socket.send("last").await.map(|()| socket) });
        server.sim.run();
        let socket = closing.take().unwrap().unwrap();
        let closing = server.sim.spawn(socket.close(CloseCode::NORMAL, "done"));
        server.sim.run();
        assert_eq!(server.received(), [(1, b"last".to_vec()), (8, b"1000".to_vec())]);
        server.send(b"\x81\x02hi");
        assert!(closing.take().is_none());
        server.close(1000);
        assert!(closing.take().is_some(), "the handshake is done");
        server.advance(4);
        assert!(!server.pipe.is_finished() && connection.take().is_none(), "the connection is not");
        if late {
            server.advance(1);
        } else {
            server.pipe.finish();
            server.sim.run();
        }
        assert!(server.pipe.is_finished());
        assert!(matches!(connection.take(), Some(Ok(()))));
        assert_eq!(server.sim.live_tasks(), 0);
    }
}

#[test]
fn a_server_that_does_not_answer_a_close() {
    let (server, Connected { socket, connection, .. }) =
        Server::open(client().close_timeout(Duration::from_secs(2)));
    let closing = server.sim.spawn(socket.close(CloseCode::NORMAL, ""));
    server.advance(1);
    assert!(closing.take().is_none());
    server.advance(1);
    assert!(closing.take().is_some() && server.pipe.is_finished());
    let end = connection.take();
    assert!(matches!(end, Some(Err(ConnectionError::TimedOut(Deadline::WebSocketClose)))), "{end:?}");
}

#[test]
fn the_server_closes() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade.run(async |socket| socket.close(CloseCode::GOING_AWAY, "enough").await).await
    });
    let task = talk(&world, client(), async |Connected { mut socket, connection, .. }| {
        assert!(socket.recv().await.is_none());
        assert_eq!(socket.send("late").await, Err(server_core::ws::SendError::Closed));
        let close = socket.close_frame().unwrap().clone();
        (close.code, close.reason, connection)
    });
    let (code, reason, connection) = task.take().unwrap();
    assert_eq!((code, reason.as_str()), (Some(CloseCode::GOING_AWAY), "enough"));
    assert!(matches!(connection.take(), Some(Ok(()))));
    assert_eq!((world.sim.live_tasks(), world.stats().connections), (0, 0));
}

/// Who is told of the end may end the program: our Close must be out by then.
#[test]
fn the_end_is_told_when_the_close_is_written() {
    for frame in [&b"\x88\x02\x03\xe8"[..], b"\xc1\x00"] {
        let (server, mut connected) = Server::open(client());
        server.pipe.limit_peer_writes(0);
        let task = server.sim.spawn(async move { connected.socket.recv().await });
        server.send(frame);
        assert!(task.take().is_none());
        server.pipe.limit_peer_writes(CAPACITY);
        server.sim.run();
        assert_eq!(task.take().expect("an end").is_some(), frame[0] != 0x88);
        assert_eq!(server.received(), closed(if frame[0] == 0x88 { "1000" } else { "1002" }));
        // A server that takes nothing holds it up no longer than any write.
        let (server, mut connected) = Server::open(client());
        server.pipe.limit_peer_writes(0);
        let task = server.sim.spawn(async move { connected.socket.recv().await });
        server.send(frame);
        server.advance(30);
        assert!(task.take().is_some());
    }
}

#[test]
fn dropping_it_closes() {
    let (mut server, connected) = Server::open(client());
    drop(connected.socket);
    server.sim.run();
    assert_eq!(server.received(), closed("1000"));
    assert!(!server.pipe.is_finished());
    server.close(1000);
    server.pipe.finish();
    server.sim.run();
    assert!(server.pipe.is_finished());
    assert!(matches!(connected.connection.take(), Some(Ok(()))));
    // Within the time that closing may take.
    let (server, connected) = Server::open(client());
    drop(connected.socket);
    server.advance(5);
    assert!(server.pipe.is_finished() && connected.connection.take().is_some());
    // Without the future that carries it nothing moves any more.
    let (server, mut connected) = Server::open(client());
    connected.connection.cancel();
    server.sim.run();
    let task = server.sim.spawn(async move { connected.socket.recv().await });
    server.sim.run();
    assert!(matches!(task.take(), Some(Some(Err(WebSocketError::Io(_))))));
}

#[test]
fn a_server_that_is_gone() {
    for reset in [false, true] {
        let (server, mut connected) = Server::open(client());
        let task =
            server.sim.spawn(async move { (connected.socket.recv().await, connected.socket.recv().await) });
        if reset {
            server.pipe.reset();
        } else {
            server.pipe.finish();
        }
        server.sim.run();
        let (error, end) = task.take().unwrap();
        let io = matches!(error, Some(Err(WebSocketError::Io(_))));
        assert!(matches!(error, Some(Err(_))) && io == reset && end.is_none(), "{error:?}");
        server.advance(5);
        assert_eq!(server.sim.live_tasks(), 0);
    }
}

#[test]
fn silent_servers_are_pinged_and_given_up() {
    let seconds = Duration::from_secs;
    let (server, mut connected) = Server::open(client().keepalive(Some(seconds(5)), seconds(3)));
    let task = server.sim.spawn(async move { connected.socket.recv().await });
    server.advance(5);
    assert_eq!(server.received(), [(9, Vec::new())]);
    server.send(b"\x8a\x00");
    server.advance(4);
    assert_eq!(server.received(), []);
    server.advance(1);
    assert_eq!(server.received(), [(9, Vec::new())]);
    server.advance(3);
    let timed_out = Some(Some(Err(WebSocketError::Io(std::io::ErrorKind::TimedOut))));
    assert_eq!(task.take(), timed_out);
    assert!(server.pipe.is_finished());
    let end = connected.connection.take();
    assert!(matches!(end, Some(Err(ConnectionError::TimedOut(Deadline::Pong)))), "{end:?}");
}

#[test]
fn a_cancelled_recv_loses_nothing() {
    let (server, connected) = Server::open(client());
    let mut socket = connected.socket;
    let sim = Rc::clone(&server.sim);
    let task = server.sim.spawn(async move {
        let mut got = String::new();
        loop {
            let mut recv = std::pin::pin!(socket.recv());
            let mut tick = std::pin::pin!(super::support::sleep(&sim, 1));
            let message = std::future::poll_fn(|cx| {
                if let std::task::Poll::Ready(message) = recv.as_mut().poll(cx) {
                    return std::task::Poll::Ready(Some(message));
                }
                tick.as_mut().poll(cx).map(|()| None)
            });
            match message.await {
                Some(Some(Ok(message))) => got += message.as_text().unwrap(),
                Some(_) => return got,
                None => {}
            }
        }
    });
    for byte in b"\x81\x02ab\x01\x01c\x00\x00\x80\x01d\x81\x01e" {
        server.send([*byte]);
        server.advance(2);
    }
    server.send(b"\x88\x00");
    assert_eq!(task.take().as_deref(), Some("abcde"));
}

#[test]
fn halves_in_two_tasks() {
    let world = world(echo);
    let sim = Rc::clone(&world.sim);
    let task = talk(&world, client(), async move |connected: Connected| {
        let (mut sender, mut receiver) = connected.socket.split();
        let sending = sim.spawn(async move {
            for n in 0..1000_u32 {
                sender.send(Bytes::from(vec![7; n as usize])).await.unwrap();
            }
            sender.close(CloseCode::NORMAL, "");
        });
        let mut count = 0;
        while let Some(message) = receiver.recv().await {
            assert_eq!(message.unwrap().as_bytes().len(), count);
            count += 1;
        }
        assert!(sending.take().is_some());
        count
    });
    assert_eq!(task.take(), Some(1000));
    assert_eq!((world.sim.live_tasks(), world.stats().websockets), (0, 0));
}

#[test]
fn over_tcp() {
    use super::sockets::with_server;
    with_server(1, echo, async |address, server| {
        let (mut socket, response) = server_core::ws::connect(&format!("ws://{address}/ws")).await.unwrap();
        assert_eq!(response.status(), 101);
        for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            socket.send(Bytes::from(vec![1; len])).await.unwrap();
            assert_eq!(socket.recv().await.unwrap().unwrap().as_bytes().len(), len);
        }
        assert_eq!(server.stats().websockets, 1);
        socket.close(CloseCode::NORMAL, "").await;
        let refused = server_core::ws::connect("ws://127.0.0.1:1/").await;
        assert!(matches!(refused, Err(ConnectError::Io(_))), "{refused:?}");
        let refused = server_core::ws::connect("wss://127.0.0.1/").await;
        assert!(matches!(refused, Err(ConnectError::TlsUnavailable)), "{refused:?}");
    });
}
