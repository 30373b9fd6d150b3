//! Real threads and TCP: what no simulation can interleave. Bounded, so that what hangs fails.

use std::any::Any;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use http::Response;
use server_core::ws::WebSocketUpgrade;
use server_core::{Body, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wire_ws::{DataKind, Encoder};

use super::sockets::{open, with_server};
use super::support::{text, world};
use super::websocket::{HANDSHAKE, open as open_simulated};

/// More than any of this takes, and less than the deadlines that would hide that something hangs.
const SOON: Duration = Duration::from_secs(10);

/// Lets the others run until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, wait).await.expect("it to come true");
}

/// Clients that are gone before their upgrade is accepted leave no WebSocket behind.
#[test]
fn clients_that_quit_before_a_late_accept_leave_nothing_behind() {
    const CLIENTS: usize = 20;
    let accept = Arc::new(Semaphore::new(0));
    let handler = {
        let accept = Arc::clone(&accept);
        move |mut request: Request| {
            let accept = Arc::clone(&accept);
            async move {
                let Ok(upgrade) = WebSocketUpgrade::from_request(&mut request) else { return text("no") };
                assert!(accept.acquire().await.is_err(), "closed");
                upgrade.run(async |mut socket| while let Some(Ok(_)) = socket.recv().await {}).await
            }
        }
    };
    with_server(0, handler, |address, server| async move {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).await.unwrap();
            clients.push(client);
        }
        until(|| server.stats().in_flight == CLIENTS).await;
        drop(clients);
        // On one thread, who is answered now comes behind those that have ended.
        let mut probe = TcpStream::connect(address).await.unwrap();
        probe.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        probe.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(server.stats().in_flight, CLIENTS);
        accept.close();
        until(|| (server.stats().connections, server.stats().websockets) == (0, 0)).await;
    });
}

/// Echoes with each half in a task of its own; counts uploads in another task.
async fn scattered(mut request: Request) -> Response<Body> {
    if let Ok(upgrade) = WebSocketUpgrade::from_request(&mut request) {
        let (socket, response) = upgrade.accept();
        let (mut sender, mut receiver) = socket.split();
        let (queue, mut queued) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Ok(message)) = receiver.recv().await {
                if queue.send(message).await.is_err() {
                    break;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(message) = queued.recv().await {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        });
        return response;
    }
    let mut body = request.take_body();
    let count = tokio::spawn(async move {
        let mut count = 0;
        while let Some(chunk) = body.chunk().await.unwrap() {
            count += chunk.len();
            if count % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        count
    });
    text(count.await.unwrap().to_string())
}

async fn echoes(address: SocketAddr) {
    let mut stream = open(address).await.unwrap();
    let mut encoder = Encoder::client([7; 32]);
    let mut buffer = [0; 128];
    for n in 0..300 {
        let payload = "y".repeat(n % 120);
        let mut frame = Vec::new();
        encoder.encode_message(DataKind::Text, payload.as_bytes(), &mut frame).unwrap();
        stream.write_all(&frame).await.unwrap();
        let echo = &mut buffer[..2 + payload.len()];
        stream.read_exact(echo).await.unwrap();
        assert_eq!(&echo[2..], payload.as_bytes());
    }
}

async fn uploads(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for n in 0..20 {
        let len = 1000 + n * 9970;
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in vec![b'x'; len].chunks(7001) {
            stream.write_all(piece).await.unwrap();
        }
        let (mut got, end) = (Vec::new(), format!("\r\n\r\n{len}"));
        while !got.ends_with(end.as_bytes()) {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0, "{}", String::from_utf8_lossy(&got));
        }
    }
}

/// WebSockets whose halves live in tasks of their own, and uploads that are read in tasks of their own, on four threads.
#[test]
fn split_halves_and_moved_bodies_over_threads() {
    with_server(4, scattered, |address, server| async move {
        let clients: Vec<_> = (0..32)
            .map(|n| if n % 2 == 0 { tokio::spawn(echoes(address)) } else { tokio::spawn(uploads(address)) })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        until(|| server.stats().connections == 0).await;
    });
}

/// An upgrade that is accepted on another thread, while the connection is about to go to sleep, wakes it; nothing else
/// that happens would.
#[test]
fn an_accept_from_another_thread_is_not_lost() {
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let over = Arc::new(Semaphore::new(0));
    let calls = AtomicUsize::new(0);
    let shared = (Arc::clone(&accepted), Arc::clone(&over));
    let handler = move |mut request: Request| {
        let delay = calls.fetch_add(1, Ordering::Relaxed) * 7 % 400;
        let (sockets, over) = shared.clone();
        async move {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            let paused = Arc::new(AtomicBool::new(false));
            let running = Arc::new(AtomicBool::new(false));
            std::thread::spawn({
                let (running, paused) = (Arc::clone(&running), Arc::clone(&paused));
                move || {
                    running.store(true, Ordering::Release);
                    while !paused.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    let (socket, _) = upgrade.accept();
                    sockets.lock().unwrap().push(socket);
                }
            });
            while !running.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            paused.store(true, Ordering::Release);
            // The accept takes a few microseconds: the connection goes to sleep before, while and after it happens.
            for _ in 0..delay {
                std::hint::spin_loop();
            }
            assert!(over.acquire().await.is_err(), "closed");
            text("no")
        }
    };
    with_server(2, handler, |address, _| async move {
        for _ in 0..60 {
            let clients = [(); 4].map(|()| tokio::spawn(timeout(SOON, open(address))));
            for client in clients {
                client.await.unwrap().expect("an answer to the handshake").unwrap();
            }
        }
        accepted.lock().unwrap().clear();
        over.close();
    });
}

/// Dropping a connection needs nothing of its thread, whose storage may be gone already.
#[test]
fn a_connection_may_be_dropped_with_its_thread() {
    struct Late(Option<Box<dyn Any>>, mpsc::Sender<bool>);
    impl Drop for Late {
        fn drop(&mut self) {
            let held = self.0.take();
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(held)));
            let _ = self.1.send(dropped.is_ok());
        }
    }
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let (done, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        // What is registered first is destroyed last.
        LATE.with_borrow_mut(|late| *late = Some(Late(None, done)));
        let world = world(async |mut request: Request| {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade
                .run(async |mut socket| {
                    let _ = socket.recv().await;
                    std::future::pending::<()>().await;
                })
                .await
        });
        let mut peer = open_simulated(&world);
        let frame = peer.text("hello");
        world.send(&peer.client, frame);
        LATE.with_borrow_mut(|late| late.as_mut().unwrap().0 = Some(Box::new((world, peer))));
    });
    thread.join().unwrap();
    assert_eq!(wait.recv_timeout(SOON), Ok(true), "dropped without a panic");
}
