//! Findings of a review: every test here fails (or hangs a thread) on the reviewed state, unless its name says `ok_`.
#![allow(warnings, clippy::all)]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use server_core::ws::{Message, WebSocket, WebSocketUpgrade};
use server_core::{Body, BodyError, Config, ConnectionError, ConnectionInfo, Incoming, Request, Server};
use testkit::sim::{Pipe, Sim, pipe};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire_ws::{DataKind, Encoder};

use super::support::{CAPACITY, Client, SimTimer, configured, get, statuses, text, world};

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::client([7; 32]).encode_message(DataKind::Text, text.as_bytes(), &mut out).unwrap();
    out
}

/// Runs `f` on a thread; false: it did not come back.
fn returns(f: impl FnOnce() + Send + 'static) -> bool {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        f();
        let _ = tx.send(());
    });
    rx.recv_timeout(Duration::from_secs(5)).is_ok()
}

fn reader_in_other_task(declared: usize) -> (Option<Result<usize, BodyError>>, usize) {
    let sim = Rc::new(Sim::new());
    let got: Rc<RefCell<Option<Result<usize, BodyError>>>> = Rc::default();
    let handler = {
        let (sim, got) = (sim.clone(), got.clone());
        move |mut request: Request| {
            let mut body = request.take_body();
            let got = got.clone();
            sim.spawn(async move {
                let mut n = 0;
                let result = loop {
                    match body.chunk().await {
                        Ok(Some(chunk)) => n += chunk.len(),
                        Ok(None) => break Ok(n),
                        Err(error) => break Err(error),
                    }
                };
                *got.borrow_mut() = Some(result);
            });
            async { text("accepted") }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    let task = sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {declared}\r\n\r\n"));
    sim.run();
    client.send(vec![b'x'; declared]);
    sim.run();
    client.finish();
    sim.run();
    sim.advance(Duration::from_secs(3600));
    assert!(task.take().is_some(), "the connection is over");
    (got.take(), sim.live_tasks())
}

#[test]
fn a_reader_in_another_task_hangs_when_the_response_is_done() {
    let (got, live) = reader_in_other_task(100_000);
    assert!(got.is_some() && live == 0, "got {got:?}, {live} tasks left: the reader waits for ever");
}

struct SlowFlush {
    pipe: Pipe,
    dirty: bool,
}
impl AsyncRead for SlowFlush {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, out)
    }
}
impl AsyncWrite for SlowFlush {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.dirty = true;
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.dirty) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

#[test]
fn a_pending_flush_spins_for_ever() {
    assert!(
        returns(|| {
            let sim = Sim::new();
            let server = Server::new(super::websocket::echo, SimTimer(sim.clock().clone()));
            let (client, io) = pipe(CAPACITY);
            sim.spawn(server.connection(SlowFlush { pipe: io, dirty: false }, ConnectionInfo::default()));
            client.send(HANDSHAKE);
            sim.run();
            client.send(frame("hello"));
            sim.run();
            client.send(frame("again"));
            sim.run();
            assert!(client.take().ends_with(b"again"));
        }),
        "Connection::poll never returns"
    );
}

