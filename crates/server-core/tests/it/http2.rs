//! HTTP/2 with clients that mean well, on the simulated pipe and clock.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request as HttpRequest, Response, Version};
use http_body_util::BodyExt as _;
use server_core::{
    Body, BodyError, Config, Handler, Http2Config, Http2Stream, Incoming, Request, RequestKind,
};
use testkit::sim::{Pipe, Task, pipe};

use crate::frames::*;
use crate::support::{CAPACITY, World, configured, sleep, text};

fn world<H, R>(handler: H) -> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    configured(handler, |config| config.http2 = Some(Http2Config::default()))
}

/// A client of `h2` in the same world.
pub(crate) struct Peer {
    pub(crate) send: SendRequest<Bytes>,
    connection: Task<Result<(), h2::Error>>,
    server: Task<Result<(), server_core::ConnectionError>>,
}

impl<H, R> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    pub(crate) fn connect_http2(&self) -> Peer {
        self.connect_http2_with(h2::client::Builder::new())
    }

    fn connect_http2_with(&self, builder: h2::client::Builder) -> Peer {
        let (client, server) = pipe(CAPACITY);
        let server = self.sim.spawn(self.server.connection(server, server_core::ConnectionInfo::default()));
        let (send, connection) =
            self.run(async move { builder.handshake::<Pipe, Bytes>(client).await.unwrap() });
        let connection = self.sim.spawn(connection);
        Peer { send, connection, server }
    }

    /// Runs until this is done.
    pub(crate) fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let task = self.sim.spawn(future);
        self.sim.run();
        task.take().expect("it does not end")
    }

    pub(crate) fn fetch(
        &self,
        peer: &Peer,
        request: HttpRequest<()>,
    ) -> (Response<()>, Bytes, Option<HeaderMap>) {
        let response = peer.send.clone().send_request(request, true).unwrap().0;
        self.run(async move {
            let (parts, body) = response.await.unwrap().into_parts();
            let (bytes, trailers) = read(body).await.unwrap();
            (Response::from_parts(parts, ()), bytes, trailers)
        })
    }
}

pub(crate) async fn read(mut body: RecvStream) -> Result<(Bytes, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        all.extend_from_slice(&chunk);
    }
    Ok((all.into(), body.trailers().await?))
}

pub(crate) fn request(method: Method, path: &str) -> HttpRequest<()> {
    HttpRequest::builder().method(method).uri(format!("http://a.example{path}")).body(()).unwrap()
}

#[test]
fn a_request_is_seen_as_it_was_sent() {
    let world = world(|request: Request| async move {
        assert_eq!((request.method(), request.target()), ("GET", "/p?q=1"));
        assert_eq!((request.path(), request.query()), ("/p", Some("q=1")));
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.authority(), Some("a.example"));
        assert_eq!(request.header("Host"), Some(&b"a.example"[..]));
        assert_eq!(request.header("cookie"), Some(&b"a=1; b=2"[..]));
        assert_eq!(request.headers()["x"], "y");
        let names: Vec<_> = request.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["host", "x", "cookie"]);
        text("seen")
    });
    let peer = world.connect_http2();
    let mut sent = request(Method::GET, "/p?q=1");
    sent.headers_mut().append("x", "y".parse().unwrap());
    sent.headers_mut().append("cookie", "a=1".parse().unwrap());
    sent.headers_mut().append("cookie", "b=2".parse().unwrap());
    let (response, body, _) = world.fetch(&peer, sent);
    assert_eq!((response.status().as_u16(), &body[..]), (200, &b"seen"[..]));
    assert_eq!(response.headers()["content-length"], "4");
    assert!(response.headers().contains_key("date"));
}

