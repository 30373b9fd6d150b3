//! The body of a request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Frame, SizeHint};

use super::Trailers;
use super::slot::{BodySlot, Part};
use crate::listener::ConnectionInfo;

/// The body of a request, as it arrives.
///
/// Small bodies are here whole before the handler is called, and cost no shared state; others stream, and nothing is
/// read from the socket that the handler has not asked for. `100 Continue` goes out when the first chunk is asked for.
///
/// It is an [`http_body::Body`]. Dropping it is fine: the rest is thrown away, up to
/// [`Config::max_discarded_body`](crate::Config::max_discarded_body).
pub struct Incoming {
    /// Boxed: most requests have none, and every move of them counts.
    content: Option<Box<Content>>,
    connection: Option<Arc<ConnectionInfo>>,
}

struct Content {
    kind: Kind,
    /// Most that is delivered, once somebody has said so.
    limit: Option<u64>,
    /// Most that is collected, unless `limit` says otherwise.
    collect_limit: u64,
}

enum Kind {
    Whole(Bytes),
    Streamed(Streamed),
}

struct Streamed {
    from: Origin,
    /// What the head declared, less what was delivered; `None` when chunked.
    remaining: Option<u64>,
    delivered: u64,
    /// It passed the limit: nothing more is delivered.
    refused: bool,
    trailers: Option<Trailers>,
}

enum Origin {
    Slot(Arc<BodySlot>),
    #[cfg_attr(
        not(any(feature = "brotli", feature = "gzip", feature = "http2", feature = "zstd")),
        expect(dead_code, reason = "for HTTP/2 and later, and for what is decoded")
    )]
    Source(Box<dyn Source>),
}

/// Where the parts of a body come from that is not HTTP/1's.
pub(crate) trait Source: Send + Sync {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>>;
    /// Whether the body is over and everything was taken.
    fn is_spent(&self) -> bool;
}

impl Default for Incoming {
    /// An empty body.
    fn default() -> Self {
        Self { content: None, connection: None }
    }
}

impl Incoming {
    fn new(kind: Kind, collect_limit: u64) -> Self {
        let content = Content { kind, limit: None, collect_limit };
        Self { content: Some(Box::new(content)), connection: None }
    }

    fn streamed(from: Origin, remaining: Option<u64>, collect_limit: u64) -> Self {
        let streamed = Streamed { from, remaining, delivered: 0, refused: false, trailers: None };
        Self::new(Kind::Streamed(streamed), collect_limit)
    }

    pub(crate) fn whole(bytes: Bytes, collect_limit: u64) -> Self {
        if bytes.is_empty() { Self::default() } else { Self::new(Kind::Whole(bytes), collect_limit) }
    }

    pub(crate) fn stream(slot: Arc<BodySlot>, declared: Option<u64>, collect_limit: u64) -> Self {
        Self::streamed(Origin::Slot(slot), declared, collect_limit)
    }

    #[cfg(any(feature = "brotli", feature = "gzip", feature = "http2", feature = "zstd"))]
    pub(crate) fn source(source: Box<dyn Source>, declared: Option<u64>, collect_limit: u64) -> Self {
        Self::streamed(Origin::Source(source), declared, collect_limit)
    }

    /// An empty body of a request on this connection.
    pub(crate) fn of(connection: Arc<ConnectionInfo>) -> Self {
        Self { connection: Some(connection), ..Self::default() }
    }

    /// Becomes `body`, of the same connection.
    pub(crate) fn become_body(&mut self, body: Self) {
        *self = Self { connection: self.connection.take(), ..body };
    }

    pub(crate) fn set_connection(&mut self, connection: Arc<ConnectionInfo>) {
        self.connection = Some(connection);
    }

    /// Who is connected: known to the body of an `http::Request`. A [`Request`](crate::Request) has
    /// [its own](crate::Request::connection), and `Tower` puts it among the extensions as an `Arc`.
    #[must_use]
    pub fn connection(&self) -> Option<&Arc<ConnectionInfo>> {
        self.connection.as_ref()
    }

    /// Most that [`collect`](Self::collect) takes, unless [`limit`](Self::limit) says otherwise.
    #[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
    pub(crate) fn collect_limit(&self) -> u64 {
        self.content.as_ref().map_or(u64::MAX, |content| content.collect_limit)
    }

