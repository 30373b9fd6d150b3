//! The HTTP/2 driver (RFC 9113): one future around crate `h2`, with all streams of the connection inside of it.
//!
//! A poll goes round until nothing moves:
//!
//! 1. *codec*: `h2` reads, bounded for each round, and writes what streams gave it into the transport, which gathers;
//!    requests that arrived are judged, and the handler is called.
//! 2. *streams*: those that were woken are polled ([`Stream`]). The client's windows bound what they send, and so does what
//!    is already queued.
//! 3. *write*: when nothing moves any more, what has gathered leaves in one write.
//!
//! Invariants: no more streams are at work than [`Http2Config::max_concurrent_streams`] allows, also where the client has
//! reset some (they are dropped in the same poll). While [`Config::write_buffer`](crate::Config::write_buffer) bytes wait
//! for the socket, no response body is polled. A client that spends more on frames that carry nothing than the [`meter`]
//! allows is told ENHANCE_YOUR_CALM, its handlers are dropped, and nothing more is read.
//!
//! A WebSocket (RFC 8441) is a stream that goes on behind its response: see [`websocket`].

mod body;
mod handle;
mod meter;
mod request;
mod response;
mod scope;
mod stream;
mod streams;
mod transport;
mod tunnel;
mod waker;
mod websocket;

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::server::Handshake;
use h2::{Reason, RecvStream};
use http::{Method, header};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};

use self::body::{Receiving, Watch};
use self::meter::Meter;
use self::scope::Scope;
use self::stream::Stream;
use self::streams::Streams;
use self::transport::Shared as Transport;
use self::waker::DriverWaker;
use self::websocket::Opening;
use super::deadline::{Alarm, Deadline, Deadlines};
use super::{ConnectionError, panic_message};
use crate::body::Incoming;
use crate::config::{Config, Http2Config};
use crate::control::Registration;
use crate::handler::{Handler, RequestKind};
use crate::io::ReadBuffer;
use crate::listener::ConnectionInfo;
use crate::request::{Mapped, Request};
use crate::server::Shared;
use crate::timer::Timer;
use crate::ws::Upgrade;

pub use handle::{Http2Stream, Http2StreamError};
pub(crate) use tunnel::Tunnel;

/// Rounds of one poll before the task lets others run. Few: a stream that wakes itself to give way, since it has worked for a
/// while, is polled again in the next round (`FuturesUnordered` ends a round after two such). An executor looks after its
/// sockets now and then only (tokio each 61 polls): with long polls new connections would wait for seconds.
const ROUNDS: u32 = 4;

/// The window that each stream begins with (RFC 9113 section 6.9.2). `h2` does not look again at one that shrinks: with
/// less, no request is begun before the client has acknowledged that it has less.
const INITIAL_WINDOW: u32 = 65_535;

/// What small DATA frames that no stream has taken may cost at least: for each what it is shorter than 256 bytes, about what
/// `h2` needs to hold it. A round may bring so many, which WebSockets take at its end. (With a large window it is half of that,
/// as `h2` has it.)
const DATA_FRAME_BUDGET: usize = 1 << 20;

/// Most that is asked of a window at once. `h2` takes 32 bits of what it is asked for, and adds what it holds already.
const MAX_RESERVED: usize = 1 << 30;

/// When the next stream's deadline is: the driver's table has no use for this entry otherwise.
const STREAMS: Deadline = Deadline::Handler;

/// Whether the server speaks HTTP/2.
pub(crate) fn is_enabled(config: &Config) -> bool {
    config.http2.is_some()
}

pin_project! {
    /// One HTTP/2 connection.
    pub(crate) struct Connection<Io, H, T, R>
    where
        H: Handler<R>,
        T: Timer,
    {
        #[pin]
        alarm: Alarm<T::Sleep>,
        streams: Streams<H::Future, H::Body>,
        link: Link<Io>,
        driver: Arc<DriverWaker>,
        // The same, as what all of this is polled with.
        waker: Waker,
        shared: Arc<Shared<H, T>>,
        request: PhantomData<fn(R)>,
    }
}

/// Everything of a connection but its streams.
struct Link<Io> {
    phase: Phase<Io>,
    transport: Transport<Io>,
    scope: Arc<Scope>,
    deadlines: Deadlines,
    info: Arc<ConnectionInfo>,
    registration: Registration,
    limits: Http2Config,
    registered: bool,
    /// The head that must arrive in time.
    head: Option<u64>,
    /// The first GOAWAY was sent: the connection ends with its last stream.
    closing: bool,
    draining: bool,
    /// It ends now: no stream is begun any more.
    refused: bool,
    /// What the connection's future is to say of its end.
    failure: Option<ConnectionError>,
}

