//! Event streams: what is sent and when, and what happens when the client leaves.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::Method;
use server_core::sse::{EventStream, SendError, last_event_id};
use server_core::wire_sse::{EncodeError, Message};
use server_core::{Config, Http2Config, Request, Server};

use testkit::sim::Sim;

use super::compress::{Got, accepting, compressed, decode};
use super::support::{SimTimer, World, get, with_sim};

/// The content of the chunks of a response without its head.
fn chunks(text: &str) -> String {
    let lines = text.split("\r\n").collect::<Vec<_>>();
    lines.chunks(2).filter_map(|pair| pair.get(1)).copied().collect()
}

/// Each event leaves when it is sent, and a client that comes back hears the next.
#[test]
fn events_leave_at_once_and_go_on_from_the_last_id() {
    let world = with_sim(|sim| {
        let clock = sim.clock().clone();
        move |request: Request| {
            let clock = clock.clone();
            let last = last_event_id(&request).and_then(|id| id.parse().ok()).unwrap_or(0_u32);
            let stream = EventStream::new(SimTimer(clock.clone()), async move |mut events| {
                for count in last + 1..last + 4 {
                    let text = count.to_string();
                    events.send(&Message::data(&text).id(&text)).await.expect("a number");
                    clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
                }
            });
            async { stream.into_response() }
        }
    });
    let client = world.connect();
    world.send(&client, get("/"));
    let text = client.text();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    for line in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(chunks(body), "id: 1\ndata: 1\n\n");
    for count in [2, 3] {
        world.advance(1);
        assert_eq!(chunks(&client.text()), format!("id: {count}\ndata: {count}\n\n"));
    }
    world.advance(1);
    assert_eq!(client.text(), "0\r\n\r\n", "the source is done");

    world.send(&client, "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 41\r\n\r\n");
    assert!(client.text().contains("id: 42\n"));
}

/// A comment after so much silence, and none while there are events; what cannot be sent is an error and no part of it.
#[test]
fn silence_is_filled_with_comments() {
    let world = with_sim(|sim| {
        let clock = sim.clock().clone();
        move |_: Request| {
            let clock = clock.clone();
            let stream = EventStream::new(SimTimer(clock.clone()), async move |mut events| {
                let refused = events.send(&Message::data("a\rb")).await;
                assert_eq!(refused, Err(SendError::Encode(EncodeError::CarriageReturn)));
                clock.sleep_until(clock.now() + Duration::from_secs(25)).await;
                events.send(&Message::data("x")).await.expect("text");
                pending::<()>().await;
            });
            async { stream.keep_alive(Duration::from_secs(10)).into_response() }
        }
    });
    let client = world.connect();
    world.send(&client, get("/"));
    assert!(client.text().ends_with("\r\n\r\n"), "the head alone");
    let mut heard = Vec::new();
    for second in 1..=50 {
        world.advance(1);
        let text = chunks(&client.text());
        if !text.is_empty() {
            heard.push((second, text));
        }
    }
    let expected = [(10, ":\n\n"), (20, ":\n\n"), (25, "data: x\n\n"), (35, ":\n\n"), (45, ":\n\n")];
    assert_eq!(heard, expected.map(|(second, text)| (second, text.to_owned())));
}

/// However the client leaves, what makes its events is dropped.
#[test]
fn a_client_that_leaves_ends_its_source() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    for leave in ["reset", "gone", "does not read"] {
        let dropped = Arc::new(AtomicBool::new(false));
        let world = with_sim(|sim| {
            let (clock, dropped) = (sim.clock().clone(), Arc::clone(&dropped));
            move |_: Request| {
                let (clock, guard) = (clock.clone(), Dropped(Arc::clone(&dropped)));
                let busy = leave == "does not read";
                let stream = EventStream::new(SimTimer(clock), async move |mut events| {
                    let _guard = guard;
                    let text = "x".repeat(10_000);
                    if busy {
                        while events.send(&Message::data(&text)).await.is_ok() {}
                    }
                    pending::<()>().await;
                });
                async { stream.into_response() }
            }
        });
        let client = world.connect();
        world.send(&client, get("/"));
        assert!(!dropped.load(Ordering::Relaxed));
        let _kept = match leave {
            "reset" => {
                client.pipe.reset();
                Some(client)
            }
            "gone" => {
                drop(client);
                None
            }
            _ => Some(client),
        };
        world.advance(60);
        assert!(dropped.load(Ordering::Relaxed), "{leave}");
        assert_eq!(world.sim.live_tasks(), 0, "{leave}");
    }
}