    /// Refuses more than `limit` bytes with [`BodyError::TooLarge`]: at once where the head declared more, else as soon
    /// as more arrives. Also the limit of [`collect`](Self::collect).
    ///
    /// **A body that streams has no limit unless this sets one**; that holds for tower services too.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        if let Some(content) = &mut self.content {
            content.limit = Some(limit);
        }
        self
    }

    /// The length that the head declared, less what was delivered; `None` for a chunked body.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        match self.kind() {
            None => Some(0),
            Some(Kind::Whole(bytes)) => Some(bytes.len() as u64),
            Some(Kind::Streamed(streamed)) => streamed.remaining,
        }
    }

    /// Collects the rest in memory, up to [`Config::max_body_size`](crate::Config::max_body_size) or what
    /// [`limit`](Self::limit) said. [`trailers`](Self::trailers) are there afterwards.
    ///
    /// # Errors
    /// Too large, cut off, malformed or too slow: see [`BodyError`].
    pub async fn collect(&mut self) -> Result<Bytes, BodyError> {
        if let Some(content) = &mut self.content {
            content.limit.get_or_insert(content.collect_limit);
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// The next piece of data; `None` at the end.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match std::future::poll_fn(|cx| self.poll_next(cx)).await? {
                Part::Chunk(chunk) => return Ok(Some(chunk)),
                Part::Trailers(trailers) => {
                    if let Some(Kind::Streamed(streamed)) =
                        self.content.as_mut().map(|content| &mut content.kind)
                    {
                        streamed.trailers = Some(trailers);
                    }
                }
                Part::End => return Ok(None),
            }
        }
    }

    /// The trailers, after [`chunk`](Self::chunk) or [`collect`](Self::collect) came to the end.
    #[must_use]
    pub fn trailers(&self) -> Option<&Trailers> {
        match self.kind()? {
            Kind::Streamed(streamed) => streamed.trailers.as_ref(),
            Kind::Whole(_) => None,
        }
    }

    fn kind(&self) -> Option<&Kind> {
        self.content.as_ref().map(|content| &content.kind)
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        let Some(content) = &mut self.content else { return Poll::Ready(Ok(Part::End)) };
        Poll::Ready(match (&mut content.kind, content.limit) {
            (Kind::Whole(bytes), Some(limit)) if bytes.len() as u64 > limit => {
                Err(BodyError::TooLarge { limit })
            }
            (Kind::Whole(bytes), _) => {
                let bytes = std::mem::take(bytes);
                self.content = None;
                Ok(Part::Chunk(bytes))
            }
            (Kind::Streamed(streamed), limit) => ready!(streamed.poll_next(cx, limit)),
        })
    }
}

impl Streamed {
    fn poll_next(&mut self, cx: &mut Context<'_>, limit: Option<u64>) -> Poll<Result<Part, BodyError>> {
        // A declared length passes the limit before anything arrives.
        self.check_limit(self.remaining.unwrap_or(0), limit)?;
        let part = ready!(match &mut self.from {
            Origin::Slot(slot) => slot.poll_part(cx),
            Origin::Source(source) => source.poll_part(cx),
        })?;
        if let Part::Chunk(chunk) = &part {
            let len = chunk.len() as u64;
            self.check_limit(len, limit)?;
            self.delivered += len;
            if let Some(remaining) = &mut self.remaining {
                *remaining = remaining.saturating_sub(len);
            }
        }
        Poll::Ready(Ok(part))
    }

    fn check_limit(&mut self, more: u64, limit: Option<u64>) -> Result<(), BodyError> {
        let Some(limit) = limit else { return Ok(()) };
        self.refused |= self.delivered.saturating_add(more) > limit;
        if self.refused { Err(BodyError::TooLarge { limit }) } else { Ok(()) }
    }

    fn is_spent(&self) -> bool {
        match &self.from {
            Origin::Slot(slot) => slot.is_spent(),
            Origin::Source(source) => source.is_spent(),
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        if let Origin::Slot(slot) = &self.from {
            slot.abandon();
        }
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match ready!(self.get_mut().poll_next(cx)) {
            Ok(Part::Chunk(chunk)) => Some(Ok(Frame::data(chunk))),
            Ok(Part::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers.to_header_map()))),
            Ok(Part::End) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self.kind() {
            None => true,
            Some(Kind::Whole(_)) => false,
            Some(Kind::Streamed(streamed)) => streamed.is_spent(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind() {
            None => "empty",
            Some(Kind::Whole(_)) => "whole",
            Some(Kind::Streamed(_)) => "stream",
        };
        f.debug_struct("Incoming")
            .field("kind", &kind)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// Why a request body could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More than the limit: what [`Incoming::limit`] or [`Config::max_body_size`](crate::Config::max_body_size) said.
    #[error("request body larger than {limit} bytes: raise `Incoming::limit` or `Config::max_body_size`")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The peer broke the protocol inside the body: a malformed chunk, or an end before the declared length.
    #[error("malformed request body: {0}")]
    Malformed(#[from] wire_http1::Error),
    /// The content does not follow its coding, or passes a limit of decoding.
    #[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
    #[error("encoded request body: {0}")]
    Encoded(#[from] wire_compress::Error),
    /// Nothing arrived for [`Config::body_timeout`](crate::Config::body_timeout).
    #[error("request body did not arrive in time")]
    TimedOut,
    /// The connection is gone.
    #[error("connection lost before the end of the request body")]
    Disconnected,
}

impl BodyError {
    /// The status that tells the client.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            #[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
            Self::Encoded(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Disconnected => StatusCode::BAD_REQUEST,
        }
    }
}
