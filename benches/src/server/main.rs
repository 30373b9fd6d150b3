//! The servers that `loopback` measures, but those of `server_apart.rs`.
//!
//! All answer `GET /hello` with the same content and type, or echo WebSocket messages, or serve the files of the folder
//! `site` in the current one. A peer is one function and its line in [`SERVERS`].

#[cfg(feature = "peers")]
mod files;
mod floor;
#[cfg(feature = "peers")]
mod h2ws;
#[cfg(feature = "peers")]
mod http;
mod ours;
#[cfg(feature = "peers")]
mod websocket;

use std::net::TcpListener;
use std::process::ExitCode;

use interop::Result;
use tokio::net::TcpStream;
use wire_benches::serving::{self, Serve};

const SERVERS: &[(&str, Serve)] = &[
    ("http/server-core", ours::lazy),
    ("http/server-core-http", ours::http),
    ("http/floor-tokio", |listener| tokio_floor(listener, floor::Http::default)),
    ("http/floor-epoll", |listener| floor::epoll(listener, floor::Http::default)),
    ("http2/server-core", ours::lazy),
    ("http2/server-core-http", ours::http),
    ("http2/floor-h2", |listener| each(listener, floor::h2)),
    ("ws/server-core", ours::echo),
    ("h2ws/server-core", ours::echo),
    ("ws/floor-tokio", |listener| tokio_floor(listener, floor::Echo::default)),
    ("ws/floor-epoll", |listener| floor::epoll(listener, floor::Echo::default)),
    #[cfg(feature = "peers")]
    ("http/hyper", http::hyper),
    #[cfg(feature = "peers")]
    ("http/axum", http::axum),
    #[cfg(feature = "peers")]
    ("http/may_minihttp", http::may_minihttp),
    #[cfg(feature = "peers")]
    ("files/server-core", files::server_files),
    #[cfg(feature = "peers")]
    ("files/tower-http", files::serve_dir),
    #[cfg(feature = "peers")]
    ("http2/hyper", http::hyper_auto),
    #[cfg(feature = "peers")]
    ("http2/axum", http::axum),
    #[cfg(feature = "peers")]
    ("ws/fastwebsockets", |listener| each(listener, websocket::fastwebsockets)),
    #[cfg(feature = "peers")]
    ("ws/tokio-websockets", |listener| each(listener, websocket::tokio_websockets)),
    #[cfg(feature = "peers")]
    ("ws/tokio-tungstenite", |listener| each(listener, websocket::tungstenite)),
    #[cfg(feature = "peers")]
    ("ws/tokio-tungstenite-gather", |listener| each(listener, websocket::tungstenite_gather)),
    #[cfg(feature = "peers")]
    ("ws/soketto", |listener| each(listener, websocket::soketto)),
    #[cfg(feature = "peers")]
    ("ws/yawc", |listener| each(listener, websocket::yawc)),
    #[cfg(feature = "peers")]
    ("ws/yawc-gather", |listener| each(listener, websocket::yawc_gather)),
    #[cfg(feature = "peers")]
    ("h2ws/axum", h2ws::axum),
];

/// What every server runs on that has no runtime of its own.
fn on_tokio(serve: impl Future<Output = Result>) -> Result {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve)
}

/// Accepts, and serves each connection in a task.
fn each<Serving>(listener: TcpListener, serve: impl Fn(TcpStream) -> Serving) -> Result
where
    Serving: Future<Output = Result> + Send + 'static,
{
    on_tokio(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // Connections end when the load does.
            tokio::spawn(serve(stream));
        }
    })
}

fn tokio_floor<C: floor::Canned + Send + 'static>(listener: TcpListener, canned: fn() -> C) -> Result {
    each(listener, move |stream| floor::tokio(stream, canned()))
}

fn main() -> ExitCode {
    serving::main(SERVERS)
}
