//! One request and its response: a future in the connection's task.
//!
//! It polls the handler, then the response body, and sends what the client's windows have room for. It ends when the
//! response is complete and the request read or thrown away, when the client resets the stream, or when a deadline passes.
//! Dropping what it holds of the stream makes `h2` reset what is not complete: NO_ERROR where only the request's body is
//! left unread, else CANCEL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use h2::Reason;
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::{Unread, Watch, is_forbidden_trailer};
use super::handle::Http2Stream;
use super::response::{self, Broken, Head, Sending};
use super::scope::{Armed, Scope};
use super::websocket::{Opening, Socket};
use crate::body::{BodyError, BoxError};
use crate::conn::panic_message;

/// Steps of one poll, a piece of the body each, before others run: neither the windows nor what is queued bound empty ones.
const STEPS: u32 = 128;

pin_project! {
    /// A stream's future.
    pub(super) struct Stream<F, B> {
        #[pin]
        exchange: Exchange<F, B>,
        ends: Ends,
        // A WebSocket that the handler holds.
        socket: Option<Box<Socket>>,
    }
}

pin_project! {
    #[project = ExchangeProject]
    enum Exchange<F, B> {
        Handling { #[pin] future: F },
        Responding { #[pin] body: B },
        /// An answer of the server's own is on its way.
        Answering,
        /// The response is complete, but the request's body is not: somebody else still reads it, or it is thrown away.
        Receiving,
    }
}

/// All of a stream but the handler and the response body.
struct Ends {
    handle: Http2Stream,
    scope: Arc<Scope>,
    watch: Option<Arc<Watch>>,
    /// What nobody reads of the request's body, and for how long it is thrown away once the response is complete.
    unread: Option<Unread>,
    linger_by: Option<Instant>,
    /// The request asks for a WebSocket.
    opening: Option<Opening>,
    to_head: bool,
    /// The request counts as in flight.
    counted: bool,
    /// The response's head, until the body has given its first piece or has nothing to give yet.
    head: Option<Head>,
    sending: Option<Sending>,
    handler_by: Option<Instant>,
    /// The time for the body's reader, and which of its waits that is.
    body_by: Option<(Instant, u64)>,
    write_by: Option<Instant>,
    armed: Armed,
    /// The handler was polled before.
    polled: bool,
}

/// What a step of the exchange comes to.
enum Step {
    /// Look again.
    Next,
    Wait,
    /// The response is complete.
    Done,
    /// The stream is.
    Gone,
}

impl<F, B> Stream<F, B> {
    pub(super) fn new(
        future: F,
        handle: Http2Stream,
        scope: Arc<Scope>,
        watch: Option<Arc<Watch>>,
        opening: Option<Opening>,
        to_head: bool,
    ) -> Self {
        let handler_by = scope.handler_timeout.map(|limit| scope.now() + limit);
        let ends = Ends {
            handle,
            scope,
            watch,
            unread: None,
            linger_by: None,
            opening,
            to_head,
            counted: true,
            head: None,
            sending: None,
            handler_by,
            body_by: None,
            write_by: None,
            armed: Armed::default(),
            polled: false,
        };
        Self { exchange: Exchange::Handling { future }, ends, socket: None }
    }
}

impl<F, B> Future for Stream<F, B>
where
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let ends = this.ends;
        if let Some(socket) = this.socket {
            return socket.poll(cx, |cx| poll_holder(this.exchange.as_mut(), cx));
        }
        if std::mem::replace(&mut ends.polled, true) && ends.is_reset(cx) {
            return Poll::Ready(());
        }
        for _ in 0..STEPS {
            let step = match this.exchange.as_mut().project() {
                ExchangeProject::Handling { future } => {
                    ends.enter();
                    // It is large: written where it is used, and not returned through each of these calls.
                    let mut answer = Poll::Pending;
                    let polled = catch_unwind(AssertUnwindSafe(|| {
                        answer = future.poll(cx);
                        let Poll::Ready(response) = &answer else { return (None, false) };
                        (response.body().size_hint().exact(), response.body().is_end_stream())
                    }));
                    ends.leave(cx);
                    if ends.has_accepted(cx) {
                        if answer.is_ready() || polled.is_err() {
                            this.exchange.set(Exchange::Receiving);
                        }
                        if let Err(panic) = polled {
                            tracing::error!("handler {}", panic_message(&*panic));
                        }
                        let Some(socket) = ends.open() else { return Poll::Ready(()) };
                        let socket = this.socket.insert(socket);
                        return socket.poll(cx, |cx| poll_holder(this.exchange.as_mut(), cx));
                    }
                    match polled {
                        Ok((exact, empty)) => match answer {
                            Poll::Pending if ends.is_reset(cx) => Step::Gone,
                            Poll::Pending => Step::Wait,
                            Poll::Ready(response) => {
                                let (mut parts, body) = response.into_parts();
                                if ends.opening.take().is_some() && parts.status.is_success() {
                                    tracing::debug!(status = %parts.status, "would open a WebSocket that nobody holds");
                                    parts.status = StatusCode::NOT_IMPLEMENTED;
                                }
                                let step = ends.begin(parts, exact, empty);
                                if let Step::Next = step {
                                    this.exchange.set(Exchange::Responding { body });
                                }
                                step
                            }
                        },
                        Err(panic) => {
                            tracing::error!("handler {}", panic_message(&*panic));
                            this.exchange.set(Exchange::Answering);
                            ends.answer(500, "")
                        }
                    }
                }
                ExchangeProject::Responding { body } => match ends.respond(body, cx) {
                    Ok(step) => step,
                    Err(status) => {
                        this.exchange.set(Exchange::Answering);
                        ends.answer(status.0, &status.1)
                    }
                },
                ExchangeProject::Answering => match ends.poll_sending(cx) {
                    Poll::Ready(_) => Step::Done,
                    Poll::Pending => Step::Wait,
                },
                ExchangeProject::Receiving => {
                    ends.leave(cx);
                    let read = ends.watch.as_ref().is_some_and(|watch| !watch.is_closed());
                    if (read || ends.lingers(cx)) && !ends.is_reset(cx) { Step::Wait } else { Step::Gone }
                }
            };
            match step {
                Step::Next => {}
                Step::Gone => return Poll::Ready(()),
                Step::Done => {
                    ends.scope.responded();
                    ends.end_request();
                    if ends.watch.is_none() {
                        return Poll::Ready(());
                    }
                    this.exchange.set(Exchange::Receiving);
                }
                Step::Wait => match ends.expired(cx) {
                    None => {
                        ends.discard(cx);
                        ends.arm(cx);
                        return Poll::Pending;
                    }
                    Some(Expired::Linger) => return Poll::Ready(()),
                    Some(Expired::Handler) => {
                        this.exchange.set(Exchange::Answering);
                        if let Step::Done | Step::Gone =
                            ends.answer(503, "the request took too long to answer")
                        {
                            return Poll::Ready(());
                        }
                    }
                    Some(Expired::Body) => {}
                    Some(Expired::Write) => {
                        tracing::debug!("stream reset: its client takes nothing");
                        ends.reset(Reason::CANCEL);
                        return Poll::Ready(());
                    }
                },
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls the handler that holds the WebSocket. Its response is the one that `WebSocketUpgrade` gave; the 200 is out.
fn poll_holder<F: Future, B>(mut exchange: Pin<&mut Exchange<F, B>>, cx: &mut Context<'_>) -> Poll<()> {
    if let ExchangeProject::Handling { future } = exchange.as_mut().project() {
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(_)) => {}
            Err(panic) => tracing::error!("handler {}", panic_message(&*panic)),
        }
        exchange.set(Exchange::Receiving);
    }
    Poll::Ready(())
}

enum Expired {
    Handler,
    Body,
    Write,
    Linger,
}

impl Ends {
    /// Whether the client has reset the stream, or the connection is gone. If not, this task is woken when it is.
    fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.sending {
            Some(sending) => sending.stream.poll_reset(cx).is_ready(),
            None => self.handle.poll_reset(cx).is_ready(),
        }
    }

    /// After the handler was polled: whether it has made a WebSocket of the stream.
    fn has_accepted(&self, cx: &Context<'_>) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.duplex.leave_unconfirmed(cx))
    }

    /// The request counts no longer.
    fn end_request(&mut self) {
        if std::mem::take(&mut self.counted) {
            self.scope.control.request_ends();
        }
    }

    /// Answers the request, which counts no longer. `None`: the stream is gone.
    fn open(&mut self) -> Option<Box<Socket>> {
        self.end_request();
        self.scope.responded();
        self.opening.take()?.open(&self.handle, &self.scope)
    }

    fn enter(&self) {
        if let Some(opening) = &self.opening {
            opening.duplex.enter();
        }
        if let Some(watch) = &self.watch {
            watch.enter();
        }
    }

    fn leave(&mut self, cx: &Context<'_>) {
        let Some(watch) = &self.watch else { return };
        match (watch.leave(cx), self.body_by) {
            (Some(wait), Some((_, known))) if wait == known => {}
            (Some(wait), _) => self.body_by = Some((self.scope.now() + self.scope.body_timeout, wait)),
            (None, _) => self.body_by = None,
        }
    }

    /// Throws away what nobody reads of the request's body. Whether there is more to come.
    fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(stream) = self.watch.as_ref().and_then(|watch| watch.take_unread()) {
            self.unread = Some(Unread::new(stream, self.scope.max_discarded_body));
        }
        if self.unread.as_mut().is_some_and(|unread| unread.poll(cx).is_ready()) {
            self.unread = None;
        }
        self.unread.is_some()
    }

    /// The same once the response is complete, for a while.
    fn lingers(&mut self, cx: &mut Context<'_>) -> bool {
        let lingers = self.discard(cx);
        if lingers {
            self.linger_by.get_or_insert(self.scope.now() + self.scope.linger_timeout);
        }
        lingers
    }

    /// The handler has answered. `exact`: the length of the body, where that is known.
    fn begin(&mut self, parts: Parts, exact: Option<u64>, empty: bool) -> Step {
        self.handler_by = None;
        let head = self.head.insert(Head::new(parts));
        head.complete(exact, self.to_head, self.scope.now());
        match head.bodyless || empty {
            true if self.send_head(true) => Step::Done,
            true => Step::Gone,
            false => Step::Next,
        }
    }

    /// Sends the head, unless that was done. False: the stream is gone.
    fn send_head(&mut self, end: bool) -> bool {
        let Some(Head { parts, declared, .. }) = self.head.take() else { return true };
        match self.handle.send_response(Response::from_parts(parts, ()), end) {
            Ok(stream) => {
                self.sending = Some(Sending::new(stream, declared));
                true
            }
            Err(error) => {
                tracing::debug!(%error, "stream gone before its response");
                false
            }
        }
    }

    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Broken>> {
        let Some(sending) = &mut self.sending else { return Poll::Ready(Ok(false)) };
        let room = sending.poll_room(cx, &self.scope);
        if std::mem::take(&mut sending.progress) || room.is_ready() {
            self.write_by = None;
        }
        if room.is_pending() {
            self.write_by.get_or_insert(self.scope.now() + self.scope.write_timeout);
        }
        room
    }

    /// Goes on with the response. An error is what to answer instead: nothing of it is out.
    fn respond<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Result<Step, (u16, String)>
    where
        B: Body<Error: Into<BoxError>>,
    {
        match self.poll_sending(cx) {
            Poll::Ready(Ok(false)) => {}
            Poll::Ready(Ok(true)) => return Ok(Step::Done),
            Poll::Ready(Err(Broken)) => return Ok(self.cut_off("the stream is gone")),
            Poll::Pending => return Ok(Step::Wait),
        }
        if !self.scope.may_send(cx) {
            return Ok(Step::Wait);
        }
        self.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let frame = body.as_mut().poll_frame(cx);
            let frame = frame.map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())));
            (frame, body.is_end_stream())
        }));
        self.leave(cx);
        let error: BoxError = match polled {
            Ok((Poll::Ready(Some(Ok(frame))), last)) => {
                return Ok(match frame.into_data() {
                    Ok(data) => self.push(data, last),
                    Err(frame) => match frame.into_trailers() {
                        Ok(trailers) => self.end(Some(trailers)),
                        Err(_) => Step::Next,
                    },
                });
            }
            Ok((Poll::Ready(None), _)) => return Ok(self.end(None)),
            Ok((Poll::Pending, _)) => {
                return Ok(if self.send_head(false) && !self.is_reset(cx) { Step::Wait } else { Step::Gone });
            }
            Ok((Poll::Ready(Some(Err(error))), _)) => error.into(),
            Err(panic) => panic_message(&*panic).into(),
        };
        if self.head.take().is_none() {
            return Ok(self.cut_off(&error.to_string()));
        }
        Err(match error.downcast_ref::<BodyError>() {
            Some(error) => (error.status().as_u16(), error.to_string()),
            None => {
                tracing::error!(%error, "response body failed");
                (500, String::new())
            }
        })
    }

    fn push(&mut self, data: Bytes, last: bool) -> Step {
        if !self.send_head(false) {
            return Step::Gone;
        }
        if data.is_empty() {
            return if last { self.end(None) } else { Step::Next };
        }
        match self.sending.as_mut().map(|sending| sending.push(data, last)) {
            Some(Err(Broken)) => self.cut_off("its body does not have the declared length"),
            _ => Step::Next,
        }
    }

    /// The body is over.
    fn end(&mut self, trailers: Option<HeaderMap>) -> Step {
        let trailers = trailers.filter(|trailers| {
            let forbidden = trailers.keys().any(|name| is_forbidden_trailer(name.as_str()));
            if forbidden {
                tracing::debug!("trailers left out: one of them may not stand there");
            }
            !forbidden && !trailers.is_empty()
        });
        if self.head.as_ref().is_some_and(|head| head.declared.is_some_and(|len| len > 0)) {
            self.send_head(false);
            return self.cut_off("its body does not have the declared length");
        }
        if self.head.is_some() {
            self.send_head(trailers.is_none());
            if trailers.is_none() {
                return if self.sending.is_some() { Step::Done } else { Step::Gone };
            }
        }
        let Some(sending) = &mut self.sending else { return Step::Gone };
        if !sending.is_complete() {
            return self.cut_off("its body does not have the declared length");
        }
        // Refused where the stream is gone.
        let _ = match trailers {
            Some(trailers) => sending.stream.send_trailers(trailers),
            None => sending.stream.send_data(Bytes::new(), true),
        };
        Step::Done
    }

    /// The response cannot be completed.
    fn cut_off(&mut self, reason: &str) -> Step {
        tracing::debug!(reason, "response cut off");
        self.reset(Reason::INTERNAL_ERROR);
        Step::Gone
    }

    fn reset(&mut self, reason: Reason) {
        match &mut self.sending {
            Some(sending) => sending.stream.send_reset(reason),
            None => self.handle.send_reset(reason),
        }
    }

    /// Begins a response of the server's own.
    fn answer(&mut self, status: u16, message: &str) -> Step {
        self.end_request();
        self.handler_by = None;
        self.body_by = None;
        let (parts, text) = response::plain(status, message);
        self.head.insert(Head::new(parts)).complete(Some(text.len() as u64), self.to_head, self.scope.now());
        if self.to_head {
            self.send_head(true);
            return Step::Done;
        }
        self.push(text, true)
    }

    /// What has taken too long, if anything.
    fn expired(&mut self, cx: &Context<'_>) -> Option<Expired> {
        let earliest = self.deadline()?;
        let now = self.scope.now();
        if earliest > now {
            return None;
        }
        if self.handler_by.take_if(|by| *by <= now).is_some() {
            return Some(Expired::Handler);
        }
        if self.body_by.take_if(|by| by.0 <= now).is_some() {
            let watch = self.watch.as_ref()?;
            watch.leave(cx);
            watch.fail(BodyError::TimedOut);
            return Some(Expired::Body);
        }
        Some(if self.linger_by.is_some_and(|by| by <= now) { Expired::Linger } else { Expired::Write })
    }

    fn deadline(&self) -> Option<Instant> {
        let body_by = self.body_by.map(|by| by.0);
        [self.handler_by, body_by, self.write_by, self.linger_by].into_iter().flatten().min()
    }

    fn arm(&mut self, cx: &Context<'_>) {
        let deadline = self.deadline();
        self.scope.arm(&mut self.armed, deadline, cx);
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.end_request();
        self.handle.close();
        self.scope.disarm(&mut self.armed);
        if let Some(watch) = &self.watch {
            watch.fail(BodyError::Disconnected);
        }
    }
}

/// A request that no handler sees: its answer is sent as far as the client's window has room for it.
pub(super) fn refuse(handle: &Http2Stream, (status, message): (u16, &str), to_head: bool, now: Instant) {
    let (parts, text) = response::plain(status, message);
    let mut head = Head::new(parts);
    head.complete(Some(text.len() as u64), to_head, now);
    if let Ok(mut stream) = handle.send_response(Response::from_parts(head.parts, ()), to_head)
        && !to_head
    {
        let _ = stream.send_data(text, true);
    }
}