#[test]
fn eof_before_a_late_accept_is_lost() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let handler = move |mut request: Request| {
        let clock = clock.clone();
        async move {
            clock.sleep_until(clock.now() + Duration::from_secs(1)).await; // authentication, say
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade.run(async |mut socket| while let Some(Ok(_)) = socket.recv().await {}).await
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    drop(client); // gone: a FIN
    sim.advance(Duration::from_secs(3600));
    assert_eq!((sim.live_tasks(), server.stats().websockets), (0, 0), "an hour later");
}

/// The same with a plain half-close.
#[test]
fn eof_before_a_late_accept_is_lost_half_close() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let handler = move |mut request: Request| {
        let clock = clock.clone();
        async move {
            clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade.run(async |mut socket| while let Some(Ok(_)) = socket.recv().await {}).await
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    client.finish();
    sim.advance(Duration::from_secs(3600));
    assert_eq!((sim.live_tasks(), server.stats().websockets), (0, 0), "an hour later");
}

#[test]
fn pings_in_segments_of_their_own_queue_pongs_without_bound() {
    let world = world(super::websocket::echo);
    let client = world.connect();
    world.send(&client, HANDSHAKE);
    let _ = client.pipe.take();
    client.pipe.limit_peer_writes(1000);
    let mut encoder = Encoder::client([7; 32]);
    let mut sent = 0;
    for _ in 0..20_000 {
        let mut ping = Vec::new();
        encoder.encode_ping(&[1; 125], &mut ping).unwrap();
        sent += ping.len();
        world.send(&client, ping);
    }
    let mut got = 0;
    client.pipe.limit_peer_writes(usize::MAX);
    loop {
        world.sim.run();
        let bytes = client.pipe.take();
        if bytes.is_empty() {
            break;
        }
        got += bytes.len();
    }
    assert!(got <= 200 << 10, "{got} bytes of pongs were queued for {sent} bytes of pings");
}

#[test]
fn what_a_moved_websocket_sent_leaves_when_it_pauses() {
    let sim = Rc::new(Sim::new());
    let handler = {
        let sim = sim.clone();
        move |mut request: Request| {
            let (mut socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            sim.spawn(async move {
                let message = socket.recv().await.unwrap().unwrap();
                socket.send(message).await.unwrap(); // the next one is here: returns at once
                std::future::pending::<()>().await; // a slow query
                drop(socket);
            });
            async { response }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.run();
    let _ = client.take();
    client.send([frame("one"), frame("two")].concat());
    sim.run();
    sim.advance(Duration::from_secs(10));
    assert!(client.take().ends_with(b"one"), "ten seconds later nothing has left");
}

#[test]
fn frames_of_a_late_accept_leak_into_the_http_response() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let handler = {
        let sim = sim.clone();
        move |mut request: Request| {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let clock = clock.clone();
            sim.spawn(async move {
                clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                let (mut socket, _) = upgrade.accept();
                let _ = socket.send("injected").await;
            });
            async { Response::new(PendingBody) }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.advance(Duration::from_secs(2));
    let got = String::from_utf8_lossy(&client.take()).into_owned();
    assert!(!got.contains("injected"), "{got:?}");
}

struct PendingBody;
impl http_body::Body for PendingBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[test]
fn a_websocket_accepted_behind_the_response_hangs() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let handler = {
        let sim = sim.clone();
        move |mut request: Request| {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let clock = clock.clone();
            sim.spawn(async move {
                clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                let (mut socket, _) = upgrade.accept();
                let _ = socket.recv().await;
            });
            async { text("no") }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.advance(Duration::from_secs(2));
    drop(client);
    sim.advance(Duration::from_secs(3600));
    assert_eq!(sim.live_tasks(), 0);
}

#[test]
fn a_handshake_with_content_length_0_is_accepted() {
    let world = world(super::websocket::echo);
    let got = world.exchange(HANDSHAKE.replace("Host: a\r\n", "Host: a\r\nContent-Length: 0\r\n"));
    assert_eq!(statuses(&got), [101], "{got}");
}

struct NoShutdown(Pipe);
impl AsyncRead for NoShutdown {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}
impl AsyncWrite for NoShutdown {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[test]
fn shutdown_has_a_deadline() {
    let sim = Sim::new();
    let server = Server::new(async |_: Request| text("x"), SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(NoShutdown(io), ConnectionInfo::default()));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    sim.advance(Duration::from_secs(3600));
    assert_eq!(sim.live_tasks(), 0, "an hour later");
}

struct Flag(AtomicBool);
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn the_alarm_follows_the_connection_to_another_task() {
    let sim = Sim::new();
    let clock = sim.clock().clone();
    let release: Rc<RefCell<(bool, Option<Waker>)>> = Rc::default();
    let handler = {
        let release = release.clone();
        move |_: Request| {
            let release = release.clone();
            async move {
                std::future::poll_fn(|cx| {
                    let mut release = release.borrow_mut();
                    if release.0 {
                        return Poll::Ready(());
                    }
                    release.1 = Some(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                text("x")
            }
        }
    };
    let mut config = Config::default();
    config.head_timeout = Duration::from_secs(10);
    config.idle_timeout = Duration::from_secs(60);
    let server = Server::with_config(handler, SimTimer(clock.clone()), config);
    let (client, io) = pipe(CAPACITY);
    let mut connection = Box::pin(server.connection(io, ConnectionInfo::default()));
    let (a, b) = (Arc::new(Flag(AtomicBool::new(false))), Arc::new(Flag(AtomicBool::new(false))));
    let (wa, wb) = (Waker::from(a.clone()), Waker::from(b.clone()));
    // Polled once where it was accepted, then spawned: nothing unusual.
    assert!(connection.as_mut().poll(&mut Context::from_waker(&wa)).is_pending());
    client.send(get("/"));
    assert!(connection.as_mut().poll(&mut Context::from_waker(&wb)).is_pending());
    release.borrow_mut().0 = true;
    assert!(connection.as_mut().poll(&mut Context::from_waker(&wb)).is_pending());
    assert_eq!(statuses(&String::from_utf8(client.take()).unwrap()), [200]);
    // Now idle, for 60 s: task B must be woken.
    b.0.store(false, SeqCst);
    clock.advance_to(clock.now() + Duration::from_secs(3600));
    assert!(b.0.load(SeqCst), "woken: the old task {}, the new one {}", a.0.load(SeqCst), b.0.load(SeqCst));
}

#[test]
fn a_websocket_that_only_sends_pins_no_read_buffer() {
    fn resident() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }
    fn per_connection(receives: bool) -> usize {
        let world = world(move |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade
                .run(async move |mut socket: WebSocket| {
                    let _ = socket.recv().await; // "subscribe"
                    if receives {
                        let _ = socket.recv().await;
                    }
                    std::future::pending::<()>().await; // and now we push
                })
                .await
        });
        let before = resident();
        let _clients: Vec<_> = (0..500)
            .map(|_| {
                let client = world.connect();
                world.send(&client, HANDSHAKE);
                let _ = client.pipe.take();
                world.send(&client, frame(&"x".repeat(60_000)));
                client
            })
            .collect();
        let grown = (resident() - before) / 500;
        std::mem::forget((world, _clients)); // nothing is used twice
        grown
    }
    let _ = (per_connection(true), per_connection(false));
    // What the simulated pipe and the connection itself hold is in both.
    let (waiting, pushing) = (per_connection(true), per_connection(false));
    assert!(
        pushing < waiting + (8 << 10),
        "in recv(): {waiting} bytes, not in recv(): {pushing} bytes for each"
    );
}

struct Ticks {
    clock: testkit::sim::Clock,
    sleep: Option<Pin<Box<testkit::sim::Sleep>>>,
    left: u32,
}
impl http_body::Body for Ticks {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        self.left -= 1;
        let next = self.clock.now() + Duration::from_secs(1);
        self.sleep = Some(Box::pin(self.clock.sleep_until(next)));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"tick")))))
    }
}

#[test]
fn a_half_closed_client_that_reads_gets_all_of_its_response() {
    let sim = Sim::new();
    let clock = sim.clock().clone();
    let handler = move |_: Request| {
        let clock = clock.clone();
        async move { Response::new(Ticks { clock, sleep: None, left: 10 }) }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    let task = sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.finish();
    let mut got = String::new();
    for _ in 0..20 {
        sim.advance(Duration::from_secs(1));
        got += &String::from_utf8(client.take()).unwrap();
    }
    assert_eq!(got.matches("tick").count(), 10, "{:?}", task.take());
}

#[test]
fn no_target_becomes_another_one_silently() {
    let world = world(async |request: http::Request<Incoming>| text(request.uri().to_string()));
    let mut wrong = Vec::new();
    let mut candidates: Vec<Vec<u8>> = Vec::new();
    for byte in 0x21..=0xffu8 {
        candidates.push([b"/admin".as_slice(), &[byte], b"x"].concat());
        candidates.push([b"/admin?".as_slice(), &[byte], b"x"].concat());
    }
    for target in [
        "http://example.com",
        "http://example.com?q",
        "foo://example.com/x",
        "http://ex%41mple.com/x",
        "http://[v1.x:y]/x",
        "http://a:/x",
        "http://a:80/x",
        "http://a_b/x",
        "http://a!$&'()*+,;=b/x",
        "/a//b",
        "//a/b",
        "/%zz",
        "/%",
        &format!("{}://a/x", "s".repeat(70)),
        "HTTP://a/x",
        "http://[::1]:80/x",
    ] {
        candidates.push(target.as_bytes().to_vec());
    }
    for target in candidates {
        let request =
            [b"GET ".as_slice(), &target, b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        let got = world.exchange(request);
        let shown = String::from_utf8_lossy(&target).into_owned();
        if statuses(&got) == [200] {
            let body = got.split("\r\n\r\n").nth(1).unwrap();
            if body == "/" && shown != "/" || body.is_empty() {
                wrong.push((shown, body.to_owned()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
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
    let client = world.connect();
    world.send(&client, HANDSHAKE);
    let got = client.text();
    assert!(got.contains("\u{3}"), "closed with 1000, not by a panic: {got:?}");
    world.advance(60);
    assert_eq!(world.sim.live_tasks(), 0);
}

struct Always {
    head: Vec<u8>,
    reads: Arc<AtomicUsize>,
    polls_at: usize,
}
impl AsyncRead for Always {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.reads.fetch_add(1, SeqCst);
        if n > 20_000 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let head = std::mem::take(&mut self.head);
        if head.is_empty() {
            let n = out.remaining().min(60_000);
            out.put_slice(&vec![b'x'; n]);
        } else {
            out.put_slice(&head);
        }
        Poll::Ready(Ok(()))
    }
}
impl AsyncWrite for Always {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn an_upload_lets_others_run() {
    let sim = Sim::new();
    let handler = async |mut request: Request| {
        let mut body = request.take_body();
        while let Ok(Some(_)) = body.chunk().await {}
        text("done")
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let reads = Arc::new(AtomicUsize::new(0));
    let io = Always {
        head: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n".to_vec(),
        reads: reads.clone(),
        polls_at: 0,
    };
    let mut connection = Box::pin(server.connection(io, ConnectionInfo::default()));
    let _ = connection.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let reads = reads.load(SeqCst);
    assert!(reads < 1000, "{reads} reads of 60 kB in one poll");
}

/// The same with tiny chunks from memory.
#[test]
fn tiny_chunks_let_others_run() {
    let world = world(async |mut request: Request| {
        let mut n = 0;
        let mut body = request.take_body();
        while let Ok(Some(_)) = body.chunk().await {
            n += 1;
        }
        text(n.to_string())
    });
    let client = world.connect();
    let body = "1\r\nx\r\n".repeat(200_000) + "0\r\n\r\n";
    let before = world.sim.wakes();
    world.send(&client, format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    assert!(client.text().ends_with("200000"));
    let wakes = world.sim.wakes() - before;
    assert!(wakes > 10, "200000 chunks in {wakes} polls");
}

#[test]
fn cancelled_accepts_leave_no_wakers() {
    struct Never;
    impl server_core::Listener for Never {
        type Io = Pipe;
        fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<(Pipe, ConnectionInfo)>> {
            Poll::Pending
        }
        fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
    let sim = Sim::new();
    let server = Server::new(async |_: Request| text("x"), SimTimer(sim.clock().clone()));
    let mut flags = Vec::new();
    for _ in 0..100 {
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        let mut listener = Never;
        let mut accept = Box::pin(server.accept(&mut listener));
        assert!(accept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop((accept, waker));
        flags.push(flag);
    }
    let kept = flags.iter().filter(|flag| Arc::strong_count(flag) > 1).count();
    assert!(kept <= 1, "{kept} wakers of cancelled calls are kept");
}

#[test]
fn head_does_not_invent_a_content_length() {
    let world = world(async |_: Request| text(Body::empty()));
    let got = world.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!got.contains("Content-Length"), "{got}");
}

#[test]
fn a_cut_off_response_is_an_error_even_when_the_client_lingers() {
    struct Fails(u8);
    impl http_body::Body for Fails {
        type Data = Bytes;
        type Error = io::Error;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            self.0 += 1;
            Poll::Ready(Some(if self.0 == 1 {
                Ok(Frame::data(Bytes::from_static(b"x")))
            } else {
                Err(io::ErrorKind::Other.into())
            }))
        }
    }
    let world = world(async |_: Request| Response::new(Fails(0)));
    let client = world.connect();
    world.send(&client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    world.advance(10);
    assert!(matches!(client.ended(), Some(Err(ConnectionError::Response(_)))));
}

#[test]
fn a_connection_may_be_dropped_with_its_thread() {
    if std::env::var_os("REVIEW_CHILD").is_some() {
        std::thread::spawn(|| {
            thread_local! {
                static KEEP: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) };
            }
            KEEP.with_borrow_mut(|keep| *keep = Some(Box::new(()))); // registered first, so destroyed last
            let sim = Sim::new();
            let handler = async |mut request: Request| {
                let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                upgrade
                    .run(async |mut socket| {
                        let _ = socket.recv().await;
                        std::future::pending::<()>().await;
                    })
                    .await
            };
            let server = Server::new(handler, SimTimer(sim.clock().clone()));
            let (client, io) = pipe(CAPACITY);
            sim.spawn(server.connection(io, ConnectionInfo::default()));
            client.send(HANDSHAKE);
            sim.run();
            client.send(frame("hello"));
            sim.run();
            KEEP.with_borrow_mut(|keep| *keep = Some(Box::new((sim, client))));
        })
        .join()
        .unwrap();
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "review::f18_a_connection_may_be_dropped_with_its_thread", "--nocapture"])
        .env("REVIEW_CHILD", "1")
        .output()
        .unwrap();
    assert!(status.status.success(), "{:?}\n{}", status.status, String::from_utf8_lossy(&status.stderr));
}

#[test]
fn a_write_buffer_of_zero_does_not_hang() {
    assert!(
        returns(|| {
            let world = configured(async |_: Request| text("x"), |config| config.write_buffer = 0);
            let client = world.connect();
            world.send(&client, get("/"));
            assert_eq!(client.statuses(), [200]);
        }),
        "Connection::poll never returns"
    );
}

#[test]
fn connect_is_not_confirmed_and_then_cut_off() {
    let world = world(async |_: Request| text("hello"));
    let client = world.connect();
    world.send(&client, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    let got = client.text();
    assert!(client.is_closed() && got.starts_with("HTTP/1.1 501"), "{got:?}");
}

#[test]
fn too_large_is_sticky() {
    let world = world(async |mut request: Request| {
        let mut body = request.take_body().limit(4);
        let mut got = Vec::new();
        for _ in 0..3 {
            got.push(format!("{:?}", body.chunk().await));
        }
        text(got.join("\n"))
    });
    let got = world.exchange(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert!(!got.contains("abc"), "{got}");
}

#[test]
fn an_endless_body_of_empty_frames_ends_with_its_client() {
    struct Empty(Rc<RefCell<u32>>);
    impl http_body::Body for Empty {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            *self.0.borrow_mut() += 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
        }
    }
    let frames: Rc<RefCell<u32>> = Rc::default();
    let sim = Sim::new();
    let handler = {
        let frames = frames.clone();
        move |_: Request| {
            let frames = frames.clone();
            async move { Response::new(Empty(frames)) }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    let mut connection = Box::pin(server.connection(io, ConnectionInfo::default()));
    client.send(get("/"));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10 {
        let _ = connection.as_mut().poll(&mut cx);
    }
    client.reset();
    let ended = (0..10_000).any(|_| connection.as_mut().poll(&mut cx).is_ready());
    assert!(ended, "{} frames later", frames.borrow());
}

#[test]
fn the_peers_death_is_noticed_without_a_receiver() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async |socket| {
                let (sender, receiver) = socket.split();
                drop(receiver);
                std::future::pending::<()>().await; // the next event to push
                drop(sender);
            })
            .await
    });
    let client = world.connect();
    world.send(&client, HANDSHAKE);
    client.pipe.reset();
    world.advance(3600);
    assert_eq!(world.sim.live_tasks(), 0, "an hour later");
}

#[test]
fn wakes_of_split_halves() {
    let sim = Rc::new(Sim::new());
    let handler = {
        let sim = sim.clone();
        move |mut request: Request| {
            let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            let (mut sender, mut receiver) = socket.split();
            sim.spawn(async move {
                while let Some(Ok(message)) = receiver.recv().await {
                    sender.send(message).await.unwrap();
                }
            });
            async { response }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.run();
    let before = sim.wakes();
    for _ in 0..100 {
        client.send(frame("hello"));
        sim.run();
    }
    let per = (sim.wakes() - before) as f64 / 100.0;
    println!("{per} wakes for each echo");
    assert!(per < 10.0, "{per}");
}

#[test]
fn a_handler_may_finish_its_work_after_the_websocket() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let done: Rc<RefCell<bool>> = Rc::default();
    let handler = {
        let done = done.clone();
        move |mut request: Request| {
            let (clock, done) = (clock.clone(), done.clone());
            async move {
                let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                let response = upgrade.run(async |socket| drop(socket)).await;
                clock.sleep_until(clock.now() + Duration::from_secs(10)).await; // save what was gathered
                *done.borrow_mut() = true;
                response
            }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    let task = sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.advance(Duration::from_secs(20));
    assert!(*done.borrow(), "{:?}", task.take());
}

fn tokio_world<H, R>(
    handler: H,
    threads: usize,
) -> (tokio::runtime::Runtime, Server<H, server_core::rt::tokio::TokioTimer, R>, std::net::SocketAddr)
where
    H: server_core::Handler<R> + Send + Sync + 'static,
    R: server_core::RequestKind + 'static,
    H::Future: Send,
    H::Body: Send,
    <H::Body as http_body::Body>::Error: Send,
{
    use server_core::Listener as _;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    let server = Server::new(handler, server_core::rt::tokio::TokioTimer);
    let address = runtime.block_on(async {
        let mut listener =
            server_core::rt::tokio::TokioListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = server.clone();
        tokio::spawn(async move {
            while let Ok(Some(connection)) = server.accept(&mut listener).await {
                tokio::spawn(connection);
            }
        });
        address
    });
    (runtime, server, address)
}

/// As f03, over TCP, and the client is gone altogether.
#[test]
fn a_client_that_quits_before_a_late_accept_leaks_its_websocket_over_tcp() {
    use std::io::Write as _;
    let (_runtime, server, address) = tokio_world(
        |mut request: Request| async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade.run(async |mut socket: WebSocket| while let Some(Ok(_)) = socket.recv().await {}).await
        },
        2,
    );
    for _ in 0..20 {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(HANDSHAKE.as_bytes()).unwrap();
    }
    std::thread::sleep(Duration::from_secs(8)); // more than every deadline that could apply
    assert_eq!((server.stats().connections, server.stats().websockets), (0, 0), "8 s after the clients died");
}

/// Many WebSockets whose halves live in tasks of their own, and uploads read in tasks of their own.
#[test]
fn stress_of_split_halves_and_moved_bodies_over_threads() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (runtime, server, address) = tokio_world(
        |mut request: Request| async move {
            if request.path() == "/ws" {
                let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
                let (mut sender, mut receiver) = socket.split();
                let (tx, mut rx) = tokio::sync::mpsc::channel(1);
                tokio::spawn(async move {
                    while let Some(Ok(message)) = receiver.recv().await {
                        if tx.send(message).await.is_err() {
                            break;
                        }
                    }
                });
                tokio::spawn(async move {
                    while let Some(message) = rx.recv().await {
                        if sender.send(message).await.is_err() {
                            break;
                        }
                    }
                });
                return response;
            }
            let mut body = request.take_body();
            let sum = tokio::spawn(async move {
                let mut n = 0;
                while let Some(chunk) = body.chunk().await.unwrap() {
                    n += chunk.len();
                    if n % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                n
            })
            .await
            .unwrap();
            text(sum.to_string())
        },
        4,
    );
    let clients: Vec<_> = (0..64)
        .map(|id| {
            runtime.spawn(async move {
                let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = vec![0; 1 << 16];
                if id % 2 == 0 {
                    stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await.unwrap());
                    }
                    for n in 0..3000usize {
                        let payload = "y".repeat(n % 120);
                        stream.write_all(&frame(&payload)).await.unwrap();
                        let len = 2 + payload.len();
                        stream.read_exact(&mut buffer[..len]).await.unwrap();
                        assert_eq!(&buffer[2..len], payload.as_bytes());
                    }
                } else {
                    for n in 0..200usize {
                        let len = 1000 + n * 997;
                        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n");
                        stream.write_all(head.as_bytes()).await.unwrap();
                        for piece in vec![b'x'; len].chunks(7001) {
                            stream.write_all(piece).await.unwrap();
                        }
                        let mut got = Vec::new();
                        while !String::from_utf8_lossy(&got).ends_with(&format!("\r\n\r\n{len}")) {
                            let n = stream.read(&mut buffer).await.unwrap();
                            assert!(n > 0);
                            got.extend_from_slice(&buffer[..n]);
                        }
                    }
                }
            })
        })
        .collect();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), async {
            for client in clients {
                client.await.unwrap();
            }
        })
        .await
        .expect("something hangs");
        tokio::time::sleep(Duration::from_millis(300)).await;
    });
    assert_eq!(server.stats().connections, 0);
}

/// accept() from another thread, racing with the driver between `check_accepted` and `leave`; nothing is done behind it
/// that would wake the driver once more.
#[test]
fn an_accept_from_another_thread_is_not_lost() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (runtime, _server, address) = tokio_world(
        |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let go = Arc::new(AtomicBool::new(false));
            let (tx, rx) = tokio::sync::oneshot::channel::<Response<Body>>();
            std::thread::spawn({
                let go = go.clone();
                move || {
                    while !go.load(Acquire) {
                        std::hint::spin_loop();
                    }
                    for _ in 0..(std::time::SystemTime::now()
                        .duration_since(std::time::UNIX_EPOCH)
                        .unwrap()
                        .subsec_nanos()
                        % 400)
                    {
                        std::hint::spin_loop();
                    }
                    let (socket, _response) = upgrade.accept();
                    std::thread::sleep(Duration::from_secs(2));
                    drop((socket, tx));
                }
            });
            let mut first = true;
            std::future::poll_fn(|cx| {
                go.store(true, Release);
                if std::mem::take(&mut first) { Poll::Pending } else { Poll::Pending::<()> }
            })
            .await;
            drop(rx);
            text("x")
        },
        2,
    );
    let lost = runtime.block_on(async {
        let mut lost = 0;
        for _ in 0..150 {
            let clients: Vec<_> = (0..4)
                .map(|_| {
                    tokio::spawn(async move {
                        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                        stream.write_all(HANDSHAKE.as_bytes()).await.unwrap();
                        tokio::time::timeout(Duration::from_millis(1000), stream.read_u8()).await.is_err()
                    })
                })
                .collect();
            for client in clients {
                lost += usize::from(client.await.unwrap());
            }
        }
        lost
    });
    assert_eq!(lost, 0, "of 600 handshakes had no answer within a second");
}

#[test]
fn a_finished_closing_handshake_ends_the_connection() {
    let sim = Rc::new(Sim::new());
    let handler = {
        let sim = sim.clone();
        move |mut request: Request| {
            let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            let (sender, mut receiver) = socket.split();
            sim.spawn(async move { while let Some(Ok(_)) = receiver.recv().await {} });
            sim.spawn(async move {
                std::future::pending::<()>().await; // for the next thing to push
                drop(sender);
            });
            async { response }
        }
    };
    let server = Server::new(handler, SimTimer(sim.clock().clone()));
    let (client, io) = pipe(CAPACITY);
    let task = sim.spawn(server.connection(io, ConnectionInfo::default()));
    client.send(HANDSHAKE);
    sim.run();
    let mut close = Vec::new();
    Encoder::client([7; 32]).encode_close(wire_ws::CloseCode::new(1000), "", &mut close).unwrap();
    client.send(close);
    sim.run();
    assert!(client.take().ends_with(&[0x88, 2, 3, 0xe8]), "the Close is answered");
    client.finish();
    sim.advance(Duration::from_secs(3600));
    assert!(task.take().is_some(), "an hour later: {:?}", server.stats());
}
