//! How connections end: clients that leave early, half-closed ones, streams that do not shut down.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use server_core::ws::WebSocketUpgrade;
use server_core::{Body, ConnectionError, Request};
use testkit::sim::{Sim, Sleep};

use super::bodies::Frames;
use super::support::{Reluctant, get, sleep, text, with_sim, world};
use super::websocket::{HANDSHAKE, open};

/// A client that leaves, or ends its side, while the handler still thinks about the upgrade, ends the WebSocket too.
#[test]
fn the_end_before_a_late_accept_is_seen_after_it() {
    for leaves in [true, false] {
        let world = with_sim(|sim| {
            move |mut request: Request| {
                let sim = Rc::clone(&sim);
                async move {
                    sleep(&sim, 1).await;
                    let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                    upgrade.run(async |mut socket| while let Some(Ok(_)) = socket.recv().await {}).await
                }
            }
        });
        let client = world.connect();
        client.pipe.send(format!("{HANDSHAKE}\r\n"));
        let _half_closed = if leaves {
            drop(client);
            None
        } else {
            client.pipe.finish();
            Some(client)
        };
        world.advance(3600);
        assert_eq!((world.sim.live_tasks(), world.stats().websockets), (0, 0), "leaves: {leaves}");
    }
}

/// A client's death is noticed while nobody receives and nothing is sent.
#[test]
fn the_peers_death_is_noticed_without_a_receiver() {
    let world = world(async |mut request: Request| {
        let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
        upgrade
            .run(async |socket| {
                let (sender, receiver) = socket.split();
                drop(receiver);
                std::future::pending::<()>().await;
                drop(sender);
            })
            .await
    });
    let peer = open(&world);
    peer.client.pipe.reset();
    world.advance(3600);
    assert_eq!(world.sim.live_tasks(), 0);
}

/// A stream whose shutdown never finishes is dropped in the end.
#[test]
fn a_shutdown_has_a_deadline() {
    let world = world(async |_: Request| text("x"));
    let client = world.connect_over(Reluctant::new);
    world.send(&client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(client.statuses(), [200]);
    world.advance(3600);
    assert_eq!(world.sim.live_tasks(), 0);
}

/// Half-closed, it may wait for its answer for so long only; while the answer comes, it is alive.
#[test]
fn a_half_closed_client_that_reads_gets_all_of_its_response() {
    struct Ticks {
        sim: Rc<Sim>,
        sleep: Pin<Box<Sleep>>,
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
            ready!(self.sleep.as_mut().poll(cx));
            self.left -= 1;
            self.sleep = Box::pin(sleep(&self.sim, 1));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"tick")))))
        }
    }
    let world = with_sim(|sim| {
        move |_: Request| {
            let body = Ticks { sim: Rc::clone(&sim), sleep: Box::pin(sleep(&sim, 0)), left: 10 };
            async { Response::new(body) }
        }
    });
    let client = world.connect();
    client.pipe.send("GET / HTTP/1.0\r\n\r\n");
    client.pipe.finish();
    let mut got = String::new();
    for _ in 0..20 {
        world.advance(1);
        got += &client.text();
    }
    assert_eq!(got.matches("tick").count(), 10, "{:?}", client.ended());
}

/// A response whose body failed is an error of the connection, also where the client's body is still thrown away.
#[test]
fn a_cut_off_response_is_an_error_even_when_the_client_lingers() {
    let world = world(async |_: Request| {
        let pieces = [Ok(Bytes::from_static(b"x")), Err(io::Error::from(io::ErrorKind::Other))];
        text(Body::stream(Frames(pieces.into_iter().collect())))
    });
    for request in [&get("/"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"] {
        let client = world.connect();
        world.send(&client, request);
        world.advance(10);
        assert!(matches!(client.ended(), Some(Err(ConnectionError::Response(_)))), "{request}");
    }
}
