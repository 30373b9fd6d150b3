//! All deadlines of a connection in one table, driven by one timer.
//!
//! Setting and clearing a deadline is a store. The timer moves lazily: only when the earliest deadline comes before the
//! time it is set to. Where the deadlines moved away from it, it fires early once, nothing has expired, and it is set anew.

use std::num::NonZeroU64;
use std::ops::Add;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::timer::Timer;

/// What a connection may wait for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// The rest of a request head.
    Head,
    /// The next request of a connection that has none in flight.
    Idle,
    /// More of a request body.
    Body,
    /// The peer to take what was written.
    Write,
    /// The handler's response.
    Handler,
    /// The handler, after the client has ended its side.
    HalfClose,
    /// Anything from the peer of a WebSocket; then it is sent a Ping.
    Ping,
    /// Anything from the peer after that Ping.
    Pong,
    /// The peer's Close after ours.
    WebSocketClose,
    /// The end of a connection whose last answer was sent.
    Linger,
    /// The end of a connection whose server shuts down.
    Drain,
    /// The TLS handshake. Not in the table of a connection's driver, which begins after it.
    TlsHandshake,
}

/// Places in the table. Where HTTP has deadlines that no WebSocket knows, a WebSocket's driver, which has a table of its own,
/// has those that HTTP does not know.
const SLOTS: usize = 8;

impl Deadline {
    /// Those of a driver of HTTP, by place.
    pub(crate) const HTTP: [Self; SLOTS] = [
        Self::Head,
        Self::Idle,
        Self::Body,
        Self::Write,
        Self::Handler,
        Self::HalfClose,
        Self::Linger,
        Self::Drain,
    ];

    /// Those of a WebSocket's driver, by place.
    pub(crate) const WEBSOCKET: [Self; SLOTS] = [
        Self::Ping,
        Self::Idle,
        Self::Body,
        Self::Write,
        Self::Pong,
        Self::WebSocketClose,
        Self::Linger,
        Self::Drain,
    ];

    /// Its place in the table, as in [`HTTP`](Self::HTTP) and [`WEBSOCKET`](Self::WEBSOCKET).
    #[inline]
    const fn slot(self) -> usize {
        match self {
            Self::Head | Self::Ping => 0,
            Self::Idle => 1,
            Self::Body => 2,
            Self::Write => 3,
            Self::Handler | Self::Pong => 4,
            Self::HalfClose | Self::WebSocketClose => 5,
            Self::Linger => 6,
            Self::Drain => 7,
            Self::TlsHandshake => unreachable!(),
        }
    }
}

/// An [`Instant`] in half its room, which an idle connection has ten of: nanoseconds. Making one costs more than the rest of
/// what is done here, so a driver makes one of the time of a poll, and adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZeroU64);

/// What moments count from. Earlier than any deadline: a caller's clock may have begun before the first use of this.
static EPOCH: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(3600)).unwrap_or(now)
});

impl From<Instant> for Moment {
    fn from(at: Instant) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos(at.saturating_duration_since(*EPOCH))))
    }
}

impl From<Moment> for Instant {
    fn from(moment: Moment) -> Self {
        *EPOCH + Duration::from_nanos(moment.0.get() - 1)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

/// The table of one driver.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    at: [Option<Moment>; SLOTS],
    /// None of them is earlier. Kept as they are set, and found anew when it has come: until then nobody looks at the table.
    earliest: Option<Moment>,
}

impl Deadlines {
    #[inline]
    pub(crate) fn set(&mut self, deadline: Deadline, at: impl Into<Moment>) {
        let at = at.into();
        self.at[deadline.slot()] = Some(at);
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
    }

