//! The WebSocket client over HTTP/2, against the server and against others, on the simulated pipe and clock.

use std::cell::RefCell;
use std::rc::Rc;

use http::Response;
use server_core::ws::{
    Client, CloseCode, ConnectError, Http2Client, Http2Connection, Message, WebSocket, WebSocketUpgrade,
};
use server_core::{
    Body, Config, ConnectionError, ConnectionInfo, Handler, Http2Config, Request, RequestKind,
};
use testkit::sim::{Pipe, Task, pipe};
use wire_ws::deflate::DeflateConfig;

use crate::frames::*;
use crate::support::{CAPACITY, SimTimer, World, configured, text};
use crate::websocket::echo;

fn http2(config: &mut Config) {
    config.http2 = Some(Http2Config::default());
}

async fn site(request: Request) -> Response<Body> {
    match request.path() {
        "/ws" => echo(request).await,
        "/page" => text("page"),
        _ => {
            let mut response = text("nothing here");
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            response
        }
    }
}

type Begun = (Http2Client<SimTimer>, Http2Connection<Pipe, SimTimer>);
type Carried = Task<Result<(), ConnectionError>>;

impl<H, R> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    fn timer(&self) -> SimTimer {
        SimTimer(self.sim.clock().clone())
    }

    fn begin(&self, client: Client, pipe: Pipe) -> Task<Result<Begun, ConnectError>> {
        let timer = self.timer();
        let begun = self.sim.spawn(async move { client.handshake_http2(pipe, timer).await });
        self.sim.run();
        begun
    }

    fn client(&self, client: Client) -> (Http2Client<SimTimer>, Carried) {
        let (near, far) = pipe(CAPACITY);
        let _server = self.sim.spawn(self.server.connection(far, ConnectionInfo::default()));
        let (client, connection) = self.begin(client, near).take().unwrap().unwrap();
        (client, self.sim.spawn(connection))
    }

    fn run_to_end<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let task = self.sim.spawn(future);
        self.sim.run();
        task.take().expect("it does not end")
    }

    fn try_open(
        &self,
        client: &Http2Client<SimTimer>,
        path: &'static str,
    ) -> Result<(WebSocket, Response<()>), ConnectError> {
        let client = client.clone();
        self.run_to_end(async move { client.open(path).await })
    }

    fn echoes(&self, mut socket: WebSocket, text: &str) -> WebSocket {
        let text = text.to_owned();
        self.run_to_end(async move {
            socket.send(text.as_str()).await.unwrap();
            assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from(text.as_str()));
            socket
        })
    }
}

fn client() -> Client {
    Client::new("ws://a.example/").unwrap()
}

#[test]
fn opens_echoes_and_closes() {
    let world = configured(site, http2);
    let (client, carried) = world.client(client().protocol("nothing").protocol("other").protocol("echo"));
    let (socket, response) = world.try_open(&client, "/ws?x").unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "echo");
    let socket = world.echoes(socket, "hello");
    let socket = world.echoes(socket, &"long ".repeat(200_000));
    world.run_to_end(socket.close(CloseCode::NORMAL, ""));
    assert_eq!(world.stats().websockets, 0);
    assert!(carried.take().is_none(), "the connection stays for others");
    drop(client);
    world.sim.run();
    assert!(carried.take().unwrap().is_ok());
}

#[test]
fn many_at_once() {
    let world = configured(site, http2);
    let (client, _carried) = world.client(client());
    let sockets: Vec<_> = (0..50).map(|_| world.try_open(&client, "/ws").unwrap().0).collect();
    assert_eq!((world.stats().websockets, world.stats().connections), (50, 1));
    for (n, socket) in sockets.into_iter().enumerate() {
        world.echoes(socket, &n.to_string());
    }
    world.sim.run();
    assert_eq!(world.stats().websockets, 0, "dropped ones close");
}