enum Phase<Io> {
    Preface(Handshake<Transport<Io>, Bytes>),
    Open(h2::server::Connection<Transport<Io>, Bytes>),
    /// All that is left is to wait for the client's end.
    Ended,
}

impl<Io, H, T, R> Connection<Io, H, T, R>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
{
    /// `input`: what was read of it already. `None`: the server does not speak HTTP/2.
    pub(crate) fn new(
        io: Io,
        input: ReadBuffer,
        info: ConnectionInfo,
        registration: Registration,
        shared: Arc<Shared<H, T>>,
        began: Instant,
    ) -> Option<Pin<Box<Self>>> {
        let config = &shared.config;
        let limits = config.http2.clone()?;
        let transport =
            Transport::new(io, input, config.write_buffer, Meter::new(limits.control_budget, began));
        let mut deadlines = Deadlines::default();
        deadlines.set(Deadline::Head, began + config.head_timeout);
        let driver = Arc::new(DriverWaker::default());
        let waker = Waker::from(Arc::clone(&driver));
        Some(Box::pin(Self {
            alarm: Alarm::new(),
            streams: Streams::new(),
            link: Link {
                phase: Phase::Preface(builder(&limits, config).handshake(transport.handle())),
                transport,
                scope: Scope::new(config, began, registration.control().clone()),
                deadlines,
                info: Arc::new(info),
                registration,
                limits,
                registered: false,
                head: None,
                closing: false,
                draining: false,
                refused: false,
                failure: None,
            },
            driver,
            waker,
            shared,
            request: PhantomData,
        }))
    }
}

fn builder(limits: &Http2Config, config: &Config) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list_size)
        .initial_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_local_error_reset_streams(Some(limits.max_local_error_resets))
        .max_pending_accept_reset_streams(limits.max_pending_accept_resets)
        .data_frame_budget(DATA_FRAME_BUDGET.max(limits.connection_window as usize / 2))
        .max_send_buffer_size(u32::try_from(config.write_buffer).unwrap_or(u32::MAX) as usize)
        .enable_connect_protocol();
    builder
}

impl<Io, H, T, R> Future for Connection<Io, H, T, R>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
    R: RequestKind,
{
    type Output = Result<(), ConnectionError>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (link, streams, shared) = (this.link, this.streams, &**this.shared);
        let Shared { timer, config, .. } = shared;
        this.driver.enter(task.waker());
        let cx = &mut Context::from_waker(this.waker);
        if !std::mem::replace(&mut link.registered, true) {
            link.registration.register(cx.waker());
        }
        let mut now = timer.now();
        let mut rounds = ROUNDS;
        loop {
            rounds = u32::saturating_sub(rounds, 1);
            link.begin_round(now, config);
            link.poll_codec(streams, shared, cx)?;
            link.release();
            streams.poll(cx);
            let overspent = link.transport.lock().overspent;
            if overspent && link.calm(streams, "more control frames than requests need") {
                continue;
            }
            if rounds > 0 && this.driver.take_woken() {
                continue;
            }
            if link.poll_write(cx, streams.is_empty())? {
                return Poll::Ready(link.failure.take().map_or(Ok(()), Err));
            }
            link.set_deadlines(now, streams.is_empty(), config);
            let mut expired = false;
            while let Some(deadline) = link.deadlines.take_expired(&Deadline::HTTP, now) {
                expired = true;
                if let Some(end) = link.expire(deadline, streams) {
                    return Poll::Ready(end);
                }
            }
            if rounds == 0 {
                this.driver.yield_now();
                return Poll::Pending;
            }
            if expired {
                continue;
            }
            if this.alarm.as_mut().poll(cx, timer, &link.deadlines, now).is_ready() {
                now = timer.now();
                continue;
            }
            if this.driver.leave() {
                link.transport.lock().park();
                return Poll::Pending;
            }
        }
    }
}

impl<Io> Link<Io> {
    fn begin_round(&mut self, now: Instant, config: &Config) {
        match self.scope.tick(now) {
            Some(next) => self.deadlines.set(STREAMS, next),
            None => self.deadlines.clear(STREAMS),
        }
        let mut transport = self.transport.lock();
        transport.begin_round();
        transport.meter.tick(now);
        drop(transport);
        if self.registration.control().is_draining() && !std::mem::replace(&mut self.draining, true) {
            let at = now + config.drain_timeout;
            self.deadlines.set(Deadline::Drain, at);
            self.scope.drain(at);
        }
    }