    /// Sets it unless it is already running.
    #[inline]
    pub(crate) fn start(&mut self, deadline: Deadline, at: impl Into<Moment>) {
        if !self.is_running(deadline) {
            self.set(deadline, at);
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self, deadline: Deadline) {
        self.at[deadline.slot()] = None;
    }

    #[inline]
    pub(crate) fn is_running(&self, deadline: Deadline) -> bool {
        self.at[deadline.slot()].is_some()
    }

    /// Moves it, where it is running.
    #[inline]
    pub(crate) fn extend(&mut self, deadline: Deadline, at: impl Into<Moment>) {
        if self.is_running(deadline) {
            self.set(deadline, at);
        }
    }

    /// Clears all others.
    pub(crate) fn keep_only(&mut self, kept: &[Deadline]) {
        for (slot, at) in self.at.iter_mut().enumerate() {
            if !kept.iter().any(|kept| kept.slot() == slot) {
                *at = None;
            }
        }
    }

    /// Takes one that has expired, of those that the driver knows.
    #[inline]
    pub(crate) fn take_expired(
        &mut self,
        known: &[Deadline; SLOTS],
        now: impl Into<Moment>,
    ) -> Option<Deadline> {
        let now = now.into();
        if self.earliest.is_none_or(|earliest| earliest > now) { None } else { self.find_expired(known, now) }
    }

    #[cold]
    fn find_expired(&mut self, known: &[Deadline; SLOTS], now: Moment) -> Option<Deadline> {
        let expired = known
            .iter()
            .zip(&mut self.at)
            .find_map(|(deadline, at)| at.take_if(|at| *at <= now).map(|_| *deadline));
        self.earliest = self.at.iter().flatten().min().copied();
        expired
    }
}

pin_project! {
    /// The one timer of a connection, made when the first deadline is.
    #[derive(Debug)]
    pub(crate) struct Alarm<S> {
        #[pin]
        sleep: Option<S>,
        // When it wakes the task that polls the connection now; `None`: it is to be set anew.
        set_to: Option<Moment>,
    }
}

impl<S: Future<Output = ()>> Alarm<S> {
    pub(crate) fn new() -> Self {
        Self { sleep: None, set_to: None }
    }

    /// The connection is polled by another task: the next poll registers that one.
    pub(crate) fn forget_waker(self: Pin<&mut Self>) {
        *self.project().set_to = None;
    }

    /// Sees to it that the task is woken when the earliest deadline expires. `Ready` when it may have.
    ///
    /// `now` is the time at which the caller found nothing expired.
    #[inline]
    pub(crate) fn poll<T: Timer<Sleep = S>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        timer: &T,
        deadlines: &Deadlines,
        now: impl Into<Moment>,
    ) -> Poll<()> {
        let Some(next) = deadlines.earliest else { return Poll::Pending };
        match self.set_to {
            Some(set_to) if set_to <= next && set_to > now.into() => Poll::Pending,
            _ => self.poll_sleep(cx, timer, next),
        }
    }

    #[inline(never)]
    fn poll_sleep<T: Timer<Sleep = S>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        timer: &T,
        next: Moment,
    ) -> Poll<()> {
        let mut this = self.project();
        if this.set_to.is_none_or(|set_to| set_to > next) {
            let at = next.into();
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                timer.reset(sleep, at);
            } else {
                this.sleep.set(Some(timer.sleep_until(at)));
            }
            *this.set_to = Some(next);
        }
        let Some(sleep) = this.sleep.as_pin_mut() else { return Poll::Pending };
        if sleep.poll(cx).is_ready() {
            *this.set_to = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has expired is found in its place, by the driver that set it.
    #[test]
    fn each_has_its_place() {
        let now = Instant::now();
        for known in [Deadline::HTTP, Deadline::WEBSOCKET] {
            for deadline in known {
                let mut deadlines = Deadlines::default();
                deadlines.set(deadline, now);
                assert!(known.iter().all(|other| deadlines.is_running(*other) == (*other == deadline)));
                assert_eq!(deadlines.take_expired(&known, now), Some(deadline));
                assert_eq!(deadlines.take_expired(&known, now), None);
            }
        }
    }
}
