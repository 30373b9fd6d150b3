//! The HTTP/1.1 driver: one future that decodes, calls the handler and encodes. After an upgrade the WebSocket's driver
//! takes its place.
//!
//! A poll goes round until nothing moves without the socket or the handler:
//!
//! 1. *drive*: decode the next head; poll the handler; poll the response body; feed the request body that is asked for.
//!    Everything encoded gathers in one buffer, also over several pipelined requests.
//! 2. *write* what has gathered, always before waiting to read.
//! 3. *read*, if somebody wants it.
//!
//! Invariants: a final head is encoded only when the body has given its first piece or has nothing to give yet, so that a
//! request body that turns out malformed at once is still answered with its own status. While [`Config::write_buffer`]
//! bytes wait to be written, no new request starts and no response body is polled: a peer that never reads stalls only
//! itself. One request is in flight at a time: pipelined ones wait in the decoder (`Paused`).

mod codec;
mod link;
mod request;
mod response;
mod upgrade;

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};

use self::link::{Ending, Link};
use self::response::Head;
use super::deadline::{Alarm, Deadline};
use super::websocket::Driver;
use super::{ConnectionError, date};
use crate::body::BoxError;
use crate::config::Config;
use crate::control::Registration;
use crate::file::{self, FileBody, Piece, SendFile};
use crate::handler::{Handler, RequestKind};
use crate::io::ReadBuffer;
use crate::listener::ConnectionInfo;
use crate::server::Shared;
use crate::timer::Timer;

/// Requests and response pieces that are worked off from buffered input before the task lets others run.
const BUDGET: u32 = 128;

pin_project! {
    /// One HTTP/1 connection.
    #[must_use = "a connection does nothing unless it is polled"]
    pub(crate) struct Connection<Io, H, T, R>
    where
        H: Handler<R>,
        T: Timer,
    {
        #[pin]
        exchange: Exchange<H::Future, H::Body>,
        #[pin]
        alarm: Alarm<T::Sleep>,
        protocol: Protocol<Io>,
        registration: Registration,
        waker: Option<Waker>,
        shared: Arc<Shared<H, T>>,
        request: PhantomData<fn(R)>,
    }
}

pin_project! {
    /// Where the current request is.
    #[project = ExchangeProject]
    enum Exchange<F, B> {
        /// None, or all that is left of it is an unread body.
        Idle,
        /// The handler is working, or holds the WebSocket.
        Handling { #[pin] future: F },
        /// Its response is on its way.
        // The files instead of the body, where they are sent and not read.
        Responding { #[pin] body: B, files: Option<Box<FileBody>> },
    }
}

impl<F, B> Exchange<F, B> {
    fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

/// What is spoken. Boxed: a connection holds the state of one protocol, not the room for either.
enum Protocol<Io> {
    Http(Box<Link<Io>>),
    WebSocket(Box<Driver<Io>>),
}

/// Whether anything moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Made,
    Blocked,
}

impl<Io, H, T, R> Connection<Io, H, T, R>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
{
    /// `input`: what was read of it already. `began`: when the time for its first head began to run.
    pub(crate) fn new(
        io: Io,
        send_file: Option<SendFile<Io>>,
        input: ReadBuffer,
        info: ConnectionInfo,
        registration: Registration,
        shared: Arc<Shared<H, T>>,
        began: Instant,
    ) -> Self {
        Self {
            exchange: Exchange::Idle,
            alarm: Alarm::new(),
            protocol: Protocol::Http(Box::new(Link::new(
                io,
                send_file,
                input,
                info,
                registration.control().clone(),
                &shared.config,
                began,
            ))),
            registration,
            waker: None,
            shared,
            request: PhantomData,
        }
    }
}

impl<Io, H, T, R> Future for Connection<Io, H, T, R>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
    R: RequestKind,
{
    type Output = Result<(), ConnectionError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if !this.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *this.waker = Some(cx.waker().clone());
            this.registration.register(cx.waker());
            this.alarm.as_mut().forget_waker();
        }
        if let Protocol::Http(link) = this.protocol {
            let end = poll_http(link, this.exchange.as_mut(), this.alarm.as_mut(), this.shared, cx);
            match link.upgraded().then(|| link.take_websocket(&this.shared.config)) {
                Some(Some(driver)) => *this.protocol = Protocol::WebSocket(Box::new(driver)),
                _ => return end,
            }
        }
        let (Protocol::WebSocket(driver), Shared { timer, config, control, .. }) =
            (this.protocol, &**this.shared)
        else {
            return Poll::Pending;
        };
        if control.is_draining() {
            driver.drain(timer.now() + config.drain_timeout);
        }
        driver.poll(cx, timer, this.alarm, |cx| poll_holder(this.exchange.as_mut(), cx))
    }
}