#[test]
fn responses_are_framed_by_what_their_bodies_say() {
    let world = world(|request: Request| async move {
        let mut response = text(match request.path() {
            "/none" | "/204" => Body::empty(),
            "/stream" => {
                let pieces = [Bytes::from("a"), Bytes::new(), Bytes::from("b")];
                Body::new(http_body_util::StreamBody::new(Iter(pieces.into_iter())))
            }
            _ => Body::from("text"),
        });
        let headers = response.headers_mut();
        headers.insert("connection", "keep-alive".parse().unwrap());
        headers.insert("keep-alive", "5".parse().unwrap());
        headers.insert("transfer-encoding", "chunked".parse().unwrap());
        if request.path() == "/204" {
            *response.status_mut() = http::StatusCode::NO_CONTENT;
        }
        if request.path() == "/101" {
            *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    });
    let peer = world.connect_http2();
    for (method, path, status, len, body) in [
        (Method::GET, "/", 200, Some("4"), "text"),
        (Method::HEAD, "/", 200, Some("4"), ""),
        (Method::GET, "/none", 200, Some("0"), ""),
        (Method::GET, "/204", 204, None, ""),
        (Method::GET, "/stream", 200, None, "ab"),
        (Method::GET, "/101", 500, Some("4"), "text"),
    ] {
        let (response, got, _) = world.fetch(&peer, request(method, path));
        assert_eq!((response.status().as_u16(), &got[..]), (status, body.as_bytes()), "{path}");
        let declared = response.headers().get("content-length").map(|value| value.to_str().unwrap());
        assert_eq!(declared, len, "{path}");
        assert!(
            !response.headers().contains_key("connection") && !response.headers().contains_key("keep-alive")
        );
    }
}

struct Iter<I>(I);

impl<I: Iterator<Item = Bytes> + Unpin> futures_core::Stream for Iter<I> {
    type Item = Result<http_body::Frame<Bytes>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next().map(|piece| Ok(http_body::Frame::data(piece))))
    }
}

/// Bodies and trailers both ways, more than any window holds.
#[test]
fn an_echo_streams_with_trailers() {
    let world = world(|mut request: Request| async move {
        let body = request.take_body();
        assert_eq!(body.remaining(), None);
        Response::new(Body::from(body))
    });
    let peer = world.connect_http2();
    let (response, mut stream) = peer.send.clone().send_request(request(Method::POST, "/"), false).unwrap();
    let sent: Bytes = (0..3_000_000_u32).map(|n| (n * 7) as u8).collect();
    let mut rest = sent.clone();
    let sending = world.sim.spawn(async move {
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            let room = poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
            stream.send_data(rest.split_to(room), false).unwrap();
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        trailers.insert("content-length", "1".parse().unwrap());
        stream.send_trailers(trailers).unwrap();
    });
    let (got, trailers) = world.run(async move { read(response.await.unwrap().into_body()).await.unwrap() });
    assert!(got == sent);
    let trailers = trailers.unwrap();
    assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &"1".parse().unwrap()));
    assert!(sending.take().is_some());
}

/// What a handler does not read is not sent: one window of it at most.
#[test]
fn an_unread_body_holds_its_sender_up() {
    let world = world(|mut request: Request| async move {
        if request.path() == "/never" {
            pending::<()>().await;
        }
        drop(request.take_body());
        text("unread")
    });
    let client = world.connect();
    world.send(&client, hello(&[]));
    world.send(&client, post(1, "/never"));
    for _ in 0..4 {
        world.send(&client, frame(DATA, 0, 1, &[0; 16 << 10]));
    }
    let frames = received(&client);
    assert!(frames.iter().all(|frame| frame.kind != WINDOW_UPDATE || frame.stream == 0), "{frames:?}");
}

/// An answer before the end of the request is not lost to a reset: a little of the rest is read, and only that.
#[test]
fn the_rest_of_a_body_is_thrown_away() {
    let world = world(|mut request: Request| async move {
        drop(request.take_body());
        text("unread")
    });
    let client = world.connect();
    world.send(&client, hello(&[]));
    let begin = |stream| {
        world.send(&client, [post(stream, "/"), frame(DATA, 0, stream, &[0; 100])].concat());
        let frames = received(&client);
        assert_eq!((status(&frames, stream), reset_of(&frames, stream)), (Some(200), None));
    };
    // It ends.
    begin(1);
    world.send(&client, frame(DATA, END_STREAM, 1, b"end"));
    // It does not, and there is no end of it.
    begin(3);
    for sent in (16 << 10..).step_by(16 << 10) {
        world.send(&client, frame(DATA, 0, 3, &[0; 16 << 10]));
        let reset = reset_of(&received(&client), 3);
        if sent >= 256 << 10 {
            assert_eq!(reset, Some(NO_ERROR));
            break;
        }
        assert_eq!((sent, reset), (sent, None));
    }
    // It does not, and nothing comes.
    begin(5);
    world.advance(6);
    let frames = received(&client);
    assert_eq!((reset_of(&frames, 5), reset_of(&frames, 1)), (Some(NO_ERROR), None));
    assert!(client.ended().is_none());
}