/// A sender that another task holds hears that the client has left, in the middle of an event and before one.
#[test]
fn a_sender_elsewhere_hears_of_the_end() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let world = with_sim(|sim| {
        let (sim, heard) = (Rc::downgrade(&sim), Arc::clone(&heard));
        move |_: Request| {
            let (sim, heard) = (sim.upgrade().expect("it runs"), Arc::clone(&heard));
            let stream = EventStream::new(SimTimer(sim.clock().clone()), |mut events| {
                sim.spawn(async move {
                    let text = "x".repeat(100_000);
                    while events.send(&Message::data(&text)).await.is_ok() {}
                    let again = events.send(&Message::data("x")).await;
                    heard.lock().expect("no panic").push(again);
                });
                pending()
            });
            async { stream.into_response() }
        }
    });
    let client = world.connect();
    world.send(&client, get("/"));
    assert!(heard.lock().expect("no panic").is_empty());
    client.pipe.reset();
    world.sim.run();
    assert_eq!(*heard.lock().expect("no panic"), [Err(SendError::Ended)]);
    assert_eq!(world.sim.live_tasks(), 0);
}

/// Events that nobody waits for do not gather while the client does not read.
#[test]
fn cancelled_events_do_not_gather() {
    let world = with_sim(|sim| {
        let clock = sim.clock().clone();
        move |_: Request| {
            let stream = EventStream::new(SimTimer(clock.clone()), async move |mut events| {
                let text = "x".repeat(1000);
                for count in 0..10 {
                    let id = count.to_string();
                    let event = Message::data(&text).id(&id);
                    // Asked once, and dropped.
                    let mut event = pin!(events.send(&event));
                    let _ = poll_fn(|cx| Poll::Ready(event.as_mut().poll(cx))).await;
                }
                events.send(&Message::data("last")).await.expect("text");
            });
            async { stream.into_response() }
        }
    });
    let client = world.connect();
    world.send(&client, get("/"));
    let text = client.text();
    let sent: Vec<_> =
        text.lines().filter(|line| line.starts_with("id: ") || *line == "data: last").collect();
    assert_eq!(sent, ["id: 0", "data: last"]);
}

/// Each event can be decoded as soon as it was sent, in every coding and version.
#[test]
fn compressed_events_leave_at_once() {
    let sim = Rc::new(Sim::new());
    let clock = sim.clock().clone();
    let handler = compressed(move |_: Request| {
        let clock = clock.clone();
        let stream = EventStream::new(SimTimer(clock.clone()), async move |mut events| {
            for count in 1..=5 {
                events.send(&Message::data(&format!("event {count}"))).await.expect("a number");
                clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
            }
        });
        async { stream.into_response() }
    });
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    let timer = SimTimer(sim.clock().clone());
    let world = World { server: Server::with_config(handler, timer, config), sim };
    let events = |n| (1..=n).map(|count| format!("data: event {count}\n\n")).collect::<String>();
    for coding in ["gzip", "br", "zstd"] {
        let client = world.connect();
        world.send(&client, accepting("GET", "/", coding));
        let mut wire = Vec::new();
        for n in 1..=5 {
            wire.extend(client.pipe.take());
            let (content, _) = decode(coding, &Got::read(&wire).content);
            assert_eq!(String::from_utf8_lossy(&content), events(n), "{coding} over HTTP/1.1");
            world.advance(1);
        }

        let peer = world.connect_http2();
        let mut request = super::http2::request(Method::GET, "/");
        request.headers_mut().insert("accept-encoding", coding.parse().expect("a name"));
        let response = peer.send.clone().send_request(request, true).expect("a stream").0;
        let received = Rc::new(RefCell::new(Vec::new()));
        let _reader = world.sim.spawn({
            let received = Rc::clone(&received);
            async move {
                let response = response.await.expect("a response");
                assert_eq!(response.headers()["content-encoding"], coding);
                let mut body = response.into_body();
                while let Some(Ok(chunk)) = body.data().await {
                    received.borrow_mut().extend_from_slice(&chunk);
                }
            }
        });
        world.sim.run();
        for n in 1..=5 {
            let (content, _) = decode(coding, &received.borrow());
            assert_eq!(String::from_utf8_lossy(&content), events(n), "{coding} over HTTP/2");
            world.advance(1);
        }
    }
}
