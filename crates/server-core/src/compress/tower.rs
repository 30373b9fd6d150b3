//! The same layer for `tower::Service`s.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::decode::Found;
use super::handler::{State, StateProject, refusal, values};
use super::places::Shared;
use super::{Compress, Config, DecodedBody, EncodedBody};
use crate::body::BoxError;

/// Makes [`Compress`] of services: `Router::new().layer(CompressLayer::new(config))` in axum.
///
/// What is wrong with a request's encoded content is an error of its body, which knows its status. The extractors of
/// frameworks do not ask it, and answer 400 to all that is wrong with a body: where a limit of decoding was passed, the layer
/// makes 413 of such a 400.
#[derive(Clone, Debug)]
pub struct CompressLayer {
    shared: Arc<Shared>,
}

impl CompressLayer {
    /// All services it is put around share the configuration, and its `max_encoders` between them.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { shared: Shared::new(config) }
    }
}

impl<S> Layer<S> for CompressLayer {
    type Service = Compress<S>;

    fn layer(&self, inner: S) -> Compress<S> {
        Compress { inner, shared: Arc::clone(&self.shared) }
    }
}

impl<S, B, A> Service<Request<B>> for Compress<S>
where
    S: Service<Request<DecodedBody<B>>, Response = Response<A>>,
    B: Body,
    A: Body<Error: Into<BoxError>>,
{
    type Response = Response<EncodedBody<A>>;
    type Error = S::Error;
    type Future = CompressServiceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let plan = self.shared.plan(request.method().as_str(), values(request.headers(), ACCEPT_ENCODING));
        let mut decoder = None;
        if !request.body().is_end_stream() {
            match self.shared.config.decoder(values(request.headers(), CONTENT_ENCODING)) {
                Ok(made) => decoder = made,
                Err(error) => return CompressServiceFuture { state: State::Refused { error }, found: None },
            }
        }
        let found = decoder.as_ref().map(|_| Found::default());
        let request = match decoder.zip(found.clone()) {
            Some((decoder, found)) => {
                request.headers_mut().remove(CONTENT_ENCODING);
                request.headers_mut().remove(CONTENT_LENGTH);
                request.map(|body| DecodedBody::decoded(body, decoder, found))
            }
            None => request.map(DecodedBody::plain),
        };
        let future = self.inner.call(request);
        CompressServiceFuture { state: State::Running { future, plan }, found }
    }
}

pin_project! {
    /// The response of a [`Compress`] service.
    pub struct CompressServiceFuture<F> {
        #[pin]
        state: State<F>,
        found: Option<Found>,
    }
}

impl<F, B, E> Future for CompressServiceFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = Result<Response<EncodedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match this.state.project() {
            StateProject::Running { future, plan } => {
                let mut response = ready!(future.poll(cx))?;
                let over_limit = || this.found.as_ref()?.get().filter(|error| error.status() == 413);
                if response.status() == StatusCode::BAD_REQUEST && over_limit().is_some() {
                    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                }
                match plan.take() {
                    Some(plan) => plan.apply(response),
                    None => response.map(EncodedBody::plain),
                }
            }
            StateProject::Refused { error } => refusal(*error),
        }))
    }
}

impl<F> fmt::Debug for CompressServiceFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressServiceFuture").finish_non_exhaustive()
    }
}
