//! A client that dies in the middle of anything leaves nothing behind.

use std::rc::Rc;

use http::Response;
use server_core::ws::WebSocketUpgrade;
use server_core::{Body, Request};

use super::support::{text, world};
use super::websocket::echo;

/// Bytes that a client has sent when it dies, one entry a state of the connection.
const MIDDLES: &[(&str, &str)] = &[
    ("nothing", ""),
    ("a head", "GET / HTT"),
    ("keep-alive", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a handler", "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "a handler with a pipelined request behind it",
        "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n",
    ),
    ("an upload", "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"),
    ("a chunk", "POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    ("an upload that nobody reads", "POST /sleep HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"),
    ("an unread body", "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"),
    (
        "100 Continue",
        "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    ),
    ("an echo", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
    ("a download", "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a refusal", "nonsense\r\n\r\n"),
    ("a WebSocket", "WS"),
    ("a WebSocket frame", "WS\u{1}\u{5}"),
    ("a WebSocket whose handler does not listen", "WS?deaf"),
];

async fn answer(mut request: Request, alive: Rc<()>) -> Response<Body> {
    let _alive = alive;
    match request.path() {
        "/sleep" => std::future::pending().await,
        "/collect" => text(request.body_mut().collect().await.unwrap_or_default()),
        "/echo" => text(request.take_body()),
        "/endless" => text(vec![0; 8 << 20]),
        "/ws" if request.query() == Some("deaf") => {
            let upgrade = WebSocketUpgrade::from_request(&mut request).unwrap();
            upgrade
                .run(async |mut socket| {
                    // A burst without an answer, and then only sending.
                    while socket.send("tick").await.is_ok() {}
                })
                .await
        }
        "/ws" => echo(request).await,
        _ => text("hello"),
    }
}

#[test]
fn killing_a_client_in_the_middle_of_anything_leaves_nothing_behind() {
    for (state, sent) in MIDDLES {
        for reset in [false, true] {
            let alive = Rc::new(());
            let handle = Rc::clone(&alive);
            let world = world(move |request| answer(request, Rc::clone(&handle)));
            let client = world.connect();
            let bytes = match sent.strip_prefix("WS") {
                Some(rest) => {
                    let (query, frames) = if rest.starts_with('?') { (rest, "") } else { ("", rest) };
                    format!(
                        "GET /ws{query} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n{frames}"
                    )
                }
                None => (*sent).to_owned(),
            };
            world.send(&client, bytes);
            if reset {
                client.pipe.reset();
            }
            drop(client);
            // Half-closed connections have a grace; nothing here needs more.
            world.advance(5);
            assert_eq!(world.sim.live_tasks(), 0, "{state}, reset: {reset}");
            assert_eq!(Rc::strong_count(&alive), 2, "{state}, reset: {reset}");
            let stats = world.stats();
            assert_eq!(
                (stats.connections, stats.in_flight, stats.websockets),
                (0, 0, 0),
                "{state}, reset: {reset}"
            );
        }
    }
}
