//! No connection takes more than its share: of one poll, of the queue of pongs, of memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use server_core::ws::{WebSocket, WebSocketUpgrade};
use server_core::{Body, ConnectionInfo, Http2Config, Request};
use testkit::alloc::measure;
use testkit::sim::pipe;

use super::bodies::Endless;
use super::frames;
use super::http2_attacks::Pieces;
use super::sockets::PATIENCE;
use super::support::{CAPACITY, Reluctant, configured, get, text, world};
use super::websocket::{Got, HANDSHAKE, echo, open};

/// Runs `test` on a thread of its own: a poll that never returns fails instead of hanging.
fn returns(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    wait.recv_timeout(PATIENCE).expect("to return, and without a panic");
}

/// A flush that is pending ends the poll.
#[test]
fn a_pending_flush_is_waited_for() {
    returns(|| {
        let world = world(echo);
        let client = world.connect_over(Reluctant::new);
        world.send(&client, format!("{HANDSHAKE}\r\n"));
        world.send(&client, b"\x81\x85\0\0\0\0hello");
        world.send(&client, b"\x81\x85\0\0\0\0again");
        assert!(client.pipe.take().ends_with(b"\x81\x05hello\x81\x05again"));
    });
}

/// A buffer that is full when it is empty still takes what there is, one write at a time.
#[test]
fn a_write_buffer_of_zero_does_not_spin() {
    returns(|| {
        let world = configured(async |_: Request| text("x"), |config| config.write_buffer = 0);
        let client = world.connect();
        world.send(&client, get("/"));
        assert_eq!(client.statuses(), [200]);
    });
}

