//! Any `tower::Service` as a handler.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::{BoxError, Incoming};
use crate::handler::Handler;

/// Mounts a `tower::Service<http::Request<Incoming>>`, an axum `Router` included. The service is cloned for each
/// request and asked for readiness before the call, as tower demands. An error of the service answers 500.
///
/// `Arc<ConnectionInfo>` ([`ConnectionInfo`](crate::ConnectionInfo)) is among the extensions of each request.
#[derive(Clone, Debug)]
pub struct Tower<S>(
    /// The service.
    pub S,
);

impl<S, B> Handler<http::Request<Incoming>> for Tower<S>
where
    S: Service<http::Request<Incoming>, Response = Response<B>, Error: fmt::Display> + Clone,
    B: http_body::Body<Error: Into<BoxError>> + 'static,
{
    type Body = MaybeBody<B>;
    type Future = TowerFuture<S, S::Future>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        if let Some(connection) = request.body().connection().cloned() {
            request.extensions_mut().insert(connection);
        }
        TowerFuture { service: self.0.clone(), state: State::Waiting { request: Some(request) } }
    }
}

pin_project! {
    /// The response of a [`Tower`] service.
    pub struct TowerFuture<S, F> {
        service: S,
        #[pin]
        state: State<F>,
    }
}

impl<S, F> fmt::Debug for TowerFuture<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerFuture").finish_non_exhaustive()
    }
}

pin_project! {
    #[project = StateProject]
    enum State<F> {
        Waiting { request: Option<http::Request<Incoming>> },
        Running { #[pin] future: F },
    }
}

impl<S, B> Future for TowerFuture<S, S::Future>
where
    S: Service<http::Request<Incoming>, Response = Response<B>, Error: fmt::Display>,
{
    type Output = Response<MaybeBody<B>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let result = match this.state.as_mut().project() {
                StateProject::Waiting { request } => match ready!(this.service.poll_ready(cx)) {
                    Ok(()) => {
                        let Some(request) = request.take() else { return Poll::Pending };
                        let future = this.service.call(request);
                        this.state.set(State::Running { future });
                        continue;
                    }
                    Err(error) => Err(error),
                },
                StateProject::Running { future } => ready!(future.poll(cx)),
            };
            return Poll::Ready(match result {
                Ok(response) => response.map(|body| MaybeBody { body: Some(body) }),
                Err(error) => {
                    tracing::error!(%error, "service failed");
                    let mut response = Response::new(MaybeBody { body: None });
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                }
            });
        }
    }
}

pin_project! {
    /// The service's body, or none where the service failed.
    #[derive(Debug)]
    pub struct MaybeBody<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B: http_body::Body> http_body::Body for MaybeBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().body.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}
