//! What the family is compared with, each as its documentation says.

use std::convert::Infallible;
use std::io;

use crate::feed::{Feed, awake};
use crate::requests::HELLO;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;

use super::Cell;

pub(crate) fn fastwebsockets(feed: Feed) -> impl Future {
    use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
    async {
        let mut socket = WebSocket::after_handshake(feed, Role::Server);
        socket.set_writev(true);
        socket.set_auto_close(true);
        socket.set_auto_pong(true);
        let mut socket = FragmentCollector::new(socket);
        while let Ok(frame) = socket.read_frame().await {
            match frame.opcode {
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await.expect("a writable pipe"),
                _ => break,
            }
        }
    }
}

pub(crate) fn tokio_websockets(feed: Feed) -> impl Future {
    async {
        let mut socket = tokio_websockets::ServerBuilder::new().serve(feed);
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }
}

/// Blocking, with one flush for what arrived at once: the best that it can.
pub(crate) fn tungstenite(cell: &Cell, count: u64) {
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
    let mut socket = WebSocket::from_raw_socket(Feed::new(b"", &cell.burst(), count), Role::Server, None);
    loop {
        match socket.read() {
            Ok(message) => socket.write(message).expect("a writable pipe"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.flush().expect("a writable pipe");
            }
            Err(_) => break,
        }
    }
}

type Hello = Result<http::Response<http_body_util::Full<bytes::Bytes>>, Infallible>;

async fn hello(_: http::Request<hyper::body::Incoming>) -> Hello {
    let body = bytes::Bytes::from_static(HELLO.as_bytes());
    let mut response = http::Response::new(http_body_util::Full::new(body));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    Ok(response)
}

pub(crate) fn hyper(feed: Feed) -> impl Future {
    hyper::server::conn::http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(feed), service_fn(hello))
}

/// On the runtime that spawns what needs spawning.
fn on_tokio(connection: impl Future) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // An error is its end.
    runtime.block_on(async { drop(awake(connection).await) });
}

/// It spawns a task for each stream that is not answered at once.
pub(crate) fn hyper_http2(cell: &Cell, count: u64) {
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    on_tokio(builder.serve_connection(TokioIo::new(cell.feed(count)), service_fn(hello)));
}

pub(crate) fn axum(cell: &Cell, count: u64) {
    use axum::extract::ws::{WebSocket, WebSocketUpgrade};
    async fn echo(mut socket: WebSocket) {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }
    let upgrade = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo);
    let router = axum::Router::new().route("/ws", axum::routing::any(upgrade));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.enable_connect_protocol();
    let service = TowerToHyperService::new(router);
    on_tokio(builder.serve_connection(TokioIo::new(cell.feed(count)), service));
}
