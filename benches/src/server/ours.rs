//! server-core through its public API, as its documentation says.

use std::net::TcpListener;

use interop::Result;
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::ws::{WebSocket, WebSocketUpgrade};
use server_core::{Body, Incoming, Request, Server};
use wire_benches::requests::HELLO;

use crate::on_tokio;

fn hello() -> http::Response<Body> {
    http::Response::builder()
        .header(http::header::CONTENT_TYPE, "text/plain")
        .body(Body::from(HELLO))
        .expect("a response")
}

/// The lazy request.
pub(crate) fn lazy(listener: TcpListener) -> Result {
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        Ok(serve(&Server::new(async |_: Request| hello(), TokioTimer), listener).await?)
    })
}

/// The ecosystem's request.
pub(crate) fn http(listener: TcpListener) -> Result {
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        Ok(serve(&Server::new(async |_: http::Request<Incoming>| hello(), TokioTimer), listener).await?)
    })
}

pub(crate) fn echo(listener: TcpListener) -> Result {
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
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        Ok(serve(&Server::new(handler, TokioTimer), listener).await?)
    })
}
