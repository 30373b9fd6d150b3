//! The body of a response, for those who do not bring a type of their own.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{BoxError, Incoming};
#[cfg(feature = "files")]
use crate::file::FileBody;

/// A response body. Handlers may answer with any [`http_body::Body`]; this one is convenient and costs no allocation
/// for what lies in memory.
///
/// ```
/// use server_core::Body;
/// let _ = [Body::from("text"), Body::from(vec![1, 2, 3]), Body::empty()];
/// ```
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Whole(Bytes),
    Incoming(Incoming),
    #[cfg(feature = "files")]
    Files(Box<FileBody>),
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Any other body, boxed.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Kind::Boxed(Box::pin(Erased { body })))
    }

    /// A body of unknown length from a stream of pieces. Each is on its way to the client as soon as the stream has
    /// nothing more to give at once. An error cuts the response off, so that the client does not take it for whole.
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Kind::Boxed(Box::pin(Streamed { stream })))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Kind::Empty } else { Kind::Whole(bytes) })
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<Incoming> for Body {
    /// Streams a request body back.
    fn from(incoming: Incoming) -> Self {
        Self(Kind::Incoming(incoming))
    }
}

#[cfg(feature = "files")]
impl From<FileBody> for Body {
    fn from(files: FileBody) -> Self {
        Self(Kind::Files(Box::new(files)))
    }
}

#[cfg(feature = "files")]
impl Body {
    /// The files it is made of, if it is.
    pub(crate) fn files(&self) -> Option<&FileBody> {
        match &self.0 {
            Kind::Files(files) => Some(files),
            _ => None,
        }
    }

    /// Leaves nothing in their place.
    pub(crate) fn take_files(&mut self) -> Option<Box<FileBody>> {
        match std::mem::take(&mut self.0) {
            Kind::Files(files) => Some(files),
            other => {
                self.0 = other;
                None
            }
        }
    }
}

impl Kind {
    /// The next piece of what does not lie in memory.
    #[inline(never)] // to keep it out of the way of what does
    fn poll_streamed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self {
            Self::Empty | Self::Whole(_) => Poll::Ready(None),
            Self::Incoming(incoming) => {
                Pin::new(incoming).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            #[cfg(feature = "files")]
            Self::Files(files) => Pin::new(&mut **files)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Self::Boxed(body) => body.as_mut().poll_frame(cx),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            other => other.poll_streamed(cx),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            #[cfg(feature = "files")]
            Kind::Files(files) => files.is_end_stream(),
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(incoming) => incoming.size_hint(),
            #[cfg(feature = "files")]
            Kind::Files(files) => files.size_hint(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size_hint", &self.size_hint()).finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    struct Erased<B> {
        #[pin]
        body: B,
    }
}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>>> HttpBody for Erased<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project_lite::pin_project! {
    struct Streamed<S> {
        #[pin]
        stream: S,
    }
}

impl<S: Stream<Item = Result<Bytes, E>>, E: Into<BoxError>> HttpBody for Streamed<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(
            ready!(self.project().stream.poll_next(cx)).map(|item| item.map(Frame::data).map_err(Into::into)),
        )
    }
}
