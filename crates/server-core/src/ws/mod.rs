//! WebSockets: accepting them, connecting to them, and the one type that carries them.
//!
//! A server:
//!
//! ```
//! use server_core::ws::WebSocketUpgrade;
//! use server_core::{Body, Request};
//!
//! async fn echo(mut request: Request) -> http::Response<Body> {
//!     let upgrade = match WebSocketUpgrade::from_request(&mut request) {
//!         Ok(upgrade) => upgrade,
//!         Err(rejection) => return rejection.into_response(),
//!     };
//!     upgrade
//!         .run(|mut socket| async move {
//!             while let Some(Ok(message)) = socket.recv().await {
//!                 if socket.send(message).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         })
//!         .await
//! }
//! # fn is_handler<R>(_: impl server_core::Handler<R>) {}
//! # is_handler(echo);
//! ```
//!
//! | for | see |
//! |---|---|
//! | messages for keeps, or lent where they lie | [`WebSocket::recv`], [`WebSocket::recv_ref`] |
//! | sending: what is handed over, borrowed, or prepared | [`WebSocket::send`], [`Outgoing`] |
//! | broadcast: one message for many WebSockets | [`PreparedMessage`] |
//! | two tasks | [`WebSocket::split`] |
//!
//! A client: [`Client`], over any byte stream and any runtime, or `connect` on tokio (feature `rt-tokio`). Many WebSockets on
//! one HTTP/2 connection (feature `http2`): `Client::handshake_http2`, or `connect_h2` on tokio.

mod client;
#[cfg(feature = "http2")]
mod extended;
#[cfg(feature = "http2")]
mod http2;
mod message;
mod opening;
mod outgoing;
mod receiver;
mod sender;
mod settings;
mod socket;
mod upgrade;

#[cfg(feature = "rt-tokio")]
pub use client::connect;
#[cfg(all(feature = "http2", feature = "rt-tokio"))]
pub use client::connect_h2;
pub use client::{Client, ClientConnection, ConnectError};
#[cfg(feature = "http2")]
pub(crate) use extended::request_head;
#[cfg(feature = "http2")]
pub use http2::{Http2Client, Http2Connection};
pub use message::{CloseFrame, Message, MessageRef, Text};
pub use outgoing::{Outgoing, PreparedMessage};
pub use receiver::{WebSocketError, WebSocketReceiver};
pub use sender::{SendError, WebSocketSender};
pub(crate) use settings::Settings;
pub use socket::WebSocket;
pub(crate) use upgrade::Upgrade;
pub use upgrade::{WebSocketRejection, WebSocketUpgrade};
pub use wire_ws::{CloseCode, DataKind};