/// Serves HTTP, until the connection ends or is upgraded.
fn poll_http<Io, H, T, R>(
    link: &mut Link<Io>,
    mut exchange: Pin<&mut Exchange<H::Future, H::Body>>,
    mut alarm: Pin<&mut Alarm<T::Sleep>>,
    shared: &Shared<H, T>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ConnectionError>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
    R: RequestKind,
{
    let Shared { timer, config, control, .. } = shared;
    link.now = timer.now().into();
    link.http.lease(&config.http1);
    if control.is_draining() {
        link.drain(config);
    }
    let mut budget = BUDGET;
    // What the last poll waited for has probably come.
    link.poll_read(cx, config, &mut budget)?;
    loop {
        // One guard for all that the handler and its body do, and for what is done with it here.
        let guarded = AssertUnwindSafe(|| drive(exchange.as_mut(), link, shared, cx, &mut budget));
        let driven = match catch_unwind(guarded) {
            Ok(driven) => driven,
            Err(panic) => {
                link.leave(cx);
                let driven = panicked(exchange.as_mut(), link, &*panic);
                if driven.is_ok() {
                    continue;
                }
                driven
            }
        };
        match driven {
            Err(ConnectionError::Response(error)) => {
                exchange.set(Exchange::Idle);
                link.cut_off(error);
            }
            driven => driven?,
        }
        if link.upgraded() {
            return Poll::Pending;
        }
        let written = link.poll_write(cx, config)?;
        let progress = match link.ending {
            Ending::No => {
                link.poll_read(cx, config, &mut budget)? == Progress::Made
                    || (written && std::mem::take(&mut link.awaits_write))
            }
            Ending::Close | Ending::Linger | Ending::Lingering => {
                let ended = written && link.poll_end(cx, config).is_ready();
                if ended {
                    link.over();
                }
                ended
            }
            Ending::Over => false,
        };
        if link.ending == Ending::Over {
            if exchange.is_idle() {
                return Poll::Ready(link.result());
            }
            link.deadlines.start(Deadline::Drain, link.now + config.drain_timeout);
        }
        if progress && budget > 0 {
            continue;
        }
        while let Some(deadline) = link.deadlines.take_expired(&Deadline::HTTP, link.now) {
            expire(deadline, exchange.as_mut(), link)?;
        }
        if budget == 0 {
            cx.waker().wake_by_ref();
            link.park();
            return Poll::Pending;
        }
        if std::mem::take(&mut link.expired) {
            continue;
        }
        if alarm.as_mut().poll(cx, timer, &link.deadlines, link.now).is_pending() {
            link.park();
            return Poll::Pending;
        }
        link.now = timer.now().into();
    }
}

/// Polls the handler that holds the WebSocket. Its response is the one that `WebSocketUpgrade` gave; the 101 is out.
fn poll_holder<F: Future, B>(mut exchange: Pin<&mut Exchange<F, B>>, cx: &mut Context<'_>) -> Poll<()> {
    if let ExchangeProject::Handling { future } = exchange.as_mut().project() {
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx).map(drop))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => {}
            Err(panic) => tracing::error!("handler {}", panic_message(&*panic)),
        }
        exchange.set(Exchange::Idle);
    }
    Poll::Ready(())
}

