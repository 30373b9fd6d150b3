//! Content codings around a handler (RFC 9110 section 8.4): gzip, deflate, brotli and zstd, as features are on.
//!
//! [`Compress`] is a layer: around a [`Handler`](crate::Handler) it is one, and with feature `tower` the same around a
//! `tower::Service`, by [`CompressLayer`] for routers. What it decides is `wire-compress`'s; what is done here is
//! to follow a body as it streams.
//!
//! ```
//! use server_core::compress::{Compress, Config, Uncompressed};
//! use server_core::{Body, Handler, Request};
//!
//! async fn page(request: Request) -> http::Response<Body> {
//!     let mut response = http::Response::new(Body::from("Hello, World!".repeat(100)));
//!     if request.path() == "/account" {
//!         // A secret beside what the client may influence: its length must not tell (BREACH).
//!         response.extensions_mut().insert(Uncompressed);
//!     }
//!     response
//! }
//!
//! fn is_handler<R>(_: impl Handler<R>) {}
//! is_handler(Compress::new(page, Config::default()));
//! ```
//!
//! - The coding is chosen from the request before the handler runs; the response's head decides whether it is applied:
//!   [`decide`](wire_compress::decide) has the rules. Vary, ETag and the fields that speak of the content follow.
//! - A client that excludes every coding and the content as it is gets it as it is (section 12.5.3 leaves that to us).
//! - **Nothing is held back while the handler's body pauses**: what came so far is flushed when it has no more at
//!   hand; each event of `text/event-stream` at once.
//! - Nothing is compressed ahead: a piece is asked for when the client has taken what came of the last. 64 KiB
//!   compressed at a stretch, then other tasks have their turn.
//! - HEAD gets the fields of GET, provided that the handler answers both alike, or says the Content-Length.
//! - [`Config::decode_requests`] decodes request bodies, with limits.

mod decode;
mod encode;
mod handler;
mod places;
mod scratch;
#[cfg(feature = "tower")]
mod tower;

pub use encode::EncodedBody;
pub use handler::{Compress, CompressFuture};
// Their types are part of this API.
pub use wire_compress::{self, Coding, EncoderConfig, Padding};
#[cfg(feature = "tower")]
pub use {
    decode::DecodedBody,
    tower::{CompressLayer, CompressServiceFuture},
};

/// What is compressed, how, and whether requests are decoded.
///
/// ```
/// let mut config = server_core::compress::Config::default();
/// config.encoder.gzip_level = 1;
/// config.decode_requests = Some(Default::default());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The codings of responses, the best first. Default: all whose feature is on, in the order of
    /// [`Coding::PREFERENCE`].
    pub codings: Vec<Coding>,
    /// Content of fewer bytes is sent as it is. Default: 1 KiB.
    pub min_size: u64,
    /// Levels, window, padding.
    pub encoder: EncoderConfig,
    /// Responses that are encoded at once, over all connections; those that come while so many are go out as they are.
    /// Default: 256.
    ///
    /// Defends the memory against clients that ask for many and take none: an encoder lives until its client has taken
    /// the response, and a connection of HTTP/2 may ask for 128. A response that streams without end, of events say, counts
    /// for as long. By default, one of gzip holds 0.3 MiB, of zstd up to 0.8, of brotli up to 1.7, and 5.5 where the content
    /// is known to be longer than 1 MiB.
    pub max_encoders: usize,
    /// Limits of decoding request bodies; `None`, the default: they are not decoded, and handlers see what came.
    ///
    /// With it, a handler reads decoded content; [`BodyError::status`](crate::BodyError::status) of what it meets is 413
    /// over a limit, 400 for corrupt content. A coding that is unknown is answered 415 with Accept-Encoding before the
    /// handler runs. A decoded body has no declared length, and limits that the handler sets hold for what comes out.
    /// An `http::Request` loses its Content-Encoding and Content-Length; [`Request`](crate::Request) shows the head as it
    /// arrived.
    pub decode_requests: Option<wire_compress::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            codings: Coding::SUPPORTED.to_vec(),
            min_size: 1024,
            encoder: EncoderConfig::default(),
            max_encoders: 256,
            decode_requests: None,
        }
    }
}

/// An extension of responses: this one is sent as it is. For content that holds a secret beside what the requester may
/// influence, since the length of its compressed form would tell (BREACH); and for routes that want no compression.
///
/// [`EncoderConfig::padding`] is no substitute: it only slows the attack.
#[derive(Clone, Copy, Debug)]
pub struct Uncompressed;

/// Marks a response as [`Uncompressed`] because it holds a secret.
#[must_use]
pub fn secret<B>(mut response: http::Response<B>) -> http::Response<B> {
    response.extensions_mut().insert(Uncompressed);
    response
}
