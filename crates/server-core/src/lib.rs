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
//! | forms and uploads | `multipart` |
//! | files, server-sent events | `file`, `sse` |
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
//! | `files` | `file`: files as content, sent by `sendfile(2)` where that is possible; Unix |
//! | `http2` | HTTP/2 on the same port, WebSockets included: `Config::http2`, `Http2Stream`; `ws::Http2Client` |
//! | `multipart` | `multipart`: forms and uploads as streams, saved to files; URL-encoded forms |
//! | `sse` | `sse`: server-sent events as a response |
//! | `tls` | `tls`: TLS by rustls, with the crypto provider of your choice |
//! | `tls-self-signed` | `tls::SelfSigned`: a certificate for development |
//! | `tower` | `Tower`: any `tower::Service` as a handler |
//! | `ws-deflate` | permessage-deflate for WebSockets: `Config::websocket_deflate` |
//! | `gzip`, `brotli`, `zstd` | `compress`: content codings around a handler; `zstd` needs a C compiler to build |

mod body;
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
pub mod compress;
mod config;
mod conn;
mod control;
mod field_map;
#[cfg(feature = "files")]
pub mod file;
#[cfg(not(feature = "files"))]
#[path = "no_files.rs"]
mod file;
mod handler;
mod io;
mod listener;
#[cfg(feature = "multipart")]
pub mod multipart;
mod request;
pub mod rt;
mod server;
#[cfg(feature = "sse")]
pub mod sse;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tower")]
mod tower;
pub mod ws;

// Their types are part of this API: limits, errors, close codes.
#[cfg(feature = "multipart")]
pub use wire_multipart;
#[cfg(feature = "sse")]
pub use wire_sse;
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
