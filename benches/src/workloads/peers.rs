//! What the family is compared with, each as its documentation says.

use std::convert::Infallible;
use std::io;

use crate::feed::Feed;
use crate::requests::HELLO;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::service::service_fn;

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

pub(crate) fn hyper(feed: Feed) -> impl Future {
    use http_body_util::Full;
    use hyper_util::rt::TokioIo;
    let service = service_fn(|_| async {
        let mut response = http::Response::new(Full::new(bytes::Bytes::from_static(HELLO.as_bytes())));
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
        Ok::<_, Infallible>(response)
    });
    hyper::server::conn::http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(feed), service)
}