#[test]
fn a_body_reader_in_another_task_is_served_behind_the_response() {
    let got = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&got);
    let sim = Rc::new(testkit::sim::Sim::new());
    let tasks = Rc::clone(&sim);
    let handler = move |mut request: Request| {
        let (mut body, seen) = (request.take_body(), Rc::clone(&seen));
        drop(tasks.spawn(async move {
            let end = loop {
                match body.chunk().await {
                    Ok(Some(chunk)) => seen.borrow_mut().push(Ok(chunk)),
                    end => break end,
                }
            };
            seen.borrow_mut().push(end.map(|_| Bytes::from("end")));
        }));
        async { text("early") }
    };
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    let timer = crate::support::SimTimer(sim.clock().clone());
    let world = World { server: server_core::Server::with_config(handler, timer, config), sim };
    let client = world.connect();
    world.send(&client, [hello(&[]), post(1, "/"), post(3, "/")].concat());
    let frames = received(&client);
    assert_eq!((status(&frames, 1), reset_of(&frames, 1)), (Some(200), None));
    world.advance(20);
    world.send(&client, frame(DATA, 0, 1, b"late"));
    world.advance(20);
    world.send(&client, frame(DATA, END_STREAM, 1, b"r"));
    let expected =
        [Err(BodyError::TimedOut), Ok(Bytes::from("late")), Ok(Bytes::from("r")), Ok(Bytes::from("end"))];
    let mut got = got.borrow().clone();
    got.sort_by_key(Result::is_ok);
    assert_eq!(got, expected, "the second one got nothing for 30 s");
    assert_eq!(reset_of(&received(&client), 3), Some(NO_ERROR));
    assert!(client.ended().is_none());
}

#[test]
fn http_requests_carry_what_belongs_to_them() {
    let world = world(|request: HttpRequest<Incoming>| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.uri(), "http://a.example/x");
        assert!(request.extensions().get::<Http2Stream>().is_some());
        assert!(request.body().connection().is_some());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Body::from(body))
    });
    let peer = world.connect_http2();
    let (response, mut stream) = peer.send.clone().send_request(request(Method::PUT, "/x"), false).unwrap();
    stream.send_data(Bytes::from("hello"), true).unwrap();
    let (got, _) = world.run(async move { read(response.await.unwrap().into_body()).await.unwrap() });
    assert_eq!(got, "hello");
}

#[test]
fn interim_responses_and_pushes() {
    let world = configured(
        |request: Request| async move {
            let stream = request.http2_stream().unwrap();
            let hints = Response::builder().status(103).header("link", "</style.css>").body(()).unwrap();
            stream.send_informational(hints).unwrap();
            let pushed = HttpRequest::get("http://a.example/style.css").body(()).unwrap();
            let pushed = stream.push(pushed, Response::new(Bytes::from("css")));
            text(format!("{}", pushed.is_ok()))
        },
        |config: &mut Config| {
            let mut http2 = Http2Config::default();
            http2.push = true;
            config.http2 = Some(http2);
        },
    );
    let peer = world.connect_http2();
    let mut response = peer.send.clone().send_request(request(Method::GET, "/"), true).unwrap().0;
    let mut pushes = response.push_promises();
    let (body, path, pushed) = world.run(async move {
        let interim = poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!(interim.status(), 103);
        let body = read(response.await.unwrap().into_body()).await.unwrap().0;
        let (promise, pushed) = pushes.push_promise().await.unwrap().unwrap().into_parts();
        let pushed = read(pushed.await.unwrap().into_body()).await.unwrap().0;
        (body, promise.uri().path().to_owned(), pushed)
    });
    assert_eq!((&body[..], &path[..], &pushed[..]), (&b"true"[..], "/style.css", &b"css"[..]));
}

#[test]
fn pushes_are_off_by_default() {
    let world = world(|request: Request| async move {
        let pushed = HttpRequest::get("http://a.example/").body(()).unwrap();
        let error = request.http2_stream().unwrap().push(pushed, Response::new(Bytes::new())).unwrap_err();
        text(error.to_string())
    });
    let peer = world.connect_http2();
    assert_eq!(world.fetch(&peer, request(Method::GET, "/")).1, "push is off");
}