    /// What streams gave to `h2` has been written or gathered: they may make more.
    fn release(&mut self) {
        let mut transport = self.transport.lock();
        if !transport.is_full() {
            let progress = self.scope.release();
            transport.meter.responded(progress.responses);
            transport.meter.sent(progress.pieces);
            transport.meter.content(progress.content);
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    /// Lets `h2` read and write, and begins the streams that it accepts.
    fn poll_codec<H, T, R>(
        &mut self,
        streams: &mut Streams<H::Future, H::Body>,
        shared: &Shared<H, T>,
        cx: &mut Context<'_>,
    ) -> Result<(), ConnectionError>
    where
        H: Handler<R>,
        R: RequestKind,
    {
        if let Phase::Preface(handshake) = &mut self.phase {
            match Pin::new(handshake).poll(cx) {
                Poll::Pending if self.draining => self.phase = Phase::Ended,
                Poll::Pending => {}
                Poll::Ready(Ok(open)) => {
                    self.deadlines.clear(Deadline::Head);
                    self.phase = Phase::Open(open);
                }
                Poll::Ready(Err(error)) => self.ended(Some(error), true)?,
            }
        }
        loop {
            let Phase::Open(open) = &mut self.phase else { return Ok(()) };
            if self.draining && !std::mem::replace(&mut self.closing, true) {
                open.graceful_shutdown();
            }
            let room = streams.len() < self.limits.max_concurrent_streams as usize;
            let settled =
                self.limits.stream_window >= INITIAL_WINDOW || self.transport.lock().meter.is_settled();
            // Held, it is polled again before this ends.
            let waker = if self.transport.is_held() { Waker::noop() } else { cx.waker() };
            let codec = &mut Context::from_waker(waker);
            let accepted = if room && settled && !self.refused {
                open.poll_accept(codec)
            } else {
                open.poll_closed(codec).map(|ended| ended.err().map(Err))
            };
            match accepted {
                // All that came with one read is begun: now `h2` reads and writes again.
                Poll::Pending if self.transport.resume() => {}
                Poll::Pending if !settled && self.transport.lock().meter.is_settled() => {}
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.transport.hold();
                    let (parts, receiving) = request.into_parts();
                    // Boxed here, and not moved again.
                    let head =
                        Box::new(Mapped { parts, stream: Http2Stream::new(respond, self.limits.push) });
                    self.begin_stream(head, receiving, streams, shared, cx);
                }
                Poll::Ready(ended) => {
                    let idle = streams.is_empty();
                    streams.clear();
                    return self.ended(ended.and_then(Result::err), idle);
                }
            }
        }
    }

    fn begin_stream<H, T, R>(
        &mut self,
        mut head: Box<Mapped>,
        receiving: RecvStream,
        streams: &mut Streams<H::Future, H::Body>,
        shared: &Shared<H, T>,
        cx: &mut Context<'_>,
    ) where
        H: Handler<R>,
        R: RequestKind,
    {
        self.deadlines.clear(Deadline::Idle);
        let (parts, handle) = (&mut head.parts, head.stream.clone());
        let to_head = parts.method == Method::HEAD;
        let now = self.scope.now();
        let expects_continue = match request::admit(parts) {
            Ok(expects_continue) => expects_continue,
            Err(refusal) => {
                let (status, message) = refusal;
                tracing::debug!(peer = self.peer(), status, message, "request refused");
                return stream::refuse(&handle, refusal, to_head, now);
            }
        };
        let (mut body, mut watch, mut opening) = (Incoming::default(), None, None);
        if websocket::is_asked_for(&parts.method) {
            opening = Some(Opening::new(&shared.websocket, receiving, &self.scope.control));
        } else if !receiving.is_end_stream() {
            let declared = parts.headers.get(header::CONTENT_LENGTH);
            let declared = declared.and_then(|value| value.to_str().ok()?.parse().ok());
            let watched = Arc::<Watch>::default();
            let invite = expects_continue.then(|| handle.clone());
            let source = Box::new(Receiving::new(receiving, Arc::clone(&watched), invite));
            body = Incoming::source(source, declared, shared.config.max_body_size);
            watch = Some(watched);
        }
        self.scope.control.request_begins();
        match catch_unwind(AssertUnwindSafe(|| {
            let upgrade = opening.as_ref().map(|opening| Upgrade { duplex: Arc::clone(&opening.duplex) });
            let request = Request::from_mapped(head, body, Arc::clone(&self.info), upgrade);
            R::from_request(request).map(|request| shared.handler.call(request))
        })) {
            Ok(Ok(future)) => {
                let scope = Arc::clone(&self.scope);
                streams.begin(Stream::new(future, handle, scope, watch, opening, to_head), cx);
                return;
            }
            Ok(Err(error)) => stream::refuse(&handle, (400, &error.to_string()), to_head, now),
            Err(panic) => {
                tracing::error!("handler {}", panic_message(&*panic));
                stream::refuse(&handle, (500, ""), to_head, now);
            }
        }
        self.scope.control.request_ends();
    }

    /// `h2` is done with the connection. `idle`: it had no streams.
    fn ended(&mut self, error: Option<h2::Error>, idle: bool) -> Result<(), ConnectionError> {
        self.phase = Phase::Ended;
        self.deadlines.keep_only(&[Deadline::Write, Deadline::Drain]);
        match error {
            // The client went when it was told that we do.
            Some(error) if error.is_io() && idle && self.closing => Ok(()),
            Some(error) if error.is_io() => {
                Err(error.into_io().map_or(ConnectionError::ClientGone, ConnectionError::Io))
            }
            Some(error) if !error.is_remote() => {
                self.failure.get_or_insert(ConnectionError::Http2(error.into()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// For the log.
    fn peer(&self) -> Option<impl tracing::Value + use<Io>> {
        self.info.peer.map(tracing::field::display)
    }

    /// The client asks for too much: it is told so, and all that it has begun is dropped. False: that was done already.
    fn calm<F, B>(&mut self, streams: &mut Streams<F, B>, fact: &'static str) -> bool {
        let Phase::Open(open) = &mut self.phase else { return false };
        if std::mem::replace(&mut self.refused, true) {
            return false;
        }
        open.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        tracing::debug!(peer = self.peer(), fact, "connection refused");
        self.failure = Some(ConnectionError::Http2(fact.into()));
        streams.clear();
        true
    }

    /// Writes what has gathered. True: the connection is over.
    fn poll_write(&mut self, cx: &mut Context<'_>, idle: bool) -> Result<bool, ConnectionError> {
        let mut transport = self.transport.lock();
        if let Phase::Ended = self.phase {
            return Ok(transport.poll_end(cx).is_ready());
        }
        let was_full = transport.is_full();
        match transport.poll_write_out(cx) {
            Poll::Ready(Err(_)) if idle && self.closing => return Ok(true),
            Poll::Ready(Err(error)) => return Err(error.into()),
            _ => {}
        }
        if was_full && !transport.is_full() {
            // `h2` and the streams wait for this.
            cx.waker().wake_by_ref();
        }
        Ok(false)
    }

    fn set_deadlines(&mut self, now: Instant, no_streams: bool, config: &Config) {
        let mut transport = self.transport.lock();
        let (progress, output) = (transport.take_progress(), transport.has_output());
        let head = transport.meter.head();
        drop(transport);
        let deadlines = &mut self.deadlines;
        let mut stuck = output;
        if let Phase::Open(open) = &self.phase {
            if std::mem::replace(&mut self.head, head) != head {
                match head {
                    Some(_) => deadlines.set(Deadline::Head, now + config.head_timeout),
                    None => deadlines.clear(Deadline::Head),
                }
            }
            // Responses that are complete here, and wait for the client's window.
            let waits = no_streams && open.has_streams();
            stuck |= waits;
            let idle = no_streams && !waits;
            let [wanted, other] = match self.closing {
                true => [Deadline::Linger, Deadline::Idle],
                false => [Deadline::Idle, Deadline::Linger],
            };
            deadlines.clear(other);
            if idle {
                let limit = if self.closing { config.linger_timeout } else { config.idle_timeout };
                deadlines.start(wanted, now + limit);
            } else {
                deadlines.clear(wanted);
            }
        } else if matches!(self.phase, Phase::Ended) && !output {
            deadlines.start(Deadline::Linger, now + config.linger_timeout);
        }
        if !stuck {
            deadlines.clear(Deadline::Write);
        } else if progress {
            deadlines.set(Deadline::Write, now + config.write_timeout);
        } else {
            deadlines.start(Deadline::Write, now + config.write_timeout);
        }
    }

    /// Acts on a deadline that has passed. Some: that is the connection's end.
    fn expire<F, B>(
        &mut self,
        deadline: Deadline,
        streams: &mut Streams<F, B>,
    ) -> Option<Result<(), ConnectionError>> {
        match (deadline, &mut self.phase) {
            (Deadline::Idle, Phase::Open(open)) => {
                self.closing = true;
                open.graceful_shutdown();
            }
            // The client has not acknowledged that we go.
            (Deadline::Linger, Phase::Open(open)) => {
                self.refused = true;
                open.abrupt_shutdown(Reason::NO_ERROR);
            }
            (Deadline::Linger, _) => return Some(self.failure.take().map_or(Ok(()), Err)),
            (Deadline::Head, Phase::Open(_)) => {
                self.calm(streams, "a field section did not arrive in time");
            }
            (Deadline::Head, _) => return Some(Ok(())),
            (Deadline::Write | Deadline::Drain, _) => {
                return Some(Err(ConnectionError::TimedOut(deadline)));
            }
            _ => {}
        }
        None
    }
}
