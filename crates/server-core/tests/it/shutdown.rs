//! Draining.

use std::time::Duration;

use server_core::{ConnectionError, Deadline, Request};

use super::support::{get, text, world};

#[test]
fn idle_connections_close_at_once_and_requests_in_flight_are_finished() {
    let world =
        world(async |mut request: Request| text(request.body_mut().collect().await.unwrap_or_default()));
    let fresh = world.connect();
    let idle = world.connect();
    world.send(&idle, get("/"));
    let busy = world.connect();
    world.send(&busy, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(world.stats().connections, 3);
    world.server.shutdown();
    let closed = world.sim.spawn({
        let server = world.server.clone();
        async move { server.closed().await }
    });
    world.sim.run();
    assert!(fresh.is_closed() && idle.is_closed() && !busy.is_closed());
    assert!(closed.take().is_none());
    world.send(&busy, "hi");
    let got = busy.text();
    assert!(got.contains("Connection: close") && got.ends_with("hi"), "{got}");
    assert!(busy.ended().unwrap().is_ok());
    assert_eq!(world.stats().connections, 0);
    assert!(closed.take().is_some());
}

#[test]
fn what_does_not_finish_in_time_is_cut_off() {
    let world = world(async |_: Request| {
        std::future::pending::<()>().await;
        text("never")
    });
    let client = world.connect();
    world.send(&client, get("/"));
    world.server.shutdown();
    world.sim.advance(Duration::from_secs(29));
    assert!(!client.is_closed());
    world.sim.advance(Duration::from_secs(1));
    assert!(matches!(client.ended(), Some(Err(ConnectionError::TimedOut(Deadline::Drain)))));
    assert_eq!(world.sim.live_tasks(), 0);
}
