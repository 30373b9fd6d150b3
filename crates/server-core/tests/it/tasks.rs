//! Bodies, WebSockets and connections in tasks that did not make them: none of them waits for ever.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use server_core::ws::{WebSocket, WebSocketUpgrade};
use server_core::{ConnectionInfo, Listener, Request};
use testkit::rng::Rng;
use testkit::sim::{Pipe, pipe};
use tokio::sync::{Notify, mpsc};

use super::support::{CAPACITY, Reluctant, get, sleep, statuses, text, with_sim, world};
use super::websocket::{Got, HANDSHAKE, Peer, open};

/// A body that is read in another task comes to its end or to an error, even behind its response.
#[test]
fn a_body_in_another_task_ends_with_its_connection() {
    let got = Rc::new(RefCell::new(None));
    let world = with_sim(|sim| {
        let got = Rc::clone(&got);
        move |mut request: Request| {
            let mut body = request.take_body();
            let got = Rc::clone(&got);
            sim.spawn(async move {
                let mut read = 0;
                let result = loop {
                    match body.chunk().await {
                        Ok(Some(chunk)) => read += chunk.len(),
                        Ok(None) => break Ok(read),
                        Err(error) => break Err(error),
                    }
                };
                *got.borrow_mut() = Some(result);
            });
            async { text("accepted") }
        }
    });
    let client = world.connect();
    world.send(&client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    world.send(&client, vec![b'x'; 100_000]);
    client.pipe.finish();
    world.advance(3600);
    assert!(client.ended().is_some());
    assert!(got.borrow().is_some(), "the reader has an answer");
    assert_eq!(world.sim.live_tasks(), 0);
}

/// The halves live in tasks of their own; the handler has returned.
#[test]
fn halves_work_from_other_tasks() {
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            let (mut sender, mut receiver) = socket.split();
            sim.spawn(async move {
                while let Some(Ok(message)) = receiver.recv().await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            });
            async { response }
        }
    });
    let mut peer = open(&world);
    for n in 0..3 {
        let frame = peer.text(&n.to_string());
        world.send(&peer.client, frame);
        assert_eq!(peer.received(), [Got::Text(n.to_string())]);
    }
    let wakes = world.sim.wakes();
    for n in 0..100 {
        let frame = peer.text(&n.to_string());
        world.send(&peer.client, frame);
    }
    let wakes = world.sim.wakes() - wakes;
    assert!(wakes < 1000, "{wakes} wakes for 100 echoes");
    assert_eq!(peer.received().len(), 100);
    let frame = peer.close(1000, "");
    world.send(&peer.client, frame);
    assert!(peer.client.is_closed());
    peer.client.pipe.finish();
    world.sim.run();
    assert_eq!(world.sim.live_tasks(), 0);
}

/// A send that returns at once, because the next message is here already, leaves no later than the task pauses.
#[test]
fn what_a_moved_websocket_sent_leaves_when_it_pauses() {
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let (mut socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            sim.spawn(async move {
                let message = socket.recv().await.unwrap().unwrap();
                socket.send(message).await.unwrap();
                std::future::pending::<()>().await;
                drop(socket);
            });
            async { response }
        }
    });
    let mut peer = open(&world);
    let frames = [peer.text("one"), peer.text("two")].concat();
    world.send(&peer.client, frames);
    assert_eq!(peer.received(), [Got::Text("one".into())]);
}

/// A sender that waits for the end in a task of its own is told as soon as nothing can be sent any more.
#[test]
fn a_waiting_sender_is_told_of_the_shutdown() {
    let told = Rc::new(Cell::new(false));
    let tell = Rc::clone(&told);
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            let (sender, mut receiver) = socket.split();
            let tell = Rc::clone(&tell);
            sim.spawn(async move {
                sender.closed().await;
                tell.set(true);
            });
            sim.spawn(async move { while let Some(Ok(_)) = receiver.recv().await {} });
            async { response }
        }
    });
    let peer = open(&world);
    assert!(!told.get());
    world.server.shutdown();
    world.sim.run();
    assert!(told.get());
    drop(peer);
}

/// A closing handshake that one half has seen through ends the connection, though the other half waits elsewhere.
#[test]
fn a_finished_closing_handshake_ends_the_connection() {
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let (socket, response) = WebSocketUpgrade::from_request(&mut request).unwrap().accept();
            let (sender, mut receiver) = socket.split();
            sim.spawn(async move { while let Some(Ok(_)) = receiver.recv().await {} });
            sim.spawn(async move {
                std::future::pending::<()>().await;
                drop(sender);
            });
            async { response }
        }
    });
    let mut peer = open(&world);
    let frame = peer.close(1000, "");
    world.send(&peer.client, frame);
    assert_eq!(peer.received(), [Got::Close(Some(1000), String::new())]);
    peer.client.pipe.finish();
    world.advance(3600);
    assert!(peer.client.ended().is_some(), "{:?}", world.stats());
}

/// Once another response has begun, frames of a WebSocket that is accepted after all do not get into it.
#[test]
fn a_late_accept_does_not_write_into_the_response() {
    struct Unfinished;
    impl http_body::Body for Unfinished {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let clock = Rc::clone(&sim);
            sim.spawn(async move {
                sleep(&clock, 1).await;
                let (mut socket, _) = upgrade.accept();
                let _ = socket.send("injected").await;
            });
            async { Response::new(Unfinished) }
        }
    });
    let client = world.connect();
    world.send(&client, format!("{HANDSHAKE}\r\n"));
    world.advance(2);
    let got = client.text();
    assert_eq!(statuses(&got), [200]);
    assert!(!got.contains("injected"), "{got:?}");
}

