//! A thin async HTTP and WebSocket server over sans-IO codecs.
//!
//! It owns time and sockets and leaves protocol to [`wire_http1`] and [`wire_ws`]. It spawns nothing, forces no runtime
//! on anybody, and knows neither routes nor sessions: bring a function, or any `tower::Service`.
//!
//! ```no_run
//! # #[cfg(feature = "rt-tokio")]
//! # fn main() -> std::io::Result<()> {
//! use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
//! use server_core::{Body, Request, Server};
//!
//! async fn hello(request: Request) -> http::Response<Body> {
//!     http::Response::new(Body::from(format!("Hello, {}!\n", request.path())))
//! }
//!
//! tokio::runtime::Runtime::new()?.block_on(async {
//!     let listener = TokioListener::bind(([127, 0, 0, 1], 8080).into())?;
//!     serve(&Server::new(hello, TokioTimer), listener).await
//! })
//! # }
//! # #[cfg(not(feature = "rt-tokio"))]
//! # fn main() {}
//! ```
//!
//! Where to look:
//!
//! | for | see |
//! |---|---|
//! | accepting, shutting down, counters | [`Server`], [`Control`] |
//! | what answers, and what it is given | [`Handler`], [`Request`], [`Incoming`], [`Body`] |
//! | WebSockets, both ends | [`ws`] |
//! | limits and deadlines | [`Config`] |
//! | another runtime, another transport | [`Listener`], [`Timer`], [`Server::connection`] |
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `rt-tokio` | `rt::tokio`: TCP listener, timer and accept loop of tokio; `ws::connect`, `ws::connect_h2` |
//! | `http2` | HTTP/2 on the same port, WebSockets included: `Config::http2`, `Http2Stream`; `ws::Http2Client` |
//! | `tls` | `tls`: TLS by rustls, with the crypto provider of your choice |
//! | `tls-self-signed` | `tls::SelfSigned`: a certificate for development |
//! | `tower` | `Tower`: any `tower::Service` as a handler |
//! | `ws-deflate` | permessage-deflate for WebSockets: `Config::websocket_deflate` |

mod body;
mod config;
mod conn;
mod control;
mod handler;
mod io;
mod listener;
mod request;
pub mod rt;
mod server;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tower")]
mod tower;
pub mod ws;

// Their types are part of this API: limits, errors, close codes.
pub use {wire_http1, wire_ws};

pub use body::{Body, BodyError, BoxError, Incoming, Trailers};
pub use config::Config;
#[cfg(feature = "http2")]
pub use config::Http2Config;
pub use conn::{Connection, ConnectionError, Deadline};
#[cfg(feature = "http2")]
pub use conn::{Http2Stream, Http2StreamError};
pub use control::{Control, Stats};
pub use handler::{Handler, RequestKind};
pub use listener::{ConnectionInfo, Listener, TlsInfo};
pub use request::Request;
pub use server::Server;
pub use timer::Timer;
#[cfg(feature = "tower")]
pub use tower::{MaybeBody, Tower, TowerFuture};