#[test]
fn a_reset_drops_the_handler_and_nothing_else() {
    struct Gone(Rc<Cell<u32>>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let gone = Rc::new(Cell::new(0));
    let count = Rc::clone(&gone);
    let world = world(move |_: Request| {
        let guard = Gone(Rc::clone(&count));
        async move {
            let _guard = guard;
            pending::<Response<Body>>().await
        }
    });
    let client = world.connect();
    world.send(&client, [hello(&[]), get(1, "/"), get(3, "/")].concat());
    assert_eq!((world.stats().in_flight, gone.get()), (2, 0));
    world.send(&client, reset(1));
    assert_eq!((world.stats().in_flight, gone.get()), (1, 1));
    client.pipe.finish();
    world.sim.run();
    assert_eq!((world.stats().in_flight, gone.get()), (0, 2), "the client is gone");
}

#[test]
fn handlers_that_fail_are_answered_for() {
    let world = configured(
        |mut request: Request| async move {
            match request.path() {
                "/panic" => panic!("on purpose"),
                "/never" => pending().await,
                "/short" => {
                    let mut response = text(Body::stream(Once(Some(Bytes::from("abc")))));
                    response.headers_mut().insert("content-length", "4".parse().unwrap());
                    response
                }
                "/error" => text(Body::stream(Failing)),
                _ => text(request.take_body()),
            }
        },
        |config: &mut Config| {
            config.http2 = Some(Http2Config::default());
            config.handler_timeout = Some(std::time::Duration::from_secs(5));
        },
    );
    let client = world.connect();
    world.send(&client, hello(&[]));
    let _ = received(&client);
    world.send(&client, get(1, "/panic"));
    assert_eq!(status(&received(&client), 1), Some(500));
    world.send(&client, get(3, "/error"));
    assert_eq!(status(&received(&client), 3), Some(500));
    world.send(&client, get(5, "/short"));
    let frames = received(&client);
    assert_eq!(reset_of(&frames, 5), Some(2));
    world.send(&client, get(7, "/never"));
    world.advance(6);
    assert_eq!(status(&received(&client), 7), Some(503));
    // A request body that does not come: the echo has not begun, so that the client gets a status.
    world.send(&client, post(9, "/echo"));
    world.advance(31);
    let frames = received(&client);
    assert_eq!((status(&frames, 9), reset_of(&frames, 9)), (Some(200), Some(2)));
    assert_eq!(world.stats().in_flight, 0);
    assert!(client.ended().is_none());
}

struct Once(Option<Bytes>);

impl futures_core::Stream for Once {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

struct Failing;

impl futures_core::Stream for Failing {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("on purpose"))))
    }
}

/// What RFC 9113 section 8 forbids: h2 resets the stream, or we answer 400.
#[test]
fn malformed_requests_are_refused() {
    let world = world(|mut request: Request| async move {
        let _ = request.body_mut().collect().await;
        text("seen")
    });
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    let with = |more: &[(&'static str, &'static str)]| [&pseudo[..], more].concat();
    let without = |name: &str| pseudo.iter().copied().filter(|field| field.0 != name).collect::<Vec<_>>();
    let changed = |name: &'static str, value: &'static str| [without(name), vec![(name, value)]].concat();
    type Case = (Vec<(&'static str, &'static str)>, Option<u16>);
    let cases: Vec<Case> = vec![
        (with(&[]), Some(200)),
        (with(&[("te", "trailers")]), Some(200)),
        (with(&[("host", "a")]), Some(200)),
        ([without(":authority"), vec![("host", "a")]].concat(), Some(200)),
        (with(&[("host", "b")]), Some(400)),
        (without(":authority"), Some(400)),
        (changed(":authority", "me@a"), Some(400)),
        (changed(":path", "*"), Some(400)),
        (with(&[("x", " y")]), Some(400)),
        (vec![(":method", "CONNECT"), (":authority", "a:1")], Some(501)),
        (with(&[("connection", "close")]), None),
        (with(&[("upgrade", "websocket")]), None),
        (with(&[("transfer-encoding", "chunked")]), None),
        (with(&[("keep-alive", "5")]), None),
        (with(&[("proxy-connection", "keep-alive")]), None),
        (with(&[("te", "gzip")]), None),
        (with(&[("content-length", "5")]), None),
        (with(&[("content-length", "x")]), None),
        (with(&[(":path", "/")]), None),
        (with(&[(":status", "200")]), None),
        (without(":path"), None),
        (without(":method"), None),
        (without(":scheme"), None),
        (changed(":path", ""), None),
        ([vec![("x", "y")], pseudo.to_vec()].concat(), None),
    ];
    for (section, expected) in cases {
        let client = world.connect();
        world.send(&client, hello(&[]));
        world.send(&client, frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(&section)));
        let frames = received(&client);
        let code = if expected.is_none() { Some(PROTOCOL_ERROR) } else { None };
        assert_eq!((status(&frames, 1), reset_of(&frames, 1)), (expected, code), "{section:?}");
        world.send(&client, get(3, "/"));
        assert_eq!(status(&received(&client), 3), Some(200), "its sibling is served: {section:?}");
    }
    // These break the connection.
    for section in [with(&[("X", "y")]), with(&[("x", "a\nb")]), with(&[("", "y")])] {
        let client = world.connect();
        world.send(&client, hello(&[]));
        world.send(&client, frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(&section)));
        let frames = received(&client);
        assert_eq!(status(&frames, 1), None);
        assert!(reset_of(&frames, 1).or(goaway(&frames)).is_some(), "{section:?}");
    }
    // Content that is not as long as declared.
    let client = world.connect();
    world.send(&client, hello(&[]));
    let head = request_fields("POST", "/", &[("content-length", "5")]);
    world.send(&client, frame(HEADERS, END_HEADERS, 1, &head));
    world.send(&client, frame(DATA, END_STREAM, 1, b"four"));
    assert_eq!(reset_of(&received(&client), 1), Some(PROTOCOL_ERROR));
}