/// A WebSocket that is accepted behind another response is at its end, and says so.
#[test]
fn a_websocket_accepted_behind_the_response_is_over() {
    let world = with_sim(|sim| {
        move |mut request: Request| {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let clock = Rc::clone(&sim);
            sim.spawn(async move {
                sleep(&clock, 1).await;
                let (mut socket, _) = upgrade.accept();
                let _ = socket.recv().await;
            });
            async { text("no") }
        }
    });
    let client = world.connect();
    world.send(&client, format!("{HANDSHAKE}\r\n"));
    world.advance(2);
    drop(client);
    world.advance(3600);
    assert_eq!(world.sim.live_tasks(), 0);
}

/// Whether it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A connection may be polled where it was accepted and then move into a task: its deadlines wake the last who polled.
#[test]
fn the_alarm_follows_the_connection_to_another_task() {
    let go = Rc::new(Notify::new());
    let world = world({
        let go = Rc::clone(&go);
        move |_: Request| {
            let go = Rc::clone(&go);
            async move {
                go.notified().await;
                text("x")
            }
        }
    });
    let (client, io) = pipe(CAPACITY);
    let mut connection = Box::pin(world.server.connection(io, ConnectionInfo::default()));
    let (first, second) = (Arc::new(Flag::default()), Arc::new(Flag::default()));
    let mut poll = |flag: &Arc<Flag>| {
        let waker = Waker::from(Arc::clone(flag));
        connection.as_mut().poll(&mut Context::from_waker(&waker))
    };
    assert!(poll(&first).is_pending());
    client.send(get("/"));
    assert!(poll(&second).is_pending());
    go.notify_one();
    assert!(poll(&second).is_pending());
    assert_eq!(statuses(&String::from_utf8(client.take()).unwrap()), [200]);
    // Now idle, but not for an hour.
    second.0.store(false, Ordering::SeqCst);
    world.sim.clock().advance_to(world.sim.clock().now() + Duration::from_secs(3600));
    assert!(second.0.load(Ordering::SeqCst), "the first was woken: {}", first.0.load(Ordering::SeqCst));
}

/// An accept that is dropped takes its waker along.
#[test]
fn cancelled_accepts_leave_no_wakers() {
    struct Never;
    impl Listener for Never {
        type Io = Pipe;
        fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<(Pipe, ConnectionInfo)>> {
            Poll::Pending
        }
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
    let world = world(async |_: Request| text("x"));
    let flags: Vec<_> = (0..100)
        .map(|_| {
            let flag = Arc::new(Flag::default());
            let waker = Waker::from(Arc::clone(&flag));
            let mut listener = Never;
            let mut accept = Box::pin(world.server.accept(&mut listener));
            assert!(accept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            flag
        })
        .collect();
    let kept = flags.iter().filter(|flag| Arc::strong_count(flag) > 1).count();
    assert!(kept <= 1, "{kept} wakers of cancelled calls are kept");
}

/// Asks once with each future and drops it, whenever it is woken: what loses nothing then is cancel-safe.
async fn anew<T>(mut ask: impl AsyncFnMut() -> T) -> T {
    poll_fn(|cx| pin!(ask()).poll(cx)).await
}

/// Echoes of any size, however they are cut, however slowly they are taken, wherever the halves live, with each wait cancelled
/// whenever something moves: all come back, in order.
#[test]
fn echoes_survive_any_schedule() {
    for seed in 0..16 {
        let mut rng = Rng::new(seed);
        let [elsewhere, reluctant] = [1, 2].map(|bit| seed & bit != 0);
        let world = with_sim(|sim| {
            move |mut request: Request| {
                let sim = Rc::clone(&sim);
                async move {
                    let echo = async move |socket: WebSocket| {
                        let (mut sender, mut receiver) = socket.split();
                        let (queue, mut queued) = mpsc::channel(2);
                        let receiving = async move {
                            while let Some(Ok(message)) = anew(async || receiver.recv().await).await {
                                queue.send(message).await.unwrap();
                            }
                        };
                        let sending = async move {
                            while let Some(message) = anew(async || queued.recv().await).await {
                                anew(async || sender.ready().await).await.unwrap();
                                sender.feed(message).unwrap();
                                anew(async || sender.flush().await).await.unwrap();
                            }
                        };
                        if elsewhere {
                            sim.spawn(sending);
                            receiving.await;
                        } else {
                            tokio::join!(receiving, sending);
                        }
                    };
                    WebSocketUpgrade::from_request(&mut request).unwrap().run(echo).await
                }
            }
        });
        let client = if reluctant { world.connect_over(Reluctant::new) } else { world.connect() };
        world.send(&client, format!("{HANDSHAKE}\r\n"));
        let (mut peer, _) = Peer::new(client);
        let size = |rng: &mut Rng| {
            let most = [10, 200, 5_000, 80_000][rng.below(4)];
            1 + rng.below(most)
        };
        let texts: Vec<String> = (0..20).map(|n| n.to_string().repeat(size(&mut rng))).collect();
        let bytes = texts.iter().flat_map(|text| peer.text(text)).collect::<Vec<u8>>();
        let (mut rest, mut got) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let len = size(&mut rng).min(rest.len());
            peer.client.pipe.send(&rest[..len]);
            rest = &rest[len..];
            peer.client.pipe.limit_peer_writes([0, 100, CAPACITY][rng.below(3)]);
            if rng.below(2) == 0 {
                world.sim.run();
            }
            if rng.below(3) == 0 {
                got.extend(peer.received());
            }
        }
        peer.client.pipe.limit_peer_writes(CAPACITY);
        for _ in 0..200 {
            world.sim.run();
            got.extend(peer.received());
        }
        let expected: Vec<Got> = texts.into_iter().map(Got::Text).collect();
        assert!(got == expected, "seed {seed}: {} of {}", got.len(), expected.len());
    }
}