/// Goes on with the current request, and starts the next, until nothing moves without the socket or the handler.
fn drive<Io, H, T, R>(
    mut exchange: Pin<&mut Exchange<H::Future, H::Body>>,
    link: &mut Link<Io>,
    shared: &Shared<H, T>,
    cx: &mut Context<'_>,
    budget: &mut u32,
) -> Result<(), ConnectionError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    R: RequestKind,
{
    let Shared { handler, config, websocket, .. } = shared;
    link.reading = false;
    link.read_limit = usize::MAX;
    loop {
        match exchange.as_mut().project() {
            ExchangeProject::Idle => {
                if link.ending != Ending::No || link.upgraded() {
                    return Ok(());
                }
                let Some(len) = link.next_head(cx, config, budget) else { return Ok(()) };
                match link.begin_request::<R>(len, config, websocket) {
                    Ok(request) => exchange.set(Exchange::Handling { future: handler.call(request) }),
                    Err(error) => link.refuse_request(400, &error.to_string()),
                }
            }
            ExchangeProject::Handling { future } => {
                link.enter();
                let polled = future.poll(cx);
                let demand = link.leave(cx);
                match polled {
                    Poll::Ready(_) if link.upgraded() => exchange.set(Exchange::Idle),
                    Poll::Ready(response) => {
                        let (parts, mut body) = response.into_parts();
                        link.begin_response(Head { parts, exact: body.size_hint().exact() });
                        let sends = link.send_file.is_some() && !link.needs_no_body(&body);
                        let files = if sends { file::take(&mut body) } else { None };
                        exchange.set(Exchange::Responding { body, files });
                    }
                    Poll::Pending if link.upgraded() => return Ok(()),
                    Poll::Pending => {
                        if link.serve_body(demand, config, budget) == Progress::Blocked {
                            return Ok(());
                        }
                    }
                }
            }
            ExchangeProject::Responding { mut body, files } => {
                if files.is_none() && link.needs_no_body(&*body) {
                    link.end_response()?;
                    exchange.set(Exchange::Idle);
                    continue;
                }
                if link.output.is_full(config.write_buffer) || *budget == 0 {
                    link.awaits_write = true;
                    link.read_ahead();
                    return Ok(());
                }
                *budget -= 1;
                link.enter();
                // Each frame is handled where it is polled: it is large, and would be moved otherwise.
                let (demand, done) = match files {
                    None => {
                        let polled = body.as_mut().poll_frame(cx);
                        let demand = link.leave(cx);
                        let done = match polled {
                            Poll::Ready(Some(Ok(frame))) => {
                                Poll::Ready(link.write_frame(frame, body.is_end_stream())?)
                            }
                            Poll::Ready(Some(Err(error))) => Poll::Ready(link.body_failed(error.into())?),
                            Poll::Ready(None) => Poll::Ready(link.end_response()?),
                            Poll::Pending => Poll::Pending,
                        };
                        (demand, done)
                    }
                    Some(files) => {
                        let polled = files.poll_piece(cx);
                        let done = match polled {
                            Poll::Ready(Some(Ok(Piece::Bytes(bytes)))) => {
                                Poll::Ready(link.write_frame(Frame::data(bytes), files.is_done())?)
                            }
                            Poll::Ready(Some(Ok(Piece::File(range)))) => {
                                Poll::Ready(link.write_file(range, files.is_done())?)
                            }
                            Poll::Ready(Some(Err(error))) => Poll::Ready(link.body_failed(error.into())?),
                            Poll::Ready(None) => Poll::Ready(link.end_response()?),
                            Poll::Pending => Poll::Pending,
                        };
                        (link.leave(cx), done)
                    }
                };
                let done = match done {
                    Poll::Ready(done) => done,
                    Poll::Pending if link.serve_body(demand, config, budget) == Progress::Made => false,
                    Poll::Pending => {
                        if link.write_head() {
                            return Ok(());
                        }
                        true
                    }
                };
                if done {
                    exchange.set(Exchange::Idle);
                }
            }
        }
    }
}

/// The handler or its body panicked, and is dropped.
fn panicked<Io, F, B>(
    mut exchange: Pin<&mut Exchange<F, B>>,
    link: &mut Link<Io>,
    panic: &(dyn std::any::Any + Send),
) -> Result<(), ConnectionError> {
    let message = panic_message(panic);
    let answered = match exchange.as_mut().project() {
        ExchangeProject::Responding { .. } => link.body_failed(message.into()).map(drop),
        _ => {
            link.handler_panicked(&message);
            Ok(())
        }
    };
    exchange.set(Exchange::Idle);
    answered
}

/// Acts on a deadline that has passed.
fn expire<Io, F, B>(
    deadline: Deadline,
    mut exchange: Pin<&mut Exchange<F, B>>,
    link: &mut Link<Io>,
) -> Result<(), ConnectionError> {
    link.expired = true;
    match deadline {
        Deadline::Idle => link.end(Ending::Close),
        Deadline::Head if link.input.is_empty() => link.end(Ending::Close),
        Deadline::Head => link.refuse(408, "the request head did not arrive in time"),
        Deadline::Body => link.body_timed_out(),
        Deadline::Handler => {
            exchange.set(Exchange::Idle);
            link.refuse(503, "the request took too long to answer");
        }
        Deadline::Linger => link.over(),
        _ => return Err(ConnectionError::TimedOut(deadline)),
    }
    Ok(())
}

pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no message"))
}
