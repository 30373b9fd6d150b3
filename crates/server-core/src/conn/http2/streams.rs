//! The streams of a connection that are at work.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream as _;
use futures_util::stream::FuturesUnordered;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::stream::Stream;
use crate::body::BoxError;

/// Those that wait for something are in a set, each with a waker of its own. One that is done when it is first polled, as
/// most are, never gets there: it runs in a place that the next one uses again.
pub(super) struct Streams<F, B> {
    waiting: FuturesUnordered<Pin<Box<Place<F, B>>>>,
    spare: Option<Pin<Box<Place<F, B>>>>,
}

pin_project! {
    struct Place<F, B> {
        #[pin]
        stream: Option<Stream<F, B>>,
    }
}

impl<F, B> Future for Place<F, B>
where
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut stream = self.project().stream;
        if let Some(running) = stream.as_mut().as_pin_mut()
            && running.poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        stream.set(None);
        Poll::Ready(())
    }
}

impl<F, B> Streams<F, B> {
    pub(super) fn new() -> Self {
        Self { waiting: FuturesUnordered::new(), spare: None }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops all of them.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl<F, B> Streams<F, B>
where
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<BoxError>>,
{
    /// Begins one, and polls it once.
    pub(super) fn begin(&mut self, stream: Stream<F, B>, cx: &mut Context<'_>) {
        let mut place = match self.spare.take() {
            Some(mut place) => {
                place.as_mut().project().stream.set(Some(stream));
                place
            }
            None => Box::pin(Place { stream: Some(stream) }),
        };
        match place.as_mut().poll(cx) {
            Poll::Ready(()) => self.spare = Some(place),
            // It is polled again at once, with its own waker.
            Poll::Pending => self.waiting.push(place),
        }
    }

    /// Polls those that were woken.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = Pin::new(&mut self.waiting).poll_next(cx) {}
    }
}
