//! [`Files`] as a tower service (feature `tower`).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use server_core::file::FileBody;
use tower_service::Service;

use crate::files::{Files, ServeFuture};

impl<B> Service<Request<B>> for Files {
    type Response = Response<FileBody>;
    type Error = Infallible;
    type Future = ServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ServiceFuture {
        ServiceFuture(self.serve(&request))
    }
}

/// The response of the service, to come. It never fails.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ServiceFuture(ServeFuture);

impl Future for ServiceFuture {
    type Output = Result<Response<FileBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}
