//! The family.

use std::hint::black_box;
use std::time::Instant;

use crate::feed::Feed;
use crate::requests::HELLO;
use server_core::ws::{WebSocket, WebSocketUpgrade};
use server_core::{
    Body, Config, ConnectionInfo, Handler, Http2Config, Incoming, Request, RequestKind, Server, Timer,
};
use wire_ws::{Decoder, Encoder, Event, Role};

use super::Cell;

/// The codec alone: bytes to events to bytes.
pub(crate) fn codec(cell: &Cell, count: u64) {
    let burst = cell.burst();
    let (mut decoder, mut encoder) =
        (Decoder::new(Role::Server, &wire_ws::Config::default()), Encoder::server());
    let (mut input, mut out) = (burst.clone(), Vec::new());
    for _ in 0..count {
        // A read would have written them too; they are unmasked in place.
        input.copy_from_slice(black_box(&burst));
        let mut rest = &mut input[..];
        loop {
            let step = decoder.decode(rest).expect("messages");
            let (done, next) = rest.split_at_mut(step.consumed);
            let Some(Event::Data { kind, .. }) = step.event else { break };
            encoder.encode_message(kind, step.payload(done), &mut out).expect("an open encoder");
            rest = next;
        }
        black_box(&out);
        out.clear();
    }
}

/// A server without deadlines: nothing here takes long.
struct NoTimer;

impl Timer for NoTimer {
    type Sleep = std::future::Pending<()>;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, _: Instant) -> Self::Sleep {
        std::future::pending()
    }

    fn reset(&self, _: std::pin::Pin<&mut Self::Sleep>, _: Instant) {}
}

fn serve<R: RequestKind>(handler: impl Handler<R>, feed: Feed) -> impl Future {
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    Server::with_config(handler, NoTimer, config).connection(feed, ConnectionInfo::default())
}

pub(crate) fn echo(feed: Feed) -> impl Future {
    async fn echo(mut socket: WebSocket) {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }
    let handler = async |mut request: Request| match WebSocketUpgrade::from_request(&mut request) {
        Ok(upgrade) => upgrade.run(echo).await,
        Err(rejection) => rejection.into_response(),
    };
    serve(handler, feed)
}

/// The same, with messages that are answered where they lie.
pub(crate) fn echo_ref(feed: Feed) -> impl Future {
    async fn echo(socket: WebSocket) {
        let (mut sender, mut receiver) = socket.split();
        while let Some(Ok(message)) = receiver.recv_ref().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
    }
    let handler = async |mut request: Request| match WebSocketUpgrade::from_request(&mut request) {
        Ok(upgrade) => upgrade.run(echo).await,
        Err(rejection) => rejection.into_response(),
    };
    serve(handler, feed)
}

fn hello() -> http::Response<Body> {
    let mut response = http::Response::new(Body::from(HELLO));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    response
}

pub(crate) fn lazy(feed: Feed) -> impl Future {
    serve(async |_: Request| hello(), feed)
}

pub(crate) fn http(feed: Feed) -> impl Future {
    serve(async |_: http::Request<Incoming>| hello(), feed)
}