/// An upload that is always ready gives way to other tasks now and then.
#[test]
fn an_upload_lets_others_run() {
    let chunks = Rc::new(RefCell::new(0));
    let world = world({
        let chunks = Rc::clone(&chunks);
        move |mut request: Request| {
            let chunks = Rc::clone(&chunks);
            async move {
                let mut body = request.take_body();
                while let Ok(Some(_)) = body.chunk().await {
                    *chunks.borrow_mut() += 1;
                    assert!(*chunks.borrow() < 1000, "all in one poll");
                }
                text("done")
            }
        }
    });
    let head = &b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n"[..];
    let input = tokio::io::AsyncReadExt::chain(head, tokio::io::repeat(b'x'));
    let io = tokio::io::join(input, tokio::io::sink());
    let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
    assert!(connection.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!((1..1000).contains(&*chunks.borrow()), "{} chunks", chunks.borrow());
}

/// So do chunks of one byte that have all arrived.
#[test]
fn tiny_chunks_let_others_run() {
    let world = world(async |mut request: Request| {
        let mut chunks = 0;
        let mut body = request.take_body();
        while let Ok(Some(_)) = body.chunk().await {
            chunks += 1;
        }
        text(chunks.to_string())
    });
    let client = world.connect();
    let body = "1\r\nx\r\n".repeat(50_000) + "0\r\n\r\n";
    let wakes = world.sim.wakes();
    world.send(&client, format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    assert!(client.text().ends_with("50000"));
    let wakes = world.sim.wakes() - wakes;
    assert!(wakes > 10, "50000 chunks in {wakes} polls");
}

/// A response body that is always ready and never has a byte does not keep the end of the connection from being seen.
#[test]
fn an_endless_body_of_empty_frames_ends_with_its_client() {
    for request in [get("/").into_bytes(), [frames::hello(&[]), frames::get(1, "/")].concat()] {
        returns(|| {
            let made = Rc::new(RefCell::new(0));
            let endless = {
                let made = Rc::clone(&made);
                move |_: Request| {
                    let made = Rc::clone(&made);
                    async move { Response::new(Endless { made, piece: b"" }) }
                }
            };
            let world = configured(endless, |config| config.http2 = Some(Http2Config::default()));
            let (client, io) = pipe(CAPACITY);
            let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
            client.send(request);
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..10 {
                assert!(connection.as_mut().poll(&mut cx).is_pending());
            }
            client.reset();
            let ended = (0..10_000).any(|_| connection.as_mut().poll(&mut cx).is_ready());
            assert!(ended, "{} frames later", made.borrow());
        });
    }
}

/// Bodies that give way to other tasks, as one does that is compressed: the other streams of the connection are not all that
/// is meant.
#[test]
fn streams_that_give_way_let_other_connections_run() {
    struct Yielding(Rc<RefCell<usize>>);

    impl http_body::Body for Yielding {
        type Data = &'static [u8];
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<&'static [u8]>, Infallible>>> {
            *self.0.borrow_mut() += 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    let turns = Rc::new(RefCell::new(0));
    let handler = {
        let turns = Rc::clone(&turns);
        move |_: Request| {
            let body = Yielding(Rc::clone(&turns));
            async { Response::new(body) }
        }
    };
    let world = configured(handler, |config| config.http2 = Some(Http2Config::default()));
    let (client, io) = pipe(CAPACITY);
    let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
    let requests: Vec<u8> = (0..50).flat_map(|at| frames::get(2 * at + 1, "/")).collect();
    client.send([frames::hello(&[]), requests].concat());
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(connection.as_mut().poll(&mut cx).is_pending());
    }
    let before = *turns.borrow();
    assert!(before >= 50, "all have begun");
    for _ in 0..10 {
        assert!(connection.as_mut().poll(&mut cx).is_pending());
    }
    let turns = *turns.borrow() - before;
    assert!((10..=100).contains(&turns), "{turns} turns in 10 polls");
}

/// A WebSocket that only sends, over a stream that takes everything at once, lets others run, and the input be read.
#[test]
fn sending_without_end_lets_others_run() {
    let sent = Rc::new(RefCell::new(0));
    let world = world({
        let sent = Rc::clone(&sent);
        move |mut request: Request| {
            let sent = Rc::clone(&sent);
            async move {
                let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                let flood = async move |socket: WebSocket| {
                    let (mut sender, mut receiver) = socket.split();
                    let sending = async {
                        while *sent.borrow() < 100_000 && sender.send("x").await.is_ok() {
                            *sent.borrow_mut() += 1;
                        }
                    };
                    let receiving = async { while let Some(Ok(_)) = receiver.recv().await {} };
                    let _ = tokio::join!(sending, receiving);
                };
                upgrade.run(flood).await
            }
        }
    });
    let (client, input) = pipe(CAPACITY);
    let io = tokio::io::join(input, tokio::io::sink());
    let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
    client.send(format!("{HANDSHAKE}\r\n"));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(connection.as_mut().poll(&mut cx).is_pending());
    assert!((1..10_000).contains(&*sent.borrow()), "{} messages in one poll", sent.borrow());
    client.send(b"\x88\x80\0\0\0\0");
    client.finish();
    let ended = (0..10).any(|_| connection.as_mut().poll(&mut cx).is_ready());
    assert!(ended, "{} messages, and the Close was not read", sent.borrow());
}

/// What never pauses, in either direction, holds no deadline up.
#[test]
fn deadlines_pass_in_a_flood() {
    let upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n".to_owned();
    for (name, head, flood) in [
        ("upload", upload, &b"x"[..]),
        ("download", get("/endless"), b"x"),
        ("WebSocket", format!("{HANDSHAKE}\r\n"), b"\x82\x80\0\0\0\0"),
    ] {
        let world = world(async |mut request: Request| {
            match request.path() {
                "/ws" => return echo(request).await,
                "/endless" => {
                    let frames = std::iter::repeat_with(|| Ok::<_, Infallible>(Frame::data("x".into())));
                    return Response::new(Body::new(StreamBody::new(Pieces(frames))));
                }
                _ => {}
            }
            let mut body = request.take_body();
            while let Ok(Some(_)) = body.chunk().await {}
            text("done")
        });
        let input = tokio::io::AsyncReadExt::chain(head.as_bytes(), Flood(flood));
        let io = tokio::io::join(input, tokio::io::sink());
        let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(connection.as_mut().poll(&mut cx).is_pending());
        world.server.control().shutdown();
        assert!(connection.as_mut().poll(&mut cx).is_pending());
        world.advance(31);
        let ended = (0..10).any(|_| connection.as_mut().poll(&mut cx).is_ready());
        assert!(ended, "{name}: the shutdown waits for ever");
    }
}

/// The same again and again, and never less than what is asked for.
struct Flood(&'static [u8]);

impl tokio::io::AsyncRead for Flood {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while out.remaining() >= self.0.len() {
            out.put_slice(self.0);
        }
        Poll::Ready(Ok(()))
    }
}

/// Pings that arrive one by one, at a peer that does not read the pongs, do not pile up.
#[test]
fn pings_in_segments_of_their_own_queue_a_bounded_number_of_pongs() {
    let world = world(echo);
    let mut peer = open(&world);
    peer.client.pipe.limit_peer_writes(1000);
    for _ in 0..5000 {
        let ping = peer.frames(|encoder, out| encoder.encode_ping(&[1; 125], out).unwrap());
        world.send(&peer.client, ping);
    }
    peer.client.pipe.limit_peer_writes(usize::MAX);
    let mut pongs = 0;
    loop {
        world.sim.run();
        let got = peer.received();
        if got.is_empty() {
            break;
        }
        assert!(got.iter().all(|got| *got == Got::Pong(vec![1; 125])));
        pongs += got.len();
    }
    assert!((1..=1600).contains(&pongs), "{pongs} pongs of 127 bytes were queued");
}

/// A WebSocket that has stopped receiving holds no more memory than one that waits in `recv`.
#[test]
fn a_websocket_that_only_sends_pins_no_read_buffer() {
    const CONNECTIONS: usize = 50;
    fn held(receives: bool) -> usize {
        let world = world(move |mut request: Request| async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade
                .run(async move |mut socket: WebSocket| {
                    let _ = socket.recv().await;
                    if receives {
                        let _ = socket.recv().await;
                    }
                    std::future::pending::<()>().await;
                })
                .await
        });
        let open = || {
            let mut peer = open(&world);
            let frame = peer.text(&"x".repeat(60_000));
            world.send(&peer.client, frame);
            peer
        };
        let (_peers, usage) = measure(|| (0..CONNECTIONS).map(|_| open()).collect::<Vec<_>>());
        usage.peak / CONNECTIONS
    }
    // What the simulated pipe and the connection itself hold is in both.
    let (waiting, sending) = (held(true), held(false));
    assert!(sending < waiting + (8 << 10), "in recv: {waiting} bytes, not in recv: {sending} bytes for each");
}

/// Nor does one that had more to send while the stream was not flushed yet keep what it gathered in.
#[test]
fn a_late_flush_pins_no_write_buffer() {
    const CONNECTIONS: usize = 50;
    let world = world(async |mut request: Request| {
        let send = async |mut socket: WebSocket| {
            let _ = socket.recv().await;
            for _ in 0..10_000 {
                socket.feed("x").unwrap();
            }
            let mut before = true;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::take(&mut before) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            socket.feed("x").unwrap();
            std::future::pending::<()>().await;
        };
        WebSocketUpgrade::from_request(&mut request).unwrap().run(send).await
    });
    let held = |reluctant| {
        let open = || {
            let client = if reluctant { world.connect_over(Reluctant::new) } else { world.connect() };
            world.send(&client, format!("{HANDSHAKE}\r\n"));
            world.send(&client, b"\x81\x80\0\0\0\0");
            assert!(client.pipe.take().len() > 30_000);
            client
        };
        let (_clients, usage) = measure(|| (0..CONNECTIONS).map(|_| open()).collect::<Vec<_>>());
        usage.peak / CONNECTIONS
    };
    let (flushed, late) = (held(false), held(true));
    assert!(late < flushed + (8 << 10), "flushed at once: {flushed} bytes, late: {late} bytes for each");
}