#[test]
fn waits_for_a_free_stream() {
    let world = configured(site, |config| {
        http2(config);
        config.http2.as_mut().unwrap().max_concurrent_streams = 1;
    });
    let (client, _carried) = world.client(client());
    let (socket, _) = world.try_open(&client, "/ws").unwrap();
    let waiting = world.sim.spawn(async move { client.open("/ws").await });
    world.sim.run();
    assert!(waiting.take().is_none());
    world.run_to_end(socket.close(CloseCode::NORMAL, ""));
    world.sim.run();
    assert!(waiting.take().unwrap().is_ok());
}

#[test]
fn compresses_where_both_want_it() {
    let world = configured(site, |config| {
        http2(config);
        config.websocket_deflate = Some(DeflateConfig::default());
    });
    let (compressed, _carried) = world.client(client().deflate(DeflateConfig::default()));
    let (socket, response) = world.try_open(&compressed, "/ws").unwrap();
    assert!(response.headers().contains_key("sec-websocket-extensions"));
    world.echoes(socket, &"to be pressed ".repeat(1000));
    let (plain, _carried) = world.client(client());
    let (socket, response) = world.try_open(&plain, "/ws").unwrap();
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
    world.echoes(socket, "as it is");
}

#[test]
fn what_is_no_websocket_is_a_rejection() {
    let world = configured(site, http2);
    let (client, _carried) = world.client(client());
    for (path, status, body) in [("/nothing", 404, "nothing here"), ("/page", 501, "page")] {
        match world.try_open(&client, path) {
            Err(ConnectError::Rejected(response)) => {
                assert_eq!((response.status().as_u16(), &response.body()[..]), (status, body.as_bytes()));
            }
            other => panic!("{path}: {other:?}"),
        }
    }
    assert!(matches!(world.try_open(&client, "ws"), Err(ConnectError::InvalidUrl(_))));
    assert!(world.try_open(&client, "/ws").is_ok(), "the connection is none the worse");
}

#[test]
fn fields_are_checked() {
    let world = configured(site, http2);
    for (name, value) in [("sec-websocket-version", "8"), ("a b", "x"), ("x", "a\nb"), ("Host", "b")] {
        let (client, _carried) = world.client(client().header(name, value));
        assert!(matches!(world.try_open(&client, "/ws"), Err(ConnectError::Field { .. })), "{name}");
    }
    let (client, _carried) = world.client(client().protocol("a b"));
    assert!(matches!(world.try_open(&client, "/ws"), Err(ConnectError::Protocol(_))));
}

/// An HTTP/2 server, but not for WebSockets: its settings say so, and nothing is waited for.
#[test]
fn a_server_that_does_not_offer_it() {
    let world = configured(site, http2);
    let (near, far) = pipe(CAPACITY);
    let begun = world.begin(client(), near);
    far.send(frame(SETTINGS, 0, 0, b""));
    world.sim.run();
    assert!(begun.take().is_none());
    // The answer to the client's PING, whose payload is what it sent.
    let sent = far.take();
    let ping = sent.windows(9).position(|head| head[..5] == [0, 0, 8, PING, 0]).unwrap() + 9;
    far.send(frame(PING, ACK, 0, &sent[ping..ping + 8]));
    world.sim.run();
    assert!(matches!(begun.take(), Some(Err(ConnectError::NotOffered))));
}

/// A window full of messages, each in a frame of its own, from a server that gathers nothing.
#[test]
fn small_messages_in_a_burst() {
    const MESSAGES: usize = (256 << 10) / 3;
    let world = configured(site, http2);
    let (near, far) = pipe(CAPACITY);
    let begun = world.begin(client(), near);
    // Its windows count from when they are acknowledged.
    far.send([frame(SETTINGS, 0, 0, &[0, 8, 0, 0, 0, 1]), frame(SETTINGS, ACK, 0, &[])].concat());
    world.sim.run();
    let (client, connection) = begun.take().unwrap().unwrap();
    let carried = world.sim.spawn(connection);
    let opening = world.sim.spawn(async move { client.open("/").await });
    world.sim.run();
    // 200, by its index in the static table.
    far.send(frame(HEADERS, END_HEADERS, 1, &[0x88]));
    world.sim.run();
    let (mut socket, _) = opening.take().unwrap().unwrap();
    far.send(frame(DATA, 0, 1, b"\x81\x01x").repeat(MESSAGES));
    let reading = world.sim.spawn(async move {
        for _ in 0..MESSAGES {
            socket.recv().await.unwrap().unwrap();
        }
    });
    world.sim.run();
    assert!(reading.take().is_some());
    drop(carried);
}

