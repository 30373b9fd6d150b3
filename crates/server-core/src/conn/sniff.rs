//! A connection of any version: it finds out which, and becomes that version's driver.
//!
//! Over TLS the word of ALPN counts, and nothing is guessed (RFC 9113 section 3.2). In cleartext the client's preface
//! decides (RFC 9113 section 3.4): the first byte that differs from it makes the connection HTTP/1, at once, and what was
//! read goes to the driver as it is.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};

use super::deadline::{Alarm, Deadline, Deadlines};
use super::{ConnectionError, http1, http2};
use crate::control::Registration;
use crate::file::SendFile;
use crate::handler::{Handler, RequestKind};
use crate::io::ReadBuffer;
use crate::listener::ConnectionInfo;
use crate::server::Shared;
use crate::timer::Timer;

/// What a client that knows HTTP/2 to be spoken here sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pin_project! {
    /// One connection: a future that serves it to its end. Dropping it closes the socket and drops the handlers' futures.
    ///
    /// Resolves to `Ok` when the connection ended in good order, and whenever the client was refused with a proper
    /// answer.
    #[must_use = "a connection does nothing unless it is polled"]
    pub struct Connection<Io, H, T, R>
    where
        H: Handler<R>,
        T: Timer,
    {
        #[pin]
        state: State<Io, H, T, R>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<Io, H, T, R>
    where
        H: Handler<R>,
        T: Timer,
    {
        Sniffing {
            #[pin]
            alarm: Alarm<T::Sleep>,
            // Boxed, so that an HTTP/1 connection is no larger because it was sniffed.
            sniff: Option<Box<Sniff<Io>>>,
            shared: Arc<Shared<H, T>>,
        },
        Http1 { #[pin] driver: http1::Connection<Io, H, T, R> },
        // Boxed, so that an HTTP/1 connection is no larger because there is HTTP/2.
        Http2 { driver: Pin<Box<http2::Connection<Io, H, T, R>>> },
    }
}

/// A connection of unknown version.
struct Sniff<Io> {
    io: Io,
    send_file: Option<SendFile<Io>>,
    info: ConnectionInfo,
    registration: Registration,
    input: ReadBuffer,
    deadlines: Deadlines,
    /// When the time of the current deadline began to run.
    began: Instant,
    handshaking: bool,
}

enum Version {
    Http1,
    Http2,
}

impl<Io, H, T, R> Connection<Io, H, T, R>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    H: Handler<R>,
    T: Timer,
{
    pub(crate) fn new(
        io: Io,
        send_file: Option<SendFile<Io>>,
        info: ConnectionInfo,
        registration: Registration,
        shared: Arc<Shared<H, T>>,
    ) -> Self {
        let began = shared.timer.now();
        let handshaking = info.awaits_handshake();
        if !handshaking && !http2::is_enabled(&shared.config) {
            let input = ReadBuffer::default();
            let driver = http1::Connection::new(io, send_file, input, info, registration, shared, began);
            return Self { state: State::Http1 { driver } };
        }
        let limit =
            if handshaking { shared.config.tls_handshake_timeout } else { shared.config.head_timeout };
        let mut deadlines = Deadlines::default();
        deadlines.set(Deadline::Head, began + limit);
        let input = ReadBuffer::default();
        let sniff = Sniff { io, send_file, info, registration, input, deadlines, began, handshaking };
        Self { state: State::Sniffing { alarm: Alarm::new(), sniff: Some(Box::new(sniff)), shared } }
    }
}

impl<Io: AsyncRead + Unpin> Sniff<Io> {
    /// Reads until the version is known. What is out of order is HTTP/1's to judge.
    fn poll<T: Timer>(
        &mut self,
        cx: &mut Context<'_>,
        mut alarm: Pin<&mut Alarm<T::Sleep>>,
        shared: &Shared<impl Sized, T>,
    ) -> Poll<Result<Version, ConnectionError>> {
        self.registration.register(cx.waker());
        alarm.as_mut().forget_waker();
        loop {
            if shared.control.is_draining() && self.input.is_empty() {
                return Poll::Ready(Ok(Version::Http1));
            }
            let read = self.input.poll_fill(cx, &mut self.io, usize::MAX)?;
            if self.handshaking && !self.info.awaits_handshake() {
                self.handshaking = false;
                self.began = shared.timer.now();
                self.deadlines.set(Deadline::Head, self.began + shared.config.head_timeout);
            }
            if !self.handshaking
                && let Some(tls) = self.info.tls()
            {
                let http2 = tls.alpn.as_deref() == Some(b"h2");
                return Poll::Ready(Ok(if http2 { Version::Http2 } else { Version::Http1 }));
            }
            match read {
                Poll::Ready(0) => return Poll::Ready(Ok(Version::Http1)),
                Poll::Ready(_) => {
                    let bytes = self.input.bytes();
                    let len = bytes.len().min(PREFACE.len());
                    if bytes[..len] != PREFACE[..len] {
                        return Poll::Ready(Ok(Version::Http1));
                    }
                    if len == PREFACE.len() {
                        return Poll::Ready(Ok(Version::Http2));
                    }
                }
                Poll::Pending => {
                    let now = shared.timer.now();
                    if self.deadlines.take_expired(&Deadline::HTTP, now).is_some() {
                        if self.handshaking {
                            let late = ConnectionError::TimedOut(Deadline::TlsHandshake);
                            return Poll::Ready(Err(late));
                        }
                        return Poll::Ready(Ok(Version::Http1));
                    }
                    if alarm.as_mut().poll(cx, &shared.timer, &self.deadlines, now).is_pending() {
                        self.input.park();
                        return Poll::Pending;
                    }
                }
            }
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
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProject::Http1 { driver } => return driver.poll(cx),
                StateProject::Http2 { driver } => return driver.as_mut().poll(cx),
                StateProject::Sniffing { alarm, sniff, shared } => {
                    let Some(sniffing) = sniff else { return Poll::Ready(Ok(())) };
                    let version = std::task::ready!(sniffing.poll(cx, alarm, shared))?;
                    let Some(sniffed) = sniff.take() else { continue };
                    let Sniff { io, send_file, info, registration, input, began, .. } = *sniffed;
                    let shared = Arc::clone(shared);
                    state.set(match version {
                        Version::Http1 => State::Http1 {
                            driver: http1::Connection::new(
                                io,
                                send_file,
                                input,
                                info,
                                registration,
                                shared,
                                began,
                            ),
                        },
                        Version::Http2 => {
                            match http2::Connection::new(io, input, info, registration, shared, began) {
                                Some(driver) => State::Http2 { driver },
                                None => {
                                    let fact = "ALPN chose HTTP/2, which this server does not speak";
                                    return Poll::Ready(Err(ConnectionError::Http2(fact.into())));
                                }
                            }
                        }
                    });
                }
            }
        }
    }
}

impl<Io, H: Handler<R>, T: Timer, R> fmt::Debug for Connection<Io, H, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
