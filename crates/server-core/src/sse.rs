//! Server-sent events as a response (feature `sse`; HTML Living Standard section 9.2, by [`wire_sse`]).
//!
//! ```no_run
//! # #[cfg(feature = "rt-tokio")]
//! # mod with_tokio {
//! use std::time::Duration;
//!
//! use server_core::rt::tokio::TokioTimer;
//! use server_core::sse::{EventStream, last_event_id};
//! use server_core::wire_sse::Message;
//! use server_core::{Body, Request};
//!
//! /// Counts on from where the client has lost the connection.
//! async fn count(request: Request) -> http::Response<Body> {
//!     let last = last_event_id(&request).and_then(|id| id.parse().ok()).unwrap_or(0_u64);
//!     EventStream::new(TokioTimer, async move |mut events| {
//!         for count in last.saturating_add(1).. {
//!             let text = count.to_string();
//!             if events.send(&Message::data(&text).id(&text)).await.is_err() {
//!                 return;
//!             }
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!         }
//!     })
//!     .into_response()
//! }
//! # }
//! ```

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use wire_sse::{EncodeError, Message};

use crate::body::Body;
use crate::request::Request;
use crate::timer::Timer;

/// Silence after which a comment is sent: proxies give up on idle connections after a minute or less.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The id of the last event that the client has seen, where it reconnects: its `Last-Event-ID` field.
#[must_use]
pub fn last_event_id(request: &Request) -> Option<&str> {
    std::str::from_utf8(request.header("last-event-id")?).ok()
}

/// A stream of events, made by a future that the connection itself polls: nothing is spawned, and when the client leaves,
/// the future is dropped. The stream ends when the future does, and the client then reconnects; a 204 instead of a stream
/// tells it not to.
///
/// Each event is on its way before the future goes on, unless the client does not keep up: then it waits. A client that left
/// without a word is found out by the next event or comment.
#[must_use = "a stream is sent as a response"]
pub struct EventStream<T, F> {
    timer: T,
    source: F,
    queue: Arc<Mutex<Queue>>,
    keep_alive: Duration,
}

impl<T: Timer, F: Future<Output = ()>> EventStream<T, F> {
    /// The events that `source` sends. Where it hears of them from elsewhere, it awaits a channel.
    pub fn new(timer: T, source: impl FnOnce(EventSender) -> F) -> Self {
        let queue = Arc::<Mutex<Queue>>::default();
        let source = source(EventSender { queue: Arc::clone(&queue) });
        Self { timer, source, queue, keep_alive: KEEP_ALIVE }
    }

    /// Another time of silence after which a comment is sent than 15 seconds.
    pub fn keep_alive(self, silence: Duration) -> Self {
        Self { keep_alive: silence, ..self }
    }

    /// The response: with its content type, stored by no cache, and passed on at once by proxies that would gather it.
    pub fn into_response(self) -> Response<Body>
    where
        T: Send + 'static,
        T::Sleep: Send + 'static,
        F: Send + 'static,
    {
        let Self { timer, source, queue, keep_alive } = self;
        let sleep = timer.sleep_until(timer.now() + keep_alive);
        let events = Events { source: Some(source), sleep, timer, queue, keep_alive };
        let mut response = Response::new(Body::new(events));
        for (name, value) in [
            (header::CONTENT_TYPE, wire_sse::CONTENT_TYPE),
            (header::CACHE_CONTROL, "no-store"),
            // nginx, and those who do as it does.
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl<T, F> fmt::Debug for EventStream<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// Where the source of an [`EventStream`] sends its events.
#[derive(Debug)]
pub struct EventSender {
    queue: Arc<Mutex<Queue>>,
}

/// Why an event was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It holds what a stream cannot carry. The next one may be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The stream has ended, or its client has left. Only another task that was given the sender hears of it: a source is
    /// dropped then.
    #[error("the event stream has ended")]
    Ended,
}

impl EventSender {
    /// Sends an event; ready once the connection has taken it. Cancel-safe: an event of which the future is dropped is sent as a
    /// whole or not at all, and at most one waits to be taken.
    ///
    /// # Errors
    /// See [`SendError`]. Nothing was sent then, unless it was [`Ended`](SendError::Ended) meanwhile.
    pub async fn send(&mut self, event: &Message<'_>) -> Result<(), SendError> {
        // What a `send` that was dropped has left there.
        self.taken().await?;
        event.encode(&mut self.queue.lock().events)?;
        self.taken().await
    }

    /// Waits until nothing waits.
    async fn taken(&self) -> Result<(), SendError> {
        poll_fn(|cx| {
            let mut queue = self.queue.lock();
            if queue.ended {
                return Poll::Ready(Err(SendError::Ended));
            }
            if queue.events.is_empty() {
                return Poll::Ready(Ok(()));
            }
            queue.sender = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Between the source and the body.
#[derive(Debug, Default)]
struct Queue {
    /// Encoded, and not taken yet.
    events: Vec<u8>,
    /// Waits until they are.
    sender: Option<Waker>,
    /// Nobody will take any more.
    ended: bool,
}

pin_project! {
    struct Events<T: Timer, F> {
        #[pin]
        source: Option<F>,
        #[pin]
        sleep: T::Sleep,
        timer: T,
        queue: Arc<Mutex<Queue>>,
        keep_alive: Duration,
    }

    impl<T: Timer, F> PinnedDrop for Events<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let sender = {
                let mut queue = this.queue.lock();
                queue.ended = true;
                queue.sender.take()
            };
            if let Some(sender) = sender {
                sender.wake();
            }
        }
    }
}

impl<T: Timer, F: Future<Output = ()>> http_body::Body for Events<T, F> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        if let Some(source) = this.source.as_mut().as_pin_mut()
            && source.poll(cx).is_ready()
        {
            this.source.set(None);
        }
        let (mut events, sender) = {
            let mut queue = this.queue.lock();
            (std::mem::take(&mut queue.events), queue.sender.take())
        };
        if let Some(sender) = sender {
            sender.wake();
        }
        if events.is_empty() {
            if this.source.is_none() {
                return Poll::Ready(None);
            }
            std::task::ready!(this.sleep.as_mut().poll(cx));
            events.extend_from_slice(b":\n\n");
        }
        this.timer.reset(this.sleep, this.timer.now() + *this.keep_alive);
        Poll::Ready(Some(Ok(Frame::data(events.into()))))
    }
}
