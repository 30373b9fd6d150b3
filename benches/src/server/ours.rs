//! server-core through its public API, as its documentation says.

use std::net::TcpListener;

use interop::Result;
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::ws::{WebSocket, WebSocketUpgrade};
use server_core::{Body, Config, Http2Config, Incoming, Request, Server};
use wire_benches::requests::HELLO;

use crate::on_tokio;

fn hello() -> http::Response<Body> {
    http::Response::builder()
        .header(http::header::CONTENT_TYPE, "text/plain")
        .body(Body::from(HELLO))
        .expect("a response")
}

/// Both versions of HTTP on one port.
fn config() -> Config {
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    config
}

/// The lazy request.
pub(crate) fn lazy(listener: TcpListener) -> Result {
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        Ok(serve(&Server::with_config(async |_: Request| hello(), TokioTimer, config()), listener).await?)
    })
}

/// The ecosystem's request.
pub(crate) fn http(listener: TcpListener) -> Result {
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        let handler = async |_: http::Request<Incoming>| hello();
        Ok(serve(&Server::with_config(handler, TokioTimer, config()), listener).await?)
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
        Ok(serve(&Server::with_config(handler, TokioTimer, config()), listener).await?)
    })
}
