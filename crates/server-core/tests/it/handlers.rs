//! What a handler may be, and may do wrong.

use std::cell::Cell;
use std::rc::Rc;

use http::Response;
use server_core::ws::WebSocketUpgrade;
use server_core::{Body, ConnectionError, Request};

use super::support::{SimTimer, get, sleep, text, with_sim, world};
use super::websocket::HANDSHAKE;

#[test]
fn a_panic_answers_500_and_nothing_else_suffers() {
    let world = world(async |request: Request| {
        assert!(request.path() != "/panic", "as asked");
        text("fine")
    });
    let other = world.connect();
    let client = world.connect();
    world.send(&client, format!("{}{}{}", get("/"), get("/panic"), get("/")));
    assert_eq!(client.statuses(), [200, 500, 200]);
    world.send(&other, get("/"));
    assert_eq!(other.statuses(), [200]);
    assert_eq!(world.stats().in_flight, 0);
}

#[test]
fn a_panic_before_the_future_is_made_answers_500() {
    fn refuse(request: &Request) -> bool {
        assert!(request.path() != "/panic", "as asked");
        true
    }
    let world = world(|request: Request| {
        refuse(&request);
        async { text("fine") }
    });
    let client = world.connect();
    world.send(&client, format!("{}{}", get("/panic"), get("/")));
    assert_eq!(client.statuses(), [500, 200]);
}

#[test]
fn a_panicking_body_cuts_the_response_off() {
    struct Broken;
    impl http_body::Body for Broken {
        type Data = bytes::Bytes;
        type Error = ConnectionError;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, ConnectionError>>> {
            panic!("as asked")
        }
    }
    let world = world(async |_: Request| Response::new(Broken));
    let client = world.connect();
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [500], "the head was not out yet");
}

#[test]
fn a_response_that_cannot_be_sent_is_replaced() {
    let world = world(async |_: Request| {
        let mut response = text("x");
        *response.status_mut() = http::StatusCode::from_u16(101).unwrap();
        response
    });
    let client = world.connect();
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [500]);
}

#[test]
fn the_clients_death_drops_the_handler() {
    let alive = Rc::new(Cell::new(0));
    struct Guard(Rc<Cell<i32>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let world = world({
        let alive = Rc::clone(&alive);
        move |_: Request| {
            alive.set(alive.get() + 1);
            let guard = Guard(Rc::clone(&alive));
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                text("never")
            }
        }
    });
    for kill in [0, 1] {
        let client = world.connect();
        world.send(&client, get("/"));
        assert_eq!((alive.get(), world.stats().in_flight), (1, 1));
        if kill == 0 {
            client.pipe.reset();
        } else {
            drop(client);
            // A FIN alone may be a half-close: there is a grace.
            world.advance(5);
        }
        world.sim.run();
        assert_eq!((alive.get(), world.stats().in_flight, world.sim.live_tasks()), (0, 0, 0));
    }
}

/// The end of the WebSocket does not cut its handler off: there may be something to save.
#[test]
fn a_handler_may_finish_its_work_after_the_websocket() {
    let done = Rc::new(Cell::new(false));
    let world = with_sim(|sim| {
        let done = Rc::clone(&done);
        move |mut request: Request| {
            let (sim, done) = (Rc::clone(&sim), Rc::clone(&done));
            async move {
                let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
                let response = upgrade.run(async |socket| drop(socket)).await;
                sleep(&sim, 10).await;
                done.set(true);
                response
            }
        }
    });
    let client = world.connect();
    world.send(&client, format!("{HANDSHAKE}\r\n"));
    world.advance(20);
    assert!(done.get(), "{:?}", client.ended());
}

/// Auto traits leak through: `Send` where the parts are, and `Rc` is welcome where they are not.
#[test]
fn connections_are_send_when_their_parts_are() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    async fn hello(_: Request) -> Response<Body> {
        text("x")
    }
    let sim = testkit::sim::Sim::new();
    let server = server_core::Server::new(hello, SimTimer(sim.clock().clone()));
    let (_client, io) = testkit::sim::pipe(1);
    drop(is_send(server.connection(io, server_core::ConnectionInfo::default())));
}
