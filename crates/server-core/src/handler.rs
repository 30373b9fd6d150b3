//! What answers requests.

use http::Response;
use http_body::Body;

use crate::body::{BoxError, Incoming};
use crate::request::{DecodedHead, Request};

/// Answers requests of type `R`: [`Request`], which is lazy and costs no allocation, or
/// `http::Request<Incoming>`, the ecosystem's type.
///
/// Every `Fn(R) -> impl Future<Output = http::Response<B>>` is one. Its future is polled by the connection's own task and
/// dropped when the client is gone. No `Send` is asked for: a server whose handler holds an `Rc` runs on a local
/// executor.
///
/// A handler that panics answers 500; nothing else suffers.
///
/// ```
/// use server_core::{Body, Handler, Incoming, Request};
///
/// async fn hello(_: Request) -> http::Response<Body> {
///     http::Response::new(Body::from("Hello, World!"))
/// }
///
/// fn is_handler<R>(_: impl Handler<R>) {}
/// is_handler(hello);
/// is_handler(|request: http::Request<Incoming>| async move { http::Response::new(request.into_body()) });
/// ```
pub trait Handler<R> {
    /// What the response carries.
    type Body: Body<Error: Into<BoxError>> + 'static;
    /// The response to come.
    type Future: Future<Output = Response<Self::Body>>;

    /// Starts to answer.
    fn call(&self, request: R) -> Self::Future;
}

impl<F, R, Answer, B> Handler<R> for F
where
    F: Fn(R) -> Answer,
    Answer: Future<Output = Response<B>>,
    B: Body<Error: Into<BoxError>> + 'static,
{
    type Body = B;
    type Future = Answer;

    fn call(&self, request: R) -> Answer {
        self(request)
    }
}

/// The request types that a handler may ask for: [`Request`] and `http::Request<Incoming>`.
///
/// A target that `http::Uri` cannot represent is answered 400 before a handler for `http::Request` sees it.
pub trait RequestKind: sealed::Sealed + Sized {
    /// Of a decoded HTTP/1 head, without its body. An error is boxed, so that what it holds does not spread over the room of
    /// a request and make moving one slow.
    #[doc(hidden)]
    fn from_head(head: DecodedHead<'_>) -> Result<Self, Box<http::Error>>;

    #[doc(hidden)]
    fn from_request(request: Request) -> Result<Self, Box<http::Error>>;

    #[doc(hidden)]
    fn incoming_mut(&mut self) -> &mut Incoming;

    /// The values of Content-Type.
    #[cfg(feature = "multipart")]
    #[doc(hidden)]
    fn content_types(&self) -> impl Iterator<Item = &[u8]>;
}

impl RequestKind for Request {
    #[inline(always)] // once for each request
    fn from_head(head: DecodedHead<'_>) -> Result<Self, Box<http::Error>> {
        Ok(head.into_request())
    }

    fn from_request(request: Request) -> Result<Self, Box<http::Error>> {
        Ok(request)
    }

    fn incoming_mut(&mut self) -> &mut Incoming {
        self.body_mut()
    }

    #[cfg(feature = "multipart")]
    fn content_types(&self) -> impl Iterator<Item = &[u8]> {
        let fields = self.fields().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        fields.map(|(_, value)| value)
    }
}

impl RequestKind for http::Request<Incoming> {
    #[inline]
    fn from_head(head: DecodedHead<'_>) -> Result<Self, Box<http::Error>> {
        head.into_http()
    }

    fn from_request(request: Request) -> Result<Self, Box<http::Error>> {
        request.into_http().map_err(Box::new)
    }

    fn incoming_mut(&mut self) -> &mut Incoming {
        self.body_mut()
    }

    #[cfg(feature = "multipart")]
    fn content_types(&self) -> impl Iterator<Item = &[u8]> {
        self.headers().get_all(http::header::CONTENT_TYPE).iter().map(http::HeaderValue::as_bytes)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Request {}
    impl Sealed for http::Request<super::Incoming> {}
}
