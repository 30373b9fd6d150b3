//! The same layer for `tower::Service`s.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::handler::{State, StateProject, refusal, values};
use super::{Compress, Config, DecodedBody, EncodedBody};
use crate::body::BoxError;

/// Makes [`Compress`] of services: `Router::new().layer(CompressLayer::new(config))` in axum.
#[derive(Clone, Debug)]
pub struct CompressLayer {
    config: Arc<Config>,
}

impl CompressLayer {
    /// All services it is put around share the configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config) }
    }
}

impl<S> Layer<S> for CompressLayer {
    type Service = Compress<S>;

    fn layer(&self, inner: S) -> Compress<S> {
        Compress { inner, config: Arc::clone(&self.config) }
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
        let plan = self.config.plan(request.method().as_str(), values(request.headers(), ACCEPT_ENCODING));
        let mut decoder = None;
        if !request.body().is_end_stream() {
            match self.config.decoder(values(request.headers(), CONTENT_ENCODING)) {
                Ok(made) => decoder = made,
                Err(error) => return CompressServiceFuture { state: State::Refused { error } },
            }
        }
        if decoder.is_some() {
            request.headers_mut().remove(CONTENT_ENCODING);
            request.headers_mut().remove(CONTENT_LENGTH);
        }
        let future = self.inner.call(request.map(|body| DecodedBody::new(body, decoder)));
        CompressServiceFuture { state: State::Running { future, plan } }
    }
}

pin_project! {
    /// The response of a [`Compress`] service.
    pub struct CompressServiceFuture<F> {
        #[pin]
        state: State<F>,
    }
}

impl<F, B, E> Future for CompressServiceFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = Result<Response<EncodedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().state.project() {
            StateProject::Running { future, plan } => {
                let response = ready!(future.poll(cx))?;
                match plan {
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
