//! Everything that may take too long, on the simulated clock.

use std::time::Duration;

use server_core::{ConnectionError, Deadline, Request};

use super::support::{configured, get, text, world};

#[test]
fn a_head_that_does_not_come() {
    let world = world(async |_: Request| text("x"));
    // Nothing at all: closed without a word.
    let silent = world.connect();
    world.advance(9);
    assert!(!silent.is_closed());
    world.advance(1);
    assert_eq!(silent.text(), "");
    assert!(silent.is_closed());
    assert!(silent.ended().unwrap().is_ok());
    // A part of one: 408. Trickling does not help.
    let slow = world.connect();
    for byte in "GET / HTTP/1".bytes() {
        world.send(&slow, [byte]);
        world.advance(1);
    }
    assert_eq!(slow.statuses(), [408]);
    assert!(slow.is_closed());
}

#[test]
fn an_idle_connection() {
    let world = world(async |_: Request| text("x"));
    let client = world.connect();
    world.send(&client, get("/"));
    world.advance(59);
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [200, 200]);
    world.advance(59);
    assert!(!client.is_closed(), "counts from the last response");
    world.advance(1);
    assert!(client.is_closed());
    assert!(client.ended().unwrap().is_ok());
}

#[test]
fn a_second_head_that_does_not_come() {
    let world = world(async |_: Request| text("x"));
    let client = world.connect();
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [200]);
    world.advance(50);
    world.send(&client, "G");
    world.advance(9);
    assert!(!client.is_closed());
    world.advance(1);
    assert_eq!(client.statuses(), [408]);
}

#[test]
fn a_body_that_does_not_come() {
    let world = world(async |mut request: Request| match request.body_mut().collect().await {
        Ok(_) => text("x"),
        Err(error) => {
            let mut response = text(error.to_string());
            *response.status_mut() = error.status();
            response
        }
    });
    let client = world.connect();
    world.send(&client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    for _ in 0..3 {
        world.advance(29);
        world.send(&client, "x");
    }
    assert_eq!(client.text(), "", "progress keeps it alive");
    world.advance(30);
    assert_eq!(client.statuses(), [408]);
    assert!(client.is_closed());
}

#[test]
fn a_body_that_nobody_asked_for_may_take_its_time() {
    let world = world(async |_: Request| std::future::pending::<http::Response<server_core::Body>>().await);
    let client = world.connect();
    world.send(&client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    world.advance(3600);
    assert!(!client.is_closed());
}

#[test]
fn a_peer_that_never_reads() {
    let world = world(async |_: Request| text(vec![0; 1 << 20]));
    let client = world.connect();
    client.pipe.limit_peer_writes(1000);
    world.send(&client, get("/"));
    for _ in 0..3 {
        world.advance(29);
        assert!(!client.pipe.take_up_to(10).is_empty());
        world.sim.run();
    }
    assert!(client.ended().is_none(), "progress keeps it alive");
    world.advance(30);
    assert!(matches!(client.ended(), Some(Err(ConnectionError::TimedOut(Deadline::Write)))));
}

#[test]
fn a_handler_that_does_not_answer() {
    let world = configured(
        async |request: Request| {
            if request.path() == "/slow" {
                std::future::pending::<()>().await;
            }
            text("x")
        },
        |config| config.handler_timeout = Some(Duration::from_secs(3)),
    );
    let client = world.connect();
    world.send(&client, get("/slow"));
    world.advance(3);
    assert_eq!(client.statuses(), [503]);
    assert!(client.is_closed());
    assert_eq!(world.stats().in_flight, 0);
}

/// A client that half-closes is answered, one that died is noticed: by time, since they look the same.
#[test]
fn a_client_that_ends_its_side() {
    for (grace, answered) in [(Some(5), true), (Some(2), false), (Some(0), false), (None, true)] {
        let world = configured(slow, |config| config.half_close_timeout = grace.map(Duration::from_secs));
        SLEEP.with_borrow_mut(|sleep| *sleep = Some(world.sim.clock().clone()));
        let client = world.connect();
        world.send(&client, get("/"));
        client.pipe.finish();
        world.advance(3);
        assert_eq!(client.statuses(), if answered { vec![200] } else { vec![] }, "{grace:?}");
        assert_eq!(client.ended().unwrap().is_ok(), answered, "{grace:?}");
        assert_eq!((world.sim.live_tasks(), world.stats().in_flight), (0, 0));
    }
}

thread_local! {
    static SLEEP: std::cell::RefCell<Option<testkit::sim::Clock>> = const { std::cell::RefCell::new(None) };
}

/// Answers after three seconds.
async fn slow(_: Request) -> http::Response<server_core::Body> {
    let clock = SLEEP.with_borrow(Clone::clone).unwrap();
    clock.sleep_until(clock.now() + Duration::from_secs(3)).await;
    text("x")
}
