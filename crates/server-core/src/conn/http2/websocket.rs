//! From a request to a WebSocket (RFC 8441 section 5): the 200, and the WebSocket's driver in the future of the stream,
//! with the handler beside it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use h2::RecvStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use wire_ws::Role;

use super::handle::Http2Stream;
use super::scope::{Armed, Scope};
use super::tunnel::Tunnel;
use crate::conn::deadline::Alarm;
use crate::conn::websocket::Driver;
use crate::conn::{Duplex, date};
use crate::control::{Control, CountedWebSocket};
use crate::io::WriteBuffer;
use crate::timer::Timer;
use crate::ws::Settings;

/// Whether a request that was admitted asks for a WebSocket: no other CONNECT is.
pub(super) fn is_asked_for(method: &Method) -> bool {
    method == Method::CONNECT
}

/// A request that asks for a WebSocket and has no answer yet.
pub(super) struct Opening {
    pub(super) duplex: Arc<Duplex>,
    receiving: Option<RecvStream>,
    control: Control,
}

impl Opening {
    pub(super) fn new(settings: &Arc<Settings>, receiving: RecvStream, control: &Control) -> Self {
        Self {
            duplex: Duplex::new(Arc::clone(settings)),
            receiving: Some(receiving),
            control: control.clone(),
        }
    }

    /// The handler has accepted: answers 200. `None`: the stream is gone.
    pub(super) fn open(mut self, handle: &Http2Stream, scope: &Arc<Scope>) -> Option<Box<Socket>> {
        let now = scope.now();
        let mut response = Response::new(());
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(http::header::DATE, date::date_value(now));
        for (name, value) in self.duplex.take_accepted().unwrap_or_default() {
            match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
                _ => tracing::error!(name, "cannot be sent"),
            }
        }
        let sending = handle.send_response(response, false).ok()?;
        let tunnel = Tunnel::new(self.receiving.take()?, sending, Some(Arc::clone(scope)));
        let mut driver =
            Driver::new(tunnel, Arc::clone(&self.duplex), Role::Server, WriteBuffer::default(), now);
        driver.count(CountedWebSocket::new(&self.control));
        Some(Box::new(Socket {
            driver,
            alarm: Alarm::new(),
            clock: Clock(Arc::clone(scope)),
            waker: None,
            id: None,
        }))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.receiving.is_some() {
            // Whoever accepts it now comes too late.
            self.duplex.disconnect();
        }
    }
}

/// An open WebSocket.
pub(super) struct Socket {
    driver: Driver<Tunnel>,
    alarm: Alarm<Sleep>,
    clock: Clock,
    waker: Option<Waker>,
    /// Where it is told of the shutdown.
    id: Option<u64>,
}

impl Socket {
    /// Carries bytes until the stream has ended and `handler` is ready.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        handler: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        let mut alarm = Pin::new(&mut self.alarm);
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.id = Some(self.clock.0.on_drain(self.id, cx.waker()));
            alarm.as_mut().forget_waker();
        }
        if let Some(at) = self.clock.0.drain_at() {
            self.driver.drain(at);
        }
        if let Some(tunnel) = self.driver.io_mut() {
            tunnel.look_again();
        }
        let polled = self.driver.poll(cx, &self.clock, alarm, handler);
        if let Some(tunnel) = self.driver.io_mut() {
            tunnel.take_input(cx);
        }
        polled.map(|end| {
            if let Err(error) = end {
                tracing::debug!(%error, "WebSocket ended");
            }
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.0.forget_drain(id);
        }
    }
}

/// The time of the connection, and its one timer.
struct Clock(Arc<Scope>);

struct Sleep {
    scope: Arc<Scope>,
    at: Instant,
    armed: Armed,
}

impl Timer for Clock {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { scope: Arc::clone(&self.0), at: deadline, armed: Armed::default() }
    }

    fn reset(&self, sleep: Pin<&mut Sleep>, deadline: Instant) {
        let sleep = sleep.get_mut();
        // Whoever waits for this counts on being woken at that time: an earlier place in the table would fire instead of it.
        sleep.scope.disarm(&mut sleep.armed);
        sleep.at = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { scope, at, armed } = self.get_mut();
        if scope.now() >= *at {
            return Poll::Ready(());
        }
        scope.arm(armed, Some(*at), cx);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.scope.disarm(&mut self.armed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Config;
    use crate::conn::deadline::{Deadline, Deadlines};

    /// An alarm that is set to a later time after its task has changed is still in the table once the earlier time has come.
    #[test]
    fn a_later_alarm_outlives_the_earlier_one() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let scope = Scope::new(&Config::default(), began, Control::new());
        let clock = Clock(Arc::clone(&scope));
        let (mut alarm, mut deadlines) = (Alarm::new(), Deadlines::default());
        let mut alarm = Pin::new(&mut alarm);
        let cx = &mut Context::from_waker(Waker::noop());
        deadlines.set(Deadline::Idle, at(10));
        assert!(alarm.as_mut().poll(cx, &clock, &deadlines, began).is_pending());
        deadlines.set(Deadline::Idle, at(20));
        deadlines.set(Deadline::Ping, began);
        assert_eq!(deadlines.take_expired(&Deadline::WEBSOCKET, began), Some(Deadline::Ping));
        alarm.as_mut().forget_waker();
        assert!(alarm.as_mut().poll(cx, &clock, &deadlines, began).is_pending());
        scope.tick(at(10));
        assert!(alarm.as_mut().poll(cx, &clock, &deadlines, at(10)).is_pending());
        assert_eq!(scope.tick(at(10)), Some(at(20)));
    }
}