/// Its server says what it likes in its answer, but not for ever.
#[test]
fn a_response_of_many_kilobytes_is_refused() {
    for (size, fits) in [(15 << 10, true), (17 << 10, false)] {
        let world = configured(
            move |mut request: Request| async move {
                let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                assert!(upgrade.origin().is_none());
                let mut response = text("no");
                *response.status_mut() = http::StatusCode::FORBIDDEN;
                response.headers_mut().insert("x", "y".repeat(size).parse().unwrap());
                response
            },
            http2,
        );
        let (client, _carried) = world.client(client());
        let refused = world.try_open(&client, "/");
        assert_eq!(matches!(refused, Err(ConnectError::Rejected(_))), fits, "{size}: {refused:?}");
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let world = configured(site, http2);
    let (near, _far) = pipe(CAPACITY);
    let begun = world.begin(client(), near);
    world.advance(10);
    assert!(matches!(begun.take(), Some(Err(ConnectError::TimedOut))));
}

#[test]
fn a_shutdown_is_told_to_each_and_ends_the_connection() {
    let world = configured(site, http2);
    let (client, carried) = world.client(client());
    let codes = Rc::<RefCell<Vec<_>>>::default();
    for _ in 0..3 {
        let (mut socket, _) = world.try_open(&client, "/ws").unwrap();
        let codes = Rc::clone(&codes);
        world.sim.spawn(async move {
            assert!(socket.recv().await.is_none());
            codes.borrow_mut().push(socket.close_frame().unwrap().code);
        });
    }
    world.server.shutdown();
    world.sim.run();
    world.advance(10);
    assert_eq!(codes.borrow().len(), 3);
    assert!(codes.borrow().iter().all(|code| *code == Some(CloseCode::GOING_AWAY)));
    assert!(carried.take().is_some());
    assert_eq!((world.stats().connections, world.stats().websockets), (0, 0));
    assert!(world.try_open(&client, "/ws").is_err());
}

/// The handler panics: its socket says so, and the others of the connection do not notice.
#[test]
fn one_that_fails_is_alone() {
    let world = configured(
        |mut request: Request| async move {
            let fails = request.path() == "/fails";
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade
                .run(move |mut socket| async move {
                    while let Some(Ok(message)) = socket.recv().await {
                        assert!(!fails, "as it was told to");
                        socket.send(message).await.unwrap();
                    }
                })
                .await
        },
        http2,
    );
    let (client, _carried) = world.client(client());
    let (mut fails, _) = world.try_open(&client, "/fails").unwrap();
    let (works, _) = world.try_open(&client, "/").unwrap();
    world.run_to_end(async move {
        fails.send("now").await.unwrap();
        assert!(fails.recv().await.is_none());
        assert_eq!(fails.close_frame().unwrap().code, Some(CloseCode::INTERNAL));
    });
    world.echoes(works, "still here");
}

#[test]
fn a_connection_that_is_gone_is_noticed() {
    let world = configured(site, http2);
    let (client, carried) = world.client(client());
    let (mut socket, _) = world.try_open(&client, "/ws").unwrap();
    drop(carried);
    let reading = world.sim.spawn(async move { socket.recv().await.is_some_and(|message| message.is_err()) });
    world.server.shutdown();
    world.advance(60);
    assert!(reading.take().is_some());
}