#[test]
fn a_shutdown_finishes_what_has_begun() {
    let world = crate::support::with_sim(|sim| {
        move |_: Request| {
            let sleep = sleep(&sim, 5);
            async move {
                sleep.await;
                text("slept")
            }
        }
    });
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    let sim = Rc::clone(&world.sim);
    let timer = crate::support::SimTimer(sim.clock().clone());
    let tasks = Rc::clone(&sim);
    let handler = move |_: Request| {
        let sleep = sleep(&tasks, 5);
        async move {
            sleep.await;
            text("slept")
        }
    };
    let world = World { server: server_core::Server::with_config(handler, timer, config), sim };
    let client = world.connect();
    world.send(&client, [hello(&[]), get(1, "/")].concat());
    let _ = received(&client);
    world.server.shutdown();
    world.sim.run();
    let frames = received(&client);
    let going: Vec<_> = frames.iter().filter(|frame| frame.kind == GOAWAY).collect();
    assert_eq!((going.len(), &going[0].payload[..4]), (1, &[0x7f, 0xff, 0xff, 0xff][..]), "the first step");
    // What was on its way is still served; the acknowledged PING is the second step.
    world.send(&client, get(3, "/"));
    let ping = frames.iter().find(|frame| frame.kind == PING).unwrap();
    world.send(&client, frame(PING, ACK, 0, &ping.payload));
    let frames = received(&client);
    let last = frames.iter().find(|frame| frame.kind == GOAWAY).unwrap();
    assert_eq!((&last.payload[..4], last.code()), (&[0, 0, 0, 3][..], NO_ERROR));
    world.advance(6);
    let frames = received(&client);
    assert_eq!((status(&frames, 1), status(&frames, 3)), (Some(200), Some(200)));
    assert!(client.is_closed());
    client.pipe.finish();
    world.sim.run();
    assert!(client.ended().is_some_and(|end| end.is_ok()));
}

#[test]
fn an_idle_connection_is_let_go() {
    let world = world(|_: Request| async { text("hello") });
    let peer = world.connect_http2();
    world.advance(50);
    assert_eq!(world.fetch(&peer, request(Method::GET, "/")).1, "hello");
    world.advance(50);
    assert!(peer.connection.take().is_none());
    world.advance(11);
    assert!(peer.connection.take().is_some_and(|end| end.is_ok()), "in good order");
    assert!(peer.server.take().is_some_and(|end| end.is_ok()));
    // One that does not acknowledge it goes all the same.
    let client = world.connect();
    world.send(&client, hello(&[]));
    world.advance(61);
    assert!(!client.is_closed());
    world.advance(11);
    assert!(client.is_closed());
    assert!(client.ended().is_some_and(|end| end.is_ok()));
}

/// The answers of many streams leave in one write, and the requests cost one look at the socket, not one each.
#[test]
fn answers_gather() {
    let world = world(|_: Request| async { text("hello") });
    let client = world.connect();
    world.send(&client, hello(&[]));
    let (before, wakes) = (client.pipe.peer_writes(), world.sim.wakes());
    let reads = client.pipe.peer_reads();
    world.send(&client, (0..32).flat_map(|n| get(2 * n + 1, "/")).collect::<Vec<u8>>());
    assert_eq!(client.pipe.peer_writes() - before, 1);
    let reads = client.pipe.peer_reads() - reads;
    assert!(reads <= 5, "{reads} reads");
    let frames = received(&client);
    assert!((0..32).all(|n| status(&frames, 2 * n + 1) == Some(200)));
    assert_eq!(world.sim.wakes() - wakes, 1, "the arrival, and nothing beside it");
}
